"""The course's data sets: what there is, and each one's builder."""

import difflib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple


class Entry(NamedTuple):
    examples: int
    licence: str
    description: str
    instead: str | None = None  # the embedded set to use offline; None: this one is embedded itself


# Sizes, URLs and checksums of public sets stand in TFDS's registry of each, so not here.
SETS = {
    "an4_mfcc": Entry(1078, "BSD-like", "spelled names, numbers; cepstra, words", "espeak_digits"),
    "bccd": Entry(364, "MIT", "blood cells under a microscope, with boxes", "digit_scenes"),
    "breast_cancer": Entry(569, "CC BY 4.0", "tumours, 30 measurements; 1 means malignant"),
    "chinese_poems": Entry(19657, "MIT", "poems of the Tang dynasty", "reviews_zh"),
    "chnsenticorp_htl": Entry(7764, "none stated", "reviews of hotels, in Chinese", "reviews_zh"),
    "cmn_eng": Entry(
        29155, "CC BY 2.0 FR", "English sentences and Chinese translations", "cmudict"
    ),
    "cmudict": Entry(133973, "BSD-2-Clause", "English words and their phonemes"),
    "digit_scenes": Entry(1700, "CC BY 4.0", "1 to 5 digits among strokes, 64x64 pixels, boxes"),
    "digits": Entry(1797, "CC BY 4.0", "handwritten digits, 8x8 pixels of 0 to 16"),
    "espeak_digits": Entry(2400, "CC0", "digits and strings of digits, said by 40 machine voices"),
    "fashion_mnist": Entry(70000, "MIT", "pieces of clothing, 28x28 pixels, 10 classes", "digits"),
    "mnist": Entry(70000, "CC BY-SA 3.0", "handwritten digits, 28x28 pixels", "digits"),
    "peoples_daily": Entry(19484, "MIT", "a month of Chinese news, words with their tags"),
    "reviews_zh": Entry(17321, "MIT", "Chinese reviews of books, hotels and others; 1 means good"),
    "rt_polarity": Entry(
        10662, "CC BY 4.0", "sentences of film reviews; 1 means good", "wikipedia_sample"
    ),
    "sign_language_digits": Entry(
        1200, "Apache-2.0", "photographs of hands that show a digit, 100x100 pixels", "digits"
    ),
    "spoken_digit": Entry(2500, "CC BY-SA 4.0", "digits said by five people", "espeak_digits"),
    "thucnews_titles": Entry(
        19972, "research only", "titles of Chinese news in 10 classes", "reviews_zh"
    ),
    "tiny_shakespeare": Entry(
        3, "public domain", "plays of Shakespeare, one text in each split", "wikipedia_sample"
    ),
    "voc": Entry(
        9963, "Flickr's terms", "photographs of 20 kinds of things, with boxes", "digit_scenes"
    ),
    "wikipedia_sample": Entry(106, "CC BY-SA 3.0", "English Wikipedia articles as plain text"),
    "wnut17": Entry(5690, "CC BY 4.0", "names in English posts and comments", "peoples_daily"),
    "word_analogies": Entry(19544, "Apache-2.0", "Athens is to Greece as Oslo is to Norway"),
    "word_similarity": Entry(1352, "CC BY 4.0", "pairs of words, how similar people find them"),
    "yesno": Entry(60, "none stated", "eight words each, yes or no, in Hebrew", "espeak_digits"),
}


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
        ['breast_cancer', 'cmudict', 'digit_scenes', 'digits', 'espeak_digits', 'peoples_daily', \
'reviews_zh', 'wikipedia_sample', 'word_analogies', 'word_similarity']
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
