"""A trained recogniser with its features: from a recording to words, however long it is."""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from aimodels import files
from aimodels.speech.audio import blocks
from aimodels.speech.features import frame_settings, log_mel
from aimodels.speech.models import SpeechRNN
from aimodels.speech.segments import BLOCK, SAMPLE_RATE, speech_segments

LONGEST = 20.0  # seconds of speech that are recognised in one piece
QUIET_DB = 40  # so much below the loudest nothing is speech
ABOVE_NOISE_DB = 6
_AT_ONCE = 60.0  # seconds of a file in memory
_PAUSE, _PADDING = 0.3, 0.15  # seconds


class Transcriber:
    """Writes down what is said in a recording.

    Args:
        model: a `SpeechRNN`.
        sample_rate: of the recordings that it learnt from, in Hz.

    Example:
        >>> transcriber = Transcriber(SpeechRNN(40, alphabet="0123456789", units=16), 8000)
        >>> transcriber.features(np.sin(np.arange(8000) / 5)).shape
        (101, 40)
    """

    def __init__(self, model: SpeechRNN, sample_rate: int):
        frame_settings(sample_rate)  # raises unless it is one
        self.model, self.sample_rate = model, sample_rate

    @classmethod
    def load(cls, folder: str | Path) -> "Transcriber":
        """What `aimodels train speech` left in a folder.

        Raises:
            FileNotFoundError: if the folder is missing, or training has not ended yet.
            ValueError: if the run is not of a recogniser, or a file is damaged.
        """
        folder = Path(folder)
        if not (folder / "run.json").is_file():
            raise FileNotFoundError(
                f"{folder} is no run of `aimodels train speech`, which would hold run.json: train "
                f"a model first with `aimodels train speech --folder {folder}`"
            )
        run = files.read_json(folder / "run.json")
        if run.get("model") != "speech":
            raise ValueError(f"{folder} holds a run of {run.get('model')!r}, not of speech")
        if not (folder / "model.keras").is_file():
            raise FileNotFoundError(
                f"the run in {folder} has not ended: repeat its `aimodels train` command, and it "
                "goes on where it stopped"
            )
        settings = files.read_json(folder / "sound.json")
        model = keras.saving.load_model(folder / "model.keras", compile=False)
        return cls(model, settings["sample_rate"])

    def features(self, samples: np.ndarray) -> np.ndarray:
        """Log-mel energies (T, M) of samples (N,) at `sample_rate`, as the model learnt them."""
        return sound_features(samples, self.sample_rate, self.model.config["num_features"])

    def listen(self, path: str | Path) -> Iterator[tuple[float, float, str]]:
        """What is said in a file, part by part, in the memory that a minute of sound needs.

        A part is what lies between two pauses; of one over 20 seconds, a stretch of it.

        Args:
            path: a file that `audio.read` reads, of any sample rate and length.

        Yields:
            Begin and end of each part, in seconds, and its text; a part without words is left out.

        Raises:
            ImportError, FileNotFoundError, AudioError: as `audio.read`.
        """
        for begin, samples in self._parts(path):
            [text] = self.model.transcribe([self.features(samples)])
            if text:
                yield begin, begin + len(samples) / self.sample_rate, text

    def _parts(self, path: str | Path) -> Iterator[tuple[float, np.ndarray]]:
        """Begin in seconds, and samples."""
        rate, waiting, before = self.sample_rate, np.zeros(0, np.float32), 0
        for block in blocks(path, rate, _AT_ONCE):
            heard = np.concatenate([waiting, block])
            whole = len(block) < round(_AT_ONCE * rate)  # the last block is shorter
            last = len(heard)
            for begin, end in loud_parts(heard, rate):
                if end == len(heard) and not whole and end - begin < LONGEST * rate:
                    last = begin  # it may go on in the next block
                    break
                for start in range(begin, end, round(LONGEST * rate)):
                    stop = min(end, start + round(LONGEST * rate))
                    if stop - start >= frame_settings(rate)[0]:
                        yield (before + start) / rate, heard[start:stop]
            waiting, before = heard[last:], before + last
        if len(waiting) >= frame_settings(rate)[0]:
            yield before / rate, waiting


def sound_features(samples: np.ndarray, sample_rate: int, num_features: int) -> np.ndarray:
    """Log-mel energies (T, M) of samples (N,), as loud as their loudest sample can be.

    Raises:
        ValueError: if there are fewer samples than one frame needs.
    """
    samples = np.asarray(samples, np.float32)
    samples = samples / max(float(np.abs(samples).max(initial=0)), 1e-4)
    return log_mel(samples, sample_rate, n_mels=num_features).numpy()


def loud_parts(samples: np.ndarray, sample_rate: int) -> list[tuple[int, int]]:
    """Where there is more than silence or steady noise, as pairs of places, in samples.

    A part is within 40 dB of the loudest and 6 dB above the quietest tenth; pauses under 0.3
    seconds belong to it. If nothing is silent, as in a recording cut to a word, all is one part.

    Example:
        >>> samples = np.concatenate([np.zeros(16000), np.sin(np.arange(16000)), np.zeros(16000)])
        >>> [(begin, end)] = loud_parts(samples, 16000)
        >>> bool(begin < 16000 and 32000 < end)
        True
    """
    size = round(BLOCK * sample_rate / SAMPLE_RATE)  # 32 ms
    count = -(-len(samples) // size)
    energy = (np.pad(samples, (0, count * size - len(samples))).reshape(count, size) ** 2).mean(1)
    levels = 10 * np.log10(energy + 1e-10)
    if not count or levels.max() < -80:
        return []
    loudest, quietest = np.percentile(levels, [99, 10])
    if loudest - quietest < 2 * ABOVE_NOISE_DB:  # no pause, or nothing but noise
        return [(0, len(samples))]
    loud = levels > max(loudest - QUIET_DB, quietest + ABOVE_NOISE_DB)
    parts = speech_segments(loud, min_speech=0.0, min_silence=_PAUSE, padding=_PADDING)
    return [
        (round(begin * sample_rate), min(len(samples), round(end * sample_rate)))
        for begin, end in parts
    ]
