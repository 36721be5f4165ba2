"""What all pictures share: where they are drawn, their colours, and what is shown where a reader points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from hw_models.errors import InputError
from ltc2neuro.extras import PLOT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FLOAT, INTEGER, BAD, SOFT = "#2f7ed8", "#e07b00", "#d1242f", "#8d97a3"
"""Of float and integer values, of what went wrong, and of what stands behind: on white as on black"""
CYCLE = ("#2f7ed8", "#e07b00", "#2ca25f", "#b05cc6", "#c2185b", "#7a8b2f", "#00a3a3", "#a0673a")
HOVER, LINK = "hover-", "#listing-"
"""How the ids and links begin that a page makes titles and folds of"""


class Marked(Protocol):
    """An artist of matplotlib, as far as it is told what it stands for."""

    def set_gid(self, gid: str | None) -> None:
        """Take an id."""
        ...


def axes(ax: Axes | None) -> Axes:
    """Where to draw: `ax`, or pyplot's current one. Raises `MissingExtraError` without matplotlib, `InputError`
    for what is none."""
    PLOT.require()
    from matplotlib import pyplot
    from matplotlib.axes import Axes

    if ax is None:
        return pyplot.gca()
    if not isinstance(ax, Axes):
        raise InputError("ax must be axes of matplotlib", numbers=f"got {type(ax).__name__}")
    return ax


def require(found: object, kind: type, by: str) -> None:
    """Raise `InputError` for what a picture does not draw; `by` returns what it does."""
    if not isinstance(found, kind):
        what = f"this picture is of a {kind.__name__}"
        raise InputError(what, numbers=f"got {type(found).__name__}", advice=f"Give what {by} returns.")


def hover(artist: Marked, text: str) -> None:
    """What a page shows where its reader points at this."""
    artist.set_gid(HOVER + quote(text, safe=""))


def bare(ax: Axes) -> None:
    """Without ticks and frame."""
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)


def quiet(ax: Axes) -> None:
    """With a light grid, and without the frame's right and upper side."""
    ax.grid(alpha=0.2)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def logarithmic(ax: Axes) -> None:
    """With a logarithmic y whose numbers are plain text: setting powers as formulas takes longer than the rest."""
    from matplotlib.ticker import LogFormatter, LogLocator

    ax.set_yscale("log")
    ax.yaxis.set_major_formatter(LogFormatter())
    ax.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    ax.yaxis.set_minor_formatter(LogFormatter(labelOnlyBase=False))
