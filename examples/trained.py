"""The trained networks kept in weights/, each with its task: what benchmarks and tests loop over."""

from collections.abc import Callable
from dataclasses import dataclass

import tasks
import train_cheetah_ltc
import train_digits_ltc
import train_raw_ltc
import train_sine_ltc
from ncps.torch import LTC
from training import load


@dataclass(frozen=True)
class Trained:
    """A network of the examples by the name of its weights file."""

    name: str
    build: Callable[[], LTC]
    task: Callable[[], tasks.Task]

    def model(self) -> LTC:
        """The network with its trained weights."""
        return load(self.build(), self.name)


TRAINED = (
    Trained("digits_ltc", train_digits_ltc.build, tasks.digits),
    Trained("raw_ltc", train_raw_ltc.build, tasks.digits),
    Trained("cheetah_ltc", train_cheetah_ltc.build, tasks.cheetah),
    Trained("sine_ltc", train_sine_ltc.build, tasks.sines),
)
