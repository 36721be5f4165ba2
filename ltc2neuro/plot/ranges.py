"""The ranges of values: what they are on data, what they were calibrated for, and what their words can hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compiler.graph.names import plain_name
from hw_models.arrays import Floats
from hw_models.fixed_point import Format
from ltc2neuro.compiled.microcode import with_microcode
from ltc2neuro.compiled.network import BaseNetwork
from ltc2neuro.compiled.parts import Parts
from ltc2neuro.compiled.run import Run
from ltc2neuro.compiled.runs import INPUT, run_reference
from ltc2neuro.inputs.arrays import Samples
from ltc2neuro.inputs.several import Inlet
from ltc2neuro.plot.style import BAD, FLOAT, SOFT, axes, bare, hover
from ltc2neuro.plot.traces import given

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class SeenRange:
    """One value on data, in the model's units."""

    name: str
    title: str
    """what it is, in words"""
    quantiles: tuple[float, float, float, float, float]
    """least, a quarter, half, three quarters, most"""
    form: Format
    """its ends are the calibrated or proven range"""
    clipped: float
    """the share that was clipped"""

    @property
    def room(self) -> float:
        """The largest magnitude that its word can hold."""
        return 2.0 ** (self.form.bits - 1) * self.form.lsb

    @property
    def used(self) -> float:
        """The part of that which the data reach."""
        return max(abs(self.quantiles[0]), abs(self.quantiles[-1])) / self.room

    @property
    def text(self) -> str:
        """All of it as text."""
        least, low, half, high, most = self.quantiles
        form = self.form
        return (
            f"{self.title}: {least:.4g} .. {most:.4g} on the data, half {low:.4g} .. {high:.4g}, median {half:.4g}; "
            f"calibrated or proven {form.real_low:.4g} .. {form.real_high:.4g}; {form.bits} bits, "
            f"{form.fraction} fraction bits, hold +-{self.room:.4g}; {self.clipped:.3%} clipped"
        )


def ranges(net: BaseNetwork, x: Inlet, ax: Axes | None = None, *, timespans: Samples | None = None) -> Axes:
    """Of each value a box of what it is on `x`, behind it its calibrated range, and behind that what its word can hold.

    All are shown as a share of the word's range: a box that is small wastes bits, one at the end is clipped, and the
    share that is, is written in red. Raises `InputError` for a network without microcode.
    """
    ax, parts = axes(ax), with_microcode(net, "ranges")
    run = run_reference(parts, given(net, x, timespans), record=parts.names.all())
    return draw_ranges(spreads(parts, run), ax)


def spreads(parts: Parts, run: Run) -> list[SeenRange]:
    """What a run recorded of each value and state."""
    graph = parts.record.graph
    samples = sum(int(np.prod(batch.shape[:2])) for batch, _ in run.entered)
    forms = {s.name: graph.state_format(s.name) for s in graph.states}
    forms |= {v.represents: graph.format(v.name) for v in graph.values.values() if v.represents is not None}
    counts: dict[str, float] = {}
    repeats = {op.result: block.repeat for block, op in graph.ops() if op.result is not None}
    for name, clip in (run.counted.inside if run.counted else {}).items():
        share = float(np.sum(clip.counts)) / max(1, samples * repeats.get(name, 1) * clip.counts.size)
        label = plain_name(name)
        value = graph.values.get(label)
        label = value.represents if value is not None and value.represents else label
        counts[label] = max(counts.get(label, 0.0), share)
    own = np.concatenate([batch.reshape(-1) for batch, _ in run.entered]) * graph.input_format.lsb
    beyond = float(np.sum(run.counted.entering)) / max(1, own.size) if run.counted else 0.0
    found = [SeenRange(INPUT, INPUT, _quantiles([own]), graph.input_format, beyond)]
    for name, title in parts.titles(n for n in run.record if n in forms).items():
        found.append(SeenRange(name, title, _quantiles(run.record[name]), forms[name], counts.get(name, 0.0)))
    return found


def _quantiles(arrays: Iterable[Floats]) -> tuple[float, float, float, float, float]:
    values = np.concatenate([np.asarray(a).reshape(-1) for a in arrays])
    least, low, half, high, most = (float(q) for q in np.quantile(values, (0, 0.25, 0.5, 0.75, 1)))
    return least, low, half, high, most


def draw_ranges(found: Sequence[SeenRange], ax: Axes) -> Axes:
    """`ranges`, of what was counted."""
    bare(ax)
    for row, one in enumerate(found):
        y, room = -row, one.room
        for low, high, alpha, half in ((-room, room, 0.12, 0.42), (one.form.real_low, one.form.real_high, 0.35, 0.32)):
            hover(
                ax.fill_between([low / room, high / room], y - half, y + half, color=SOFT, alpha=alpha, lw=0), one.text
            )
        least, low, half, high, most = (q / room for q in one.quantiles)
        (whiskers,) = ax.plot([least, most], [y, y], color=FLOAT, lw=1.5)
        box = ax.fill_between([low, max(high, low + 0.002)], y - 0.22, y + 0.22, color=FLOAT, alpha=0.85, lw=0)
        (middle,) = ax.plot([half, half], [y - 0.22, y + 0.22], color="white", lw=1)
        for artist in (whiskers, box, middle):
            hover(artist, one.text)
        ax.text(-1.03, y, one.title, ha="right", va="center")
        ax.text(1.03, y, f"±{one.room:.3g}", va="center")
        if one.clipped > 0:
            ax.text(1.2, y, f"{one.clipped:.2%} clipped", va="center", color=BAD, weight="bold")
    ax.axvline(0, color=SOFT, lw=0.6)
    ax.set_xlim(-1, 1)
    ax.set_ylim(-len(found) + 0.4, 0.6)
    ax.set_title("share of what each word can hold", loc="left")
    return ax
