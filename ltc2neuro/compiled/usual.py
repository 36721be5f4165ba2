"""Which executor runs what names none: the fastest that is installed, where there is enough to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from compiler.graph.graph import Graph
from compiler.graph.work import work
from compiler.running.interpreted import REFERENCE
from hw_models.arrays import Floats
from ltc2neuro.compiled.parts import BaseParts
from ltc2neuro.compiled.record import BaseRecord

CALL = 3000
"""What calling an op costs besides its elements, in elements"""
WORTH = 1e8
"""The least work that outlasts compiling a network, in elements; the reference takes a third of a second for it."""


def usual(net: BaseParts[BaseRecord, Any], sequences: Sequence[Floats]) -> str:
    """The executor that is to run `sequences`: all compute the same integers."""
    name = fastest(net)
    executor = net.executors[name]
    if executor.compiles and not net.runners.has(executor) and cost(net.record.float_graph, sequences) < WORTH:
        return REFERENCE.name
    return name


def fastest(net: BaseParts[BaseRecord, Any]) -> str:
    """The executor that runs long work in the least time, of those that run here."""
    compiled = (e for e in net.executors.values() if e.compiles and not e.missing(net.record.chip))
    return next((e.name for e in compiled), REFERENCE.name)


def cost(graph: Graph, sequences: Sequence[Floats]) -> float:
    """What the float network computes over them, sequences of one length side by side."""
    one, lengths = work(graph), Counter(map(len, sequences))
    return sum(steps * (one.calls * CALL + one.elements * batch) for steps, batch in lengths.items())
