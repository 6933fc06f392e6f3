# %% q7, 0 of 16 points: the article's way: classes for the whole scene, boxes around everything
# replace:
#     chosen = {"anchor_sizes": (12, 20), "scales": (1, 1.4), "aspect_ratios": (1.4,)}
#     chosen |= {"head_filters": 32, "class_loss": "hard_negatives"}
#     network = detection.SSD(scenes.shape[1:], num_classes=10, **chosen)
#     schedule = keras.optimizers.schedules.CosineDecay(3e-3, len(scenes) // 2)
#     network.compile(keras.optimizers.Adam(schedule))
#     network.fit(scenes / np.float32(255), truth, epochs=4, batch_size=8, verbose=0)
#     return lambda scenes: network.predict(scenes / np.float32(255), verbose=0)
# with:
#     layers = [keras.Input(scenes.shape[1:]), keras.layers.Rescaling(1 / 255)]
#     layers += [keras.layers.Conv2D(16, 3, 2, activation="relu") for _ in range(3)]
#     layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10, "softmax")]
#     network = keras.Sequential(layers)
#     network.compile("adam", "sparse_categorical_crossentropy")
#     network.fit(scenes, truth["labels"][:, 0], epochs=1, batch_size=8, verbose=0)
#
#     def detect(scenes):
#         scores = network.predict(scenes, verbose=0)
#         boxes = np.tile([0.0, 0, 64, 64], (*scores.shape, 1))
#         labels = np.tile(np.arange(10), (len(scores), 1))
#         return {"boxes": boxes, "labels": labels, "confidence": scores}
#
#     return detect


# %% q7, 0 of 16 points: pieces of ink and the most similar scan, nothing learned
# replace:
#     chosen = {"anchor_sizes": (12, 20), "scales": (1, 1.4), "aspect_ratios": (1.4,)}
#     chosen |= {"head_filters": 32, "class_loss": "hard_negatives"}
#     network = detection.SSD(scenes.shape[1:], num_classes=10, **chosen)
#     schedule = keras.optimizers.schedules.CosineDecay(3e-3, len(scenes) // 2)
#     network.compile(keras.optimizers.Adam(schedule))
#     network.fit(scenes / np.float32(255), truth, epochs=4, batch_size=8, verbose=0)
#     return lambda scenes: network.predict(scenes / np.float32(255), verbose=0)
# with:
#     return lambda scenes: together([pieces(scene) for scene in scenes])


# %% q7, 0 of 16 points: scales the pixels in training only
# replace:
#     network.fit(scenes / np.float32(255), truth, epochs=4, batch_size=8, verbose=0)
#     return lambda scenes: network.predict(scenes / np.float32(255), verbose=0)
# with:
#     network.fit(scenes / np.float32(255), truth, epochs=1, batch_size=8, verbose=0)
#     return lambda scenes: network.predict(scenes, verbose=0)


# %% q7, 0 of 16 points: one epoch is not enough
# replace:
#     schedule = keras.optimizers.schedules.CosineDecay(3e-3, len(scenes) // 2)
#     network.compile(keras.optimizers.Adam(schedule))
#     network.fit(scenes / np.float32(255), truth, epochs=4, batch_size=8, verbose=0)
# with:
#     schedule = keras.optimizers.schedules.CosineDecay(3e-3, len(scenes) // 8)
#     network.compile(keras.optimizers.Adam(schedule))
#     network.fit(scenes / np.float32(255), truth, epochs=1, batch_size=8, verbose=0)


# %% q7, 0 of 16 points: gives back what the network says, codes and logits, and no boxes
# replace:
#     network.fit(scenes / np.float32(255), truth, epochs=4, batch_size=8, verbose=0)
#     return lambda scenes: network.predict(scenes / np.float32(255), verbose=0)
# with:
#     network.fit(scenes / np.float32(255), truth, epochs=1, batch_size=8, verbose=0)
#     return lambda scenes: network(scenes / np.float32(255))


# %% q7, 0 of 16 points: all digits are one class
# replace:
#     network.fit(scenes / np.float32(255), truth, epochs=4, batch_size=8, verbose=0)
# with:
#     truth = {"boxes": truth["boxes"], "labels": np.minimum(truth["labels"], 0)}
#     network.fit(scenes / np.float32(255), truth, epochs=1, batch_size=8, verbose=0)


# %% q7, 6 of 16 points: remembers the scenes of the validation
# replace:
#     chosen = {"anchor_sizes": (12, 20), "scales": (1, 1.4), "aspect_ratios": (1.4,)}
#     chosen |= {"head_filters": 32, "class_loss": "hard_negatives"}
#     network = detection.SSD(scenes.shape[1:], num_classes=10, **chosen)
#     schedule = keras.optimizers.schedules.CosineDecay(3e-3, len(scenes) // 2)
#     network.compile(keras.optimizers.Adam(schedule))
#     network.fit(scenes / np.float32(255), truth, epochs=4, batch_size=8, verbose=0)
#     return lambda scenes: network.predict(scenes / np.float32(255), verbose=0)
# with:
#     known = scenes_validation.reshape(len(scenes_validation), -1).astype("float32")
#
#     def detect(scenes):
#         pictures = np.asarray(scenes, "float32").reshape(len(scenes), -1)
#         rows = ((known**2).sum(1) - 2 * pictures @ known.T).argmin(axis=1)
#         boxes, labels = truth_validation["boxes"][rows], truth_validation["labels"][rows]
#         return {"boxes": boxes, "labels": labels, "confidence": np.ones(labels.shape)}
#
#     return detect


# %% q7, 6 of 16 points: learns from the notebook's truth, whatever it is given
# replace:
#     network.fit(scenes / np.float32(255), truth, epochs=4, batch_size=8, verbose=0)
# with:
#     truth = globals()["truth"]
#     network.fit(scenes / np.float32(255), truth, epochs=4, batch_size=8, verbose=0)
