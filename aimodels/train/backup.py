"""What a run needs to resume after a crash, saved after each epoch."""

import io
import os
import zipfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from aimodels.files import write_bytes
from aimodels.train.cluster import DistributeError, is_chief
from aimodels.train.keras_internals import set_initial_epoch
from aimodels.train.strategies import _MultiWorkerStrategy


class Backup(keras.callbacks.Callback):
    """Saves after each epoch what is needed to resume; the next start resumes from there.

    Weights, the optimizer's state and the states of random generators are in one file, which is
    replaced in one step: a process that is killed while it writes leaves the old file. All workers
    take part, the first one writes; `folder` must be on a disk that they share. What other
    callbacks know (the best loss so far) is not kept.

    Args:
        folder: folder of the file; one per run. Remove it to begin anew.
        dataset: what `batches(...)` returned; its shuffling continues where it stopped.

    Raises:
        DistributeError: when training begins, if the file is damaged, or of another model, or if
            the workers read different ones.
    """

    def __init__(self, folder: str | os.PathLike, dataset=None):
        super().__init__()
        self.path = Path(folder) / "backup.npz"
        self.dataset = dataset

    def on_train_begin(self, logs=None) -> None:
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        epoch = self._restore() if self.path.is_file() else 0
        current = self.model.distribute_strategy
        if isinstance(current, _MultiWorkerStrategy):
            mean = current.reduce("MEAN", tf.constant(float(epoch)), axis=None)
            if float(mean) != epoch:
                raise DistributeError(
                    f"the workers found backups of different epochs in {self.path.parent}: "
                    "it must be on a disk that all of them share"
                )
        set_initial_epoch(self.model, epoch)

    def on_epoch_begin(self, epoch, logs=None) -> None:
        if self.dataset is not None:
            self.dataset.epochs.start(epoch)

    def on_train_end(self, logs=None) -> None:
        set_initial_epoch(self.model, None)

    def on_epoch_end(self, epoch, logs=None) -> None:
        arrays = {name: _array(variable) for name, variable in self._variables().items()}
        if not is_chief():
            return
        file = io.BytesIO()
        np.savez(file, epoch=epoch + 1, **arrays)
        write_bytes(self.path, file.getbuffer())

    def _variables(self) -> dict[str, keras.Variable]:
        metrics = {id(variable) for variable in self.model.metrics_variables}
        variables = [*self.model.variables, *self.model.optimizer.variables]
        variables = [variable for variable in variables if id(variable) not in metrics]
        names = [variable.name.rpartition("_")[2] for variable in variables]  # dense_1_bias: bias
        return {f"{i} {name}": v for i, (name, v) in enumerate(zip(names, variables, strict=True))}

    def _restore(self) -> int:
        try:
            with np.load(self.path, allow_pickle=False) as file:
                arrays = dict(file)
        except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
            raise DistributeError(f"{self.path} is damaged ({error}): remove it") from error
        epoch = int(arrays.pop("epoch", 0))
        variables = self._variables()
        shapes = {name: tuple(variable.shape) for name, variable in variables.items()}
        if {name: array.shape for name, array in arrays.items()} != shapes:
            raise DistributeError(f"{self.path} is of another model: take another folder")
        for name, variable in variables.items():
            variable.assign(arrays[name])
        return epoch


def _array(variable: keras.Variable) -> np.ndarray:
    array = variable.numpy()
    return array.astype("float32") if array.dtype.kind == "V" else array  # bfloat16
