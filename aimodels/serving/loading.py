"""A model from its files: Keras, SavedModel, LiteRT, a run of `aimodels train`, GPT-2's folder.

A file that could run a program when it is read (a pickle, a Lambda layer) is never loaded.
"""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from aimodels import files, lite
from aimodels.serving import texts
from aimodels.serving.folder import lite_gpt
from aimodels.serving.servable import (
    Arrays,
    LoadError,
    Picture,
    Servable,
    Signature,
    Tensor,
)
from aimodels.text_generator import TextGenerator

# What reads or writes files, or calls Python, has no place in the graph of a served model.
_UNSAFE = re.compile(
    r".*(File|Reader|Record|Restore|Save|Checkpoint|LMDB|Sql|Snapshot.|PyFunc).*"
    r"|.*(TextLine|CSV|Cache|Load|DataService)Dataset.*|RegisterDataset.*|LoadAndRemapMatrix"
    r"|GenerateVocabRemapping|FixedUnigramCandidateSampler|CreateSummaryDbWriter"
    r"|Debug(Identity|NanCount|NumericSummary).*|(De|En)code\w*Proto\w*"
)


def load(path: Path) -> Servable:
    """Load one version of a model.

    Raises:
        LoadError: if it cannot be served; it says why.
    """
    try:
        servable = _load(path)
        _read_card(path, servable)
        return servable
    except LoadError:
        raise
    except Exception as error:  # a damaged file can fail anywhere in Keras and TensorFlow
        lines = str(error).strip().splitlines() or [type(error).__name__]
        line = lines[-1 if lines[0] == "in user code:" else 0].strip()[:500]
        raise LoadError(f"{path} cannot be loaded: {line}") from error


def _load(path: Path) -> Servable:
    if path.suffix == ".keras":
        return _of_keras(path)
    if path.suffix == ".tflite":
        return _of_lite(path)
    if (path / "saved_model.pb").is_file():
        return _of_saved_model(path)
    if (path / "run.json").is_file():
        return texts.of_run(path)
    if (path / "config.json").is_file():
        return texts.completion(TextGenerator.load(path))
    if inside := lite_gpt(path):
        return texts.of_lite(path, inside)
    raise LoadError(f"{path} holds no model, or more than one")


def _read_card(path: Path, servable: Servable) -> None:
    """`serving.json` in the folder, or NAME.json beside the file: labels, and the pixels' range."""
    card = path.with_suffix(".json") if path.is_file() else path / "serving.json"
    if not card.is_file():
        return
    content = files.read_json(card)
    labels, pixels = content.get("labels", []), content.get("pixels", [0, 1])
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise LoadError(f"labels in {card} must be a list of texts")
    if len(pixels) != 2 or not all(isinstance(n, int | float) for n in pixels):
        raise LoadError(f"pixels in {card} must be two numbers, of black and of white")
    servable.labels = labels
    if servable.picture:
        servable.picture = servable.picture._replace(pixels=tuple(map(float, pixels)))


def _of_keras(path: Path) -> Servable:
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            what = files.kind_of(file.read(512)) or "no Keras file, or cut off"
        raise LoadError(f"{path} is {what}")
    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    if not getattr(model, "inputs", None):
        raise LoadError(
            f"{path} holds a {type(model).__name__}, which does not say what it takes: build it "
            "with inputs, or export it as a SavedModel"
        )
    return of_model(model)


def of_model(model: keras.Model) -> Servable:
    """A Keras model with its inputs, or a detector of the course."""
    specs = {tensor.name: tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in model.inputs}
    function = of_names(model)
    concrete = tf.function(function, input_signature=[specs]).get_concrete_function()
    # Of ids that an embedding lacks, a processor refuses some, and a GPU none.
    ids = (getattr(model, "config", None) or {}).get("vocabulary_size")
    inputs = {
        name: Tensor(spec.dtype.name, tuple(spec.shape), ids if name == "token_ids" else None)
        for name, spec in specs.items()
    }
    outputs = _outputs(concrete.structured_outputs)

    def run(arrays: Arrays) -> Arrays:
        found = concrete({name: tf.constant(array) for name, array in arrays.items()})
        return {name: value.numpy() for name, value in found.items()}

    signatures = {"serving_default": Signature(inputs, outputs, run)}
    batch = next(iter(inputs.values())).shape[0]
    detects = hasattr(model, "detect")
    return _described(Servable("tensor", signatures, batch_size=batch), detects)


def of_names(model: keras.Model):
    """The model as a function from named inputs to named outputs; a detector's suppress, too."""
    names = [tensor.name for tensor in model.inputs]
    structure = model.inputs[0] if isinstance(model, keras.Sequential) else model.input

    def function(inputs: dict) -> dict:
        given = keras.tree.pack_sequence_as(structure, [inputs[name] for name in names])
        if hasattr(model, "detect"):
            return dict(model.detect(given))
        found = model(given, training=False)
        if isinstance(found, dict):
            return dict(found)
        return {f"output_{i}": value for i, value in enumerate(keras.tree.flatten(found))}

    return function


def _of_saved_model(path: Path) -> Servable:
    if unsafe := _unsafe(path):
        raise LoadError(
            f"{path} has the operation {unsafe}, which reads or writes files or calls Python: it "
            "is not served"
        )
    loaded = tf.saved_model.load(str(path))
    signatures = {}
    for name, function in loaded.signatures.items():
        _, specs = function.structured_input_signature
        inputs = {key: Tensor(_name(spec.dtype), _shape(spec.shape)) for key, spec in specs.items()}

        def run(arrays: Arrays, function=function, model=loaded) -> Arrays:  # keeps the variables
            found = function(**{name: tf.constant(array) for name, array in arrays.items()})
            return {name: value.numpy() for name, value in found.items()}

        signatures[name] = Signature(inputs, _outputs(function.structured_outputs), run)
    if not signatures:
        raise LoadError(f"{path} has no signature: write it with `model.export`")
    first = "serving_default" if "serving_default" in signatures else next(iter(signatures))
    signatures = {first: signatures.pop(first)} | signatures
    shapes = [tensor.shape for tensor in signatures[first].inputs.values()]
    batch = shapes[0][0] if shapes and shapes[0] else 1
    detects = set(signatures[first].outputs) == set(lite.LiteDetector.OUTPUTS)
    return _described(Servable("tensor", signatures, batch_size=batch), detects)


def _unsafe(path: Path) -> str | None:
    """An operation that would run when the model is loaded or asked, and must not."""
    graphs = tf.__internal__.saved_model.parse_saved_model(str(path)).meta_graphs
    if len(graphs) != 1 or not graphs[0].HasField("object_graph_def"):
        raise LoadError(f"{path} was written by TensorFlow 1: write it again with TensorFlow 2")
    objects = graphs[0].object_graph_def
    match graphs[0].graph_def:
        case tf.compat.v1.GraphDef(library=library):
            functions = {part.signature.name: part.node_def for part in library.function}
    children = [child for node in objects.nodes for child in node.children]
    initializers = {
        name
        for child in children
        if child.local_name == "_initialize"
        for name in objects.nodes[child.node_id].function.concrete_functions
    }
    for name in objects.concrete_functions:
        for node in _reached(name, functions):
            if name in initializers and node.op == "InitializeTableFromTextFileV2":
                continue  # a vocabulary among the model's assets
            prints = node.op == "PrintV2" and node.attr["output_stream"].s.startswith(b"file:")
            if prints or _UNSAFE.fullmatch(node.op):
                return node.op
    return None


def _reached(name: str, functions: dict) -> Iterator:
    """The nodes of a function and of those that it calls."""
    left, names = dict(functions), [name]
    for called in names:
        for node in left.pop(called, ()):
            yield node
            names.append(node.op)
            for value in node.attr.values():
                names += [value.func.name, *(function.name for function in value.list.func)]


def _of_lite(path: Path) -> Servable:
    interpreter = lite.interpreter(path, "export_detector", num_threads=None)
    names = list(interpreter.get_signature_list())
    if not names:
        raise LoadError(f"{path} has no signature: write it with `model.export`")
    first = "serving_default" if "serving_default" in names else names[0]
    runner = interpreter.get_signature_runner(first)
    inputs = {
        name: Tensor(np.dtype(part["dtype"]).name, (None, *_any(part, 1)))
        for name, part in runner.get_input_details().items()
    }
    if "cache" in inputs:
        raise LoadError(f"{path} holds a GPT: put its merges.txt and vocabulary.txt beside it")
    outputs = {
        name: Tensor(np.dtype(part["dtype"]).name, None)
        for name, part in runner.get_output_details().items()
    }

    def run(arrays: Arrays) -> Arrays:
        rows = len(next(iter(arrays.values())))
        found = [runner(**{name: a[i : i + 1] for name, a in arrays.items()}) for i in range(rows)]
        return {name: np.concatenate([one[name] for one in found]) for name in outputs}

    signatures = {first: Signature(inputs, outputs, run)}
    return _described(
        Servable("tensor", signatures), set(outputs) == set(lite.LiteDetector.OUTPUTS)
    )


def _any(part: dict, begin: int) -> tuple[int | None, ...]:
    shape = part["shape_signature"][begin:]
    return tuple(None if n < 0 else int(n) for n in shape)


def _described(servable: Servable, detects: bool) -> Servable:
    """With its kind: a single input of pictures can be drawn or dropped."""
    inputs = next(iter(servable.signatures.values())).inputs
    [name, tensor], *others = inputs.items()
    shape = tensor.shape or ()
    if not others and len(shape) == 4 and shape[3] in (1, 3) and tensor.dtype.startswith("float"):
        servable.kind = "detector" if detects else "picture"
        servable.picture = Picture(name, shape[1:], keeps_proportions=detects)
    return servable


def _outputs(structured: dict) -> dict[str, Tensor]:
    return {
        name: Tensor(_name(value.dtype), _shape(value.shape)) for name, value in structured.items()
    }


def _name(dtype: tf.DType) -> str:
    return "bytes" if dtype == tf.string else dtype.name


def _shape(shape: tf.TensorShape) -> tuple[int | None, ...] | None:
    return None if shape.rank is None else tuple(shape)
