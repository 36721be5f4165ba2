"""Samples of a closed loop, one after the other, with as little ado as can be: tens of thousands a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from compiler.running.executor import CLIPPED, Ends, States, Steps
from hw_models.arrays import Floats, slices_of
from ltc2neuro.compiled.record import BaseRecord
from ltc2neuro.compiled.runs import AnyParts
from ltc2neuro.inputs.several import TIMESPANS
from ltc2neuro.inputs.tokens import Table

INTEGERS = "bhilqBHILQ"
NUMBERS = "def" + INTEGERS
"""Types of numbers, as NumPy has them in a character, that 64 bits hold"""


@dataclass(frozen=True)
class _InputView:
    """Where an input's numbers go, in the shape and of the types that they must have."""

    view: Floats
    kinds: str

    def take(self, x: object) -> bool:
        """Write them there, if they are right."""
        if type(x) is not np.ndarray:
            if self.view.ndim or not (type(x) is int or isinstance(x, np.number)):
                return False
            x = np.asarray(x)
        if x.shape != self.view.shape or x.dtype.char not in self.kinds:
            return False
        self.view[...] = x
        return True


class QuickSteps:
    """The next sample of `rows` sequences, None for one without that axis, where there is nothing to tell of it.

    It takes arrays of the shapes that the stream has, with nothing clipped and nothing that is not finite; for all else
    `step` returns None, and the stream takes its usual way, from the same states. The numbers are the same.
    """

    def __init__(self, record: BaseRecord, runner: Steps, ends: Ends, rows: int | None) -> None:
        count, lead = (1, ()) if rows is None else (rows, (rows,))
        stepper = self._stepper = runner.stepper(count, ends)
        self._step = stepper.step
        self._span, self._shortest = stepper.x[:, -1], record.shortest_span
        self._timed = record.timed
        size = stepper.x.shape[1] - record.timed
        given = self._given = stepper.x[:, :size] if record.tokens is None else np.zeros((count, record.tokens.count))
        self._selects = [] if record.tokens is None else _selects(record, given, stepper.x)
        tokens = record.tokens is not None
        self._inlets: Mapping[str, _InputView] = {}
        if record.inputs is None:
            shape = (*lead, *record.sample_shape)
            self._take = _InputView(given.reshape(shape), INTEGERS if tokens else NUMBERS).take
        else:
            for one in record.inputs.each:
                view = given[:, record.inputs.where[one.name]].reshape((*lead, *one.shape))
                self._inlets[one.name] = _InputView(view, INTEGERS if one.tokens else NUMBERS)
            self._order = tuple(name for name in record.inputs.order if name != TIMESPANS)
            self._take = self._take_all
        answers = record.answers
        self._several = len(answers.each) > 1
        self._y = [
            y.reshape((*lead, *a.step_shape)) for a, y in zip(answers.each, answers.apart(stepper.y), strict=True)
        ]

    def step(self, x: object, timespan: object = None) -> list[Floats] | None:
        """The answers to one sample, in the model's units."""
        if not self._take(x):
            return None
        if (self._timed or timespan is not None) and not self._take_span(timespan):
            return None
        if self._selects and not all([select() for select in self._selects]):
            return None
        found = self._step()
        if found:
            if found == CLIPPED:
                self._stepper.back()
            return None
        return [y.copy() for y in self._y] if self._several else [self._y[0].copy()]

    def _take_all(self, x: object) -> bool:
        """Several inputs."""
        if type(x) is tuple and len(x) == len(self._order):
            x = dict(zip(self._order, x, strict=True))
        if type(x) is not dict or x.keys() != self._inlets.keys():
            return False
        return all(inlet.take(x[name]) for name, inlet in self._inlets.items())

    def _take_span(self, timespan: object) -> bool:
        """The time before the sample, one number or one a row, where it is long enough."""
        if self._shortest is None or not isinstance(timespan, (int, float, np.ndarray)):
            return False
        if isinstance(timespan, np.ndarray):
            rows = len(self._span)
            if timespan.dtype.char not in NUMBERS or timespan.shape not in ((), (1,), (rows,), (rows, 1)):
                return False
            timespan = timespan.ravel()
        self._span[:] = timespan
        return bool((self._span >= self._shortest).all() and (self._span > 0).all())

    def begin(self, state: States | None) -> None:
        """Go on from these states, or from the initial ones."""
        self._stepper.begin(state)

    def states(self) -> States:
        """Those after the latest sample."""
        return self._stepper.states()


def _selects(record: BaseRecord, given: Floats, to: Floats) -> list[Callable[[], bool]]:
    """What puts the features there that tokens select, and those that are no tokens; False where there is no row."""
    assert record.tokens is not None
    tokens, found = record.tokens, list[Callable[[], bool]]()
    for table, own in zip(tokens.tables, slices_of(t.size for t in tokens.tables), strict=True):
        found.append(_selecting(table, given, to[:, own].reshape(len(to), len(table.places), -1)))
    numbers, rest = list(tokens.numbers), to[:, tokens.selected : tokens.features]

    def take_numbers() -> bool:
        rest[:] = given[:, numbers]
        return True

    return [*found, take_numbers] if numbers else found


def _selecting(table: Table, given: Floats, to: Floats) -> Callable[[], bool]:
    places, rows, most = list(table.places), np.asarray(table.rows, np.float64), len(table.rows)

    def select() -> bool:
        tokens = given[:, places]
        if tokens.min() < 0 or tokens.max() >= most:
            return False
        to[:] = rows[tokens.astype(np.intp)]
        return True

    return select


def quick_steps(parts: AnyParts, on: str, rows: int | None) -> QuickSteps | None:
    """For a network whose executor takes single samples; it has run before."""
    record, runner = parts.record, parts.runners.on(parts.executor(on))
    if record.ends is None or not isinstance(runner, Steps):
        return None
    return QuickSteps(record, runner, record.ends, rows)
