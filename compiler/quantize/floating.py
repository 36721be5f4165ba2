"""What the stages of `quantize` begin with: a float graph on its way to integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from compiler.graph.graph import Graph
from compiler.quantize.precision import Precision
from compiler.ranges.observed import Interval, Observed
from compiler.rewrite.runner import PassRecord
from hw_models.chip import Chip


@dataclass(frozen=True, eq=False)
class Floating:
    """A float graph on its way to integers."""

    observed: Observed
    """the graph, with what its values are on the calibration"""
    precision: Precision
    chip: Chip
    known: frozenset[str]
    """the values of the graph that was there first"""
    timed: bool
    """whether the last channel is a time span"""
    bounds: Mapping[str, Interval] = field(default_factory=dict)
    """an interval for every value, once they are in their units"""
    passes: tuple[PassRecord, ...] = ()
    """what the stages so far did to the graph"""

    @staticmethod
    def of(observed: Observed, precision: Precision, chip: Chip, *, timed: bool = False) -> Floating:
        """A simplified float graph with its calibration data; where it is `timed`, the last channel is a time span."""
        return Floating(observed, precision, chip, frozenset(observed.graph.values), timed)

    @property
    def graph(self) -> Graph:
        """The graph as it is now."""
        return self.observed.graph

    def written(self, graph: Graph) -> Floating:
        """The same function, written as another graph."""
        return self if graph is self.graph else replace(self, observed=replace(self.observed, graph=graph))
