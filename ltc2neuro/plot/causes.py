"""Where the error comes from, value by cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hw_models.errors import InputError
from ltc2neuro.attribution.attribution import Attribution, Share
from ltc2neuro.plot.style import INTEGER, axes, bare, hover, require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 14
"""So many values are drawn: those that cost most"""


def causes(found: Attribution, ax: Axes | None = None, *, of: str | None = None) -> Axes:
    """A heat map: each cell is the SQNR in dB with this cause alone at this value; the darker, the more of the whole
    error's power it is. `of` is an answer or a state, by default the first answer."""
    from matplotlib.patches import Rectangle

    require(found, Attribution, "ltc2neuro.attribute(net, x)")
    whole = next((w for w in found.wholes if of is None or w.of == of), None)
    if whole is None:
        advice = f"There are {', '.join(w.of for w in found.wholes)}."
        raise InputError(f"there is no answer or state {of!r} here", advice=advice)
    ax = axes(ax)
    own = [r for r in found.rows if r.of == whole.of and r.field and np.isfinite(r.alone)]
    worst = {}
    for row in own:
        worst[row.title] = min(row.alone, worst.get(row.title, np.inf))
    values = sorted(worst, key=lambda value: worst[value])[:MOST]
    kinds = list(dict.fromkeys(r.cause for r in sorted(own, key=lambda r: r.alone)))  # narrow screens show the first
    bare(ax)
    for row in (r for r in own if r.title in values):
        x, y = kinds.index(row.cause), -values.index(row.title)
        part = float(np.clip(10 ** ((whole.decibels - row.alone) / 10), 0, 1))
        cell = Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=INTEGER, alpha=0.06 + 0.8 * part**0.5, lw=0)
        hover(ax.add_patch(cell), hover_text(row, part))
        hover(ax.text(x, y, f"{row.alone:.0f}", ha="center", va="center"), hover_text(row, part))
    ax.set_xlim(-0.5, max(len(kinds), 1) - 0.5)
    ax.set_ylim(-max(len(values), 1) + 0.5, 0.5)
    ax.set_xticks(range(len(kinds)), [k.replace(" ", "\n", 1) for k in kinds], fontsize="small")
    ax.set_yticks([-n for n in range(len(values))], values)
    ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    ax.set_title(f"{whole.of}: {whole.decibels:.1f} dB in all", loc="left")
    return ax


def hover_text(row: Share, part: float) -> str:
    """A cell as text."""
    knob = f"; {row.field} of Precision lifts it" if row.field else ""
    return (
        f"{row.title}: {row.cause}, {row.alone:.1f} dB alone, {part:.0%} of the error; lifted {row.gain:+.1f} dB{knob}"
    )
