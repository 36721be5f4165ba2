"""Which constants may be tuned, and whether those of a network were."""

from __future__ import annotations

from compiler.graph import ops
from compiler.graph.integers import IntegerGraph
from ltc2neuro.compiled.record import BaseRecord

TUNE = "tune"
"""The name of the pass, in memory and in files"""
TUNED = (
    "this network was tuned: constants that it adds differ from the float network's, so that they take back what "
    "others lose. By how much is told as their parameter rounding. To lift that of one value alone can make the "
    "network worse, and causes do not add up"
)


def was_tuned(record: BaseRecord) -> bool:
    """Whether its constants were learned after they were rounded."""
    return any(p.name == TUNE for p in record.passes)


def additive(graph: IntegerGraph) -> list[str]:
    """The constants, one number for each element, that are only ever added or subtracted."""
    used = dict[str, set[type[ops.Op]]]()
    for _, op in graph.ops():
        for name in op.operands:
            used.setdefault(name, set()).add(type(op))
    starts = {s.initial for s in graph.states}
    vectors = [n for n, c in graph.constants.items() if c.ndim == 1 and c.size > 1 and n not in starts]
    return [n for n in vectors if used.get(n, {ops.Op}) <= {ops.Add, ops.Sub}]
