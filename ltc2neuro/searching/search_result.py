"""What `search` returns: the settings that no other one beats, with their networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from compiler.quantize.precision import Precision
from hw_models.notebook_repr import Shown
from hw_models.units import scale_of
from ltc2neuro.cost.sample_cost import Cost
from ltc2neuro.network import Network
from ltc2neuro.searching.deployment import Deployment
from ltc2neuro.searching.trials import COUNTED, OF_NETWORK, UNITS, Trial


@dataclass(frozen=True)
class Point:
    """A setting of the front: none of the others that were tried keeps more and costs less."""

    trial: Trial
    network: Network = field(repr=False, compare=False)
    deployment: Deployment
    """in which it costs that"""

    @property
    def precision(self) -> Precision:
        """The setting."""
        return self.trial.precision

    def cost(self) -> Cost:
        """What a sample costs in the deployment."""
        return self.deployment.of(self.network.parts)


@dataclass(frozen=True, repr=False)
class Search(Shown):
    """The result of a search; `print` it."""

    start: Trial
    """as `compile` places it"""
    laid_out: Trial
    """the start, the same integers, in the deployment of the front"""
    narrowed: Trial
    """the best setting, placed as the start is"""
    best: Point
    """the least cost that keeps what was asked for"""
    front: tuple[Point, ...]
    """from the least cost to the most decibels, all in the same deployment"""
    minimise: str
    tried: int
    complete: bool
    """whether it ended because no move helps, not because its time was over"""

    @property
    def saved(self) -> float:
        """The part of the start's cost that the best spares."""
        return self._part(self.best.trial)

    @property
    def saved_by_deployment(self) -> float:
        """The part of the start's cost that the deployment alone spares, on more cores perhaps."""
        return self._part(self.laid_out)

    @property
    def saved_by_precision(self) -> float:
        """The part of the start's cost that the best precision alone spares."""
        return self._part(self.narrowed)

    @property
    def scale(self) -> tuple[float, str]:
        """What costs are shown in, and its name: microseconds, for one."""
        return scale_of(self.start.cost, UNITS.get(self.minimise, ""))

    @property
    def measure(self) -> str:
        """What costs are, in words: the time a sample, the cores of the network."""
        return f"{self.minimise} of the network" if self.minimise in OF_NETWORK else f"{self.minimise} a sample"

    def _part(self, trial: Trial) -> float:
        return 1 - trial.cost / self.start.cost

    def __str__(self) -> str:
        lines = [f"{self.measure}, SQNR of the worst output channel, and the same on what was held back"]
        lines.append(f"  start {self._row(self.start)}")
        if self.laid_out != self.start:
            lines.append(f"        {self._row(self.laid_out)}  the same integers: net.cost({self.best.deployment})")
        for point in self.front:
            mark = "best  " if point == self.best else "      "
            changed = _changed(self.start.precision, point.precision)
            lines.append(f"  {mark}{self._row(point.trial)}  {changed or 'the precision of the start'}")
        ended = "no move helps any more" if self.complete else "its time was over"
        saved = f"{self.saved:.1%} {'fewer' if self.minimise in COUNTED else 'less'} {self.minimise} than the start"
        if self.laid_out != self.start:
            saved += f": {self.saved_by_deployment:.1%} by the deployment alone, "
            saved += f"{self.saved_by_precision:.1%} by precision"
        lines.append(f"{saved}; {self.tried} setting{'s' if self.tried > 1 else ''} tried, {ended}")
        return "\n".join(lines)

    def _row(self, trial: Trial) -> str:
        scale, unit = self.scale
        shown = f"{trial.cost / scale:8.4g} {unit}" if unit else f"{trial.cost:8,.0f}"
        cores = f"{trial.cores:,} core{'s' if trial.cores > 1 else ''}"
        change = "" if trial.change is None else f"  metric changes by {trial.change:.3g}"
        return f"{shown} {trial.decibels:6.1f} dB {trial.held_back:6.1f} dB {cores:>8}{change}"


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
