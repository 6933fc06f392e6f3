"""Train on handwritten digits or on your own pictures: here, or on all workers of a cluster.

python examples/train.py --folder run1
python examples/train.py --folder run2 --data my_pictures/train --test my_pictures/test --published
aimodels launch --workers 2 examples/train.py --folder run1
"""

import argparse
import hashlib
import json
import warnings
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from aimodels import data, train
from aimodels.cnn import CNN
from aimodels.efficientnet import EfficientNetLite
from aimodels.files import write_text
from aimodels.pictures import read_folders

parser = argparse.ArgumentParser()
parser.add_argument("--folder", required=True, help="of this run: its backup, its model; shared")
parser.add_argument("--data", help="a folder with one folder of pictures per class; else digits")
parser.add_argument("--test", help="another such folder, to measure the accuracy on")
parser.add_argument("--published", action="store_true", help="EfficientNet-Lite0, with a new head")
parser.add_argument("--size", type=int, help="of your pictures, in pixels: 32; 96 if published")
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--batch-size", type=int, default=64, help="over all replicas")
parser.add_argument("--learning-rate", type=float, default=0.003)
parser.add_argument("--examples", type=int, default=1437, help="how many of the digits")
parser.add_argument("--devices", type=int, help="split this processor, to study")
parser.add_argument("--plain", action="store_true", help="without batch normalization")
parser.add_argument("--jit-compile", action="store_true")
parser.add_argument("--float64", action="store_true")
parser.add_argument("--timeout", type=float, default=120, help="seconds to wait for other workers")
args = parser.parse_args()
if args.test and not args.data:
    parser.error("--test needs --data")
size = args.size or (96 if args.published else 32)


def read(folder):
    """Pictures, labels and classes of a folder; what is wrong with it ends the script."""
    with warnings.catch_warnings(record=True) as left_out:
        warnings.simplefilter("always")
        try:
            found = read_folders(folder, size)
        except (FileNotFoundError, ValueError) as error:
            raise SystemExit(error) from None
    for warning in left_out:
        print(warning.message)
    return found


keras.config.set_floatx("float64" if args.float64 else "float32")
keras.utils.set_random_seed(1)
if args.devices:
    train.logical_devices(args.devices)
kind = "devices" if args.devices else "auto"
strategy = train.strategy(kind, args.devices, args.timeout)  # before anything is computed
if args.data:
    pictures, labels, classes = read(args.data)
    if args.test:
        test_pictures, test_labels, test_classes = read(args.test)
        if test_classes != classes:
            raise SystemExit(f"{args.test} has the classes {test_classes}, {args.data} {classes}")
    shape, middle, spread = (size, size, 3), 127, 128  # as the published weights expect it
else:
    pictures, labels = data.arrays("digits", "train")
    pictures, labels = pictures[: args.examples], labels[: args.examples]
    shape, middle, spread, classes = (8, 8, 1), 0, 16, [*"0123456789"]

# A backup goes on only with what it was made from: other examples would be "trained" in no time.
flags = ("published", "batch_size", "learning_rate", "plain", "float64")
run = {flag.replace("_", "-"): getattr(args, flag) for flag in flags}
digest = hashlib.sha256(np.ascontiguousarray(pictures))
digest.update(np.asarray(labels, "int64").tobytes())
run |= {"classes": classes, "shape": [*shape], "pictures": digest.hexdigest()[:16]}
description = Path(args.folder, "run.json")
if Path(args.folder, "backup.npz").is_file():
    known = json.loads(description.read_text(encoding="utf-8")) if description.is_file() else None
    others = ", ".join(name for name, value in run.items() if known and known.get(name) != value)
    if others or not known:
        problem = f"a backup made with other {others}" if known else "a backup without run.json"
        raise SystemExit(
            f"{args.folder} holds {problem}: take another --folder, or remove it to begin anew"
        )
elif train.is_chief():
    write_text(description, json.dumps(run))


def scaled(pictures):
    return (keras.ops.cast(pictures, keras.config.floatx()) - middle) / spread


with strategy.scope():
    if args.published:
        no_chance = {"dropout": 0.0, "drop_connect_rate": 0.0}
        model = EfficientNetLite.from_checkpoint(
            image_shape=shape, num_classes=len(classes), **no_chance
        )
    else:
        model = CNN(shape, len(classes), filters=(16, 32), batch_normalization=not args.plain)
    for layer in model.layers:
        if args.published:
            layer.trainable = layer is model.layers[-1]  # the rest stays as it was published
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True  # statistics of the whole batch, not of a worker's part
    model.compile(
        keras.optimizers.Adam(args.learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=args.jit_compile,
    )
    examples = tf.data.Dataset.from_tensor_slices((pictures, labels))
    examples = examples.map(lambda picture, label: (scaled(picture), label))
    batches = train.batches(examples, args.batch_size, shuffle=len(labels), seed=1)
    backup = train.Backup(args.folder, batches)

chief = train.is_chief()
print(f"{strategy.num_replicas_in_sync} replica(s), {len(labels)} examples", flush=True)
done = model.fit(batches, epochs=args.epochs, callbacks=[backup], verbose=2 if chief else 0)
if not done.epoch:
    print(f"nothing to train: {args.folder} holds {args.epochs} epochs of this run, or more")
model.save(train.chief_path(Path(args.folder, "model.keras")))
facts = {"classes": classes, "shape": shape, "middle": middle, "spread": spread}
write_text(train.chief_path(Path(args.folder, "classes.json")), json.dumps(facts))
if args.test:
    parts = np.array_split(scaled(test_pictures), -(-len(test_labels) // 64))
    guesses = np.concatenate([np.argmax(model(part), axis=-1) for part in parts])
    print(f"accuracy on {args.test}: {np.mean(guesses == test_labels):.4f}")
weights = np.concatenate([w.ravel() for w in model.get_weights()])
print(f"done, XLA {model.jit_compile}: mean weight {np.abs(weights).mean():.6f}")
