"""Recordings as people have them: of any kind and rate, hours long, broken."""

import itertools
import os
import struct
import tracemalloc

import numpy as np
import pytest
import soundfile

from aimodels import speech
from aimodels.speech import audio

pytestmark = pytest.mark.rests_on_code


def tone(frequency=440.0, rate=16000, seconds=1.0, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate)


def long_wav(path, hours, rate=8000):
    """A WAV of silence, 8 bits, whose samples take no room on the disk."""
    size = int(hours * 3600 * rate)
    header = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt "
    header += (
        struct.pack("<IHHIIHH", 16, 1, 1, rate, rate, 1, 8) + b"data" + struct.pack("<I", size)
    )
    with path.open("wb") as file:
        file.write(header)
        file.truncate(44 + size)
    return path


@pytest.mark.parametrize(
    ("kind", "subtype", "tolerance"),
    [
        ("wav", "PCM_U8", 1e-2),
        ("wav", "PCM_16", 1e-4),
        ("wav", "PCM_24", 1e-6),
        ("wav", "PCM_32", 1e-6),
        ("wav", "FLOAT", 1e-7),
        ("wav", "DOUBLE", 1e-7),
        ("wav", "ULAW", 3e-2),
        ("flac", "PCM_24", 1e-6),
        ("aiff", "PCM_16", 1e-4),
        ("au", "PCM_16", 1e-4),
        ("caf", "PCM_16", 1e-4),
        ("w64", "PCM_16", 1e-4),
        ("ogg", "VORBIS", 5e-2),
        ("ogg", "OPUS", 5e-2),
        ("mp3", "MPEG_LAYER_III", 5e-2),
    ],
)
def test_every_kind_of_file_gives_the_samples(tmp_path, kind, subtype, tolerance):
    samples, path = tone(), tmp_path / f"a.{kind}"
    soundfile.write(path, samples, 16000, subtype=subtype)
    read = speech.read(path)
    assert read.dtype == np.float32
    assert abs(len(read) - len(samples)) <= (0 if tolerance < 0.04 else 1200)  # coders pad
    middle = slice(2000, 14000)
    assert np.abs(read[middle] - samples[middle]).max() <= tolerance


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
def test_what_is_written_is_read_again(tmp_path, kind):
    path = tmp_path / "new folder" / f"a.{kind.upper()}"
    speech.write(path, tone().astype("float32"), 16000)
    assert np.abs(speech.read(path)[2000:14000] - tone()[2000:14000]).max() < 0.05


def test_a_file_named_otherwise_than_it_is_is_read(tmp_path):
    soundfile.write(tmp_path / "a.flac", tone(), 16000)
    (tmp_path / "a.flac").rename(tmp_path / "我的录音.wav")
    assert speech.read(tmp_path / "我的录音.wav").shape == (16000,)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_channels_are_averaged(tmp_path, channels):
    voices = np.stack([tone(100 * (1 + c), amplitude=0.1) for c in range(channels)], axis=1)
    soundfile.write(tmp_path / "a.wav", voices, 16000, subtype="FLOAT")
    np.testing.assert_allclose(speech.read(tmp_path / "a.wav"), voices.mean(axis=1), atol=1e-7)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 32000, 44100, 48000, 96000, 44099])
def test_other_rates_are_resampled_in_place_and_strength(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", tone(1000, rate), rate, subtype="FLOAT")
    read = speech.read(tmp_path / "a.wav")
    assert len(read) == -(-rate * 16000 // rate)
    assert np.abs(read[1000:-1000] - tone(1000)[1000:-1000]).max() < 1e-3


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_what_the_new_rate_cannot_hold_is_gone_and_the_rest_is_not(rate):
    def strength(frequency):
        heard = speech.resample(tone(frequency, rate), rate, 16000)[1000:-1000]
        return 20 * np.log10(np.sqrt(2 * np.mean(heard**2)) / 0.5)

    assert strength(rate / 2.01) < -75  # it would be heard as a lower tone
    assert strength(8100) < -75
    assert abs(strength(7000)) < 0.1
    assert abs(strength(100)) < 0.1
    careless = tone(8100, 32000)[::2]  # negative control: each second sample
    assert 20 * np.log10(np.sqrt(2 * np.mean(careless**2)) / 0.5) > -1


def test_resampling_agrees_with_an_independent_one(rng):
    """Slow noise, which both filters let through."""
    from scipy.signal import resample_poly

    slow = np.convolve(rng.normal(size=20000), np.hanning(101) / 50, "same")
    ours = speech.resample(slow, 44100, 16000)
    theirs = resample_poly(slow, 160, 441, window=("kaiser", 14.0))
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs)[200:-200].max() < 1e-3 * np.abs(theirs).max()


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("cut", [1, 7, 1000, 30000])
def test_cuts_do_not_change_what_is_resampled(rng, rate, cut):
    samples = rng.normal(size=3000 if cut < 10 else 60000).astype("float32")
    pieces = np.split(samples, range(cut, len(samples), cut))
    inpieces = np.concatenate([*speech.resample_pieces(pieces, rate, 16000)])
    np.testing.assert_allclose(inpieces, speech.resample(samples, rate, 16000), atol=1e-5)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("kind", ["wav", "flac", "ogg"])
def test_blocks_and_parts_are_those_of_the_whole(tmp_path, rng, monkeypatch, rate, kind):
    monkeypatch.setattr(audio, "READ_AT_ONCE", 5000)
    path = tmp_path / f"a.{kind}"
    speech.write(path, 0.1 * rng.uniform(-1, 1, 2 * rate), rate)
    whole = speech.read(path)
    pieces = list(speech.blocks(path, 16000, seconds=0.3))
    assert [len(piece) for piece in pieces] == [4800] * 6 + [3200]
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-5)
    for start, duration in ((0.0, 0.5), (0.5001, 0.25), (1.7, 9.0), (1.9, None)):
        part = speech.read(path, start=start, duration=duration)
        begin = round(start * 16000)
        end = None if duration is None else begin + round(duration * 16000)
        np.testing.assert_allclose(part, whole[begin:end], atol=1e-5)


def test_ten_hours_are_read_piece_by_piece_in_constant_memory(tmp_path):
    path = long_wav(tmp_path / "long.wav", hours=10)
    with pytest.raises(speech.AudioError, match=r"lasts 10\.0 hours, and at most 2 are read at"):
        speech.read(path)
    assert speech.read(path, start=9.99 * 3600, duration=2).shape == (32000,)

    def peak(count):
        tracemalloc.start()
        lengths = [len(block) for block in itertools.islice(speech.blocks(path), count)]
        memory = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert lengths == [480000] * count
        return memory

    few, many = peak(20), peak(60)
    assert many < 1.1 * few
    assert many < 50e6
    assert sum(len(block) for block in speech.blocks(path, 8000, 600)) == 10 * 3600 * 8000


def test_one_sample_and_silence_are_sound(tmp_path):
    for rate in (8000, 16000, 44100):
        soundfile.write(tmp_path / "one.wav", [0.5], rate)
        assert speech.read(tmp_path / "one.wav").shape == (-(-16000 // rate),)
    speech.write(tmp_path / "silent.wav", np.zeros(1600), 16000)
    assert not speech.read(tmp_path / "silent.wav").any()


def test_floats_beyond_one_are_clipped_and_whole_numbers_as_floats_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(amplitude=1.5), 16000, subtype="FLOAT")
    assert np.abs(speech.read(tmp_path / "a.wav")).max() == 1
    square = np.sign(tone(500, 44100))  # filtered, a square wave overshoots
    soundfile.write(tmp_path / "b.wav", square, 44100, subtype="FLOAT")
    assert np.abs(speech.read(tmp_path / "b.wav")).max() == 1
    soundfile.write(tmp_path / "c.wav", 20000 * tone(), 16000, subtype="FLOAT")
    with pytest.raises(speech.AudioError, match=r"holds floats up to 1e\+04, but sound lies in"):
        speech.read(tmp_path / "c.wav")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_named_with_its_place(tmp_path, bad):
    samples = np.zeros((16000, 2))
    samples[12000, 1] = bad
    soundfile.write(tmp_path / "a.wav", samples, 16000, subtype="FLOAT")
    with pytest.raises(speech.AudioError, match=r"sample 12000, at 0\.75 s, is not a number"):
        speech.read(tmp_path / "a.wav")


WAV = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80>\0\0\0}\0\0\x02\0\x10\0data\0\0\0\0"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.wav", b"", "is empty: download it again"),
        ("a.wav", b"one two three\nfour", "is text, not sound"),
        ("a.wav", "zwölf Boxkämpfer".encode(), "is text, not sound"),
        ("a.mp3", bytes(1000), "is no sound of a kind that is read: WAV, FLAC"),
        ("a.wav", WAV[:30], "is cut off or damaged: copy it again"),
        ("a.wav", WAV, "has no samples: record it again"),
        ("a.raw", b"1234" * 99, "is text, not sound"),
        ("a.raw", bytes(range(256)), "is no sound of a kind that is read"),
        ("a.wav", b"<!DOCTYPE html><html>", "is a web page, not the file"),
        ("a.wav", b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        ("a.flac", b"PK\x03\x04" + bytes(99), "is a zip archive: unpack it"),
        ("a.m4a", b"\0\0\0 ftypM4A " + bytes(99), 'convert it, `ffmpeg -i "a.m4a" "a.wav"`'),
        ("a.wav", b"\0\0\0 ftypisom" + bytes(99), '-i "a.wav" "a-converted.wav"`'),
        ("a.webm", b"\x1aE\xdf\xa3" + bytes(99), "is a WebM or Matroska file, which is not read"),
        ("a.amr", b"#!AMR\n" + bytes(99), "is an AMR file, which is not read"),
        ("a.aac", b"\xff\xf1\x50\x80" + bytes(99), "is an AAC file, which is not read"),
        ("a.wma", b"0&\xb2u\x8ef\xcf\x11" + bytes(99), "is a Windows Media file"),
        ("a.ogg", b"OggS\0\x02" + bytes(99), "is cut off or damaged: copy it again"),
        ("a.flac", b"fLaC\0\0\0\x22" + bytes(9), "is cut off or damaged: copy it again"),
    ],
)
def test_what_is_no_sound_is_one_clear_sentence(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    for use in (speech.read, lambda path: list(speech.blocks(path))):
        with pytest.raises(speech.AudioError) as raised:
            use(tmp_path / name)
        assert said in str(raised.value)
        assert str(tmp_path / name) in str(raised.value)
        assert "\n" not in str(raised.value)


def test_a_file_that_is_no_sound_raises_before_the_first_block(tmp_path):
    (tmp_path / "a.wav").write_text("text")
    with pytest.raises(speech.AudioError, match="text"):
        speech.blocks(tmp_path / "a.wav")


def test_a_missing_file_and_a_folder(tmp_path):
    (tmp_path / "hello.wav").touch()
    with pytest.raises(FileNotFoundError, match=r"its folder holds hello\.wav"):
        speech.read(tmp_path / "helo.wav")
    with pytest.raises(FileNotFoundError, match="is a folder, not a file"):
        speech.read(tmp_path)


def test_a_rate_that_no_sound_has_is_refused(tmp_path):
    (tmp_path / "a.wav").write_bytes(WAV.replace(b"\x80>\0\0", b"\x01\0\0\0"))
    with pytest.raises(speech.AudioError, match="states 1 samples per second"):
        speech.read(tmp_path / "a.wav")


def cut_off(path, rng):
    """A file without its last four tenths; what the whole one holds."""
    soundfile.write(path, 0.1 * rng.uniform(-1, 1, 10 * 16000), 16000)
    whole = speech.read(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    return whole


@pytest.mark.parametrize("kind", ["wav", "mp3", "aiff", "au"])
def test_of_a_file_cut_off_the_beginning_is_read_with_a_warning(tmp_path, rng, kind):
    whole = cut_off(tmp_path / f"a.{kind}", rng)
    with pytest.warns(UserWarning, match="is cut off: its beginning promises more than the"):
        read = speech.read(tmp_path / f"a.{kind}")
    assert 0.5 < len(read) / len(whole) < 0.7
    np.testing.assert_allclose(read[:90000], whole[:90000], atol=1e-6)


def test_of_an_ogg_cut_off_the_beginning_is_read(tmp_path, rng):
    """Its beginning promises nothing."""
    whole = cut_off(tmp_path / "a.ogg", rng)
    np.testing.assert_allclose(speech.read(tmp_path / "a.ogg")[:80000], whole[:80000], atol=1e-6)


def test_a_flac_cut_off_is_refused(tmp_path, rng):
    cut_off(tmp_path / "a.flac", rng)
    with pytest.raises(speech.AudioError, match="is cut off or damaged: copy it again"):
        speech.read(tmp_path / "a.flac")


@pytest.mark.filterwarnings("error")
def test_a_length_that_a_pipe_did_not_know_is_no_cut(tmp_path):
    speech.write(tmp_path / "a.wav", tone(), 16000)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[4:8] = content[40:44] = b"\xff" * 4
    (tmp_path / "a.wav").write_bytes(content)
    assert speech.read(tmp_path / "a.wav").shape == (16000,)


def test_a_part_that_is_not_there(tmp_path):
    speech.write(tmp_path / "a.wav", tone(), 16000)
    for start in (1.0, 99.0):
        with pytest.raises(speech.AudioError, match=r"ends after 1\.00 s, before start="):
            speech.read(tmp_path / "a.wav", start=start)
    for name, value in (("start", -1), ("start", np.nan), ("duration", 0), ("sample_rate", 8000.5)):
        with pytest.raises(ValueError, match=f"^{name} must be"):
            speech.read(tmp_path / "a.wav", **{name: value})


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (np.zeros((2, 9)), r"one or more floats, \(N,\); got float64 of shape \(2, 9\)"),
        (np.zeros(0), "one or more floats"),
        (np.zeros(9, "int16"), "got int16"),
        (np.array([0.0, np.nan]), "sample 1 is not a number"),
        (np.array([0.0, 2.5]), r"they reach 2\.5: divide them by that"),
    ],
)
def test_what_is_no_sound_is_not_written(tmp_path, samples, said):
    with pytest.raises(speech.AudioError, match=said):
        speech.write(tmp_path / "a.wav", samples, 16000)
    assert not os.listdir(tmp_path)


def test_a_kind_that_is_not_known_or_does_not_know_the_rate_is_not_written(tmp_path):
    with pytest.raises(speech.AudioError, match=r"must end in \.wav, \.flac, \.ogg or \.mp3"):
        speech.write(tmp_path / "a.m4a", tone(), 16000)
    with pytest.raises(speech.AudioError, match=r"cannot be written: use \.wav"):
        speech.write(tmp_path / "a.mp3", tone(), 16001)
    assert not os.listdir(tmp_path)


def test_without_soundfile_the_way_to_get_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    with pytest.raises(ImportError, match=r"pip install aimodels\[speech\]"):
        speech.read(tmp_path / "a.wav")
