"""What a search found: cost against what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ltc2neuro.plot.style import FLOAT, INTEGER, SOFT, axes, hover, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class _Trial(Protocol):
    @property
    def cost(self) -> float: ...
    @property
    def cores(self) -> int: ...
    @property
    def decibels(self) -> float: ...
    @property
    def held_back(self) -> float: ...


class _Point(Protocol):
    @property
    def trial(self) -> _Trial: ...


class _Search(Protocol):
    """`ltc2neuro.searching.search_result.Search`, which tells what each of these is: it stands above pictures."""

    @property
    def start(self) -> _Trial: ...
    @property
    def laid_out(self) -> _Trial: ...
    @property
    def best(self) -> _Point: ...
    @property
    def front(self) -> Sequence[_Point]: ...
    @property
    def measure(self) -> str: ...
    @property
    def scale(self) -> tuple[float, str]: ...


def pareto(found: _Search, ax: Axes | None = None) -> Axes:
    """The settings that no other one beats, as a line, on what judges as rings; the start and the best are marked.

    The start lies there on the cores of all others; what it costs as `compile` places it, the axis tells.
    """
    ax, (scale, unit) = axes(ax), found.scale
    front = [p.trial for p in found.front]
    costs, rings = [t.cost / scale for t in front], {"ls": "", "marker": "o", "mfc": "none", "ms": 7}
    ax.plot(costs, [t.decibels for t in front], color=FLOAT, lw=1.2, marker="o", ms=5, label="front")
    ax.plot(costs, [t.held_back for t in front], color=SOFT, label="the same on what was held back", **rings)
    for label, trial, mark in (("start", found.laid_out, "s"), ("best", found.best.trial, "*")):
        (dot,) = ax.plot([trial.cost / scale], [trial.decibels], color=INTEGER, ls="", marker=mark, ms=11, label=label)
        told = f"{trial.decibels:.1f} dB, held back {trial.held_back:.1f} dB"
        hover(dot, f"{label}: {trial.cost / scale:.4g} {unit}, {told}")
    quiet(ax)
    what, start = f"{found.measure}, {unit}".removesuffix(", "), found.start
    if start != found.laid_out:
        what += f", on {_cores(found.laid_out)}; the start on {_cores(start)}: {start.cost / scale:.4g}"
    ax.set_xlabel(what)
    ax.set_ylabel("SQNR of the worst output channel, dB")
    ax.legend(frameon=False)
    return ax


def _cores(trial: _Trial) -> str:
    return f"{trial.cores:,} core{'s' if trial.cores > 1 else ''}"
