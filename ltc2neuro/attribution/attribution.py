"""What `attribute` returns: rows of what each cause costs, and their text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hw_models.notebook_repr import Shown

SHOWN = 8
"""How many values the text shows of each answer; `rows` has them all."""
APART = 1.0
"""In dB: causes that add up further from the whole than this are not independent"""


@dataclass(frozen=True)
class Share:
    """What one cause costs an answer or a state, at one value or, where `value` is empty, at all of them.

    All are SQNR in dB, of the mean of all channels' noises, each as a share of its own signal.
    """

    of: str
    cause: str
    value: str
    alone: float
    """with this cause alone, all others lifted"""
    lifted: float
    """with all others, this cause lifted"""
    gain: float
    """by how much that is more than the whole"""
    one_step: float
    """with this cause alone, each sample by itself from the float network's states"""
    field: str = ""
    """of `Precision`: what lifts it, in part or altogether"""
    globs: tuple[str, ...] = ()
    """for which values: `Precision(overrides={glob: {field: ...}})` of each; none is for all"""
    scores: tuple[float, ...] = ()
    """the task metrics with this cause alone"""
    title: str = ""
    """what the value is, in words; its name where no more is known"""

    @property
    def knob(self) -> str:
        """The field, and for which values."""
        return f"{self.field} of {', '.join(self.globs)}" if self.globs else self.field


@dataclass(frozen=True)
class Whole:
    """The whole error of an answer or a state, and what its causes add up to: SQNR in dB, over all channels."""

    of: str
    decibels: float
    worst: float
    """of the worst channel, as `verify` tells it"""
    channel: int | None
    """which that is; None where no channel has a signal"""
    one_step: float
    """of single samples, each from the float network's states"""
    alone: float
    """what the causes, each alone at each value, add up to in power"""
    lifted: float
    """the same of what lifting each takes away"""

    @property
    def apart(self) -> float:
        """By how many dB the sum of the causes, each alone, is from the whole."""
        return self.alone - self.decibels


@dataclass(frozen=True)
class Solved:
    """A cell of the model that solves a differential equation in steps: SQNR in dB of torch, which does so, against the
    solution at tight tolerance."""

    cell: str
    kind: str
    decibels: float = float("nan")
    one_step: float = float("nan")
    """of single samples, each from torch's state"""
    note: str = ""
    """why there is no number"""

    def __str__(self) -> str:
        name = f"{self.cell} ({self.kind})" if self.cell else self.kind
        if self.note:
            return f"{name}: torch is not compared with its differential equation, {self.note}"
        whole = "" if np.isnan(self.decibels) else f"{_db(self.decibels)} from its differential equation, "
        where = "" if whole else " from its differential equation: between samples others change its state"
        return f"{name}: torch's steps are {whole}one sample alone {_db(self.one_step)}{where}"


@dataclass(frozen=True)
class Passed:
    """The first value whose error passed the limit, and where."""

    value: str
    sequence: int
    step: int
    element: int
    error: float
    """in the units of the integers"""
    of: float
    """the largest that the value is"""
    title: str = ""
    """what the value is, in words"""


@dataclass(frozen=True, repr=False)
class Attribution(Shown):
    """Where a network's error comes from; `print` it."""

    wholes: tuple[Whole, ...]
    rows: tuple[Share, ...]
    first: Passed | None
    limit: float
    measured: tuple[int, int]
    """sequences that were measured, of so many given"""
    steps: tuple[int, int]
    """samples of each that were measured, of so many of the longest"""
    of_all: float
    """SQNR of the first answer on all of them, by the usual executor"""
    metrics: tuple[tuple[str, float, float], ...] = ()
    """task metrics: name, of the float network, of the integers"""
    note: str = ""
    of_file: float = float("nan")
    """like `of_all`, of the network that was given, where another was measured: see `note`"""
    equations: tuple[Solved, ...] = ()
    """how far torch itself is from the differential equations that it solves, before any integer"""

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        if self.note:
            yield self.note
        yield from map(str, self.equations)
        for number, whole in enumerate(self.wholes):
            yield from self._of(whole, full=number == 0)
        for name, exact, own in self.metrics:
            yield f"{name}: float {exact:.6g}, integers {own:.6g}"
        if self.first is None:
            yield f"no value is ever off by more than {self.limit:g} of its largest"
        else:
            p = self.first
            yield (
                f"first value off by more than {self.limit:g} of its largest: {p.title or p.value}, element "
                f"{p.element}, in sequence {p.sequence}, step {p.step}: {p.error:.3g} of {p.of:.3g}"
            )
        (done, given), (steps, longest) = self.measured, self.steps
        if done < given or steps < longest:
            cut = f", {steps:,} of up to {longest:,} samples of each" if steps < longest else ""
            yield f"measured on {done} of {given} sequences, evenly chosen{cut}; all have {_db(self.of_all)}"

    def _of(self, whole: Whole, *, full: bool) -> Iterator[str]:
        if whole.channel is None:
            yield f"{whole.of}: no channel has a signal here"
            return
        yield (
            f"{whole.of}: {_db(whole.decibels)} over all channels, {_db(whole.worst)} in the worst, [{whole.channel}]; "
            f"one sample alone {_db(whole.one_step)}"
        )
        yield f"  the causes add up to {_db(whole.alone)} alone and {_db(whole.lifted)} lifted" + (
            "" if abs(whole.apart) <= APART else f": {abs(whole.apart):.1f} dB apart, for they are not independent"
        )
        own = [r for r in self.rows if r.of == whole.of]
        causes = [r for r in own if not r.value]
        values = sorted((r for r in own if r.field), key=lambda r: r.alone)
        if not full:
            if values:
                yield f"  most: {'; '.join(f'{r.cause} at {r.title} {_db(r.alone)}' for r in values[:2])}"
            return
        yield from _table(["  cause", "alone", "lifted", "gain", "one step"], [("  " + r.cause, r) for r in causes])
        shown = values[:SHOWN]
        rows = [(f"  {r.title}: {r.cause}", r) for r in shown]
        yield from _table(["  value", "alone", "lifted", "gain", "one step", "lifted by"], rows)
        if len(values) > len(shown):
            yield f"  and {len(values) - len(shown)} more"


def _table(heads: Sequence[str], rows: Sequence[tuple[str, Share]]) -> Iterator[str]:
    cells = [
        [name, _db(r.alone), _db(r.lifted), f"{r.gain:+.1f} dB", _db(r.one_step), r.knob][: len(heads)]
        for name, r in rows
    ]
    widths = [max(len(row[i]) for row in [heads, *cells]) for i in range(len(heads))]
    for row in [heads, *cells]:
        numbers = [cell.rjust(w) for cell, w in zip(row[1:5], widths[1:5], strict=True)]
        yield "  ".join([row[0].ljust(widths[0]), *numbers, *row[5:]]).rstrip()


def _db(value: float) -> str:
    return "none" if np.isposinf(value) else f"{value:.1f} dB"
