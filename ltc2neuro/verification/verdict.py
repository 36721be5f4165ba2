"""What `verify` returns: rows of what was checked or measured, and their text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Verification:
    """The result of `verify`: `passed`, the `rows`, and a text by `print`."""

    passed: bool
    rows: tuple[Row, ...]

    def __str__(self) -> str:
        lines: list[str] = []
        width = max((len(row.name) for row in self.rows), default=0)
        for check in dict.fromkeys(row.check for row in self.rows):
            lines += [check, *_lines([row for row in self.rows if row.check == check], width)]
        missed = sum(row.held is False for row in self.rows)
        checked = sum(row.held is not None for row in self.rows)
        if not checked:
            lines.append("passed: nothing was checked, as no limit was given and no second executor ran")
        elif self.passed:
            lines.append(f"passed: {checked} of {checked} checks held")
        else:
            lines.append(f"NOT PASSED: {missed} of {checked} checks missed")
        return "\n".join(lines)


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
