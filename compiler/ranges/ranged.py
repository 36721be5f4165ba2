"""What each value and each state of a float graph can be: all that formats are chosen by, in one object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.graph.graph import Graph
from compiler.ranges.clipping import find_clipped
from compiler.ranges.observed import Interval, Observed
from compiler.ranges.real_intervals import find_bounds, state_interval


@dataclass(frozen=True, eq=False)
class Ranged:
    """A float graph with its ranges."""

    graph: Graph
    observed: Observed
    clipped: frozenset[str]
    """the values that are clipped to their calibrated range: before, they are wider"""
    bounds: Mapping[str, Interval]
    """of every value and vector constant"""
    states: Mapping[str, Interval]


def find_ranges(observed: Observed, margin: float) -> Ranged:
    """The ranges of the graph that was observed; a calibrated one is `margin` times as wide as what was seen."""
    graph = observed.graph
    clipped = find_clipped(graph, observed, margin)
    bounds = find_bounds(graph, observed, margin, clipped)
    states = {s.name: state_interval(graph, s.name, observed, margin) for s in graph.states}
    return Ranged(graph, observed, clipped, bounds, states)
