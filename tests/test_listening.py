"""Training by command on one's own recordings, and `aimodels listen` with what came of it."""

import json

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from aimodels import recipes
from aimodels.cli import main
from aimodels.metrics import character_error_rate
from aimodels.recipes.run import RECIPES
from aimodels.recipes.speech import speech
from aimodels.speech import SpeechRNN, espeak, listening, write
from aimodels.speech.listening import Transcriber, loud_parts

pytestmark = pytest.mark.rests_on_code
VOICES = ["en-us", "en-us+m1", "en-us+f1", "en-gb+m3", "en-gb+f3", "en-us+m7", "en-us+f4"]
WORDS = ("yes", "no")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """`yes/0.wav`, and so on: 64 recordings, of several kinds and sample rates."""
    folder, rng = tmp_path_factory.mktemp("mine"), np.random.default_rng(0)
    for word in WORDS:
        (folder / word).mkdir()
        for i in range(32):  # so that none of four devices is without a recording
            rate = (8000, 16000, 22050)[i % 3]
            samples = espeak(word, VOICES[i % 7], rate=130 + i, pitch=30 + i // 2, sample_rate=rate)
            samples = np.pad(samples, (rate // 10, rate // 10)) * rng.uniform(0.2, 0.9)
            samples += rng.normal(0, 0.001, len(samples))
            write(folder / word / f"{i}.{('wav', 'flac', 'ogg')[i % 3]}", samples, rate)
    return folder


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "speech"
    recipes.train("speech", run, str(folder), recipe="tiny", epochs=2)
    return run


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """A voice that training never heard, in stereo of 24 bits at 44.1 kHz."""
    rate, rng = 44100, np.random.default_rng(1)
    pieces = [np.zeros(rate)]
    for word in ("no", "yes", "yes"):
        pieces += [espeak(word, "en-us+m4", sample_rate=rate), np.zeros(rate)]
    samples = np.concatenate(pieces)
    stereo = np.stack([0.6 * samples, 0.2 * samples], axis=1)
    path = tmp_path_factory.mktemp("said") / "said.wav"
    soundfile.write(path, stereo + rng.normal(0, 1e-3, stereo.shape), rate, subtype="PCM_24")
    return path


@pytest.fixture
def answers(monkeypatch):
    """In place of a model that has learnt for long: each part is heard as the number of it."""
    heard = []

    def transcribe(model, features):
        heard.append(features[0])
        return [f"part {len(heard)}" if np.ptp(features[0]) > 50 else ""]

    monkeypatch.setattr(SpeechRNN, "transcribe", transcribe)
    return heard


@pytest.mark.slow
def test_own_recordings_are_learnt_from(run):
    curve = json.loads((run / "log.json").read_text())
    assert curve[1]["loss"] < curve[0]["loss"]
    assert json.loads((run / "sound.json").read_text()) == {"sample_rate": 16000}
    transcriber = Transcriber.load(run)
    assert transcriber.model.config["alphabet"] == "enosy"
    assert isinstance(transcriber.model.transcribe([np.ones((50, 40))])[0], str)


@pytest.mark.slow
def test_what_was_trained_by_command_hears_words_by_command(folder, said, tmp_path, capsys):
    """Nothing is replaced here: training, the files it leaves, and what is printed."""
    train = ["train", "speech", "--data", str(folder), "--folder", str(tmp_path)]
    assert main([*train, "--recipe", "tiny", "--epochs", "100"]) == 0
    capsys.readouterr()
    assert main(["listen", str(said), "--model", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    heard, answers = [line.rpartition("  ")[2] for line in lines], ["no", "yes", "yes"]
    assert min(character_error_rate([word] * 3, answers) for word in WORDS) > 0.3  # always the same
    assert character_error_rate(heard, answers) < 0.3


@pytest.mark.slow
def test_any_recording_is_listened_to(run, said, answers, capsys):
    assert main(["listen", str(said), "--model", str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.rpartition("  ")[2] for line in lines] == ["part 1", "part 2", "part 3"]
    begins = [float(line.split()[0].partition(":")[2]) for line in lines]
    assert begins == sorted(begins)
    np.testing.assert_allclose(begins[0], 1, atol=0.3)
    left = espeak("no", "en-us+m4", sample_rate=16000)
    expected = listening.sound_features(np.pad(left, (2400, 2400)), 16000, 40)
    assert abs(len(answers[0]) - len(expected)) < 15


@pytest.mark.slow
def test_bad_files_are_one_sentence_each(run, said, answers, tmp_path, capsys):
    samples = np.zeros(16000, "float32")
    soundfile.write(tmp_path / "silence.wav", samples, 16000)
    soundfile.write(tmp_path / "one.wav", samples[:1], 16000)
    soundfile.write(tmp_path / "empty.wav", samples[:0], 16000)
    samples[7] = np.nan
    soundfile.write(tmp_path / "nan.wav", samples, 16000, subtype="FLOAT")
    (tmp_path / "text.wav").write_text("this is no sound")
    names = ["text.wav", "empty.wav", "nan.wav", "absent.wav", "one.wav", "silence.wav"]
    files = [str(tmp_path / name) for name in names]
    assert main(["listen", *files, str(said), "--model", str(run)]) == 1
    out, err = capsys.readouterr()
    assert len(err.splitlines()) == 4
    for line, name in zip(err.splitlines(), names[:4], strict=True):
        assert line.startswith("aimodels: ")
        assert name in line
    assert out.count("no words are heard") == 2
    assert out.splitlines()[-1].endswith("part 3")


@pytest.mark.slow
def test_the_same_command_goes_on_and_other_recordings_are_refused(run, folder, tmp_path, capsys):
    arguments = ["train", "speech", "--data", str(folder), "--folder", str(run), "--recipe", "tiny"]
    assert main([*arguments, "--epochs", "2"]) == 0  # it is there already
    out = capsys.readouterr().out
    assert "recordings to train on" in out
    assert "Epoch" not in out
    other = folder / "yes" / "new.wav"
    write(other, espeak("yes"), 16000)
    try:
        assert main(arguments) == 1
    finally:
        other.unlink()
    assert "has changed since the run in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is no run of `aimodels train speech`"),
        ({"model": "gpt"}, "holds a run of 'gpt', not of speech"),
        ({"model": "speech"}, "has not ended"),
    ],
)
def test_a_folder_without_a_recogniser(content, message, tmp_path, capsys):
    if content:
        (tmp_path / "run.json").write_text(json.dumps(content))
    assert main(["listen", "any.wav", "--model", str(tmp_path)]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_each_epoch_misses_other_parts_of_the_recordings(folder):
    own, plan = recipes.own_recordings(folder), RECIPES["speech"]["tiny"]
    task = speech("mine", plan, 0, None, own)
    first, again, second = (
        np.stack([*task.examples(tf.constant(epoch, tf.int64)).map(lambda x, y: x)])
        for epoch in (0, 0, 1)
    )
    np.testing.assert_array_equal(again, first)
    changed = (first != second).any(axis=-1)
    assert changed.any(axis=1).mean() > 0.9
    np.testing.assert_array_equal(first.any(axis=-1), second.any(axis=-1))  # padding stays
    assert 0.2 < first.any(axis=-1).mean() < 0.95


# Own recordings


def test_texts_beside_the_recordings_or_as_folders(tmp_path):
    sound = espeak("yes", sample_rate=16000)
    for i in range(30):
        write(tmp_path / f"{i}.wav", sound, 16000)
        (tmp_path / f"{i}.txt").write_text("\ufeffYes,\n  I SAID yes ", encoding="utf-8")
    (tmp_path / "no" / ".hidden").mkdir(parents=True)
    write(tmp_path / "no" / "a.ogg", sound, 16000)
    write(tmp_path / "no" / ".hidden" / "b.wav", sound, 16000)
    write(tmp_path / "mute.wav", sound, 16000)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    (tmp_path / "broken.txt").write_text("x")
    own = recipes.own_recordings(tmp_path)
    texts = own.train.texts + own.validation.texts
    assert sorted(texts) == ["no"] + ["yes, i said yes"] * 30
    assert 0 < len(own.validation.texts) < 10
    assert any("mute.wav has no mute.txt beside it" in line for line in own.skipped)
    assert any("broken.wav" in line for line in own.skipped)
    assert len(own.skipped) == 2
    assert own.digest() == recipes.own_recordings(tmp_path).digest()
    (tmp_path / "3.txt").write_text("no")
    assert own.digest() != recipes.own_recordings(tmp_path).digest()


def test_folders_that_cannot_be_used(tmp_path):
    with pytest.raises(recipes.RecipeError, match="is no folder"):
        recipes.own_recordings(tmp_path / "absent")
    write(tmp_path / "a.wav", espeak("yes"), 16000)
    with pytest.raises(recipes.RecipeError, match="gives 0 recordings to train on and 0 held out"):
        recipes.own_recordings(tmp_path)


def test_unknown_data_is_one_message(tmp_path, capsys):
    assert main(["train", "speech", "--data", "nowhere", "--folder", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "espeak_digits, spoken_digit, or the path of a folder of recordings" in error


# Parts of long recordings


class Told(Transcriber):
    """Says how many frames it was given, in place of words."""

    def __init__(self):
        super().__init__(SpeechRNN(40, "0123456789", units=4, num_layers=1), 8000)
        self.model.transcribe = lambda features: [str(len(features[0]))]


def test_parts_do_not_depend_on_how_the_file_is_read(tmp_path, monkeypatch):
    rng, sounds, places, now = np.random.default_rng(0), [], [], 0
    for i in range(12):
        pause, spoken = rng.integers(6000, 16000), espeak(f"number {i} is here", sample_rate=8000)
        sounds += [rng.normal(0, 5e-4, pause), spoken]
        places.append(((now + pause) / 8000, (now + pause + len(spoken)) / 8000))
        now += pause + len(spoken)
    path = tmp_path / "long.wav"
    write(path, np.concatenate([*sounds, np.zeros(8000)]), 8000)
    found = {}
    for seconds in (60.0, 7.0, 2.5):
        monkeypatch.setattr(listening, "_AT_ONCE", seconds)
        found[seconds] = [(begin, end) for begin, end, _ in Told().listen(path)]
        assert len(found[seconds]) == len(places)
        np.testing.assert_allclose(found[seconds], places, atol=0.35)


def test_a_quiet_recording_is_heard_as_a_loud_one():
    samples = espeak("seven", sample_rate=8000)
    features = Told().features(samples)
    np.testing.assert_allclose(Told().features(0.02 * samples), features, atol=1e-3)
    assert np.isfinite(Told().features(0 * samples)).all()


def test_speech_without_a_pause_is_cut(tmp_path):
    path = tmp_path / "tone.wav"
    write(path, 0.5 * np.sin(np.arange(8000 * 65) / 3), 8000)
    parts = [*Told().listen(path)]
    assert sum(end - begin for begin, end, _ in parts) == pytest.approx(65, abs=0.1)
    assert max(end - begin for begin, end, _ in parts) <= 20
    assert [begin for begin, *_ in parts[1:]] == [end for _, end, _ in parts[:-1]]


def test_loud_parts():
    rng = np.random.default_rng(0)
    word, quiet = espeak("seven", sample_rate=16000), np.zeros(16000)
    assert loud_parts(quiet, 16000) == []
    assert loud_parts(quiet[:0], 16000) == []
    assert loud_parts(word[2000:6000], 16000) == [(0, 4000)]
    [(begin, end)] = loud_parts(np.concatenate([quiet, word, quiet]), 16000)
    assert 16000 - 4000 < begin <= 16000
    assert 16000 + len(word) - 1600 <= end < 16000 + len(word) + 4000
    noisy = np.concatenate([quiet, word, quiet]) + rng.normal(0, 0.01, 32000 + len(word))
    assert len(loud_parts(noisy, 16000)) == 1
