"""Chips that refuse a liquid network: the reasons in their file, with the model's own numbers beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
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
    found = {**dict.fromkeys(MEASURES, 0), "neurons": sum(s.size for s in graph.states)}
    for _, op in graph.ops():
        for measure, count in COUNTS(op, graph).items():
            found[measure] = max(found[measure], count) if measure == "fan_in" else found[measure] + count
    return found


COUNTS: OpTable[[Graph], Mapping[str, int]] = OpTable("measures")
"""What an op is counted as, besides states."""
COUNTS.otherwise({})
COUNTS.on(Input)(lambda op, graph: {"inputs": graph.size(op.out)})
COUNTS.on(Output)(lambda op, graph: {"outputs": graph.size(op.x)})
COUNTS.on(MatVec, SegmentSum)(lambda op, graph: {"fan_in": longest_sum(graph, op)})
COUNTS.on(Mul)(lambda op, graph: {} if {op.a, op.b} & graph.constants.keys() else {"products": graph.size(op.out)})
COUNTS.on(Apply)(lambda op, graph: {"functions": graph.size(op.out)})
COUNTS.on(Div)(lambda op, graph: {"divisions": graph.size(op.out)})


def longest_sum(graph: Graph, op: MatVec | SegmentSum) -> int:
    """How many values the longest of its sums has."""
    if isinstance(op, MatVec):
        return int(np.count_nonzero(graph.constants[op.matrix], axis=1).max(initial=0))
    return int(np.bincount(graph.constants[op.segment].astype(np.int64)).max(initial=0))
