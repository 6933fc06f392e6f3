"""EfficientNet-Lite0's ImageNet weights, moved to the digits of sign language, in five folds.

First the network stays as it is and a new last layer is trained on its 1,280 numbers per picture;
then all that follows the map "P3" is trained on. What comes before it sees edges and textures,
stays frozen, and so is computed once for each of the moved and turned pictures.

Beside it, on the same folds: oriented gradients with a support vector machine, and the nearest
neighbour by pixels. Once the folds are drawn at random, once they are whole blocks of the camera's
numbers, as neighbouring numbers show the same hand. Size, epochs and the mean over a picture and
its mirror image were chosen on one fold of another random drawing.
"""

import functools
import time

import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from aimodels import data
from aimodels.efficientnet import EfficientNetLite, preprocess
from aimodels.train import warmup_cosine

SIZE, BATCH, FOLDS = 160, 32, 5


def pictures() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels, digits and the camera's numbers, in the order of the numbers."""
    examples = list(tfds.as_numpy(data.load("sign_language_digits", split="train")))
    examples.sort(key=lambda example: example["picture"])
    return tuple(np.stack([e[key] for e in examples]) for key in ("image", "label", "picture"))


def random_folds(labels: np.ndarray) -> np.ndarray:
    """The fold of each picture, with as many of each digit in each."""
    folds, rng = np.empty(len(labels), int), np.random.default_rng(2)
    for digit in np.unique(labels):
        [places] = np.nonzero(labels == digit)
        folds[rng.permutation(places)] = np.arange(len(places)) % FOLDS
    return folds


def oriented_gradients(images: np.ndarray, cell: int = 10, bins: int = 9) -> np.ndarray:
    """Histograms of the gradient's direction in cells of 10 x 10 pixels, scaled by 2 x 2 cells."""
    grey = images.mean(axis=-1)
    dy, dx = np.gradient(grey, axis=(1, 2))
    strength, direction = np.hypot(dx, dy), np.arctan2(dy, dx) % np.pi / np.pi * bins
    low = np.floor(direction).astype(int)
    shares = [(low % bins, 1 - direction + low), ((low + 1) % bins, direction - low)]
    count, height = len(images), grey.shape[1] // cell
    maps = np.stack(
        [sum(strength * share * (place == k) for place, share in shares) for k in range(bins)], -1
    )
    cells = maps.reshape(count, height, cell, height, cell, bins).sum(axis=(2, 4))
    blocks = np.concatenate(
        [cells[:, i : height - 1 + i, j : height - 1 + j] for i in (0, 1) for j in (0, 1)], -1
    )
    blocks /= np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + 1.0)
    return blocks.reshape(count, -1)


def moved_about(seed: int) -> keras.Sequential:
    """Another hand's place, turn, size and light; the other hand."""
    return keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal", seed=seed),
            keras.layers.RandomRotation(0.05, fill_mode="nearest", seed=seed),
            keras.layers.RandomTranslation(0.1, 0.1, fill_mode="nearest", seed=seed),
            keras.layers.RandomZoom(0.15, fill_mode="nearest", seed=seed),
            keras.layers.RandomContrast(0.4, value_range=(-1, 1), seed=seed),
            keras.layers.RandomBrightness(0.2, value_range=(-1, 1), seed=seed),
        ]
    )


def new_head(features: np.ndarray, labels: np.ndarray) -> keras.layers.Dense:
    """The last layer, trained on what the frozen network says of each picture."""
    head = keras.Sequential([keras.Input((features.shape[1],)), keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    head.compile(keras.optimizers.Adam(3e-3), loss)
    head.fit(features, labels, batch_size=BATCH, epochs=40, verbose=0)
    return head.layers[-1]


def maps_of(x: np.ndarray, network: keras.Model, epochs: int) -> list[np.ndarray]:
    """The frozen map of every picture: as it is, mirrored, and moved about for each epoch."""
    before = keras.Model(network.input, network.pyramid_outputs["P3"])
    maps = [before.predict(v, batch_size=BATCH, verbose=0) for v in (x, x[:, :, ::-1])]
    for epoch in range(epochs):
        moved = tf.data.Dataset.from_tensor_slices(x).batch(BATCH)
        moved = moved.map(functools.partial(moved_about(epoch), training=True))
        maps.append(before.predict(moved.prefetch(2), verbose=0).astype("float16"))
    return maps


def transfer(maps, y, features, is_test, seed: int = 1) -> dict[str, float]:
    """Accuracy on the fold, with the network frozen and after training it on."""
    keras.utils.set_random_seed(seed)
    head = new_head(features[~is_test], y[~is_test])
    frozen = np.mean(np.argmax(head(features[is_test]), -1) == y[is_test])
    whole = EfficientNetLite.from_checkpoint(image_shape=(SIZE, SIZE, 3), num_classes=10)
    whole.get_layer("logits").set_weights(head.get_weights())
    plain, mirrored, *moved = maps
    steps = len(moved) * -(-int(np.sum(~is_test)) // BATCH)
    after = keras.Model(whole.pyramid_outputs["P3"], whole.output)
    after.compile(
        keras.optimizers.Adam(warmup_cosine(1e-3, steps, steps // 10)),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        metrics=["accuracy"],
    )
    targets = np.eye(10)[y[~is_test]]
    for epoch in moved:
        after.fit(epoch[~is_test].astype("float32"), targets, batch_size=BATCH, verbose=2)
    logits = sum(after.predict(v[is_test], verbose=0) for v in (plain, mirrored))
    tuned = np.mean(np.argmax(logits, -1) == y[is_test])
    return {"frozen_features": float(frozen), "fine_tuned": float(tuned)}


def baselines(images, gradients, y, is_test) -> dict[str, float]:
    small = images[:, ::4, ::4].mean(axis=-1).reshape(len(images), -1)
    neighbour = KNeighborsClassifier(1).fit(small[~is_test], y[~is_test])
    machine = SVC(C=10.0, gamma="scale").fit(gradients[~is_test], y[~is_test])
    return {
        "nearest_neighbour": float(neighbour.score(small[is_test], y[is_test])),
        "gradients_and_svm": float(machine.score(gradients[is_test], y[is_test])),
    }


def run(epochs: int = 12) -> dict:
    images, y, _ = pictures()
    x, gradients = preprocess(images, (SIZE, SIZE)), oriented_gradients(images)
    network = EfficientNetLite.from_checkpoint(image_shape=x.shape[1:])
    averaged = keras.Model(network.input, network.get_layer("average").output)
    features = averaged.predict(x, batch_size=BATCH, verbose=0)
    start, figures = time.perf_counter(), {}
    maps = maps_of(x, network, epochs)
    kinds = {"random": random_folds(y), "blocks": np.arange(len(y)) * FOLDS // len(y)}
    for kind, folds in kinds.items():
        found = [
            baselines(images, gradients, y, folds == k) | transfer(maps, y, features, folds == k)
            for k in range(FOLDS)
        ]
        figures[kind] = {name: [round(one[name], 4) for one in found] for name in found[0]}
        figures[kind] |= {
            f"mean_{name}": round(float(np.mean([one[name] for one in found])), 4)
            for name in found[0]
        }
        print(kind, figures[kind], flush=True)
    return figures | {
        "pictures": len(y),
        "image_size": SIZE,
        "epochs": epochs,
        "seconds": round(time.perf_counter() - start),
    }
