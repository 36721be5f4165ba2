"""What `search` returns: the settings that no other one beats, with their networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from compiler.quantize.precision import Precision
from hw_models.notebook_repr import Shown
from hw_models.units import scale_of
from ltc2neuro.network import Network
from ltc2neuro.searching.trials import UNITS, Trial


@dataclass(frozen=True)
class Point:
    """A setting of the front: none of the others that were tried keeps more and costs less."""

    trial: Trial
    network: Network = field(repr=False, compare=False)

    @property
    def precision(self) -> Precision:
        """The setting."""
        return self.trial.precision


@dataclass(frozen=True, repr=False)
class Search(Shown):
    """The result of a search; `print` it."""

    start: Trial
    best: Point
    """the least cost that keeps what was asked for"""
    front: tuple[Point, ...]
    """from the least cost to the most decibels"""
    minimise: str
    tried: int
    complete: bool
    """whether it ended because no move helps, not because its time was over"""

    @property
    def saved(self) -> float:
        """The part of the start's cost that the best spares."""
        return 1 - self.best.trial.cost / self.start.cost

    def __str__(self) -> str:
        lines = [f"{self.minimise} a sample, SQNR of the worst output channel, and the same on what was held back"]
        lines.append(f"  start {self._row(self.start)}")
        for point in self.front:
            mark = "best  " if point == self.best else "      "
            lines.append(f"  {mark}{self._row(point.trial)}  {_changed(self.start.precision, point.precision)}")
        ended = "no move helps any more" if self.complete else "its time was over"
        lines.append(f"{self.saved:.1%} less {self.minimise} than the start; {self.tried} settings tried, {ended}")
        return "\n".join(lines)

    def _row(self, trial: Trial) -> str:
        scale, unit = scale_of(self.start.cost, UNITS.get(self.minimise, ""))
        change = "" if trial.change is None else f"  metric changes by {trial.change:.3g}"
        return f"{trial.cost / scale:8.4g} {unit} {trial.decibels:6.1f} dB {trial.held_back:6.1f} dB{change}"


def _changed(start: Precision, own: Precision) -> str:
    """The fields in which two settings differ."""
    found = [f"{n} {v}" for n, v in vars(own).items() if n != "overrides" and getattr(start, n) != v]
    found += [
        f"{glob}: {', '.join(f'{n} {v}' for n, v in fields.items())}"
        for glob, fields in own.overrides.items()
        if start.overrides.get(glob) != fields
    ]
    return "; ".join(found)


def front_of(trials: Sequence[Trial]) -> list[Trial]:
    """Those that none beats in both, by rising cost."""
    found: list[Trial] = []
    for trial in sorted(trials, key=lambda t: (t.cost, -t.decibels)):
        if not found or trial.decibels > found[-1].decibels:
            found.append(trial)
    return found
