"""Time: states and answers, float and integer, their error, and the liquid time constants."""

from __future__ import annotations

from functools import partial

import numpy as np

from compiler.mapping.titles import is_copy, state_title
from ltc2neuro import plot
from ltc2neuro.plot.traces import STEPS, Traces, traces_of
from ltc2neuro.report.material import Material
from ltc2neuro.report.page import Html, Section, choice, figure, paragraph
from ltc2neuro.report.svg import picture

PLACES = {"the worst": 0.0, "the best": 1.0, "the median": 0.5, "a quarter are worse": 0.25}
PLACES |= {"a quarter are better": 0.75, "a tenth are worse": 0.1}
"""Which sequences can be picked, by how many are worse: each is called by the first of these; number 0 can be, too"""
FEW = 7
"""So many can all be picked"""
ROOM = 1.2e6
"""Characters that their pictures take; one is always there"""
NO_TAUS = (
    "No liquid time constants are shown: with microcode, states have them that conductances move, as an LTC's. A CfC's "
    "gates, for one, are functions of the input, not time constants."
)
MOST = 3
"""So many answers and states are drawn over time"""


def time(material: Material) -> Section:
    """Over time."""
    chosen = _chosen(material)
    found = traces_of(material.parts, [material.x.arrays[i] for i in chosen])
    names = [*list(found.answers)[:MOST], *sorted(found.states, key=is_copy)[:MOST]]
    items: list[tuple[str, Html]] = []
    for place, label in enumerate(chosen.values()):
        draw, heights = [], []
        for name in names:
            draw += [partial(drawing, found, of=name, sequence=place) for drawing in (plot.states, plot.errors)]
            heights += [2.0, 1.0]
        for name in found.taus:
            draw.append(partial(plot.states, found, of=name, sequence=place))
            heights.append(1.6)
        drawn = picture(f"time{place}", draw, 8, 1.35 * sum(heights), heights)
        items.append((label, figure(drawn, f"Sequence {label}. Answers are as the model answers so far.")))
        if (len(items) + 1) * len(drawn.text) > ROOM:
            break
    body: list[Html] = [choice("sequence", items)]
    for name in found.taus:
        drawn = picture(f"held-{len(body)}", [partial(plot.time_constants, found, of=name)], 8, 2.8)
        caption = "Of each neuron: blue what occurred in float, orange the integers, grey what the format holds."
        body.append(figure(drawn, caption))
    if found.states and not found.taus:
        body.append(paragraph(NO_TAUS))
    return Section("time", "Time", _conclusion(found, material), tuple(body))


def _chosen(material: Material) -> dict[int, str]:
    """The sequences that can be picked, by their numbers, the worst first: what each is called."""
    found = material.decibels
    if len(found) == 1:
        return {0: ", ".join(filter(None, ("0", _level(found[0]))))}
    order = [int(i) for i in np.argsort(found, kind="stable")]
    words = {i: "" for i in order[: FEW if len(order) <= FEW else 0]}
    for word, part in PLACES.items():
        number = order[round(part * (len(order) - 1))]
        words[number] = words.get(number) or word
    named = {i: ", ".join(filter(None, (words.get(i), "the first" * (i == 0)))) for i in {*words, 0}}
    return {i: ", ".join(filter(None, (str(i), named[i], _level(found[i])))) for i in order if i in named}


def _level(decibels: float) -> str:
    return "no error" if np.isposinf(decibels) else f"{decibels:.1f} dB" if np.isfinite(decibels) else ""


def _conclusion(found: Traces, material: Material) -> str:
    decibels, note = material.decibels, material.note
    trace = found.named(min(found.states, key=is_copy, default=None))
    largest = max(float(np.max(np.abs(e), initial=0.0)) for e in trace.error)
    reach = max(float(np.max(np.abs(e), initial=0.0)) for e in trace.exact)
    name = state_title(trace.name)
    text = f"Over the sequences below {name} is off by {largest:.3g} at most, where it reaches {reach:.3g}"
    for name, tau in found.taus.items():
        exact, held = np.concatenate(tau.exact), found.held[name]
        text += f"; {name} goes from {exact.min():.3g} to {exact.max():.3g} in units of {found.unit}"
        if held is not None:
            inside = np.all((exact >= held[0]) & (exact <= held[1]), axis=0)
            text += f", and the formats hold it in {int(np.sum(inside))} of {inside.size} neurons"
    if len(decibels) > 1:
        count = f"the first {len(decibels)}" if len(decibels) < len(material.x.arrays) else f"all {len(decibels)}"
        worst = int(np.argmin(decibels))
        text += f"; the worst of {count} is number {worst}"
        text += f", {decibels[worst]:.1f} dB" if np.isfinite(decibels[worst]) else ""
        text += f", the median has {np.median(decibels):.1f}" if np.isfinite(np.median(decibels)) else ""
    cut = " Only the first steps of long sequences are shown." if max(found.lengths) > STEPS else ""
    return f"{text}.{cut}{f' The dB of sequences are measured{note}.' if note else ''}"
