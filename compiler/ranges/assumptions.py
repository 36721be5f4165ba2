"""What the proof of an integer graph takes for granted, checked before it: constants, formats and states."""

from __future__ import annotations

import numpy as np

from compiler.graph.graph import State
from compiler.graph.integers import IntegerGraph
from compiler.graph.op_table import OpTable
from compiler.graph.ops import And, Elementwise, Linear, Op, PiecewisePolynomial, StateRead
from hw_models.chip import Chip
from hw_models.errors import GraphError, QuantizeError


def check_assumptions(graph: IntegerGraph, chip: Chip) -> None:
    """Raise `GraphError` where ops are not defined for a constant or a format, `QuantizeError` for a wide constant."""
    for value in graph.values.values():
        form = graph.format(value.name)
        if form.low > form.high:
            raise GraphError(f"{value.name} has an empty format", numbers=f"{form.low}..{form.high}")
    for state in graph.states:
        _check_state(graph, state)
    for _, op in graph.ops():
        ASSUMED(op, graph)
        if isinstance(op, (Elementwise, Linear)):
            _check_words(graph, op, chip)


def _check_state(graph: IntegerGraph, state: State) -> None:
    form, initial = graph.state_format(state.name), graph.constants[state.initial]
    if np.any(initial < form.low) or np.any(initial > form.high):
        raise GraphError(f"the state {state.name} begins outside its format", numbers=f"{form.low}..{form.high}")


def _check_words(graph: IntegerGraph, op: Op, chip: Chip) -> None:
    """Constants fit in words; so do the tables of a polynomial, whose last array is of shifts."""
    low, high = -chip.word_high - 1, chip.word_high
    tables = op.arrays[:-1] if isinstance(op, PiecewisePolynomial) else ()
    for name in (*op.operands, *tables):
        constant = graph.constants.get(name)
        if constant is not None and (np.any(constant < low) or np.any(constant > high)):
            raise QuantizeError(
                f"the constant {name} is wider than a word",
                numbers=f"{constant.min()} to {constant.max()}, words of {chip.name} hold {low} to {high}",
                advice="Scale the channels of the input, and the model's weights, to similar sizes: one is some "
                f"{max(constant.min() / low, constant.max() / high):.0e} times too large.",
            )


ASSUMED: OpTable[[IntegerGraph], None] = OpTable("assumptions")
"""What else an op takes for granted: raises `GraphError` where that is not so."""
ASSUMED.otherwise(None)


@ASSUMED.on(And)
def _mask(op: And, graph: IntegerGraph) -> None:
    """The span of `And` holds for what the semantics allow: a constant 2^k - 1."""
    mask = graph.constants.get(op.b)
    if mask is None or np.any(mask < 0) or np.any(mask & (mask + 1)):
        raise GraphError(f"the mask {op.b} of {op.out} is not a constant 2^k - 1")


@ASSUMED.on(StateRead)
def _read(op: StateRead, graph: IntegerGraph) -> None:
    read, held = graph.format(op.out), graph.state_format(op.state)
    if read.low > held.low or read.high < held.high or read.fraction != held.fraction:
        raise GraphError(f"{op.out} does not have the format of the state {op.state}")
