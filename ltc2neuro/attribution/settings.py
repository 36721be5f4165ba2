"""Settings that lift a loss: one step more of the field of `Precision` that it is due to."""

from __future__ import annotations

import re

from compiler.quantize.precision import LIMITS, WIDTHS, Precision
from hw_models.chip import Chip
from ltc2neuro.attribution.attribution import Share

TWICE = ("segments", "margin")
STEP = 2
"""What other numbers grow by, in bits; a degree by one"""


def setting(share: Share, held: Precision, chip: Chip) -> str:
    """What to write for `Precision` to lift `share` by a step from what is `held`; empty where the chip, or the field,
    has no more.

    >>> from hw_models.chip import load_chip
    >>> share = Share("y", "", "a", 0.0, 0.0, 0.0, 0.0, "segments", ("a[*]",))
    >>> setting(share, Precision(), load_chip("loihi2"))
    "Precision(overrides={'a[*]': {'segments': 16}})"
    """
    field = share.field
    if not share.globs:
        more = _more(field, held, chip) if field else None
        return "" if more is None else f"Precision({field}={more!r})"
    found = {g: _more(field, held.at(unescaped(g)), chip) for g in share.globs}
    each = ", ".join(f"{g!r}: {{{field!r}: {more!r}}}" for g, more in found.items() if more is not None)
    return f"Precision(overrides={{{each}}})" if each else ""


def _more(field: str, held: Precision, chip: Chip) -> bool | int | float | None:
    value = getattr(held, field)
    if isinstance(value, bool):
        return None if value else True
    more = value * 2 if field in TWICE else value + (1 if field == "degree" else STEP)
    most = min(LIMITS[field][1], getattr(chip, WIDTHS[field]) if field in WIDTHS else more)
    more = min(more, most)
    return type(value)(more) if more > value else None


def unescaped(escaped: str) -> str:
    """The name that `glob.escape` made a glob of."""
    return re.sub(r"\[([*?[])\]", r"\1", escaped)
