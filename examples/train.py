"""Train a small CNN on handwritten digits: here, or on all workers of a cluster.

python examples/train.py --folder run1
aimodels launch --workers 2 examples/train.py --folder run1
"""

import argparse
from pathlib import Path

import keras
import numpy as np

from aimodels import data, train
from aimodels.cnn import CNN

parser = argparse.ArgumentParser()
parser.add_argument("--folder", required=True, help="for the backup and the model; all share it")
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--batch-size", type=int, default=64, help="over all replicas")
parser.add_argument("--examples", type=int, default=1437, help="how many of the digits")
parser.add_argument("--plain", action="store_true", help="without batch normalization")
parser.add_argument("--jit-compile", action="store_true")
parser.add_argument("--float64", action="store_true")
parser.add_argument("--timeout", type=float, default=120, help="seconds to wait for other workers")
args = parser.parse_args()

keras.config.set_floatx("float64" if args.float64 else "float32")
keras.utils.set_random_seed(1)
strategy = train.strategy(timeout=args.timeout)  # before anything is computed
digits = data.load("digits", split="train", as_supervised=True).take(args.examples)
digits = digits.map(lambda image, label: (keras.ops.cast(image, keras.config.floatx()) / 16, label))
with strategy.scope():
    model = CNN((8, 8, 1), 10, filters=(16, 32), batch_normalization=not args.plain)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True  # statistics of the whole batch, not of a worker's part
    model.compile(
        keras.optimizers.Adam(0.003),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=args.jit_compile,
    )
    batches = train.batches(digits, args.batch_size, shuffle=args.examples, seed=1)
    backup = train.Backup(args.folder, batches)

chief = train.is_chief()
model.fit(batches, epochs=args.epochs, callbacks=[backup], verbose=2 if chief else 0)
model.save(train.chief_path(Path(args.folder, "model.keras")))
weights = np.concatenate([w.ravel() for w in model.get_weights()])
print(f"done, XLA {model.jit_compile}: mean weight {np.abs(weights).mean():.6f}")
