"""Samples of a closed loop, one after the other, with as little ado as can be: tens of thousands a second."""

from __future__ import annotations

import numpy as np

from compiler.running.executor import States, Steps
from hw_models.arrays import Floats
from ltc2neuro.compiled.runs import AnyParts

WIDE = np.dtype(np.float64).itemsize


class QuickSteps:
    """The next sample of `rows` sequences, None for one without that axis, where there is nothing to tell of it.

    It takes arrays of the shape that the stream has, with nothing clipped and nothing that is not finite; for all else
    `step` returns None, and the stream takes its usual way, from the same states. The numbers are the same.
    """

    def __init__(self, net: AnyParts, runner: Steps, rows: int | None) -> None:
        enters, leaves, record = net.record.enters, net.record.leaves, net.record
        count = 1 if rows is None else rows
        self._stepper = runner.stepper(count)
        lead = () if rows is None else (rows,)
        self._shape = (*lead, *record.sample_shape)
        self._answer = (*lead, *record.answers.each[0].step_shape)
        self._flat = (count, enters.host.scale.size)
        # an LSB is a power of 2, so that it may be taken into the map before it, or after
        self._scale, self._offset = enters.host.scale / enters.lsb, enters.host.offset / enters.lsb
        self._out_scale, self._out_offset = leaves.host.scale * leaves.lsb, leaves.host.offset
        self._most = float(min(-enters.low, enters.high))
        self._samples, self._sizes = np.zeros(self._flat), np.zeros(self._flat)
        self._held = bytearray(count * self._flat[1])  # asked for a 0, a tenth of what `all()` takes
        self._within = np.frombuffer(self._held, np.bool_).reshape(self._flat)

    def step(self, x: object) -> Floats | None:
        """The answer to one sample, in the model's units."""
        if type(x) is not np.ndarray or x.shape != self._shape or x.dtype.kind not in "fiu" or x.itemsize > WIDE:
            return None
        samples, sizes = self._samples, self._sizes
        np.multiply(x.reshape(self._flat), self._scale, samples)
        np.add(samples, self._offset, samples)
        np.add(samples, 0.5, samples)
        np.floor(samples, samples)
        np.abs(samples, sizes)
        np.less_equal(sizes, self._most, self._within)
        if 0 in self._held:  # what is no number is not less, either
            return None
        if self._stepper.step(samples):
            self._stepper.back()
            return None
        answer = self._stepper.y * self._out_scale
        answer += self._out_offset
        return answer.reshape(self._answer)

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
    if not plain or not record.enters.half_up or not isinstance(runner, Steps):
        return None
    return QuickSteps(net, runner, rows)
