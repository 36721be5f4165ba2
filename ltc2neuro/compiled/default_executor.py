"""Which executor runs what names none: the fastest that is installed, where there is enough to do."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from compiler.graph.graph import Graph
from compiler.graph.workload import work
from compiler.running.executor import Executor
from compiler.running.interpreted import REFERENCE
from hw_models.arrays import Floats
from hw_models.errors import MissingExtraError
from ltc2neuro.compiled.parts import BaseParts
from ltc2neuro.compiled.record import BaseRecord

CALL = 3000
"""What calling an op costs besides its elements, in elements"""
WORTH = 1e8
"""The least work that outlasts compiling a network, in elements; the reference takes a third of a second for it."""


def usual(parts: BaseParts[BaseRecord, Any], sequences: Sequence[Floats]) -> str:
    """The executor that is to run `sequences`: all compute the same integers."""
    compiled = [
        e for e in _compiled(parts) if parts.runners.has(e) or float_work(parts.record.float_graph, sequences) >= WORTH
    ]
    return next(filter(partial(_loads, parts), compiled), REFERENCE).name


def fastest(parts: BaseParts[BaseRecord, Any]) -> str:
    """The executor that runs long work in the least time, of those that run here."""
    return next(filter(partial(_loads, parts), _compiled(parts)), REFERENCE).name


def _compiled(parts: BaseParts[BaseRecord, Any]) -> Iterator[Executor]:
    return (e for e in parts.executors.values() if e.compiles and not e.missing(parts.record.chip))


def _loads(parts: BaseParts[BaseRecord, Any], executor: Executor) -> bool:
    """Whether it can be made ready. Warns where what it needs is broken: whoever asked for it by name gets an error."""
    try:
        parts.runners.on(executor)
    except MissingExtraError as error:
        warnings.warn(
            f"{error.what} ({error.numbers}), so {REFERENCE.name!r} runs instead. {error.advice}", stacklevel=2
        )
        return False
    return True


def float_work(graph: Graph, sequences: Sequence[Floats]) -> float:
    """What the float network computes over them, sequences of one length side by side."""
    one, lengths = work(graph), Counter(map(len, sequences))
    return sum(steps * (one.calls * CALL + one.elements * batch) for steps, batch in lengths.items())
