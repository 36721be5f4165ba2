"""What a model returns: one answer, or several in a tuple or dict; on the chip they lie side by side in one vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TypeAlias, TypeVar

import numpy as np

from hw_models.arrays import Floats, slices_of
from hw_models.errors import InputError
from ltc2neuro.compiled.readouts import Readout, readout
from ltc2neuro.inputs.layout import Layout
from ltc2neuro.metrics import channel_sqnr

Answered: TypeAlias = "Floats | tuple[Floats, ...] | dict[str, Floats]"
"""As a model returns it"""
ALONE = "outputs"
"""What the answer of a model that has one is called"""
THE_ONE = "the output"
"""The same in messages, and how the name of any begins there"""
T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """One answer: what it is called, whether it is given at "every" step, the "last" or otherwise, and its shape."""

    name: str
    readout: str
    step_shape: tuple[int, ...]
    drops_row: bool = False
    """whether the model drops the axis of rows where there is one, as y.squeeze() does"""
    drops_step: bool = False
    """the same of steps"""
    added: tuple[float, ...] = ()
    """what the host adds to a sum over all steps, once"""

    def __str__(self) -> str:
        return f"{self.step_shape} {self.over.text}"

    @property
    def every(self) -> bool:
        """Whether it is given at every step, not once a sequence."""
        return self.readout == "every"

    @property
    def over(self) -> Readout:
        """What the host makes of all steps."""
        return readout(self.readout)

    @property
    def stepped(self) -> bool:
        """Whether it has an axis of steps."""
        return self.every or self.over.apart

    def steps(self, of: int) -> tuple[int, ...]:
        """Its axis of steps, to so many: none of one that is given once a sequence."""
        return (of,) if self.every else (min(of, self.over.latest),) if self.over.apart else ()

    @property
    def title(self) -> str:
        """What messages call it."""
        return THE_ONE if self.name == ALONE else f"{THE_ONE} {self.name!r}"

    @property
    def row(self) -> str:
        """What rows of `verify` call it."""
        return ALONE if self.name == ALONE else f"{ALONE}.{self.name}"

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return prod(self.step_shape)

    def shaped(self, flat: Floats) -> Floats:
        """Flat ones (..., time, size), batch first, in the shape of the model's."""
        if self.every:
            return flat.reshape((*flat.shape[:-1], *self.step_shape))
        y = self.read_out(flat)
        return y.reshape((*y.shape[:-1], *self.step_shape))

    def read_out(self, flat: Floats) -> Floats:
        """One answer (..., size) of those at all steps (..., time, size)."""
        if flat.ndim < 2 or flat.shape[-2] == 0:
            raise InputError("there is no last step to answer at", advice="Give at least one sample.")
        return self.whole(flat[..., -1, :] if self.readout == "last" else self.over.over(flat))

    def whole(self, y: Floats) -> Floats:
        """A sum with what is added to it once."""
        return y + np.array(self.added) if self.added else y

    def returned(self, flat: Floats, layout: Layout) -> Floats:
        """A run's, as the model returns them: in the order of `layout`, without the axes that it drops."""
        y = self.shaped(flat.swapaxes(0, 1) if layout.answers_time_first else flat)
        gone = [0] if self.drops_row and len(y) == 1 else []
        if self.stepped:
            gone += [1] if self.drops_step and y.shape[1] == 1 else []
            if layout.answers_time_first:
                y, gone = y.swapaxes(0, 1), [1 - axis for axis in gone]
        return np.squeeze(y, tuple(gone)) if gone else y


@dataclass(frozen=True)
class Answers:
    """All answers of a model, in the order in which they lie in what leaves the chip.

    `keyed`: they come in a dict; else in a tuple, or, where there is one, by itself.
    """

    each: tuple[Answer, ...]
    keyed: bool = False

    def __str__(self) -> str:
        return ", ".join(f"{a.name} {a}" for a in self.each) if self.several else str(self.each[0])

    @property
    def several(self) -> bool:
        """Whether they come in a tuple or dict."""
        return self.keyed or len(self.each) > 1

    @property
    def readout(self) -> str:
        """ "every" where any is given at every step, else what all are, or "last"."""
        found = {a.readout for a in self.each}
        return "every" if "every" in found else found.pop() if len(found) == 1 else "last"

    @property
    def step_shape(self) -> tuple[int, ...]:
        """The shape of one answer to one row, of several that of their vector."""
        return (sum(a.size for a in self.each),) if self.several else self.each[0].step_shape

    @property
    def names(self) -> tuple[str, ...]:
        """What they are called: the dict's keys, a named tuple's fields, else y0, y1 ..."""
        return tuple(a.name for a in self.each)

    @property
    def where(self) -> Mapping[str, slice]:
        """Where each lies in the vector of all."""
        return dict(zip(self.names, slices_of(a.size for a in self.each), strict=True))

    def apart(self, flat: Floats) -> list[Floats]:
        """Each one's part of (..., size)."""
        return [flat[..., own] for own in self.where.values()]

    def gathered(self, values: Sequence[T]) -> T | tuple[T, ...] | dict[str, T]:
        """What belongs to each, as the model returns them."""
        if self.keyed:
            return dict(zip(self.names, values, strict=True))
        return tuple(values) if self.several else values[0]

    def place(self, channel: int) -> str:
        """How an element of the vector of all is called: its index in an answer."""
        for answer, own in zip(self.each, self.where.values(), strict=True):
            if channel < own.stop:
                index = np.unravel_index(channel - own.start, answer.step_shape)
                return f"{answer.name} " * self.several + f"[{', '.join(str(int(i)) for i in index)}]"
        raise IndexError(channel)

    def by_channel(self, sequences: Sequence[Sequence[Floats]]) -> list[list[Floats]]:
        """Of each, what sequences have of it, (samples, channels): those have each in the model's shape."""
        return [[np.reshape(y[n], (-1, a.size)) for y in sequences] for n, a in enumerate(self.each)]

    def channel_sqnr(self, exact: Sequence[Sequence[Floats]], approximate: Sequence[Sequence[Floats]]) -> Floats:
        """That of each channel of the vector of all: see `ltc2neuro.metrics`."""
        pairs = zip(self.by_channel(exact), self.by_channel(approximate), strict=True)
        return np.concatenate([channel_sqnr(*pair) for pair in pairs])

    def shaped(self, flat: Floats) -> list[Floats]:
        """Of each, flat ones (..., time, size) in the shape of the model's."""
        return [a.shaped(own) for a, own in zip(self.each, self.apart(flat), strict=True)]

    def returned(self, flat: Floats | list[Floats], layout: Layout) -> Answered | list[Answered]:
        """A run's outputs as the model returns them: arrays in the order of `layout`, or of a list of sequences one
        after the other, with all their axes."""
        if isinstance(flat, list):
            return [self.gathered(self.shaped(y)) for y in flat]
        return self.gathered([a.returned(y, layout) for a, y in zip(self.each, self.apart(flat), strict=True)])

    def dropping(self, rows: Sequence[bool], steps: Sequence[bool]) -> Answers:
        """The same, told of each whether the model drops the axis of a single row or step."""
        told = zip(self.each, rows, steps, strict=True)
        return replace(self, each=tuple(replace(a, drops_row=row, drops_step=step) for a, row, step in told))


def alone(readout: str, step_shape: tuple[int, ...], drops_row: bool = False, drops_step: bool = False) -> Answers:
    """Of a model that has one answer."""
    return Answers((Answer(ALONE, readout, step_shape, drops_row, drops_step),))
