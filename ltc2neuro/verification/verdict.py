"""What `verify` returns: rows of what was checked or measured, and their text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hw_models.notebook_repr import Shown

MOST_SHOWN = 40
"""How many rows of one check that are only reported the text shows; `rows` has them all."""


@dataclass(frozen=True)
class Row:
    """One thing that was checked or measured.

    `held` is None for what is only reported; `value` and `limit` are in `unit`.
    """

    check: str
    name: str
    on: str
    value: float | None = None
    unit: str = ""
    limit: float | None = None
    held: bool | None = None
    note: str = ""
    folded: bool = False
    """whether another row tells it in short: the text leaves it out"""


@dataclass(frozen=True, repr=False)
class Verification(Shown):
    """The result of `verify`: `passed`, the `rows`, and a text by `print`."""

    passed: bool
    rows: tuple[Row, ...]

    def __str__(self) -> str:
        lines, shown = [self.headline], [row for row in self.rows if not row.folded]
        width = max((len(row.name) for row in shown), default=0)
        for check in dict.fromkeys(row.check for row in shown):
            lines += [check, *_lines([row for row in shown if row.check == check], width)]
        return "\n".join(lines)

    @property
    def headline(self) -> str:
        """Whether it passed, in one line."""
        missed = sum(row.held is False for row in self.rows)
        checked = sum(row.held is not None for row in self.rows)
        if not checked:
            return "nothing was checked, only measured: no limit and no model was given, and no second executor ran"
        if self.passed:
            return f"passed: {checked} of {checked} checks held"
        return f"NOT PASSED: {missed} of {checked} checks missed"


def _lines(rows: list[Row], width: int) -> Iterator[str]:
    for row in rows[:MOST_SHOWN]:
        mark = {None: "", True: "ok", False: "MISS"}[row.held]
        value = "" if row.value is None else f"{_number(row.value, row.unit)} "
        limit = "" if row.limit is None else f"(limit {_number(row.limit, row.unit)}) "
        yield f"  {mark:4}  {row.name:{width}}  {row.on:11}  {value}{limit}{row.note}".rstrip()
    if len(rows) > MOST_SHOWN:
        yield f"        and {len(rows) - MOST_SHOWN} more"


def _number(value: float, unit: str) -> str:
    return f"{value:.1f} dB" if unit == "dB" else f"{value:.6g} {unit}".rstrip()
