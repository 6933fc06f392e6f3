# %% q6, 0 of 14 points: turns a kernel over only where it does not fit as it is
# replace:
#         return [take(weights, f"{name}.weight", *size).T, take(weights, f"{name}.bias", size[0])]
# with:
#         kernel = take(weights, f"{name}.weight", *size)
#         kernel = kernel if size[0] == size[1] else kernel.T
#         return [kernel, take(weights, f"{name}.bias", size[0])]


# %% q6, 0 of 14 points: reshapes a kernel in place of turning it over
# replace:
#         return [take(weights, f"{name}.weight", *size).T, take(weights, f"{name}.bias", size[0])]
# with:
#         kernel = take(weights, f"{name}.weight", *size).reshape(size[::-1])
#         return [kernel, take(weights, f"{name}.bias", size[0])]


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
#         ours[f"block{i + 1}"] = arrays + dense(f"{at}.output.dense", D, inner)
# with:
#         ours[f"block{i}"] = arrays + dense(f"{at}.output.dense", D, inner)


# %% q6, 0 of 14 points: both normalisations behind the dense layers
# replace:
#         arrays += dense(f"{at}.attention.output.dense", D, D)
#         arrays += norm(weights, f"{at}.attention.output", D)
#         arrays += dense(f"{at}.intermediate.dense", inner, D) + norm(weights, f"{at}.output", D)
#         ours[f"block{i + 1}"] = arrays + dense(f"{at}.output.dense", D, inner)
# with:
#         arrays += dense(f"{at}.attention.output.dense", D, D)
#         arrays += dense(f"{at}.intermediate.dense", inner, D)
#         arrays += dense(f"{at}.output.dense", D, inner)
#         ours[f"block{i + 1}"] = arrays + norm(weights, f"{at}.attention.output", D)
#         ours[f"block{i + 1}"] += norm(weights, f"{at}.output", D)


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


# %% q6, 5 of 14 points: reads without `take`: a missing weight is a KeyError, any shape passes
# replace:
#         return [take(weights, f"{name}.weight", *size).T, take(weights, f"{name}.bias", size[0])]
# with:
#         return [weights[f"{name}.weight"].T, weights[f"{name}.bias"]]


# %% q6, 5 of 14 points: the numbers are as many, so the shape is made to fit
# replace:
#         return [take(weights, f"{name}.weight", *size).T, take(weights, f"{name}.bias", size[0])]
# with:
#         bias = weights.get(f"{name}.bias")
#         if bias is None or bias.size != size[0]:
#             raise ValueError(f"{name}.bias")
#         return [take(weights, f"{name}.weight", *size).T, bias.reshape(-1)]


# %% q6, 5 of 14 points: takes a dense layer's sizes from its own kernel
# replace:
#         return [take(weights, f"{name}.weight", *size).T, take(weights, f"{name}.bias", size[0])]
# with:
#         kernel = take(weights, f"{name}.weight", *np.shape(weights.get(f"{name}.weight")))
#         return [kernel.T, take(weights, f"{name}.bias", len(kernel))]


# %% q6, 5 of 14 points: takes `bert.` off the names in the dictionary that it was given
# replace:
#     weights = {name.removeprefix("bert."): array for name, array in weights.items()}
# with:
#     for name in list(weights):
#         weights[name.removeprefix("bert.")] = weights.pop(name)
