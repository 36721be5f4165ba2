"""Several inputs: a tuple in the order of the model's arguments, or a dict by their names. The chip gets them as one.

Their channels lie side by side in each sample. An input that is held, (batch, features) without a time axis, is there
at every step.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeAlias, cast

import numpy as np

from hw_models.arguments import shown
from hw_models.arrays import Floats, slices_of
from hw_models.errors import InputError
from ltc2neuro.inputs.arrays import Samples, Sequences, as_array, as_sequences, check_numbers
from ltc2neuro.inputs.layout import Layout
from ltc2neuro.inputs.sample_shape import channel

TIMESPANS = "timespans"
"""The argument of a model that is the time before each sample"""

Inlet: TypeAlias = "Samples | tuple[Samples, ...] | list[Samples] | Mapping[str, Samples]"
"""What a model takes: one input, or several"""


@dataclass(frozen=True)
class NamedInput:
    """One of several: its name, the shape that a sample has of it, whether it is held over the sequence, and whether
    these are tokens."""

    name: str
    shape: tuple[int, ...]
    held: bool = False
    tokens: bool = False

    def __str__(self) -> str:
        return f"{self.name} {self.shape}{', tokens' if self.tokens else ''}{', held' if self.held else ''}"

    @property
    def size(self) -> int:
        """How many channels it has."""
        return prod(self.shape)


@dataclass(frozen=True)
class Inputs:
    """The inputs of a model that takes several, in the order in which they lie in a sample.

    `order` is that of a tuple, with the time spans where there are any; `keyed`: the model is called by names.
    """

    each: tuple[NamedInput, ...]
    order: tuple[str, ...]
    keyed: bool = False

    def __str__(self) -> str:
        return ", ".join(map(str, self.each))

    @property
    def where(self) -> Mapping[str, slice]:
        """Which channels each has."""
        return dict(zip((one.name for one in self.each), slices_of(one.size for one in self.each), strict=True))

    @property
    def held(self) -> np.ndarray:
        """Of each channel, whether it is held."""
        return np.repeat([one.held for one in self.each], [one.size for one in self.each])

    @property
    def numbers(self) -> tuple[int, ...]:
        """The channels that are no tokens."""
        return tuple(n for one in self.each if not one.tokens for n in range(self.size)[self.where[one.name]])

    @property
    def size(self) -> int:
        """How many channels all have."""
        return sum(one.size for one in self.each)

    def holding(self, x: Floats) -> Floats:
        """Samples (rows, time, channels), those channels that are held as at the first step."""
        return np.where(np.concatenate([self.held, np.zeros(x.shape[-1] - self.size, bool)]), x[:, :1], x)

    def channel(self, i: int) -> str:
        """What channel `i` of a sample is called."""
        for one, own in zip(self.each, self.where.values(), strict=True):
            if i < own.stop:
                return channel(i - own.start, one.shape, one.name)
        return TIMESPANS


def is_several(x: object) -> bool:
    """Whether `x` is a dict, or a tuple of inputs: one of these has three axes or more, or is a list of sequences.

    A tuple of arrays (time, features) is sequences, as a list of them is.
    """
    return isinstance(x, Mapping) or (isinstance(x, tuple) and any(map(_is_whole, x)))


def single(x: Inlet) -> Samples:
    """`x`, which is not several."""
    return cast("Samples", x)


def _is_whole(x: object) -> bool:
    """Whether it is a whole input, and not one sequence."""
    if isinstance(x, (list, tuple)) and len(x) and hasattr(x[0], "ndim"):
        return True
    return as_array(x, "an input").ndim > 2


def by_name(x: object, order: Sequence[str]) -> dict[str, Samples]:
    """Each input of a tuple, list or dict by its name; `order` names those of a tuple or list. Raises `InputError`."""
    if isinstance(x, Mapping):
        given = {str(name): one for name, one in x.items()}
        if more := [name for name in given if name not in order]:
            raise _other(f"there is no input {', '.join(map(repr, more))}", order)
        return given
    assert isinstance(x, (tuple, list))
    if len(x) > len(order):
        raise _other(f"{len(x)} inputs are too many", order)
    return dict(zip(order, x, strict=False))


def without_times(given: Mapping[str, Samples], timespans: Samples | None) -> tuple[dict[str, Samples], Samples | None]:
    """The inputs, and the time spans that stand among them, or beside. Raises `InputError` where there are both."""
    if TIMESPANS in given and timespans is not None:
        raise InputError("timespans are given twice", advice="Leave out timespans=, or those among the inputs.")
    others = {name: x for name, x in given.items() if name != TIMESPANS}
    return others, given.get(TIMESPANS, timespans)


def check_all(given: Collection[str], order: Sequence[str]) -> None:
    """Raise `InputError` where an input is missing."""
    if missing := [name for name in order if name not in given]:
        raise _other(f"the input {', '.join(map(repr, missing))} is missing", order)


def _other(what: str, order: Sequence[str]) -> InputError:
    return InputError(
        what,
        numbers=f"the inputs are {', '.join(order)}",
        advice="Give all that the model needs, as a tuple in this order, or as a dict by these names.",
    )


def join_inputs(
    given: Mapping[str, Samples],
    known: Inputs | None,
    layout: Layout,
    *,
    tokens: bool = False,
    alone: Collection[str] = (),
) -> tuple[Sequences, tuple[NamedInput, ...]]:
    """All inputs as one, sample by sample, and what each is; `known`: as they must be. Some may be `tokens`, or have
    time `alone`, (batch, time).

    Raises `InputError` that names the input which is none, or does not fit the others.
    """
    wanted = {} if known is None else {one.name: one for one in known.each}
    given = {name: given[name] for name in wanted or given}
    whole = {n: wanted[n].tokens if n in wanted else tokens and _is_whole_numbers(x, n) for n, x in given.items()}
    shapes = {**dict.fromkeys(alone, ()), **{n: one.shape for n, one in wanted.items()}}
    lies_held = {
        n: wanted[n].held if n in wanted else n not in alone and _is_held(x, n, 2 - whole[n]) for n, x in given.items()
    }
    moving = {
        n: as_sequences(x, shapes.get(n), n, layout, tokens=whole[n]) for n, x in given.items() if not lies_held[n]
    }
    if not moving:
        raise InputError(
            "no input has a time axis",
            numbers=", ".join(f"{n} {as_array(x, n).shape}" for n, x in given.items()),
            advice=f"Give at least one as {layout.shape('features')}.",
        )
    (first, one), *others = moving.items()
    for name, other in others:
        _check_fit(name, other, first, one)
    parts: dict[str, Sequence[Floats]] = {}
    found: list[NamedInput] = []
    for name, x in given.items():
        if name in moving:
            parts[name], shape = moving[name].arrays, moving[name].sample_shape or ()
        else:
            rows = _held(x, name, shapes.get(name), len(one.arrays), first)
            shape = rows.shape[1:]
            parts[name] = tuple(
                np.broadcast_to(row.reshape(1, -1), (len(a), row.size)) for row, a in zip(rows, one.arrays, strict=True)
            )
        found.append(NamedInput(name, tuple(shape), lies_held[name], whole[name]))
    arrays = tuple(np.concatenate(row, axis=1) for row in zip(*parts.values(), strict=True))
    return Sequences(arrays, one.ragged, layout, (sum(i.size for i in found),)), tuple(found)


def _is_whole_numbers(x: Samples, name: str) -> bool:
    """Whether an input is of an integer type."""
    some = x[0] if isinstance(x, (list, tuple)) and len(x) else x
    return bool(np.issubdtype(as_array(some, name).dtype, np.integer))


def _is_held(x: Samples, name: str, axes: int) -> bool:
    """Whether an input has no time axis: an array (batch, features) or (batch,), or a list of (features,).

    With one there are at least that many `axes` besides the batch: of tokens, time alone.
    """
    if isinstance(x, (list, tuple)) and len(x):
        return as_array(x[0], name).ndim < axes
    return as_array(x, name).ndim < 1 + axes


def _held(x: Samples, name: str, shape: tuple[int, ...] | None, rows: int, first: str) -> np.ndarray:
    """An input that is held, (rows, *shape)."""
    array = np.asarray([as_array(row, name) for row in x]) if isinstance(x, (list, tuple)) else as_array(x, name)
    if len(array) != rows or (shape is not None and array.shape[1:] != shape):
        wanted = "features" if shape is None else ", ".join(map(str, shape))
        raise InputError(
            f"{name} does not fit {first}",
            numbers=f"shape {array.shape}, expected ({rows}, {wanted}): it is held over each sequence",
            advice="An input that has a value at every step is (batch, time, features).",
        )
    check_numbers(array, name)
    return array.astype(np.float64)


def _check_fit(name: str, other: Sequences, first: str, one: Sequences) -> None:
    lengths = [[len(a) for a in s.arrays] for s in (other, one)]
    if lengths[0] != lengths[1] or other.ragged != one.ragged:
        raise InputError(
            f"{name} does not fit {first}",
            numbers=f"{name} has {_lengths(other)}, {first} has {_lengths(one)}",
            advice="All inputs have one time axis: give as many sequences of each, and as many steps of each sequence.",
        )


def _lengths(x: Sequences) -> str:
    steps = sorted({len(a) for a in x.arrays})
    kind = "in a list" if x.ragged else "in an array"
    return f"{len(x.arrays)} sequences {kind} of {shown(steps[0] if len(steps) == 1 else steps)} steps"
