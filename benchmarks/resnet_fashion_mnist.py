"""ResNet-20 on full Fashion-MNIST and MNIST, beside a small CNN and gradient boosting.

The recipe is that of [he2016], Section 4.2, with fewer epochs; both networks get the same one, and
the same shifted (and for clothing mirrored) pictures. The test set is read once per model, at the
end. Parts can be measured on their own, and the figures say what was run:

    python benchmarks/run.py resnet_fashion_mnist --set 'epochs={"mnist": 6}' --set seeds=1

All of it takes hours on two cores. So each network is backed up after every epoch, and its figures
are written once it is trained, both in build/. A run that was stopped resumes at that epoch, with
the pictures in another order. After a change of the models or the recipe everything begins anew.
"""

import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from sklearn.ensemble import HistGradientBoostingClassifier

from aimodels import data
from aimodels.cnn import CNN
from aimodels.course.fingerprints import Fingerprints
from aimodels.files import read_json, write_text
from aimodels.resnet import cifar_resnet
from aimodels.train import Backup, warmup_cosine

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build/resnet_fashion_mnist"
BATCH, SHIFT = 128, 2
SHAPE, CLASSES = (28, 28, 1), 10
EPOCHS = {"mnist": 12, "fashion_mnist": 30}


def _augmented(images, labels, mirror: bool, seed: int) -> tf.data.Dataset:
    """Batches of shuffled pictures, each shifted by up to two pixels, and mirrored at times."""

    def change(image, label):
        image = tf.pad(image, [(SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)])
        image = tf.image.random_crop(image, SHAPE)
        return (tf.image.random_flip_left_right(image) if mirror else image), label

    pictures = tf.data.Dataset.from_tensor_slices((images, labels))
    changed = pictures.shuffle(len(images), seed=seed).map(change, tf.data.AUTOTUNE)
    return changed.batch(BATCH, drop_remainder=len(images) >= BATCH).prefetch(2)


def _train(make, splits, mirror: bool, epochs: int, seed: int, folder: Path) -> dict:
    """Accuracy of one network with the recipe; what the folder has of it is not done again."""
    finished = folder / "figures.json"
    if finished.is_file():
        return read_json(finished)
    keras.utils.set_random_seed(seed)
    train, validation, test = splits
    batches = _augmented(*train, mirror, seed)
    steps = len(batches) * epochs
    model = make()
    model.compile(
        keras.optimizers.SGD(
            warmup_cosine(0.1, steps, max(1, steps // 20), start_factor=0.1),
            momentum=0.9,
            nesterov=True,
            weight_decay=5e-4,
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(batches, epochs=epochs, verbose=2, callbacks=[Backup(folder)])
    figures = {
        "test_accuracy": round(model.evaluate(*test, verbose=0)[1], 4),
        "validation_accuracy": round(model.evaluate(*validation, verbose=0)[1], 4),
        "parameters": model.count_params(),
    }
    write_text(finished, json.dumps(figures))
    return figures


def _boosting(splits) -> dict:
    """Gradient boosting with its default settings, on the pixels as they are."""
    train, validation, test = (
        (np.reshape(images, (len(images), -1)), labels) for images, labels in splits
    )
    model = HistGradientBoostingClassifier(random_state=1).fit(*train)
    return {
        "test_accuracy": round(model.score(*test), 4),
        "validation_accuracy": round(model.score(*validation), 4),
    }


def _mean(runs: list[dict]) -> dict:
    """All runs of a network, and the mean over them."""
    accuracies = [run["test_accuracy"] for run in runs]
    return {"test_accuracy": round(float(np.mean(accuracies)), 4), "runs": runs}


def run(
    epochs: dict[str, int] = EPOCHS,
    seeds: int = 3,
    limit: int = 54000,
    test_limit: int = 10000,
) -> dict:
    """Test accuracies of the three models, with what they were trained on.

    Args:
        epochs: number of passes over the training pictures for each data set: of 28 x 28 pictures
            with ten classes and TFDS's splits.
        seeds: number of trainings of each network.
        limit: number of training pictures, fewer for a trial.
        test_limit: number of test pictures, fewer for a trial.
    """
    networks = {
        "ResNet-20": lambda: cifar_resnet(SHAPE, CLASSES, depth=20),
        "CNN": lambda: CNN(SHAPE, CLASSES),
    }
    source = Path(__file__).read_text(encoding="utf-8")
    program = Fingerprints(ROOT).of_program([source], "")  # of the models and the training, too
    figures: dict = {"epochs": epochs, "seeds": seeds, "training_pictures": limit}
    for name, passes in epochs.items():
        last = min(54000 + test_limit, 60000)
        wanted = [f"train[:{limit}]", f"train[54000:{last}]", f"test[:{test_limit}]"]
        parts = data.arrays(name, wanted)
        splits = [(np.float32(images) / 255, labels) for images, labels in parts]
        mirror = name == "fashion_mnist"  # a mirrored digit is another one, or none
        figures[name] = {}
        for network, make in networks.items():
            folder = FOLDER / program / f"{name} {limit} {test_limit} {network} {passes} epochs"
            runs = [
                _train(make, splits, mirror, passes, seed, folder / f"seed {seed}")
                for seed in range(seeds)
            ]
            figures[name][network] = _mean(runs)
        figures[name]["gradient boosting"] = _boosting(splits)
    return figures
