"""Liquid time constants: each neuron's tau as it was, as it can be at most and least, and what its format can hold."""

from __future__ import annotations

import numpy as np

from compiler.graph.graph import Graph, TimeConstant
from compiler.graph.integers import IntegerGraph
from compiler.interpreters.execution import Execution
from compiler.ranges.proven import Proven
from hw_models.arrays import Floats


def tau_name(state: str) -> str:
    """The name of a state's time constant: `rnn.tau` for `rnn.v`."""
    head, _, _ = state.rpartition(".")
    return f"{head}.tau" if head else "tau"


def tau(graph: Graph, mark: TimeConstant, execution: Execution, dt: Floats | float) -> Floats:
    """What occurred, (batch, time, size), in the unit of `dt`; `execution` has recorded the mark's total and keep.

    Infinite where nothing drives the neuron back: its leak and its synapses are 0.
    """
    batch, steps = execution.outputs.shape[:2]

    def occurred(name: str) -> Floats:
        if name in graph.constants:
            constant = graph.constants[name].astype(np.float64)
            return np.broadcast_to(constant, (batch, steps, constant.size))
        return execution.record[name].astype(np.float64)

    keep = occurred(mark.keep)
    return _tau(keep, occurred(mark.total) - keep, dt / mark.repeat)


def least_and_most(known: Proven, mark: TimeConstant, dt: float) -> tuple[Floats, Floats]:
    """Smallest and largest tau of each neuron, from the proven range of its denominator in an integer graph."""
    keep = known.graph.constants[mark.keep].astype(np.float64)
    span = known.spans[mark.total]
    unit = dt / mark.repeat
    return _tau(keep, span.high - keep, unit), _tau(keep, span.low - keep, unit)


def holdable(graph: IntegerGraph, mark: TimeConstant, dt: float) -> tuple[Floats, Floats]:
    """Smallest and largest finite tau of each neuron that the integers of its denominator's format can hold."""
    keep = graph.constants[mark.keep].astype(np.float64)
    high = float(graph.format(mark.total).high) if mark.total in graph.values else keep + 1
    unit = dt / mark.repeat
    return _tau(keep, np.maximum(high - keep, 1), unit), _tau(keep, np.ones_like(keep), unit)


def _tau(keep: Floats, conductance: Floats, unit: Floats | float) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        found = unit * keep / np.maximum(conductance, 0)
    return np.where(keep == 0, 0.0, found)
