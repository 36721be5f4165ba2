"""What lifting a loss changes, op by op: the bias that constants take back, and where real numbers become integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compiler.graph import ops
from compiler.graph.integers import IntegerGraph
from compiler.graph.lowered import Lowered
from compiler.graph.op_table import OpTable
from compiler.quantize.bias import BIAS, Errors
from hw_models.arrays import Floats


@dataclass(frozen=True)
class LiftedErrors(Errors):
    """The mean errors that values no longer have, where one is computed."""

    lifted: bool
    """whether nothing is rounded off the result"""
    wanted: ops.Op | None
    """the float op that it is computed for"""
    lowered: Lowered

    def added(self, op: ops.Add | ops.Sub) -> dict[str, Floats]:
        """The constants of a sum, and the errors that the values have lost to which they are added."""
        pairs = ((op.a, op.b), (op.b, op.a))
        return {
            name: self.of_values[other]
            for name, other in pairs
            if name in self.graph.constants and other in self.of_values
        }


LESS: OpTable[[LiftedErrors], Floats] = OpTable("lifted bias", BIAS)
"""The mean error that a result no longer has."""
LESS.on(ops.MulShift)(lambda op, here: BIAS(op, here) if here.lifted else np.zeros(1))


@LESS.on(ops.Min, ops.Max)
def _limited(op: ops.Min | ops.Max, here: LiftedErrors) -> Floats:
    """Of a product its sign alone is kept."""
    return here.of(op.a) if isinstance(here.wanted, ops.Mul) else BIAS(op, here)


@LESS.on(ops.Add, ops.Sub)
def _sum(op: ops.Add | ops.Sub, here: LiftedErrors) -> Floats:
    return np.zeros(1) if any(name in here.lowered.exact for name in here.added(op)) else BIAS(op, here)


TAKEN_BACK: OpTable[[LiftedErrors], Mapping[str, Floats]] = OpTable("taken back")
"""What constants need no longer take back of the errors of the values that they are added to."""
TAKEN_BACK.otherwise({})


@TAKEN_BACK.on(ops.Add, ops.Sub)
def _constants(op: ops.Add | ops.Sub, here: LiftedErrors) -> Mapping[str, Floats]:
    carried = isinstance(here.wanted, ops.Add) and here.wanted.out in here.lowered.operands
    sign = -1.0 if isinstance(op, ops.Sub) else 1.0
    found = {name: sign * less for name, less in here.added(op).items() if less.any()}
    return {name: less for name, less in found.items() if carried or name in here.lowered.exact}


ROUNDS: OpTable[[IntegerGraph, bool], bool] = OpTable("rounds")
"""Whether an op makes integers of real numbers, its own loss lifted or not."""
ROUNDS.always(False, ops.StateRead, ops.Linear, ops.Elementwise)
ROUNDS.always(True, ops.Compare)
ROUNDS.on(ops.Input, ops.MulShift, ops.PiecewisePolynomial)(lambda op, graph, lifted: not lifted)


@ROUNDS.on(ops.Rescale)
def _rescale(op: ops.Rescale, graph: IntegerGraph, lifted: bool) -> bool:
    """By no bits it clips, and leaves reals as they are."""
    return op.shift > 0 and not lifted


@ROUNDS.on(ops.Shift)
def _shift(op: ops.Shift, graph: IntegerGraph, lifted: bool) -> bool:
    return op.amount in graph.constants and bool(np.all(graph.constants[op.amount] < 0))
