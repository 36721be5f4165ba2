"""Time: states and answers, float and integer, their error, and the liquid time constants."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ltc2neuro import plot
from ltc2neuro.plot.traces import STEPS, Traces, traces_of
from ltc2neuro.report.material import Material
from ltc2neuro.report.page import Html, Section, choice, figure
from ltc2neuro.report.svg import picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SEQUENCES = 3
"""So many can be picked: evenly chosen"""
MOST = 3
"""So many answers and states are drawn over time"""


def time(material: Material) -> Section:
    """Over time."""
    arrays = material.x.arrays
    chosen = _chosen(material)
    found = traces_of(material.parts, [arrays[i] for i in chosen])
    names = [*list(found.answers)[:MOST], *list(found.states)[:MOST]]
    items = []
    for place, number in enumerate(chosen):
        draw, heights = [], []
        for name in names:
            draw += [partial(_states, found, name, place), partial(_errors, found, name, place)]
            heights += [2.0, 1.0]
        for name in found.taus:
            draw.append(partial(_states, found, name, place))
            heights.append(1.6)
        drawn = picture(f"time{place}", draw, 8, 1.35 * sum(heights), heights)
        items.append((f"sequence {number}", figure(drawn, f"Sequence {number}, as the model answers so far.")))
    body: list[Html] = [choice("sequence", items)]
    for name in found.taus:
        drawn = picture(f"held-{len(body)}", [partial(_taus, found, name)], 8, 2.8)
        caption = "Of each neuron: blue what occurred in float, orange the integers, grey what the format holds."
        body.append(figure(drawn, caption))
    return Section("time", "Time", _conclusion(found), tuple(body))


def _states(found: Traces, name: str, place: int, ax: Axes) -> None:
    plot.states(found, ax, of=name, sequence=place)


def _errors(found: Traces, name: str, place: int, ax: Axes) -> None:
    plot.errors(found, ax, of=name, sequence=place)


def _taus(found: Traces, name: str, ax: Axes) -> None:
    plot.time_constants(found, ax, of=name)


def _chosen(material: Material) -> list[int]:
    """Sequences evenly chosen."""
    count = len(material.x.arrays)
    return sorted({int(i) for i in np.linspace(0, count - 1, min(SEQUENCES, count))})


def _conclusion(found: Traces) -> str:
    trace = next(iter((found.states or found.answers).values()))
    largest = max(float(np.max(np.abs(e), initial=0.0)) for e in trace.error)
    reach = max(float(np.max(np.abs(e), initial=0.0)) for e in trace.exact)
    text = f"Over these sequences {trace.name} is never off by more than {largest:.3g}, where it reaches {reach:.3g}"
    for name, tau in found.taus.items():
        exact, held = np.concatenate(tau.exact), found.held[name]
        text += f"; {name} goes from {exact.min():.3g} to {exact.max():.3g} in units of {found.unit}"
        if held is not None:
            inside = np.all((exact >= held[0]) & (exact <= held[1]), axis=0)
            text += f", and the formats hold it in {int(np.sum(inside))} of {inside.size} neurons"
    cut = " Only the first steps of long sequences are shown." if max(found.lengths) > STEPS else ""
    return f"{text}.{cut}"
