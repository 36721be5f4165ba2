"""Runs the passes in turn to a fixpoint: until none changes anything. After each, `validate` checks the graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from compiler.graph.graph import Graph
from compiler.graph.validate import validate
from compiler.rewrite.algebra import algebra
from compiler.rewrite.common_subexpressions import common_subexpressions
from compiler.rewrite.compose import compose
from compiler.rewrite.fold import fold
from compiler.rewrite.fold_host_affine import fold_host_affine
from compiler.rewrite.hoist import hoist
from compiler.rewrite.increment import increment
from compiler.rewrite.leaks import leaks
from compiler.rewrite.masked_nans import missing
from compiler.rewrite.merge import merge_synapses
from compiler.rewrite.norm_roots import roots
from compiler.rewrite.prune import prune
from compiler.rewrite.rescale import absorb_factors
from compiler.rewrite.sliced_products import slices
from compiler.rewrite.split import split
from compiler.rewrite.split_constants import split_constants
from compiler.rewrite.sums import sums
from hw_models.errors import GraphError

Pass: TypeAlias = Callable[[Graph], Graph]

PASSES: tuple[Pass, ...] = (
    missing, fold, prune, hoist, common_subexpressions, fold_host_affine, algebra, roots, sums, compose, slices,
    absorb_factors, increment, leaks, split, split_constants,
)  # fmt: skip
"""The passes in their order. Each returns the graph it was given where it has nothing to do."""

MERGING: tuple[Pass, ...] = (*PASSES, merge_synapses)
"""The same, for the merged form of synapses."""

MOST_ITERATIONS = 50
"""iterations after which passes that still change the graph are taken to undo each other"""


@dataclass(frozen=True)
class PassRecord:
    """What one run of a pass did: ops of the program and elements of its values, before and after."""

    name: str
    ops_before: int
    ops_after: int
    elements_before: int
    elements_after: int
    note: str
    """the pass in one sentence"""


def simplify(graph: Graph, passes: tuple[Pass, ...] = PASSES) -> tuple[Graph, tuple[PassRecord, ...]]:
    """The same function, simpler, and what each of `passes` that did something did.

    Raises `GraphError` where a pass breaks the graph's rules or the passes reach no fixpoint.
    """
    records: list[PassRecord] = []
    for _ in range(MOST_ITERATIONS):
        before = graph
        for run in passes:
            new = run(graph)
            if new is not graph:
                records.append(pass_record(run, graph, validate(new, after=run.__name__)))
                graph = new
        if graph is before:
            return graph, tuple(records)
    raise GraphError(
        "the rewrites reach no fixpoint",
        numbers=f"{MOST_ITERATIONS} iterations; the last passes were {', '.join(r.name for r in records[-4:])}",
    )


def pass_record(run: Callable[..., object], before: Graph, after: Graph) -> PassRecord:
    """What `run`, which has a docstring, made of a graph."""
    note = (run.__doc__ or "").strip().splitlines()[0]
    return PassRecord(run.__name__, _ops(before), _ops(after), _elements(before), _elements(after), note)


def _ops(graph: Graph) -> int:
    return sum(len(block.ops) for block in graph.blocks)


def _elements(graph: Graph) -> int:
    return sum(value.size for value in graph.values.values())
