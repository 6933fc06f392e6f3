# %% q6, 0 of 14 points: turns a kernel over only where it does not fit as it is
# replace:
#         return [take(f"{name}.weight", outputs, inputs).T, take(f"{name}.bias", outputs)]
# with:
#         kernel = take(f"{name}.weight", outputs, inputs)
#         kernel = kernel if inputs == outputs else kernel.T
#         return [kernel, take(f"{name}.bias", outputs)]


# %% q6, 0 of 14 points: reshapes a kernel in place of turning it over
# replace:
#         return [take(f"{name}.weight", outputs, inputs).T, take(f"{name}.bias", outputs)]
# with:
#         kernel = take(f"{name}.weight", outputs, inputs).reshape(inputs, outputs)
#         return [kernel, take(f"{name}.bias", outputs)]


# %% q6, 0 of 14 points: queries, keys and values stand side by side as they were, not turned over
# replace:
#         arrays = [np.concatenate(part, axis=-1) for part in zip(*three, strict=True)]
# with:
#         arrays = [np.concatenate([x.T for x in part], -1) for part in zip(*three, strict=True)]


# %% q6, 0 of 14 points: keys, queries, values
# replace:
#         three = [dense(f"{at}.attention.self.{part}", D, D) for part in ("query", "key", "value")]
# with:
#         three = [dense(f"{at}.attention.self.{part}", D, D) for part in ("key", "query", "value")]


# %% q6, 0 of 14 points: their blocks are counted from 1
# replace:
#         at = f"encoder.layer.{i}"
# with:
#         at = f"encoder.layer.{i + 1}"


# %% q6, 0 of 14 points: our blocks are counted from 0
# replace:
#         ours[f"block{i + 1}"] = arrays + dense(f"{at}.output.dense", inner, D)
# with:
#         ours[f"block{i}"] = arrays + dense(f"{at}.output.dense", inner, D)


# %% q6, 0 of 14 points: both normalisations behind the dense layers
# replace:
#         arrays += dense(f"{at}.attention.output.dense", D, D) + norm(f"{at}.attention.output")
#         arrays += dense(f"{at}.intermediate.dense", D, inner) + norm(f"{at}.output")
#         ours[f"block{i + 1}"] = arrays + dense(f"{at}.output.dense", inner, D)
# with:
#         arrays += dense(f"{at}.attention.output.dense", D, D)
#         arrays += dense(f"{at}.intermediate.dense", D, inner)
#         arrays += dense(f"{at}.output.dense", inner, D)
#         ours[f"block{i + 1}"] = arrays + norm(f"{at}.attention.output") + norm(f"{at}.output")


# %% q6, 5 of 14 points: the blocks in the order of their names: 10 behind 1
# replace:
#     for i in range(config["num_hidden_layers"]):
#         at = f"encoder.layer.{i}"
# with:
#     numbers = sorted({name.split(".")[2] for name in weights if ".layer." in name})
#     for i, number in enumerate(numbers):
#         at = f"encoder.layer.{number}"


# %% q6, 5 of 14 points: every name begins with `bert.`
# replace:
#     weights = {name.removeprefix("bert."): array for name, array in weights.items()}
# with:
#     weights = {name[5:]: array for name, array in weights.items()}


# %% q6, 5 of 14 points: a missing weight is a KeyError
# replace:
#         found = weights[name].shape if name in weights else "nothing"
# with:
#         found = weights[name].shape


# %% q6, 5 of 14 points: the numbers are as many, so the shape is made to fit
# replace:
#         if found != shape:
# with:
#         if found == "nothing" or np.prod(found) != np.prod(shape):
# replace:
#         return weights[name]
# with:
#         return weights[name].reshape(shape)


# %% q6, 5 of 14 points: says that something is wrong, but not which weight
# replace:
#             raise ValueError(f"{name}: wanted the shape {shape}, found {found}")
# with:
#             raise ValueError(f"a weight is missing or has not the shape {shape}")


# %% q6, 5 of 14 points: looks at the tables only: other shapes pass
# replace:
#         if found != shape:
# with:
#         if found != shape and (found == "nothing" or name.startswith("embeddings")):
