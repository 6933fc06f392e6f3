"""The course's data sets: what there is, and each one's builder."""

import difflib
import importlib.util
import os
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple


class Entry(NamedTuple):
    examples: int
    licence: str
    description: str
    instead: str | None = None  # the embedded set to use offline; None: this one is embedded itself


_TABLE = Path(__file__).with_name("sets.toml").read_text(encoding="utf-8")
SETS = {name: Entry(**values) for name, values in tomllib.loads(_TABLE).items()}


def info(name: str, *, data_dir: str | os.PathLike | None = None) -> Any:
    """Describe a set: `tfds.core.DatasetInfo` with features, label names, licence, citation.

    Nothing is downloaded or prepared; the splits and their sizes are there once the set is.

    Args:
        name: one of `catalogue()`.
        data_dir: as in `load`.

    Raises:
        ValueError: for an unknown name.

    Example:
        >>> info("digits").features["image"].shape
        (8, 8, 1)
        >>> info("breast_cancer").metadata["feature_names"][:3]
        ['mean radius', 'mean texture', 'mean perimeter']
    """
    return find_builder(name)(data_dir=directory(data_dir)).info


def catalogue(data_dir: str | os.PathLike | None = None) -> list[dict[str, Any]]:
    """List the sets, embedded ones first: quick, without TensorFlow.

    Args:
        data_dir: as in `load`; where to look for prepared sets.

    Returns:
        A dict a set: `name`, `kind` ("embedded" or "public"), `examples`, `size` (bytes to
        download; 0 if embedded), `licence`, `prepared`, `instead` and `description`.

    Example:
        >>> [row["name"] for row in catalogue() if row["kind"] == "embedded"]
        ['breast_cancer', 'cmudict', 'digit_scenes', 'digits', 'emoji_scenes', \
'espeak_digits', 'openmoji', 'peoples_daily', 'reviews_zh', 'tang_poems', 'wikipedia_sample', \
'word_analogies', 'word_similarity']
    """
    rows = []
    for name, entry in SETS.items():
        builder_class = find_builder(name)
        rows.append(
            {
                "name": name,
                "kind": "public" if entry.instead else "embedded",
                "size": sum(file.size for file in registered_files(builder_class).values()),
                "prepared": is_prepared(home_of(builder_class, directory(data_dir))),
                **entry._asdict(),
            }
        )
    return sorted(rows, key=lambda row: (row["kind"], row["name"]))


def find_builder(name: str) -> Any:
    """The TFDS builder of a set; TFDS loads without TensorFlow."""
    if name not in SETS:
        near = difflib.get_close_matches(str(name).lower().replace("-", "_"), SETS, n=2)
        hint = (
            f"did you mean {' or '.join(map(repr, near))}?"
            if near
            else f"known: {', '.join(SETS)}."
        )
        raise ValueError(
            f"unknown data set {name!r}: {hint} Any other TFDS set: `tensorflow_datasets.load`."
        )
    if "aimodels_datasets" not in sys.modules:
        here = Path(__file__).parents[1]
        folder = here / "_datasets"  # in a wheel
        folder = folder if folder.is_dir() else here.parent / "datasets"  # in a checkout
        spec = importlib.util.spec_from_file_location(
            "aimodels_datasets", folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        package = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(package)
        sys.modules["aimodels_datasets"] = package
    if importlib.util.find_spec(f"aimodels_datasets.{name}"):
        return importlib.import_module(f"aimodels_datasets.{name}.{name}_dataset_builder").Builder
    import tensorflow_datasets as tfds

    return tfds.builder_cls(name)


def registered_files(builder_class: Any) -> dict[str, Any]:
    """TFDS's registry of a set: size, checksum and filename by URL; empty for embedded sets."""
    files = builder_class.url_infos or {}
    for config in builder_class.BUILDER_CONFIGS[:1]:  # of VOC's years only the first is used
        wanted = config.filenames.values()
        files = {url: file for url, file in files.items() if file.filename in wanted}
    return files


def directory(data_dir: str | os.PathLike | None = None) -> Path:
    """Where prepared sets are kept; it need not exist yet."""
    default = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    return Path(data_dir or os.environ.get("AIMODELS_DATA") or default).expanduser()


def home_of(builder_class: Any, root: Path) -> Path:
    """Where TFDS keeps a set; of one with configurations, the first."""
    home = root / builder_class.name
    for config in builder_class.BUILDER_CONFIGS[:1]:
        return home / config.name / str(config.version)
    return home / str(builder_class.VERSION)


def is_prepared(home: Path) -> bool:
    return (home / "dataset_info.json").is_file()
