"""SavedModels in the folders that TensorFlow Serving reads: NAME/VERSION/saved_model.pb."""

import shutil
from pathlib import Path

import keras
import tensorflow as tf

from aimodels.serving.folder import find
from aimodels.serving.loading import of_names
from aimodels.serving.servable import LoadError


def export(source: str | Path, target: str | Path) -> list[Path]:
    """Write the Keras models of a folder as SavedModels, and copy those that are SavedModels.

    A detector's SavedModel suppresses, too; that of a run of `aimodels train` takes token ids,
    since its tokenizer is no part of a graph.

    Args:
        source: what `aimodels serve` takes.
        target: folder to write; `tensorflow_model_server --model_base_path=target/NAME` serves it.

    Returns:
        The folders written.

    Raises:
        LoadError: if a model has no SavedModel, or what would be written is there already.
    """
    written = []
    for name, versions in find(source).items():
        for number, path in versions.items():
            folder = Path(target) / name / str(number)
            if folder.exists():
                raise LoadError(f"{folder} is there already: remove it, or choose another folder")
            if (path / "saved_model.pb").is_file():
                shutil.copytree(path, folder)
            else:
                _write(path / "model.keras" if path.is_dir() else path, folder)
            written.append(folder)
    return written


def _write(path: Path, folder: Path) -> None:
    if path.suffix != ".keras" or not path.is_file():
        raise LoadError(f"{path} cannot become a SavedModel: it is no .keras file")
    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    archive = keras.export.ExportArchive()
    archive.track(model)
    specs = [tf.TensorSpec(t.shape, t.dtype, t.name) for t in model.inputs]
    function = of_names(model)

    def flat(*tensors):
        return function({spec.name: t for spec, t in zip(specs, tensors, strict=True)})

    archive.add_endpoint("serving_default", flat, specs)
    archive.write_out(str(folder), verbose=False)
