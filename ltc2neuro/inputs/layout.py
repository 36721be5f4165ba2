"""`Layout`: whether a network's arrays have batch or time as their first axis, outside.

Inside, each sequence is an array (time, features) of its own, so that only what is handed in and out needs this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hw_models.arguments import shown
from hw_models.errors import InputError

HOW = (
    "batch_first=False: arrays are as the model takes them, (time, batch, features), in and out. batch_first=True: "
    "they are (batch, time, features), and the network transposes. A list of (time, features) sequences needs neither."
)


@dataclass(frozen=True)
class Layout:
    """The order of batch and time in arrays; lists of sequences have none.

    `time_first` is that of inputs, time spans, states and recorded values, `answers_time_first` that of outputs:
    a model may read one way and answer the other. `time_first` None: nobody has said, and arrays are refused.
    """

    time_first: bool | None = False
    answers_time_first: bool = False
    drops_row: bool = False
    """whether `net(x)` drops the axis of rows where there is one, as the model does"""
    drops_step: bool = False
    """the same of steps"""

    def __str__(self) -> str:
        return self.described("features")

    def described(self, *sample: object) -> str:
        """How arrays lie, in words; the axes of one `sample` are their last."""
        if self.time_first is None:
            return "lists of sequences only: it was not said whether arrays have batch or time first"
        answers = replace(self, time_first=self.answers_time_first).shape("...")
        return f"arrays {self.shape(*sample)}" + (
            f", answers {answers}" if self.time_first != self.answers_time_first else ""
        )

    def shape(self, *sample: object) -> str:
        """The axes of an input, in words; those of one `sample` are its last."""
        return f"({', '.join(map(str, (*(('time', 'batch') if self.time_first else ('batch', 'time')), *sample)))})"

    def batch_first(self, array: np.ndarray) -> np.ndarray:
        """An input, or time spans, as (batch, time, ...). Raises `InputError` where nobody has said how it lies."""
        if self.time_first is None:
            raise InputError(
                "the model reads time first, and this network was not told whether its arrays do",
                numbers=both_ways(array.shape),
                advice=f"Compile it with batch_first=. {HOW}",
            )
        return array.swapaxes(0, 1) if self.time_first else array

    def rows(self, array: np.ndarray) -> list[np.ndarray]:
        """Each sequence of an input, or of time spans: (time, ...). Raises `InputError` as `batch_first` does."""
        return list(self.batch_first(array))

    def answers(self, array: np.ndarray) -> list[np.ndarray]:
        """Each sequence's answers at every step, of an array of them."""
        return list(array.swapaxes(0, 1) if self.answers_time_first else array)

    def targets(self, array: np.ndarray, *, stepped: bool) -> list[np.ndarray]:
        """Each sequence's answers as the model returns them: with an axis of steps, or one once a sequence."""
        return self.answers(array) if stepped else list(array)

    def batch_axis(self, *, stepped: bool) -> int:
        """Which axis of an answer the batch is."""
        return 1 if stepped and self.answers_time_first else 0

    def laid(self, array: np.ndarray, *, answers: bool = False) -> np.ndarray:
        """An array (batch, time, ...) as inputs, states and recorded values lie, or as `answers` do."""
        return array.swapaxes(0, 1) if (self.answers_time_first if answers else self.time_first) else array

    def stacked(self, sequences: Sequence[np.ndarray], *, answers: bool = False) -> np.ndarray:
        """Sequences (time, ...) as one array, in the same order."""
        return self.laid(np.stack(sequences), answers=answers)

    def told(self, *, time_first: bool) -> Layout:
        """The same, as someone says now that arrays lie."""
        if not time_first:
            return replace(self, time_first=False, answers_time_first=False)
        return self if self.time_first else replace(self, time_first=True, answers_time_first=True)


BATCH_FIRST = Layout()


def layout_of(batch_first: bool | None, *, reads_time_first: bool, answers_time_first: bool) -> Layout:
    """The layout of a model that reads and answers so, for what `compile` was told."""
    if batch_first is True:
        return BATCH_FIRST
    if batch_first is None and reads_time_first:
        return Layout(None, answers_time_first)
    return Layout(reads_time_first, answers_time_first)


def check_batch_first(batch_first: object) -> bool | None:
    """What was said. Raises `InputError` unless it is True, False or None."""
    if batch_first is None or isinstance(batch_first, (bool, np.bool_)):
        return None if batch_first is None else bool(batch_first)
    raise InputError("batch_first must be True, False or None", numbers=f"{shown(batch_first)}", advice=HOW)


def both_ways(shape: tuple[int, ...]) -> str:
    """What an array of that shape is, read either way."""
    first, second = shape[:2]
    return f"shape {shape}: time first, {second} sequences of {first} steps; batch first, {first} of {second}"
