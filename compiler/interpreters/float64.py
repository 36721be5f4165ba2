"""The float graph in float64: what the rewrites keep, what the proof of a trace and `verify` compare with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from compiler.functions import FUNCTIONS
from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.interpreters.execution import Execution, Frame, OpKernel, PreparedGraph, concatenated, prepare
from compiler.interpreters.kernels import BOTH, of_two
from hw_models.arrays import Array, Floats, by_length


def run_float(
    graph: Graph, x: npt.ArrayLike, state: Mapping[str, Array] | None = None, record: Sequence[str] = ()
) -> Execution:
    """Run a float graph over the user's `x` (batch, time, features); outputs are in the user's units."""
    return run_prepared_float(prepare_float(graph), x, state, record)


def prepare_float(graph: Graph) -> PreparedGraph:
    """A float graph, ready to run many times."""
    return prepare(graph, KERNELS)


def run_prepared_float(
    program: PreparedGraph, x: npt.ArrayLike, state: Mapping[str, Array] | None = None, record: Sequence[str] = ()
) -> Execution:
    """`run_float` of what `prepare_float` made."""
    run = program.run(np.asarray(x, np.float64), state, record)
    outputs = program.graph.output_map(run.outputs)
    return Execution(outputs, run.states, run.record, run.saturations, run.final)


def run_each(graph: Graph, sequences: Sequence[Floats], record: Sequence[str] = ()) -> list[Execution]:
    """`run_float` of each sequence (time, features), as a batch of one; those of one length run side by side."""
    found: dict[int, Execution] = {}
    program = prepare_float(graph)
    for numbers in by_length(sequences):
        together = run_prepared_float(program, np.stack([sequences[n] for n in numbers]), record=record)
        found |= {number: together.row(row) for row, number in enumerate(numbers)}
    return [found[number] for number in range(len(sequences))]


KERNELS: OpTable[[Graph], OpKernel] = OpTable("float64", BOTH)
"""The kernel of each real op."""

KERNELS.on(ops.Mul, ops.Div)(of_two)


@KERNELS.on(ops.Input)
def _input(op: ops.Input, graph: Graph) -> OpKernel:
    return lambda frame: frame.sample * frame.values[op.scale] + frame.values[op.offset]


@KERNELS.on(ops.MatVec)
def _mat_vec(op: ops.MatVec, graph: Graph) -> OpKernel:
    if op.places is None:
        return lambda frame: frame.values[op.matrix] @ concatenated(frame, op.sources)
    places = graph.constants[op.places].astype(np.int64)

    def kernel(frame: Frame) -> Array:
        x = concatenated(frame, op.sources)
        batch = x.shape[1]
        patches = np.concatenate([x, np.zeros((1, batch))])[places.T]
        return (frame.values[op.matrix] @ patches.reshape(len(patches), -1)).reshape(-1, batch)

    return kernel


@KERNELS.on(ops.Apply)
def _apply(op: ops.Apply, graph: Graph) -> OpKernel:
    function = FUNCTIONS[op.function].real
    return lambda frame: function(frame.values[op.x])
