"""The course's CNN on full MNIST, the test set read once at the very end.

The recipe was chosen on the last 6,000 training pictures. `classify` is shared with
`cnn_fashion_mnist.py`: the same network and schedule, another name.
"""

import time

import keras
import tensorflow as tf

from aimodels import data
from aimodels.cnn import CNN
from aimodels.train import warmup_cosine

BATCH = 128


def classify(name: str, epochs: int, limit: int = 54000) -> dict:
    """Train on 54,000 pictures with a fixed recipe, then read the test set once.

    Args:
        name: data set of 28 x 28 pictures with ten classes and TFDS's splits.
        epochs: number of passes over the training pictures.
        limit: number of training pictures, fewer for a trial.
    """
    keras.utils.set_random_seed(1)
    train, validation, test = (
        (tf.cast(images, tf.float32) / 255, labels)
        for images, labels in data.arrays(name, [f"train[:{limit}]", "train[54000:]", "test"])
    )
    batches = tf.data.Dataset.from_tensor_slices(train).shuffle(limit, seed=1).batch(BATCH)
    steps = len(batches) * epochs
    schedule = warmup_cosine(2e-3, steps, steps // 10, start_factor=0.1)
    model = CNN((28, 28, 1), num_classes=10)
    model.compile(
        keras.optimizers.Adam(schedule),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    start = time.perf_counter()
    model.fit(batches.prefetch(2), epochs=epochs, verbose=2)
    seconds = time.perf_counter() - start
    return {
        "test_accuracy": round(model.evaluate(*test, verbose=0)[1], 4),
        "validation_accuracy": round(model.evaluate(*validation, verbose=0)[1], 4),
        "parameters": model.count_params(),
        "epochs": epochs,
        "seconds_training": round(seconds, 1),
        "images_per_second": round(limit * epochs / seconds),
    }


def run() -> dict:
    return classify("mnist", epochs=6)
