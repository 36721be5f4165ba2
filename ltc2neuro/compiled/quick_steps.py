"""Samples of a closed loop, one after the other, with as little ado as can be: tens of thousands a second."""

from __future__ import annotations

import numpy as np

from compiler.running.executor import CLIPPED, Ends, States, Steps
from hw_models.arrays import Floats
from ltc2neuro.compiled.record import BaseRecord
from ltc2neuro.compiled.runs import AnyParts

NUMBERS = "defbhilqBHILQ"
"""Types of numbers, as NumPy has them in a character, that 64 bits hold"""


class QuickSteps:
    """The next sample of `rows` sequences, None for one without that axis, where there is nothing to tell of it.

    It takes arrays of the shape that the stream has, with nothing clipped and nothing that is not finite; for all else
    `step` returns None, and the stream takes its usual way, from the same states. The numbers are the same.
    """

    def __init__(self, record: BaseRecord, runner: Steps, ends: Ends, rows: int | None) -> None:
        lead = () if rows is None else (rows,)
        self._stepper = runner.stepper(1 if rows is None else rows, ends)
        self._step = self._stepper.step
        self._shape = (*lead, *record.sample_shape)
        self._x = self._stepper.x.reshape(self._shape)
        self._y = self._stepper.y.reshape((*lead, *record.answers.each[0].step_shape))

    def step(self, x: object) -> Floats | None:
        """The answer to one sample, in the model's units."""
        if type(x) is not np.ndarray or x.shape != self._shape or x.dtype.char not in NUMBERS:
            return None
        self._x[...] = x
        found = self._step()
        if found == CLIPPED:
            self._stepper.back()
        return None if found else self._y.copy()

    def begin(self, state: States | None) -> None:
        """Go on from these states, or from the initial ones."""
        self._stepper.begin(state)

    def states(self) -> States:
        """Those after the latest sample."""
        return self._stepper.states()


def quick_steps(net: AnyParts, on: str, rows: int | None) -> QuickSteps | None:
    """For a network whose samples are plain arrays and whose executor takes single ones; it has run before."""
    record, runner = net.record, net.runners.on(net.executor(on))
    plain = record.inputs is None and not record.answers.several and record.tokens is None and not record.timed
    if not plain or record.ends is None or not isinstance(runner, Steps):
        return None
    return QuickSteps(record, runner, record.ends, rows)
