"""What each value and each state of a float graph can be: all that formats are chosen by, in one object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.graph.graph import Graph
from compiler.quantize.floating import Floating
from compiler.quantize.precision import Precision
from compiler.ranges.clipping import find_clipped
from compiler.ranges.observed import Interval, Observed
from compiler.ranges.real_intervals import find_bounds
from compiler.ranges.state_intervals import state_interval


@dataclass(frozen=True, eq=False)
class Ranged:
    """A float graph with its ranges."""

    floating: Floating
    clipped: frozenset[str]
    """the values that are clipped to their calibrated range: before, they are wider"""
    bounds: Mapping[str, Interval]
    """of every value and vector constant"""
    states: Mapping[str, Interval]

    @property
    def graph(self) -> Graph:
        """The graph."""
        return self.floating.graph

    @property
    def observed(self) -> Observed:
        """The graph with what its values are on the calibration."""
        return self.floating.observed

    @property
    def precision(self) -> Precision:
        """How precisely its values are to be held."""
        return self.floating.precision


def find_ranges(here: Floating) -> Ranged:
    """What values and states can be; a calibrated range is wider than what was seen, by the precision's margin."""
    graph, observed, margin = here.graph, here.observed, here.precision.margin
    clipped = find_clipped(graph, observed, margin)
    bounds = find_bounds(graph, observed, margin, clipped)
    states = {s.name: state_interval(graph, s.name, observed, margin) for s in graph.states}
    return Ranged(here, clipped, bounds, states)
