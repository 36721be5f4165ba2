"""Pictures over time: states and answers, their errors, and liquid time constants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from compiler.mapping.titles import state_title
from hw_models.arrays import Floats
from hw_models.errors import InputError
from ltc2neuro.plot.style import BAD, CYCLE, FLOAT, INTEGER, SOFT, axes, hover, logarithmic, quiet, require
from ltc2neuro.plot.traces import Trace, Traces

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 8
"""So many elements are drawn: those with the largest error"""
LABEL = 0.07
"""Height of a label, as a share of the axes'"""
DOTS = 100
"""Of more samples the integers are dashes"""


def states(
    found: Traces,
    ax: Axes | None = None,
    *,
    of: str | None = None,
    sequence: int = 0,
    elements: Sequence[int] | None = None,
) -> Axes:
    """Float as lines, integer as dots: a state, an answer or a time constant by its name, after every sample.

    `elements` are those to draw, by default those with the largest error.
    """
    require(found, Traces, "plot.traces(net, x)")
    ax, trace = axes(ax), found.named(of)
    _check_sequence(found, sequence)
    exact, integer = trace.exact[sequence], trace.integer[sequence]
    samples, chosen = np.arange(1, len(exact) + 1), _chosen(trace, sequence, elements)
    style = {"ls": "", "marker": "o", "ms": 3.5} if len(samples) <= DOTS else {"ls": "--", "lw": 1.0}
    for n, i in enumerate(chosen):
        color = CYCLE[n % len(CYCLE)]
        (line,) = ax.plot(samples, exact[:, i], color=color, lw=1.3)
        (dots,) = ax.plot(samples, integer[:, i], color=color, **style)
        hover(line, f"{trace.name}[{i}], float")
        hover(dots, f"{trace.name}[{i}], integer")
    if trace.name in found.taus:
        logarithmic(ax)
    _ends(ax, chosen, integer)
    _labelled(ax, _title(trace, len(chosen), worst=elements is None), found)
    return ax


def errors(
    found: Traces,
    ax: Axes | None = None,
    *,
    of: str | None = None,
    sequence: int = 0,
    elements: Sequence[int] | None = None,
) -> Axes:
    """Integer minus float, of the same elements as `states` draws; grey is the largest and smallest of all."""
    require(found, Traces, "plot.traces(net, x)")
    ax, trace = axes(ax), found.named(of)
    _check_sequence(found, sequence)
    error = trace.error[sequence]
    samples = np.arange(1, len(error) + 1)
    ax.fill_between(samples, error.min(axis=1, initial=0), error.max(axis=1, initial=0), color=SOFT, alpha=0.3, lw=0)
    for n, i in enumerate(_chosen(trace, sequence, elements)):
        (line,) = ax.plot(samples, error[:, i], color=CYCLE[n % len(CYCLE)], lw=1.0)
        hover(line, f"{trace.name}[{i}], integer minus float: at most {np.max(np.abs(error[:, i])):.3g}")
    ax.yaxis.set_major_formatter("{x:g}")
    ax.locator_params("y", nbins=4)
    ax.set_xlim(right=_room(len(error)))
    _labelled(ax, f"{state_title(trace.name)}: integer minus float", found)
    return ax


def time_constants(found: Traces, ax: Axes | None = None, *, of: str | None = None) -> Axes:
    """Of each neuron: behind, the range that its format can hold; before it, what occurred, float and integer.

    `of` is a time constant by its name, by default the first. Raises `InputError` where there is none.
    """
    require(found, Traces, "plot.traces(net, x)")
    ax, trace = axes(ax), found.time_constant(of)
    exact, integer = _whole(trace.exact), _whole(trace.integer)
    held, neurons = found.held.get(trace.name), np.arange(exact.shape[1])
    finite = np.isfinite(exact).all(axis=0) & (exact > 0).all(axis=0)
    for i in neurons[finite]:
        text = f"{trace.name}[{i}]: float {_range(exact[:, i])}, integer {_range(integer[:, i])}"
        if held is not None:
            least, most = (float(np.broadcast_to(end, neurons.shape)[i]) for end in held)
            (bar,) = ax.plot([i, i], [least, most], color=SOFT, alpha=0.3, lw=6, solid_capstyle="butt")
            text += f"; the format holds {least:.3g} .. {most:.3g}"
            hover(bar, text)
        (line,) = ax.plot([i, i], [exact[:, i].min(), exact[:, i].max()], color=FLOAT, lw=3, solid_capstyle="butt")
        (dots,) = ax.plot([i, i], [integer[:, i].min(), integer[:, i].max()], "_", color=INTEGER, ms=7, mew=1.5)
        hover(line, text)
        hover(dots, text)
    logarithmic(ax)
    quiet(ax)
    ax.set_xlabel("neuron")
    ax.set_title(f"{trace.name} in units of {found.unit}", loc="left")
    if not finite.all():
        ax.text(
            0, 1, f"{int(np.sum(~finite))} neurons without a finite one", color=BAD, transform=ax.transAxes, va="top"
        )
    return ax


def _check_sequence(found: Traces, sequence: int) -> None:
    if not isinstance(sequence, (int, np.integer)) or not 0 <= sequence < len(found.lengths):
        numbers = f"sequence = {sequence!r}; there are {len(found.lengths)}, counted from 0"
        raise InputError("there is no such sequence among the traces", numbers=numbers)


def _room(samples: int) -> float:
    """Where the axis of so many samples ends, with room for labels."""
    return samples + 0.06 * max(samples - 1, 1)


def _ends(ax: Axes, chosen: Sequence[int], values: Floats) -> None:
    """The elements' numbers at the ends of their lines, apart where these are close."""
    ax.set_xlim(right=_room(len(values)))
    ends = [(0.0, float(values[-1, i])) for i in chosen]
    heights = ax.transAxes.inverted().transform(ax.transData.transform(ends))[:, 1] if ends else []
    place = -LABEL
    for n in np.argsort(heights, kind="stable"):
        place = max(place + LABEL, float(np.clip(heights[n], 0.0, 1.0 - LABEL * (len(ends) - 1))))
        style = {"ha": "right", "va": "center", "fontsize": "x-small", "color": CYCLE[n % len(CYCLE)]}
        ax.text(1.0, place, f"[{chosen[n]}]", transform=ax.transAxes, **style)


def _chosen(trace: Trace, sequence: int, elements: Sequence[int] | None) -> list[int]:
    if elements is not None:
        return [int(i) for i in elements]
    largest = np.max(np.abs(np.nan_to_num(trace.error[sequence])), axis=0, initial=0)
    return sorted(int(i) for i in np.argsort(-largest, kind="stable")[:MOST])


def _title(trace: Trace, count: int, *, worst: bool) -> str:
    size = trace.exact[0].shape[1]
    few = f", {'the ' if worst else ''}{count} of {size}" if count < size else ""
    few += " with the largest error" if few and worst else ""
    marks = "dots" if len(trace.exact[0]) <= DOTS else "dashes"
    return f"{state_title(trace.name)}: float lines, integer {marks}{few}"


def _labelled(ax: Axes, title: str, found: Traces) -> None:
    from matplotlib.ticker import MaxNLocator

    quiet(ax)
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    ax.set_title(title, loc="left")
    cut = max(found.lengths) > found.steps
    ax.set_xlabel(f"samples, the first {found.steps} of up to {max(found.lengths):,}" if cut else "samples")


def _whole(parts: tuple[Floats, ...]) -> Floats:
    return np.concatenate(parts)


def _range(values: Floats) -> str:
    return f"{values.min():.3g} .. {values.max():.3g}"
