"""Chips that refuse a liquid network: the reasons in their file, with the model's own numbers beside them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.ops import Apply, Div, Input, MatVec, Mul, Output, SegmentSum
from compiler.rules.design import Design
from compiler.rules.finding import Finding
from hw_models.chip import Chip
from hw_models.constants import MEASURES


def refusal(design: Design) -> Iterator[Finding]:
    """Every reason that holds: one with a limit only where the model has more."""
    return refusals(design.chip, design.real)


def refusals(chip: Chip, real: Graph) -> Iterator[Finding]:
    """Why `chip` refuses a float graph."""
    counts = measures(real) if chip.refuses else {}
    for reason in chip.refuses:
        count = counts.get(reason.measure)
        if reason.limit is not None and (count or 0) <= reason.limit:
            continue
        yield Finding(
            "refusal",
            f"chip {chip.name}",
            reason.reason,
            "" if count is None else f"the model has {count:,} {MEASURES[reason.measure]}",
            f"{'' if reason.limit is None else f'{reason.limit:,}; '}{reason.source}",
            "Use a chip with programmable neurons: see ltc2neuro chips.",
        )


def measures(graph: Graph) -> dict[str, int]:
    """What a float graph has of each of `MEASURES`."""
    ops = [op for _, op in graph.ops()]
    return {
        "inputs": sum(graph.size(op.out) for op in ops if isinstance(op, Input)),
        "outputs": sum(graph.size(op.x) for op in ops if isinstance(op, Output)),
        "neurons": sum(s.size for s in graph.states),
        "fan_in": max((longest_sum(graph, op) for op in ops if isinstance(op, (MatVec, SegmentSum))), default=0),
        "products": sum(
            graph.size(op.out) for op in ops if isinstance(op, Mul) and not {op.a, op.b} & graph.constants.keys()
        ),
        "functions": sum(graph.size(op.out) for op in ops if isinstance(op, Apply)),
        "divisions": sum(graph.size(op.out) for op in ops if isinstance(op, Div)),
    }


def longest_sum(graph: Graph, op: MatVec | SegmentSum) -> int:
    """How many values the longest of its sums has."""
    if isinstance(op, MatVec):
        return int(np.count_nonzero(graph.constants[op.matrix], axis=1).max(initial=0))
    return int(np.bincount(graph.constants[op.segment].astype(np.int64)).max(initial=0))
