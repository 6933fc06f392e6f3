"""Printing never stops work: any encoding, and no console at all."""

import io
import os
import sys

import pytest

from aimodels import console
from aimodels.decoding import TextStreamer
from aimodels.train import launch

pytestmark = pytest.mark.rests_on("aimodels")

HARD = "naïve 春 ✓ \udcff"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "gbk", "utf-8", "utf-16"])
def test_any_text_on_any_console_and_back(encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    console.write(HARD, file=stream)
    shown = stream.buffer.getvalue().decode(encoding)
    back = shown.encode("latin-1", "backslashreplace").decode("unicode_escape")
    assert back == HARD + "\n"


@pytest.fixture
def closed_pipe():
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w")
    yield stream
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_a_reader_that_has_gone(closed_pipe):
    console.write("text", file=closed_pipe)


def test_a_closed_file_and_no_console(monkeypatch):
    stream = io.StringIO()
    stream.close()
    console.write("text", file=stream)
    monkeypatch.setattr(sys, "stdout", None)
    console.write("text")


def test_all_that_prints_while_work_goes_on(monkeypatch):
    """Streamed text, and the lines of workers."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    show = TextStreamer(lambda ids: "春" * len(ids))
    show([0])
    show([1])
    launch._relay(0, ["夜\n"])
    assert stream.buffer.getvalue() == rb"\u6625\u6625[0] \u591c" + b"\n"
