"""What a search found: cost against what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ltc2neuro.plot.style import FLOAT, INTEGER, SOFT, axes, hover, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Trial(Protocol):
    """A setting that was tried."""

    @property
    def cost(self) -> float:
        """Of a sample."""
        ...

    @property
    def cores(self) -> int:
        """On which it lies."""
        ...

    @property
    def decibels(self) -> float:
        """SQNR of the worst channel of the outputs, on what the search looks at."""
        ...

    @property
    def held_back(self) -> float:
        """The same on the part that only judges."""
        ...


class Point(Protocol):
    """A setting of the front."""

    @property
    def trial(self) -> Trial:
        """What it costs and keeps."""
        ...


class Search(Protocol):
    """What `ltc2neuro.search` returns."""

    @property
    def start(self) -> Trial:
        """The default setting, as `compile` places it."""
        ...

    @property
    def laid_out(self) -> Trial:
        """The same integers in the layout of the front."""
        ...

    @property
    def best(self) -> Point:
        """The least cost that keeps what was asked for."""
        ...

    @property
    def front(self) -> Sequence[Point]:
        """From the least cost to the most decibels."""
        ...

    @property
    def minimise(self) -> str:
        """What cost is."""
        ...


def pareto(found: Search, ax: Axes | None = None) -> Axes:
    """The settings that no other one beats, as a line, on what judges as rings; the start, on its own cores and on
    those of the front, and the best are marked."""
    ax = axes(ax)
    front = [p.trial for p in found.front]
    ax.plot([t.cost for t in front], [t.decibels for t in front], color=FLOAT, lw=1.2, marker="o", ms=5, label="front")
    rings = {"ls": "", "marker": "o", "mfc": "none", "ms": 7, "label": "the same on what was held back"}
    ax.plot([t.cost for t in front], [t.held_back for t in front], color=SOFT, **rings)
    marked = {"start": (found.start, "s"), "best": (found.best.trial, "*")}
    if found.laid_out != found.start:
        marked["the start's integers"] = (found.laid_out, "D")
    for name, (trial, mark) in marked.items():
        label = f"{name}, {trial.cores:,} core{'s' if trial.cores > 1 else ''}"
        (dot,) = ax.plot([trial.cost], [trial.decibels], color=INTEGER, ls="", marker=mark, ms=11, label=label)
        hover(dot, f"{label}: {trial.cost:.4g}, {trial.decibels:.1f} dB, held back {trial.held_back:.1f} dB")
    quiet(ax)
    ax.set_xlabel(f"{found.minimise} a sample")
    ax.set_ylabel("SQNR of the worst output channel, dB")
    ax.legend(frameon=False)
    return ax
