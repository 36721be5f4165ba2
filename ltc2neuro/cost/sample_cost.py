"""`Cost`: what a sample of a compiled network takes on its chip, in ticks, time and energy, as numbers and as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from compiler.placement.placement import Placement
from hw_models.bands import Band
from hw_models.chip import Chip
from hw_models.notebook_repr import Shown
from hw_models.units import scale_of, three_digits


@dataclass(frozen=True)
class Messages:
    """What neurons and the input send in a sample, counted where it leaves: a message to many cores is one."""

    possible: float
    """if all were sent"""
    sent: float | None = None
    """of a recorded run: those that are not 0"""
    unchanged: float | None = None
    """of the sent ones those that equal the last of their port and value: sending only changes would save them"""


@dataclass(frozen=True, repr=False)
class Cost(Shown):
    """What one sample costs. Bands are low, default, high; times are in seconds, energies in joules.

    The host's side, input and output, is not in it. `recorded`: counted from a run; otherwise every message is sent.
    """

    chip: Chip
    placement: Placement = field(repr=False)
    recorded: bool
    ticks_per_sample: int
    latency_ticks: int
    tick: Band
    """a tick, on average"""
    longest_tick: Band
    sample: Band
    """from one sample to the next"""
    latency: Band
    """from a sample's features to its result"""
    energy: Band
    """of a sample, power times time"""
    dynamic: Band
    """of that, what the busy cores add to the power of a chip at rest"""
    operations: Band
    """of a sample, from its operations: without a chip's power at rest"""
    terms: Mapping[str, float]
    """seconds of a sample by what they are spent on, at the default"""
    work: float
    """seconds that all cores together work in a sample, at the default"""
    messages: Messages

    @property
    def samples_per_second(self) -> Band:
        """One sample after another, without a pause."""
        return self.sample.rate()

    @property
    def ratio(self) -> Band:
        """`energy` over `operations`."""
        return self.energy * self.operations.rate()

    @property
    def dominant(self) -> str:
        """The term that takes most of the time."""
        return max(self.terms, key=lambda term: self.terms[term])

    @property
    def halving(self) -> str:
        """What would halve the time of a sample, and with it nearly the energy."""
        total, barrier = sum(self.terms.values()), self.terms["barrier"]
        if barrier >= total / 2 and self.ticks_per_sample == 1:
            return f"nothing: a sample takes one tick, and the barrier that ends it {barrier / total:.0%} of the time"
        if barrier >= total / 2:
            return (
                f"fewer ticks a sample: the barriers of {self.ticks_per_sample} ticks alone take "
                f"{barrier / total:.0%} of the time. Fewer sub-steps of the solver, or fewer layers"
            )
        spare = total / 2 - barrier
        cores = int(np.ceil(self.work / spare))
        room = None if self.chip.cores is None else self.chip.cores * self.chip.chips
        rest = f"or programs and layers that are {1 - spare / (total - barrier):.0%} smaller"
        if cores > self.placement.network.neurons or (room is not None and cores > room):
            return f"more cores than there are ({cores:,}), {rest}"
        return f"the same neurons spread evenly on about {cores:,} cores (cores={cores}), {rest}"

    def plain(self) -> dict[str, object]:
        """All numbers, for JSON."""
        name, share = self.placement.bottleneck
        bands = ("tick", "longest_tick", "sample", "latency", "samples_per_second", "energy", "dynamic", "operations")
        return {
            "chip": self.chip.name,
            "fits": True,
            "recorded": self.recorded,
            "cores": self.placement.count,
            "chips": self.placement.chips,
            "bottleneck": {"limit": name, "share": share},
            "ticks_per_sample": self.ticks_per_sample,
            "latency_ticks": self.latency_ticks,
            **{key: asdict(getattr(self, key)) for key in (*bands, "ratio")},
            "terms": dict(self.terms),
            "dominant": self.dominant,
            "halving": self.halving,
            "messages": {k: v for k, v in vars(self.messages).items() if v is not None},
        }

    def __str__(self) -> str:
        name, share = self.placement.bottleneck
        how = "counted from a run" if self.recorded else "worst case: every message is sent"
        room = "" if self.chip.cores is None else f" of {self.chip.cores * self.chip.chips:,}"
        chips = f"{self.placement.chips} chip{'s' if self.placement.chips > 1 else ''}"
        total = sum(self.terms.values())
        rest = ", ".join(f"{term} {part / total:.0%}" for term, part in self.terms.items() if term != self.dominant)
        rows = [
            ("a tick, mean", self.tick, "s"),
            ("the longest tick", self.longest_tick, "s"),
            ("a sample", self.sample, "s"),
            ("latency", self.latency, "s"),
            ("samples/s", self.samples_per_second, ""),
            ("energy a sample, power x time", self.energy, "J"),
            ("  of it above the power at rest", self.dynamic, "J"),
            ("energy a sample, by operations", self.operations, "J"),
            ("  ratio of the two", self.ratio, ""),
        ]
        return "\n".join(
            [
                f"Cost on {self.chip.title} ({self.chip.name}), {how}",
                f"cores: {self.placement.count:,}{room} on {chips}; bottleneck: {name}, {share:.1%}",
                f"ticks: {self.ticks_per_sample} a sample, latency {self.latency_ticks}",
                f"{'':32} {'low':>10} {'default':>10} {'high':>10}",
                *(f"{what:32} {_row(band, unit)}" for what, band, unit in rows),
                f"what dominates the time: {self.dominant}, {self.terms[self.dominant] / total:.0%} ({rest})",
                f"what would halve it: {self.halving}",
                _messages(self.messages),
                "not included: the host's side, input and output",
            ]
        )


def _messages(messages: Messages) -> str:
    if messages.sent is None or messages.unchanged is None:
        return f"messages: {messages.possible:,.0f} a sample at most; a run tells how many are sent: cost(run)"
    spared = messages.unchanged / messages.sent if messages.sent else 0.0
    return (
        f"messages: {messages.sent:,.1f} a sample of {messages.possible:,.0f} possible (those of 0 are not sent); "
        f"{spared:.1%} of them did not change: sending only changes would save these"
    )


def _row(band: Band, unit: str) -> str:
    return " ".join(f"{_number(n, unit):>10}" for n in band.ends)


def _number(number: float, unit: str) -> str:
    """Three digits and an SI prefix.

    >>> _number(8.13e-6, "s"), _number(1e-6, "s"), _number(123456.0, "")
    ('8.13 us', '1 us', '123,000')
    """
    scale, name = scale_of(number, unit)
    return f"{three_digits(number / scale)} {name}".rstrip()
