"""Loading data sets: prepared before, from a mirror, or from their publishers."""

import contextlib
import io
import os
import random
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import aimodels
from aimodels.data.download import (
    TAR_ERRORS,
    DataError,
    TarMember,
    fetch,
    sha256_of,
    unreachable,
    workspace,
)
from aimodels.data.registry import (
    SETS,
    directory,
    find_builder,
    home_of,
    is_prepared,
    registered_files,
)


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
        batch_size: examples per batch; None for single examples, -1 for the whole split in one.
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
        {'train': 1797, 'in_order': 1797}
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
        >>> from aimodels.data import info
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
        names: public sets; None for all of them, without a `source` those that have an address.
        source: another mirror to copy from (default `AIMODELS_MIRROR`) before the URLs are asked.

    Returns:
        The files, all checked.

    Raises:
        ValueError: for an unknown name, or one of an embedded set, which needs no mirror.
        DataError: if a file cannot be had or written, or has the wrong sha256.
    """
    folder, public = Path(folder).expanduser(), [n for n, entry in SETS.items() if entry.instead]
    every, names = names is None, public if names is None else list(names)
    classes = [find_builder(name) for name in names]
    if embedded := sorted({*names} - {*public}):
        raise ValueError(f"{', '.join(embedded)}: embedded, so there is nothing to mirror")
    source = source or os.environ.get("AIMODELS_MIRROR")
    if source and Path(source).expanduser().resolve() == folder.resolve():
        source = None  # a mirror is not mended from itself
    done = []
    for builder_class in classes:
        files, home = registered_files(builder_class), folder / builder_class.name
        if every and not source and all(url.startswith("mirror:") for url in files):
            continue
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


def _prepared(name: str, data_dir: Any, mirror: Any) -> Any:
    """The builder of a set whose data lie complete in the data directory."""
    builder_class, root = find_builder(name), directory(data_dir)
    home = home_of(builder_class, root)
    if not is_prepared(home):
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
    name, home = builder_class.name, home_of(builder_class, root)
    mirror = mirror or os.environ.get("AIMODELS_MIRROR")
    origins = _origins(builder_class, registered_files(builder_class), mirror, home)

    aimodels.import_tensorflow()  # takes seconds: not before an error is out
    import tensorflow as tf
    import tensorflow_datasets as tfds

    otherwise = "name another directory: data_dir=... or the environment variable AIMODELS_DATA"
    with workspace(root, name, otherwise) as work:
        if is_prepared(home):  # by another process, while we waited for the lock
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
        home.parent.mkdir(exist_ok=True, parents=True)
        try:
            os.rename(builder.data_dir, home)
        except OSError:
            if not is_prepared(home):
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
        if not all(path.is_file() for path in paths.values()):
            packed = _packed(folder)
            paths |= {u: packed.get(p.name, p) for u, p in paths.items() if not p.is_file()}
    missing = [url for url in wanted if url not in paths or not paths[url].is_file()]
    if silent := unreachable(missing):
        size = sum(file.size for file in registered_files(builder_class).values())
        tried = [f"prepared: nothing in {home}"] if home else []
        if not mirror:
            tried += ["mirror: none named (mirror=... or the environment variable AIMODELS_MIRROR)"]
        elif folder.is_dir():
            tried += [f"mirror: {len(missing)} of {len(wanted)} files missing in {folder}"]
        else:
            tried += [f"mirror: there is no folder {folder}"]
        urls = [*missing[:9], f"and {len(missing) - 9:,} more"] if missing[10:] else missing
        tried += ["\n     ".join([f"canonical URL: {'; '.join(silent)}", *urls])]
        raise DataError(
            f"the data set {name!r} ({size / 1e6:.1f} MB) cannot be had. Tried:\n"
            + "\n".join(f"  {i}. {line}" for i, line in enumerate(tried, 1))
            + f"\nMeanwhile use {SETS[name].instead!r}, which needs no download."
        )
    return [(file, url if url in missing else paths[url]) for url, file in wanted.items()]


def _packed(folder: Path) -> dict[str, zipfile.Path | TarMember]:
    """The files inside the archives of a mirror, by their names without folders."""
    found = {}
    for path in sorted(folder.glob("*.zip")):
        try:
            archive = zipfile.Path(path)
            names = archive.root.namelist()
        except zipfile.BadZipFile as error:
            raise DataError(f"{path} is damaged or no zip archive ({error}).") from None
        found |= {name.rpartition("/")[2]: archive / name for name in names if name[-1] != "/"}
    for path in sorted([*folder.glob("*.tar"), *folder.glob("*.tar.gz"), *folder.glob("*.tgz")]):
        try:
            archive = tarfile.open(path)  # noqa: SIM115 - read when its files are
            members = [member for member in archive.getmembers() if member.isfile()]
        except (OSError, *TAR_ERRORS) as error:
            raise DataError(f"{path} is damaged or no tar archive ({error}).") from None
        found |= {m.name.rpartition("/")[2]: TarMember(path, archive, m) for m in members}
    return found
