"""A published network that reads Chinese characters aloud."""

import sys

import numpy as np
import pytest

from aimodels import data
from aimodels.recurrent import PinyinReader
from aimodels.recurrent.pinyin import package_files

pytestmark = pytest.mark.rests_on("aimodels")


@pytest.fixture(scope="module")
def reader():
    return PinyinReader.from_package()


def test_the_package_is_not_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, "g2pM", raising=False)
    PinyinReader.from_package()
    assert "g2pM" not in sys.modules


def test_readings_of_sentences(reader):
    assert reader.read("他红了20年") == ["ta1", "hong2", "le5", "2", "0", "nian2"]
    assert reader.read("音乐")[1] == "yue4"
    assert reader.read("快乐")[1] == "le4"
    assert reader.read("") == []


def test_padding_changes_nothing(reader):
    sentences = ["音乐让人快乐。", "中国银行"]
    together = reader.model(reader.encode(sentences))
    for row, sentence in zip(together, sentences, strict=True):
        alone = reader.scores(sentence)
        np.testing.assert_allclose(row[1 : len(sentence) + 1], alone, atol=1e-3, rtol=1e-5)


@pytest.mark.parametrize("name", ["characters", "classes"])
def test_a_vocabulary_that_does_not_fit(name):
    files = package_files()
    files[name] = dict(list(files[name].items())[:-1])
    with pytest.raises(ValueError, match="do not number the"):
        PinyinReader(**files)


def test_without_the_package(monkeypatch):
    find = data.checks.importlib.util.find_spec
    monkeypatch.setattr(
        data.checks.importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "g2pM" else find(name, *rest),
    )
    with pytest.raises(data.DataError, match="the package g2pM carries it and is not installed"):
        PinyinReader.from_package()
