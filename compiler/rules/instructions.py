"""Rules on instructions that a chip does not have: division, and look-ups in large tables."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.graph.ops import Divide, PiecewisePolynomial
from compiler.rules.design import Design
from compiler.rules.finding import Finding
from compiler.rules.widths import OTHER_CHIP

MOST_SEGMENTS = 128
"""The most segments of a piecewise polynomial that neurons find by compares; one with more is a table."""


def division(design: Design) -> Iterator[Finding]:
    """Divisions on a chip that cannot."""
    if design.integers is None or design.chip.divide:
        return
    for _, op in design.integers.ops():
        if isinstance(op, Divide):
            numbers = f"{design.integers.size(op.out):,} neurons divide"
            yield Finding("division", design.name(op.out), "the chip cannot divide", numbers, "no division", OTHER_CHIP)


def table(design: Design) -> Iterator[Finding]:
    """Tables on a chip that cannot look them up: a tree of compares would be a program of thousands of instructions."""
    if design.integers is None or design.chip.table:
        return
    for _, op in design.integers.ops():
        if isinstance(op, PiecewisePolynomial):
            segments = len(design.integers.constants[op.coefficients])
            if segments > MOST_SEGMENTS:
                numbers = f"{segments:,} segments"
                limit = f"no tables; {MOST_SEGMENTS} segments by compares"
                yield Finding(
                    "table", design.name(op.out), "the chip cannot look up a table", numbers, limit, OTHER_CHIP
                )
