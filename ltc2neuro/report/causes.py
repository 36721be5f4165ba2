"""Where the error comes from: value by cause, and what lifts it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ltc2neuro import plot
from ltc2neuro.attribution.attribution import APART, Attribution, Share
from ltc2neuro.attribution.settings import setting
from ltc2neuro.report.material import Material
from ltc2neuro.report.page import Section, figure, fold, listing, paragraph, table
from ltc2neuro.report.svg import picture

MOST = 20
WITHIN = 20.0
"""dB below the whole error: what is smaller by itself moves nothing that would be worth a setting"""
LEAST = 0.1
"""In dB: what one sees of a difference"""


def causes(material: Material) -> Section:
    """The heat map, and what each would gain."""
    found = material.causes
    if isinstance(found, str):
        return Section("causes", "Where the error comes from", found, ())
    whole = found.wholes[0]
    if whole.channel is None:
        text = "No answer has a signal here, so there is no error to split: give data on which the answers change."
        return Section("causes", "Where the error comes from", text, ())
    own = [r for r in found.rows if r.of == whole.of]
    single = sorted((r for r in own if r.field and np.isfinite(r.alone)), key=lambda r: r.alone)
    count = min(14, len({r.title for r in single}))
    drawn = picture("causes", [lambda ax: plot.causes(found, ax)], 8, 1.3 + 0.36 * count)
    caption = "SQNR in dB with this cause alone at this value: the lower, the worse. Point at a cell for what lifts it."
    settings = [setting(r, material.own.record.precision, material.own.record.chip) for r in single[:MOST]]
    shown = list(zip(single[:MOST], settings, strict=True))
    rows = [(r.title, r.cause, f"{r.alone:.1f}", f"{r.gain:+.1f}", s or "none: it has all bits") for r, s in shown]
    heads = ["value", "cause", "dB alone", "dB gained if lifted", "setting that lifts it, a step"]
    totals = sorted((r for r in own if not r.value and np.isfinite(r.alone)), key=lambda r: -r.gain)
    sums = [(r.cause, f"{r.alone:.1f}", f"{r.gain:+.1f}") for r in totals]
    said = f"{_note(found)} " if found.note else ""
    said += (
        f"Measured on {_measured(found)}, over all channels; the Verdict tells the worst channel's, over all data"
        f"{_apart(found)}. "
        "Alone: with this cause only. Gained: what the whole has more without it; below 0 the error partly cancels "
        "another one, which is larger without it."
    )
    clipped = any(share > 0 for _, share, _ in material.clipped[0].rows())
    body = (
        figure(drawn, caption),
        paragraph(said),
        table(["cause, at all values", *heads[2:4]], sums),
        table(heads, rows),
        fold("as text, with the states", listing(str(found))),
    )
    return Section("causes", "Where the error comes from", _conclusion(found, totals, shown, clipped=clipped), body)


def _note(found: Attribution) -> str:
    return f"{found.note[:1].upper()}{found.note[1:]}."


def _measured(found: Attribution) -> str:
    (done, given), (steps, longest) = found.measured, found.steps
    count = (
        f"{done} of {given} sequences" if done < given else f"all {given} sequences" if given > 1 else "one sequence"
    )
    return f"{count}, the first {steps:,} of up to {longest:,} samples" if steps < longest else count


def _apart(found: Attribution) -> str:
    """Why the beginnings of sequences have other decibels than all of them."""
    (steps, longest), own = found.steps, found.wholes[0].decibels
    if steps >= longest or not LEAST <= abs(found.of_all - own) < np.inf:
        return ""
    return (
        f". All data have {found.of_all:.1f} dB over all channels, not {own:.1f}: SQNR is against how much an answer "
        "varies, and a part of a sequence varies otherwise than all of it, mostly less"
    )


def _conclusion(
    found: Attribution, totals: Sequence[Share], shown: Sequence[tuple[Share, str]], *, clipped: bool
) -> str:
    """In a sentence, of the rows that the tables show, the largest gain first, and the settings that lift them."""
    whole = found.wholes[0]
    if clipped and found.of_file < found.of_all - APART:
        return (
            f"Most of the error of the file's network, {found.of_file:.1f} dB, is clipping: quantized again on these "
            f"data, of which it then clips less, it has {found.of_all:.1f} dB. What is split below is that network's "
            "error; calibration=, with what it was compiled with, splits its own."
        )
    if not totals:
        return f"{whole.of} lose nothing on these data."
    again = ", of the network quantized again (see below)," if not np.isnan(found.of_file) else ""
    text = f"The error of {whole.of}{again} is {whole.decibels:.1f} dB over all channels, on {_measured(found)}"
    most = totals[0]
    if most.gain <= 0:
        worst = min(totals, key=lambda r: r.alone)
        return f"{text}; the largest is {worst.cause}, {worst.alone:.1f} dB alone, but no cause gains by itself."
    text += f"; most is gained where {most.cause} is lifted: {most.gain:+.1f} dB"
    lifted = [(r, s) for r, s in shown if s and r.gain > 0 and r.alone < whole.decibels + WITHIN]
    best = max(lifted, key=lambda pair: pair[0].gain, default=None)
    if best is None:
        return f"{text}."
    row, way = best
    return f"{text}; of single values at {row.title}, {row.cause}: up to {row.gain:+.1f} dB; {way} is a step there."
