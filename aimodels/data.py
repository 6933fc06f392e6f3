"""One door to every data set of the course.

>>> from aimodels import data
>>> images, labels = data.arrays("digits")
>>> images.shape, images.dtype, labels[:5].tolist()
((1797, 8, 8, 1), dtype('uint8'), [3, 4, 2, 7, 6])

*Embedded* sets come with packages that are installed with the course and need no network at all.
*Public* sets are those of TensorFlow Datasets (TFDS), and some of our own. Three sources are tried
in order: what is already prepared in the data directory; a *mirror*, a folder that you or your
teacher names (`mirror=` or the environment variable `AIMODELS_MIRROR`) with the files as they were
published; the canonical URL. Every file is checked against its registered sha256, and nothing is
ever unpickled.

The data directory is `data_dir=`, or `AIMODELS_DATA`, or TFDS's own (`TFDS_DATA_DIR`, else
`~/tensorflow_datasets`). A set is prepared in a hidden folder there and moved to its place in one
step, so no error, crash or second process leaves half a set behind.
"""

import contextlib
import difflib
import hashlib
import importlib.util
import io
import os
import random
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import aimodels
from aimodels.download import DataError, fetch, sha256_of, unreachable, workspace

__all__ = ["DataError", "arrays", "catalogue", "directory", "info", "load", "mirror", "verify"]


class _Entry(NamedTuple):
    examples: int
    licence: str
    description: str
    instead: str | None = None  # the embedded set to use offline; None: this one is embedded itself


# Sizes, URLs and checksums of public sets stand in TFDS's registry of each, so not here.
_SETS = {
    "breast_cancer": _Entry(569, "CC BY 4.0", "tumours, 30 measurements; 1 means malignant"),
    "chinese_poems": _Entry(19657, "MIT", "poems of the Tang dynasty", "reviews_zh"),
    "chnsenticorp_htl": _Entry(7764, "none stated", "reviews of hotels, in Chinese", "reviews_zh"),
    "cmn_eng": _Entry(
        29155, "CC BY 2.0 FR", "English sentences and Chinese translations", "cmudict"
    ),
    "cmudict": _Entry(133973, "BSD-2-Clause", "English words and their phonemes"),
    "digits": _Entry(1797, "CC BY 4.0", "handwritten digits, 8x8 pixels of 0 to 16"),
    "fashion_mnist": _Entry(70000, "MIT", "pieces of clothing, 28x28 pixels, 10 classes", "digits"),
    "mnist": _Entry(70000, "CC BY-SA 3.0", "handwritten digits, 28x28 pixels", "digits"),
    "peoples_daily": _Entry(19484, "MIT", "a month of Chinese news, words with their tags"),
    "reviews_zh": _Entry(17321, "MIT", "Chinese reviews of books, hotels and others; 1 means good"),
    "rt_polarity": _Entry(
        10662, "CC BY 4.0", "sentences of film reviews; 1 means good", "wikipedia_sample"
    ),
    "thucnews_titles": _Entry(
        19972, "research only", "titles of Chinese news in 10 classes", "reviews_zh"
    ),
    "tiny_shakespeare": _Entry(
        3, "public domain", "plays of Shakespeare, one text in each split", "wikipedia_sample"
    ),
    "wikipedia_sample": _Entry(106, "CC BY-SA 3.0", "English Wikipedia articles as plain text"),
    "wnut17": _Entry(5690, "CC BY 4.0", "names in English posts and comments", "peoples_daily"),
    "word_analogies": _Entry(19544, "Apache-2.0", "Athens is to Greece as Oslo is to Norway"),
    "word_similarity": _Entry(1352, "CC BY 4.0", "pairs of words, how similar people find them"),
}


def load(
    name: str,
    *,
    split: Any = None,
    as_supervised: bool = False,
    batch_size: int | None = None,
    shuffle_files: bool = False,
    data_dir: str | os.PathLike | None = None,
    mirror: str | os.PathLike | None = None,
) -> Any:
    """Load a data set as `tf.data`, preparing it first if need be.

    Args:
        name: one of `catalogue()`.
        split: as in TFDS: `"train"`, `"train[:75%]"`, `"train+test"`, or a list of these; None
            gives all splits in a dict.
        as_supervised: examples as `(input, label)` pairs instead of dicts.
        batch_size: examples a batch; None for single examples, -1 for the whole split in one.
        shuffle_files: read a large set's files in random order.
        data_dir: where prepared sets are kept.
        mirror: folder with the published files, as `MIRROR/NAME/file` or `MIRROR/file`.

    Returns:
        A `tf.data.Dataset`, or a list or dict of them, as `split` asks.

    Raises:
        ValueError: for an unknown name or split.
        DataError: if no source has the set, a file is damaged, or the data directory cannot be
            written. Without network and mirror it comes within five seconds.

    Example:
        >>> splits = load("digits")
        >>> {split: len(dataset) for split, dataset in splits.items()}
        {'train': 1797}
        >>> train, held_out = load("digits", split=["train[:75%]", "train[75%:]"], batch_size=32)
        >>> next(iter(train))["image"].shape
        TensorShape([32, 8, 8, 1])
    """
    return _prepared(name, data_dir, mirror).as_dataset(
        split=split,
        as_supervised=as_supervised,
        batch_size=batch_size,
        shuffle_files=shuffle_files,
    )


def arrays(
    name: str,
    split: Any = "train",
    *,
    data_dir: str | os.PathLike | None = None,
    mirror: str | os.PathLike | None = None,
) -> Any:
    """Load a supervised set as NumPy arrays: `(inputs, labels)`.

    Args:
        name: one of `catalogue()`.
        split: as in `load`; a list gives a list of pairs, None a dict of pairs.
        data_dir: as in `load`.
        mirror: as in `load`.

    Returns:
        `(inputs, labels)` with shapes `(examples, ...)` and `(examples,)`, held in memory whole.

    Raises:
        ValueError: for an unknown name or split.
        DataError: as in `load`, and if a prepared file turns out to be damaged.

    Example:
        >>> (x, y), (x_test, y_test) = arrays("breast_cancer", ["train[:80%]", "train[80%:]"])
        >>> x.shape, x.dtype, x_test.shape
        ((455, 30), dtype('float32'), (114, 30))
        >>> info("breast_cancer").features["label"].names
        ['benign', 'malignant']
    """
    import tensorflow as tf
    import tensorflow_datasets as tfds

    builder = _prepared(name, data_dir, mirror)
    try:
        batches = builder.as_dataset(split=split, as_supervised=True, batch_size=-1)
        return tfds.as_numpy(batches)
    except tf.errors.DataLossError as error:
        raise _damaged(Path(builder.data_dir)) from error


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
    return _builder_class(name)(data_dir=directory(data_dir)).info


def catalogue(data_dir: str | os.PathLike | None = None) -> list[dict[str, Any]]:
    """List the sets, embedded ones first: quick, without TensorFlow.

    Args:
        data_dir: as in `load`; where to look for prepared sets.

    Returns:
        A dict a set: `name`, `kind` ("embedded" or "public"), `examples`, `size` (bytes to
        download; 0 if embedded), `licence`, `prepared`, `instead` and `description`.

    Example:
        >>> [row["name"] for row in catalogue() if row["kind"] == "embedded"]
        ['breast_cancer', 'cmudict', 'digits', 'peoples_daily', 'reviews_zh', 'wikipedia_sample', \
'word_analogies', 'word_similarity']
    """
    rows = []
    for name, entry in _SETS.items():
        builder_class = _builder_class(name)
        rows.append(
            {
                "name": name,
                "kind": "public" if entry.instead else "embedded",
                "size": sum(registered.size for registered in _registered(builder_class).values()),
                "prepared": _is_prepared(_home(builder_class, directory(data_dir))),
                **entry._asdict(),
            }
        )
    return sorted(rows, key=lambda row: (row["kind"], row["name"]))


def mirror(
    folder: str | os.PathLike,
    names: Iterable[str] | None = None,
    *,
    source: str | os.PathLike | None = None,
) -> list[Path]:
    """Fill a folder with the published files of public sets, for a class to use as its mirror.

    What is there already and has the right sha256 stays, so a call that was cut off goes on where
    it stopped.

    Args:
        folder: becomes the mirror: `folder/NAME/file`.
        names: public sets; None for all of them.
        source: another mirror to copy from (default `AIMODELS_MIRROR`) before the URLs are asked.

    Returns:
        The files, all checked.

    Raises:
        ValueError: for an unknown name, or one of an embedded set, which needs no mirror.
        DataError: if a file cannot be had or written, or has the wrong sha256.
    """
    folder, public = Path(folder).expanduser(), [n for n, entry in _SETS.items() if entry.instead]
    names = public if names is None else list(names)
    classes = [_builder_class(name) for name in names]
    if embedded := sorted({*names} - {*public}):
        raise ValueError(f"{', '.join(embedded)}: embedded, so there is nothing to mirror")
    source = source or os.environ.get("AIMODELS_MIRROR")
    if source and Path(source).expanduser().resolve() == folder.resolve():
        source = None  # a mirror is not mended from itself
    done = []
    for builder_class in classes:
        files, home = _registered(builder_class), folder / builder_class.name
        wanted = {
            url: file
            for url, file in files.items()
            if not (home / file.filename).is_file()
            or sha256_of(home / file.filename) != file.checksum
        }
        if wanted:
            origins = _origins(builder_class, wanted, source)
            with workspace(folder, builder_class.name, "name another folder") as work:
                fetch(builder_class.name, origins, work, home)
        done += [home / file.filename for file in files.values()]
    return done


def verify(name: str, content: Iterable[Any], *, sha256: str) -> None:
    """Check arrays that another package carries, before a builder writes them.

    Args:
        name: the set, for the message.
        content: NumPy arrays, hashed one after the other as their bytes in C order.
        sha256: what they must give, in hexadecimal.

    Raises:
        DataError: if they give something else.

    Example:
        >>> verify("nothing", [], sha256=hashlib.sha256().hexdigest())
    """
    actual = hashlib.sha256(b"".join(array.tobytes() for array in content)).hexdigest()
    if actual != sha256:
        raise DataError(
            f"{name}: scikit-learn here carries other values than the course was written for "
            f"(sha256 expected {sha256}, found {actual}). Install the versions of constraints.txt, "
            "or reinstall scikit-learn if its files may be damaged."
        )


def carried(name: str, package: str, file: str, *, sha256: str) -> Path:
    """Find a file that an installed package carries, without importing the package.

    Args:
        name: the set, for the message.
        package: the package's import name.
        file: the path inside it.
        sha256: what the file must have.

    Raises:
        DataError: if the package is not installed, or its file is another one.
    """
    spec = importlib.util.find_spec(package)
    path = Path(spec.submodule_search_locations[0]) / file if spec else None
    if path is None or not path.is_file():
        raise DataError(
            f"{name}: the package {package} carries this set and "
            + (f"has no {file} here. " if spec else "is not installed. ")
            + "Install the course with its data: pip install 'aimodels[course]'."
        )
    if (actual := sha256_of(path)) != sha256:
        raise DataError(
            f"{name}: {path} is damaged or of another version "
            f"(sha256 expected {sha256}, found {actual}). "
            f"Install the version of {package} that constraints.txt names."
        )
    return path


def share(key: str) -> float:
    """A number in [0, 1) that depends on the key alone: a split by it never changes.

    Keys that must not be separated, such as a word's pronunciations, are the same key.

    Example:
        >>> round(share("word"), 3)
        0.597
    """
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:6]) / 2**48


def _builder_class(name: str) -> Any:
    """The TFDS builder of a set; TFDS loads without TensorFlow."""
    if name not in _SETS:
        near = difflib.get_close_matches(str(name).lower().replace("-", "_"), _SETS, n=2)
        hint = (
            f"did you mean {' or '.join(map(repr, near))}?"
            if near
            else f"known: {', '.join(_SETS)}."
        )
        raise ValueError(
            f"unknown data set {name!r}: {hint} Any other TFDS set: `tensorflow_datasets.load`."
        )
    if "aimodels_datasets" not in sys.modules:
        here = Path(__file__).parent
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


def _registered(builder_class: Any) -> dict[str, Any]:
    """TFDS's registry of a set: size, checksum and filename by URL; empty for embedded sets."""
    return builder_class.url_infos or {}


def directory(data_dir: str | os.PathLike | None = None) -> Path:
    """Where prepared sets are kept; it need not exist yet."""
    default = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    return Path(data_dir or os.environ.get("AIMODELS_DATA") or default).expanduser()


def _home(builder_class: Any, root: Path) -> Path:
    return root / builder_class.name / str(builder_class.VERSION)


def _is_prepared(home: Path) -> bool:
    return (home / "dataset_info.json").is_file()


def _prepared(name: str, data_dir: Any, mirror: Any) -> Any:
    """The builder of a set whose data lie complete in the data directory."""
    builder_class, root = _builder_class(name), directory(data_dir)
    home = _home(builder_class, root)
    if not _is_prepared(home):
        state = random.getstate()  # TFDS draws; a seeded program's first run is as its second
        try:
            _prepare(builder_class, root, mirror)
        finally:
            random.setstate(state)
    aimodels.import_tensorflow()
    try:
        builder = builder_class(data_dir=root, version=home.name)
    except Exception as error:  # whatever TFDS meets in a damaged description
        raise _damaged(home) from error
    for split in builder.info.splits.values():
        # A TFRecord file adds 16 bytes (length and checksums) to each example.
        size = sum(os.path.getsize(f) if os.path.exists(f) else 0 for f in split.filepaths)
        if size != split.num_bytes + 16 * split.num_examples:
            raise _damaged(home)
    return builder


def _damaged(home: Path) -> DataError:
    return DataError(
        f"{home.parent.name}: the prepared files in {home} are damaged or incomplete. "
        "Delete that folder and load the set again."
    )


def _prepare(builder_class: Any, root: Path, mirror: Any) -> None:
    """Build the TFRecord files of a set in a hidden folder, then move them to their place."""
    name, home = builder_class.name, _home(builder_class, root)
    mirror = mirror or os.environ.get("AIMODELS_MIRROR")
    origins = _origins(builder_class, _registered(builder_class), mirror, home)

    aimodels.import_tensorflow()  # takes seconds: not before an error is out
    import tensorflow as tf
    import tensorflow_datasets as tfds

    otherwise = "name another directory: data_dir=... or the environment variable AIMODELS_DATA"
    with workspace(root, name, otherwise) as work:
        if _is_prepared(home):  # by another process, while we waited for the lock
            return
        fetch(name, origins, work, work / "files")
        builder = builder_class(data_dir=work)
        tfds.disable_progress_bar()  # its bars speak of downloads that are done already
        if origins:  # an embedded set takes a second, a public one longer
            print(f"Preparing {name} in {home}, once. This may take a minute.", file=sys.stderr)
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # TFDS prints the hidden folder's name
                builder.download_and_prepare(
                    download_dir=work / "downloads",
                    download_config=tfds.download.DownloadConfig(
                        manual_dir=work / "files",
                        force_checksums_validation=True,
                        try_download_gcs=False,
                    ),
                )
        except (tf.errors.OpError, RuntimeError) as error:  # a full disk, in TensorFlow's words
            if isinstance(error, DataError):
                raise
            raise OSError(str(error)) from error
        finally:
            tfds.enable_progress_bar()
        home.parent.mkdir(exist_ok=True)
        try:
            os.rename(builder.data_dir, home)
        except OSError:
            if not _is_prepared(home):
                raise


def _origins(
    builder_class: Any, wanted: dict[str, Any], mirror: Any, home: Path | None = None
) -> list[tuple[Any, Path | str]]:
    """Where each wanted file comes from: its path in the mirror, or its URL if the host answers.

    Raises:
        DataError: if a file is not in the mirror and its host does not answer in time.
    """
    name, paths = builder_class.name, {}
    if mirror:
        folder = Path(mirror).expanduser()
        folder = folder / name if (folder / name).is_dir() else folder
        paths = {url: folder / file.filename for url, file in wanted.items()}
    missing = [url for url in wanted if url not in paths or not paths[url].is_file()]
    if silent := unreachable(missing):
        size = sum(file.size for file in _registered(builder_class).values())
        tried = [f"prepared: nothing in {home}"] if home else []
        if not mirror:
            tried += ["mirror: none named (mirror=... or the environment variable AIMODELS_MIRROR)"]
        elif folder.is_dir():
            tried += [f"mirror: {len(missing)} of {len(wanted)} files missing in {folder}"]
        else:
            tried += [f"mirror: there is no folder {folder}"]
        tried += ["\n     ".join([f"canonical URL: {'; '.join(silent)}", *missing])]
        raise DataError(
            f"the data set {name!r} ({size / 1e6:.1f} MB) cannot be had. Tried:\n"
            + "\n".join(f"  {i}. {line}" for i, line in enumerate(tried, 1))
            + f"\nMeanwhile use {_SETS[name].instead!r}, which needs no download."
        )
    return [(file, url if url in missing else paths[url]) for url, file in wanted.items()]
