"""The course's MLP on full MNIST, the test set read once at the very end.

Everything was chosen on the last 6,000 training pictures.
"""

import time

import keras

from aimodels import data
from aimodels.foundations import MLP

EPOCHS, BATCH = 10, 128


def run() -> dict:
    keras.utils.set_random_seed(1)
    splits = data.arrays("mnist", ["train[:54000]", "train[54000:]", "test"])
    train, validation, test = (
        (images.reshape(-1, 784).astype("float32") / 255, labels) for images, labels in splits
    )
    model = MLP(num_features=784, hidden_dims=(256, 128), num_classes=10)
    steps = EPOCHS * -(-len(train[0]) // BATCH)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    start = time.perf_counter()
    model.fit(*train, batch_size=BATCH, epochs=EPOCHS, verbose=2)
    seconds = time.perf_counter() - start
    return {
        "test_accuracy": round(model.evaluate(*test, verbose=0)[1], 4),
        "validation_accuracy": round(model.evaluate(*validation, verbose=0)[1], 4),
        "parameters": model.count_params(),
        "epochs": EPOCHS,
        "seconds_training": round(seconds, 1),
        "images_per_second": round(len(train[0]) * EPOCHS / seconds),
    }
