"""Ranges: of each value what it is on the data, and what its integers can be."""

from __future__ import annotations

from ltc2neuro.plot.ranges import draw_ranges, spreads
from ltc2neuro.report.material import Material
from ltc2neuro.report.page import Section, figure, fold, table
from ltc2neuro.report.svg import picture

MOST = 30


def ranges(material: Material) -> Section:
    """Each value's distribution."""
    found = spreads(material.own, material.run)
    shown = sorted(found, key=lambda s: -s.clipped)[:MOST] if len(found) > MOST else found
    drawn = picture("ranges", [lambda ax: draw_ranges(shown, ax)], 8, 1.0 + 0.36 * len(shown))
    caption = (
        "Light grey: what the word can hold; grey: the calibrated or proven range; blue: half of the data, the line "
        "all of them. Right: what the word reaches, in the model's units (the input's after the host's scale and "
        "offset, the output's before them), and the share that is clipped."
    )
    rows = [
        (
            s.title,
            f"{s.quantiles[0]:.4g} .. {s.quantiles[-1]:.4g}",
            f"{s.form.real_low:.4g} .. {s.form.real_high:.4g}",
            f"{s.form.bits}, {s.form.fraction}",
            f"{s.used:.1%}",
            f"{s.clipped:.3%}",
        )
        for s in found
    ]
    heads = ["value", "on the data", "calibrated or proven", "bits, fraction bits", "used", "clipped"]
    worst, least = max(found, key=lambda s: s.clipped), min(found, key=lambda s: s.used)
    clipped = f"{worst.clipped:.2%} of {worst.title} is clipped" if worst.clipped else "no value is clipped"
    where = f",{material.note}," if material.note else ""
    conclusion = f"On these data{where} {clipped}; {least.title} uses {least.used:.1%} of its word, the least of all."
    return Section("ranges", "Ranges", conclusion, (figure(drawn, caption), fold("in numbers", table(heads, rows))))
