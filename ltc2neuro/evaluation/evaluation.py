"""What `evaluate` returns: metrics, SQNR, what was clipped, messages; as numbers, as text and for JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from compiler.placement.activity import Sent
from hw_models.notebook_repr import Shown
from ltc2neuro.compiled.clipped import Clipped


@dataclass(frozen=True)
class Measure:
    """A task metric of the integers, and of the float network where it was asked for."""

    integer: float
    float: float | None = None


@dataclass(frozen=True)
class Fidelity:
    """How far a vector's integers are from the float network: SQNR of each channel in dB, and the worst."""

    decibels: tuple[float, ...]
    channel: int | None
    """the worst channel; None where there is no signal"""

    @property
    def worst(self) -> float:
        """In dB."""
        return math.nan if self.channel is None else self.decibels[self.channel]


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Shown):
    """A network on a whole data set; `print` it.

    Two are equal where all that was counted is, whoever counted it: `on` and `resumed` are no part of that.
    """

    sequences: int
    samples: int
    metrics: Mapping[str, Measure]
    """by name; of several answers as "accuracy of NAME" """
    sqnr: Mapping[str, Fidelity]
    """of "outputs" and of each state; empty without the float network"""
    saturations: Mapping[str, int]
    clipped: Clipped = field(repr=False)
    """how often and how far channels, time spans and states were beyond their ranges"""
    activity: Sent | None = field(default=None, repr=False)
    """how often each neuron sent a message, where that was asked for: `net.cost` takes it"""
    on: Mapping[str, int] = field(default_factory=dict)
    """how many sequences each executor ran"""
    resumed: int = 0
    """how many sequences were done before, and found in the journal"""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Evaluation) and self._counted() == other._counted()

    def __hash__(self) -> int:
        return hash(self._counted())

    def _counted(self) -> str:
        """All that was counted, as text, as NaN is not equal to itself."""
        return repr({name: part for name, part in self.plain().items() if name not in ("on", "resumed")})

    def plain(self) -> dict[str, object]:
        """All of it, as JSON has it."""
        clipped = [
            {
                "name": tally.element(int(i)),
                "count": int(tally.counts[i]),
                "share": float(self.clipped.shares(tally)[i]),
                **{end: float(getattr(tally, end)[i]) for end in ("low", "high", "held_low", "held_high")},
            }
            for tally in self.clipped.tallies
            for i in np.flatnonzero(tally.counts)
        ]
        return {
            "sequences": self.sequences,
            "samples": self.samples,
            "metrics": {name: asdict(m) for name, m in self.metrics.items()},
            "sqnr": {name: {**asdict(f), "worst": f.worst} for name, f in self.sqnr.items()},
            "saturations": dict(self.saturations),
            "clipped": clipped,
            "activity": None if self.activity is None else asdict(self.activity),
            "on": dict(self.on),
            "resumed": self.resumed,
        }

    def __str__(self) -> str:
        width = max(map(len, [*self.metrics, *(f"SQNR of {n}" for n in self.sqnr), "saturations"]))
        rows = [f"  {name:{width}}  {text}" for name, text in self._rows()]
        ran = ", ".join(f"{name}" for name in self.on)
        again = f", {self.resumed:,} of them from the journal" if self.resumed else ""
        return "\n".join([f"{self.sequences:,} sequences, {self.samples:,} samples on {ran}{again}", *rows])

    def _rows(self) -> Iterator[tuple[str, str]]:
        for name, measure in self.metrics.items():
            beside = "" if measure.float is None else f" (float {measure.float:.6g})"
            yield name, f"{measure.integer:.6g}{beside}"
        for name, found in self.sqnr.items():
            worst = "no channel has a signal" if found.channel is None else f"{found.worst:.1f} dB, [{found.channel}]"
            yield f"SQNR of {name}", worst
        yield "saturations", ", ".join(f"{name} {count:,}" for name, count in self.saturations.items()) or "none"
        if self.clipped.text():
            yield "clipped", self.clipped.text()
        if self.activity is not None:
            sent, unchanged = (sum(map(sum, c.values())) for c in (self.activity.sent, self.activity.unchanged))
            each = max(1, self.samples)
            yield "messages", f"{sent / each:,.1f} a sample, {unchanged / each:,.1f} of them as the one before"
