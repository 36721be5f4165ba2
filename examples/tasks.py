"""The sequences the examples train on and test with: digits, half-cheetah and sines, as NumPy arrays.

Digits come with scikit-learn and sines are made here, so both are there on every machine. The half-cheetah
recordings are not part of this project; where they are missing, `cheetah` raises `MissingDataError`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ltc2neuro.demo.demo import load_digits

Floats = npt.NDArray[np.float32]
Targets = npt.NDArray[np.float32] | npt.NDArray[np.int64]

CHEETAH_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "cheetah"


class MissingDataError(FileNotFoundError):
    """A data set that this project does not ship is not on this machine."""


@dataclass(frozen=True)
class Task:
    """Sequences (batch, time, features) and what a network should answer.

    Targets are class numbers (batch,) where the metric is "accuracy", and (batch, time, outputs) where it is "mse".
    Time spans, the time before each sample (batch, time), are there where samples come at irregular times.
    """

    x_train: Floats
    y_train: Targets
    x_test: Floats
    y_test: Targets
    metric: str
    timespans_train: Floats | None = None
    timespans_test: Floats | None = None


def digits() -> Task:
    """Handwritten digits, 8 x 8 pixels, read row by row: (batch, 8 rows, 8 pixels) in 0..1; 70 % are for training."""
    data = load_digits()
    return Task(data.x_train, data.y_train, data.x_test, data.y_test, "accuracy")


def cheetah(folder: Path = CHEETAH_FOLDER) -> Task:
    """The half-cheetah task of the LTC paper (arXiv 2006.04439): predict the next of 17 observations.

    The paper's split (files 5-14 test, 15-24 train), windows of 32 steps, one every 10 steps, nothing normalised.

    Raises:
        MissingDataError: the recordings are not in `folder`.
    """
    files = sorted(folder.glob("*.npy"))
    if len(files) < 25:
        raise MissingDataError(f"the half-cheetah task needs its 31 recordings; {folder} has {len(files)}")
    x_train, y_train = _windows(files[15:25])
    x_test, y_test = _windows(files[5:15])
    return Task(x_train, y_train, x_test, y_test, "mse")


def _windows(files: list[Path], steps: int = 32, every: int = 10) -> tuple[Floats, Floats]:
    recordings = [np.load(file).astype(np.float32) for file in files]
    starts = [(r, s) for r in recordings for s in range(0, len(r) - steps, every)]
    x = np.stack([r[s : s + steps] for r, s in starts])
    y = np.stack([r[s + 1 : s + steps + 1] for r, s in starts])
    return x, y


def sines() -> Task:
    """Eight sensors see one sine at eight phases, with noise: (batch, 32, 8); the answer is its value a step later."""
    rng = np.random.default_rng(0)
    frequency = rng.uniform(0.02, 0.1, (512, 1, 1))
    phase = rng.uniform(0, 1, (512, 1, 1))
    step = np.arange(33).reshape(1, 33, 1)
    sensor = np.arange(8).reshape(1, 1, 8)
    angle = 2 * np.pi * (frequency * step + phase)
    x = np.sin(angle[:, :-1] + np.pi * sensor / 8) + rng.normal(0, 0.05, (512, 32, 8))
    y = np.sin(angle[:, 1:])
    x, y = x.astype(np.float32), y.astype(np.float32)
    return Task(x[:384], y[:384], x[384:], y[384:], "mse")
