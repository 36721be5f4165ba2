"""Pictures as SVG inside the page: in the page's own ink, with titles where one points, and links to what is folded."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ltc2neuro.plot.style import HOVER
from ltc2neuro.report.page import Html

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#010203"
"""Drawn for the page's own colour, which is dark on light or light on dark"""

EDGE, FOOT, GAP = 0.3, 0.5, 0.75
"""Above a stack, below it, and between its pictures, in inches: room for titles and labels"""


def picture(
    name: str,
    draw: Sequence[Callable[[Axes], object]],
    width: float = 8.0,
    height: float = 3.0,
    heights: Sequence[float] | None = None,
) -> Html:
    """What `draw` draws, one below the other, in inches of 10 point text; `name` is like no other picture's."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    colors = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color")
    style = {"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif", "axes.titlesize": 10}
    written = StringIO()
    settings: Any = {**dict.fromkeys(colors, INK), **style, "path.simplify_threshold": 0.5}
    if len(draw) > 1:  # a stack has no long labels, and need not be measured
        settings["axes.titley"] = 1.0
    with rc_context(settings):
        figure = Figure(figsize=(width, height), layout="constrained" if len(draw) == 1 else None)
        if len(draw) > 1:
            each = (height - EDGE - FOOT - GAP * (len(draw) - 1)) / len(draw)
            figure.subplots_adjust(0.75 / width, FOOT / height, 1 - 0.1 / width, 1 - EDGE / height, hspace=GAP / each)
        for ax, one in zip(figure.subplots(len(draw), squeeze=False, height_ratios=heights)[:, 0], draw, strict=True):
            ax.patch.set_visible(False)
            one(ax)
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return Html(_inline(written.getvalue(), name))


def _inline(text: str, name: str) -> str:
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = text.replace("<svg ", '<svg role="img" ', 1).replace(INK, "currentColor")
    text = re.sub(rf'<g id="{HOVER}([^"]+)">', lambda m: f"<g><title>{escape(unquote(m[1]))}</title>", text)
    text = re.sub(r' id="((?!m[0-9a-f]{10}|p[0-9a-f]{10})[^"]*)"', "", text)  # those that nothing refers to
    text = re.sub(r'(id="|url\(#|href="#)([mp][0-9a-f]{10})', rf"\g<1>{name}-\2", text)
    text = text.replace(' target="_blank"', "")  # links lead to what is folded in this page
    return re.sub(r"\n\s*", "\n", text)
