"""Ops that are computed together because it takes fewer instructions; what they leave are the same integers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from compiler.assembly.mirrored import Mirrored, mirrored
from compiler.assembly.polynomial import symmetric
from compiler.assembly.site import Listing, Spot
from compiler.assembly.table_shifts import Stepped, with_table_shifts
from compiler.assembly.templates import select, select_stepped
from compiler.graph.integers import IntegerGraph
from compiler.graph.ops import Elementwise
from hw_models import isa


@dataclass(frozen=True)
class Single:
    """An op by itself."""

    op: Elementwise

    @property
    def results(self) -> tuple[str, ...]:
        """What it computes."""
        return (str(self.op.result),)


def fused(ops: Sequence[Elementwise], graph: IntegerGraph, alone: Collection[str]) -> list[Single | Mirrored | Stepped]:
    """The ops, in an order that may be another one, some of them together.

    What is computed only within such a group, and left out, is in `alone`: only `ops` read it.
    """
    parts = with_table_shifts(mirrored(ops, graph, alone), graph, alone)
    return [Single(part) if isinstance(part, Elementwise) else part for part in parts]


def select_fused(part: Single | Mirrored | Stepped, dests: Mapping[str, isa.Target], at: Spot) -> Listing:
    """The instructions that leave its results in their targets."""
    if isinstance(part, Mirrored):
        return symmetric(part, dests[part.out], at)
    if isinstance(part, Stepped):
        return select_stepped(part, dests, at)
    return select(part.op, dests[part.results[0]], at)
