"""What a run clipped: which channels, time spans and states went beyond their ranges, how often and how far.

A range is what the calibration showed, with the precision's margin. What lies beyond is taken for the range's end;
where that happens to more than one value in a thousand of a channel, whoever runs the network is told. A value between
layers that rounding alone takes beyond, such as a product a little below 0, is counted and not told.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hw_models.arrays import Array
from hw_models.errors import InputError
from ltc2neuro.inputs.sample_shape import channel
from ltc2neuro.inputs.several import Inputs

TOLD = 1e-3
"""The share of one channel's values above which it is told that they were clipped"""
OF_TIMES = "time spans"
MOST_NAMED = 4
"""How many channels or elements of one vector a warning names"""
MOST_VECTORS = 6

ADVICE = (
    "Calibrate on data that reach as far as what the network will meet, or compile with a wider Precision(margin=...), "
    "or without microcode LibraryForm(margin=...)."
)


@dataclass(frozen=True)
class Tally:
    """How often and how far the elements of one vector were beyond their ranges; arrays (elements,), in real values."""

    name: str
    """what the elements are called: the input's channels, time spans, or a state's elements"""
    counts: Array
    low: Array
    """the smallest seen; where it is not known how far others went, that of those that were clipped"""
    high: Array
    held_low: Array
    """the smallest that is not clipped"""
    held_high: Array
    repeat: int = 1
    """how many values an element has in one sample"""
    shape: tuple[int, ...] = ()
    """of the vector, where it has several axes"""

    of: str = ""
    """the name of its input, of several"""
    value: str = ""
    """the value of the integer graph that it is, where it is one"""
    title: str = ""
    """what that is, in words"""
    rounding: float = 0.0
    """as far as rounding alone takes it beyond its range"""

    def joined(self, other: Tally) -> Tally:
        """Both together."""
        return replace(
            self,
            counts=self.counts + other.counts,
            low=np.minimum(self.low, other.low),
            high=np.maximum(self.high, other.high),
        )

    @property
    def beyond(self) -> Array:
        """Which elements were beyond their ranges by more than rounding."""
        off = np.maximum(self.held_low - self.low, self.high - self.held_high)
        return (self.counts > 0) & ((off > self.rounding) | (self.rounding == 0))

    def element(self, i: int) -> str:
        """How element `i` is called."""
        name = f"{self.title}, element" if self.title not in ("", self.value) else self.name
        return OF_TIMES if self.name == OF_TIMES else f"{name} {channel(i, self.shape, self.of)}"

    def ranges(self, i: int) -> str:
        """How far element `i` went, and how far it may, with digits that tell the ends of the range apart."""
        ends = [float(e[i]) for e in (self.low, self.high, self.held_low, self.held_high)]
        width, largest = ends[3] - ends[2] or max(ends) - min(ends), max(map(abs, ends))
        digits = max(6, math.ceil(math.log10(largest / width)) + 3) if 0 < width < math.inf and largest else 6
        seen_low, seen_high, low, high = (f"{end:.{min(digits, 17)}g}" for end in ends)
        return f"seen {seen_low} to {seen_high}, calibrated for {low} to {high}"


@dataclass(frozen=True)
class Clipped:
    """What was clipped in this many samples of all sequences together: vectors of which any element was."""

    samples: int = 0
    tallies: tuple[Tally, ...] = ()

    def joined(self, other: Clipped) -> Clipped:
        """What was clipped in both."""
        found = {(t.name, t.of): t for t in self.tallies}
        for tally in other.tallies:
            key = tally.name, tally.of
            found[key] = found[key].joined(tally) if key in found else tally
        return Clipped(self.samples + other.samples, tuple(found.values()))

    def shares(self, tally: Tally) -> Array:
        """The share of each element's values that was clipped."""
        return tally.counts / max(1, self.samples * tally.repeat)

    def told(self, tally: Tally) -> Array:
        """Which elements were clipped too often, by more than rounding."""
        return tally.beyond & (self.shares(tally) > TOLD)

    def text(self) -> str:
        """The elements of every vector that were clipped too often, the worst first; empty where there are none."""
        parts = [text for tally in self.tallies if (text := self._of(tally))]
        more = [f"and values of {len(parts) - MOST_VECTORS} more"] if len(parts) > MOST_VECTORS else []
        return "; ".join([*parts[:MOST_VECTORS], *more])

    def titled(self, titles: Callable[[Sequence[str]], Mapping[str, str]], above: float = TOLD) -> Clipped:
        """The same, with what each value is of which a larger share was clipped, as `titles` says by their names."""
        told = [t.value for t in self.tallies if t.value and np.any(self.shares(t) > above)]
        found = titles(told) if told else {}
        return replace(self, tallies=tuple(replace(t, title=found.get(t.value, t.title)) for t in self.tallies))

    def _of(self, tally: Tally) -> str:
        shares, told = self.shares(tally), self.told(tally)
        order = [int(i) for i in np.argsort(-shares, kind="stable") if told[i]]
        parts = [
            f"{tally.element(i)}: {100 * shares[i]:.3g} % of the values, {tally.ranges(i)}" for i in order[:MOST_NAMED]
        ]
        more = [f"and {len(order) - MOST_NAMED} more of these"] if len(order) > MOST_NAMED else []
        return "; ".join([*parts, *more])

    def names(self) -> frozenset[str]:
        """The elements of which `text` tells, and those that it leaves out for their number."""
        return frozenset(t.element(int(i)) for t in self.tallies for i in np.flatnonzero(self.told(t)))

    def without(self, names: frozenset[str]) -> Clipped:
        """The same but for the elements named."""
        kept = []
        for t in self.tallies:
            out = np.array([t.element(i) in names for i in range(t.counts.size)], bool)
            kept.append(replace(t, counts=np.where(out, 0, t.counts)))
        return replace(self, tallies=tuple(kept))

    def rows(self) -> list[tuple[str, float, str]]:
        """The largest share of each vector, the name of its element, and its ranges."""
        found = []
        for tally in self.tallies:
            shares = self.shares(tally)
            worst = int(np.argmax(shares))
            found.append((tally.element(worst), float(shares[worst]), tally.ranges(worst)))
        return found


def tell(clipped: Clipped, *, strict: bool, stacklevel: int) -> None:
    """One warning that names all that was clipped; `strict` makes an `InputError` of it."""
    text = clipped.text()
    if text and strict:
        raise InputError("values were clipped to their calibrated ranges", numbers=text, advice=ADVICE)
    if text:
        warnings.warn(f"values were clipped to their calibrated ranges: {text}. {ADVICE}", stacklevel=stacklevel + 1)


def shorter(arrays: Sequence[Array], shortest: float | None) -> Array:
    """How often each channel is clipped to the shortest time before a sample, where there is one: the last channel."""
    size = arrays[0].shape[1] if arrays else 1
    found = np.zeros(size, np.int64)
    if shortest is not None:
        found[-1] = sum(int(np.count_nonzero(a[:, -1] < shortest)) for a in arrays)
    return found


@dataclass(frozen=True)
class ChannelRanges:
    """The input's channels in the user's units: `held` says from where to where each is not clipped.

    Samples had this `shape`, or were put together from several `inputs`. The last channel is the time before each
    sample where there is a `shortest`, to which shorter ones are clipped.
    """

    held: tuple[Array | float, Array | float]
    shortest: float | None
    shape: tuple[int, ...] = ()
    inputs: Inputs | None = None


def input_tallies(arrays: Sequence[Array], clips: Array, of: ChannelRanges) -> tuple[Tally, ...]:
    """What was clipped of the `arrays` (samples, channels) that entered; `clips` (channels,): how often each was."""
    whole = [a for a in arrays if len(a)] if clips.any() else []
    if not whole:
        return ()
    low, high = np.min([a.min(axis=0) for a in whole], axis=0), np.max([a.max(axis=0) for a in whole], axis=0)
    held_low, held_high = (np.array(np.broadcast_to(end, low.shape), np.float64) for end in of.held)
    features = low.size if of.shortest is None else low.size - 1
    if of.shortest is not None:
        held_low[-1] = max(held_low[-1], of.shortest)
    parts = [("input channel", slice(0, features), of.shape, "")]
    if of.inputs is not None:
        parts = [("input channel", of.inputs.where[one.name], one.shape, one.name) for one in of.inputs.each]
    return tuple(
        Tally(name, clips[own], low[own], high[own], held_low[own], held_high[own], shape=shape, of=one)
        for name, own, shape, one in [*parts, (OF_TIMES, slice(features, None), (), "")]
        if clips[own].any()
    )


def with_extremes(tally: Tally, values: Sequence[Array]) -> Tally:
    """The same, with the extremes of `values` (..., elements) that were not clipped."""
    whole = [v.reshape(-1, tally.counts.size) for v in values if v.size]
    if not whole:
        return tally
    low = np.min([v.min(axis=0) for v in whole], axis=0)
    high = np.max([v.max(axis=0) for v in whole], axis=0)
    return replace(tally, low=np.minimum(tally.low, low), high=np.maximum(tally.high, high))


def user_ends(low: Array | float, high: Array | float, scale: Array, offset: Array) -> tuple[Array, Array]:
    """low..high after the host's map x * scale + offset, in the units before it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = (low - offset) / scale, (high - offset) / scale
    still = scale == 0  # whatever enters becomes the offset
    return np.where(still, -np.inf, np.minimum(one, other)), np.where(still, np.inf, np.maximum(one, other))
