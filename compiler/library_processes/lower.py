"""Lowering: from a float graph to the plan of an iteration.

Sums, factors, gathers and matrices are affine maps and cost nothing until a node reads them. An element function, a
limit and a maximum become a bank of hinges, a product of two values a product, a quotient a product with a
reciprocal. A state is the node that computes its next value; where it is read by anything but hinges, it is read
through two hinges that hold it within its bounds, so that no loop can leave what is proven.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from compiler.functions import FUNCTIONS
from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.library_processes.affine import Affine, Tap, join_affine, message
from compiler.library_processes.options import LibraryForm, Reciprocal
from compiler.library_processes.piecewise_linear import fit_knots
from compiler.library_processes.process_plan import HostSource, ProcessPlan, Product, Relay, Root
from compiler.library_processes.process_plan_builder import NARROW, PlanBuilder
from compiler.library_processes.solver_loop import loop_of
from compiler.ranges.observed import Interval
from compiler.ranges.real_intervals import GUARD
from hw_models.arrays import Floats
from hw_models.errors import QuantizeError

SOURCE = "source"
LARGEST = 2**25
"""elements of a value's matrix: beyond, a network is too large for dense connections"""
DEEPEST = 62
"""ticks that a message can be delayed"""


def lower_to_processes(
    graph: Graph, bounds: Mapping[str, Interval], states: Mapping[str, Interval], form: LibraryForm
) -> ProcessPlan:
    """The plan of `graph`, whose values lie within `bounds` and states within `states`.

    Raises `QuantizeError` for what library processes do not compute.
    """
    build, loop = PlanBuilder(graph, bounds, states, form), loop_of(graph)
    for block in graph.blocks:
        for op in block.computed:
            _refuse_large(op, build)
            build.values[op.result or ""] = AFFINE(op, build).without_zeros()
        build.now.update({op.state: build.value(op.x) for op in block.commits})
    writers = {state.name: _writer(state.name, build.now[state.name], build) for state in graph.states}
    (output,) = (op for block in graph.blocks for op in block.outputs)
    deepest = max((n.level for n in build.nodes.values()), default=0)
    if deepest > DEEPEST:
        raise QuantizeError(
            "an iteration takes more ticks than a message can be delayed",
            numbers=f"{deepest} ticks, most {DEEPEST}",
            advice="Compile it with microcode=True.",
        )
    return ProcessPlan(
        {n.name: n for n in sorted(build.nodes.values(), key=lambda n: n.level)},
        writers,
        {s.name: build.held_within(s.name, s.size) for s in graph.states},
        build.value(output.x),
        build.magnitude(output.x),
        max((build.nodes[n].level for n in writers.values()), default=1),
        1 if loop is None else loop.repeat,
    )


def _refuse_large(op: ops.Op, build: PlanBuilder) -> None:
    size, values = build.graph.size(op.result or ""), build.values
    taps = {t: m.shape[1] for n in op.operands if n in values for t, m in values[n].parts.items()}
    if size * sum(taps.values()) > LARGEST:
        raise QuantizeError(
            "the network is too large for library processes: their connections are dense",
            where=op.result or "",
            numbers=f"{size} sums of {sum(taps.values())} messages, at most {LARGEST} together",
            advice="Compile it with microcode=True.",
        )


def _writer(state: str, x: Affine, build: PlanBuilder) -> str:
    """The node that sends the state's next value `x`: a product as it is, else a relay."""
    if len(x.parts) == 1 and not x.offset.any():
        ((tap, matrix),) = x.parts.items()
        node = build.nodes.get(tap.node)
        if isinstance(node, (Product, Relay)) and not tap.before and np.array_equal(matrix, np.eye(node.size)):
            return tap.node
    x, name = build.held(x), build.fresh(f"{state}.next")
    magnitude = np.maximum(*map(np.abs, build.held_within(state, x.size)))
    build.nodes[name] = Relay(name, x.size, build.level(x), x, np.maximum(magnitude, NARROW))
    return name


AFFINE: OpTable[[PlanBuilder], Affine] = OpTable("library processes")
"""What each op's result is of the messages of nodes."""


@AFFINE.on(ops.Elementwise)
def _unsupported(op: ops.Op, build: PlanBuilder) -> Affine:
    raise QuantizeError(
        f"library processes have no {type(op).__name__}",
        where="; ".join((op.result or "", *build.graph.values[op.result or ""].lines)),
        advice="Compile it with microcode=True.",
    )


@AFFINE.on(ops.Input)
def _input(op: ops.Input, build: PlanBuilder) -> Affine:
    size = build.graph.size(op.out)
    build.nodes[SOURCE] = HostSource(SOURCE, size, build.magnitude(op.out))
    return message(Tap(SOURCE), size)


AFFINE.on(ops.StateRead)(lambda op, build: build.now[op.state])
AFFINE.on(ops.Gather)(lambda op, build: join_affine([build.value(s) for s in op.sources]).rows(build.index(op.index)))


@AFFINE.on(ops.MatVec)
def _mat_vec(op: ops.MatVec, build: PlanBuilder) -> Affine:
    return join_affine([build.value(s) for s in op.sources]).through(build.graph.constants[op.matrix])


@AFFINE.on(ops.SegmentSum)
def _segment_sum(op: ops.SegmentSum, build: PlanBuilder) -> Affine:
    segment = build.index(op.segment)
    return build.sized(op.x, segment.size).added_up(segment, build.graph.size(op.out))


@AFFINE.on(ops.Apply)
def _function(op: ops.Apply, build: PlanBuilder) -> Affine:
    real, count = FUNCTIONS[op.function].real, build.form.hinges
    fitted = lambda low, high: fit_knots(real, low, high, count, relative=False)  # noqa: E731
    return build.bank(op.out, build.value(op.x), *build.interval(op.x), fitted)


@AFFINE.on(ops.Add)
def _sum(op: ops.Add, build: PlanBuilder) -> Affine:
    a, b = build.both(op)
    return a.sum(b)


@AFFINE.on(ops.Sub)
def _difference(op: ops.Sub, build: PlanBuilder) -> Affine:
    a, b = build.both(op)
    return a.less(b)


@AFFINE.on(ops.Max)
def _larger(op: ops.Max, build: PlanBuilder) -> Affine:
    """b + max(a - b, 0)."""
    a, b = build.both(op)
    return b.sum(build.above(op.out, a.less(b), op.a, op.b))


@AFFINE.on(ops.Min)
def _smaller(op: ops.Min, build: PlanBuilder) -> Affine:
    """a - max(a - b, 0)."""
    a, b = build.both(op)
    return a.less(build.above(op.out, a.less(b), op.a, op.b))


@AFFINE.on(ops.Mul)
def _product(op: ops.Mul, build: PlanBuilder) -> Affine:
    a, b = build.both(op)
    for one, other in ((a, b), (b, a)):
        if other.is_constant:
            return one.scaled(other.offset)
    return build.product(op.out, a, b, build.magnitude(op.a), build.magnitude(op.b))


@AFFINE.on(ops.Div)
def _quotient(op: ops.Div, build: PlanBuilder) -> Affine:
    """a / b: a times the reciprocal of b, or times the reciprocal of its root twice."""
    (a, b), (low, high) = build.both(op), build.interval(op.b)
    if bool(np.any(low <= 0)):
        worst = int(np.argmin(low))
        raise QuantizeError(
            "library processes divide only by what is proven to be positive",
            where="; ".join((f"{op.out}, element {worst}", *build.graph.values[op.out].lines)),
            numbers=f"the denominator's lower bound is {low[worst]:.6g}",
            advice="Keep the denominator positive, or compile it with microcode=True.",
        )
    if bool(np.any(low < GUARD * high)):
        worst = int(np.argmin(low / high))
        raise QuantizeError(
            "library processes have too few bits for a denominator over so many octaves",
            where="; ".join((f"{op.out}, element {worst}", *build.graph.values[op.out].lines)),
            numbers=f"it is {low[worst]:.6g} to {high[worst]:.6g}",
            advice="Add a larger constant to the denominator, as the eps of a norm, or compile it with microcode=True.",
        )
    if build.form.reciprocal is Reciprocal.HINGES or a.is_constant:
        count = build.form.reciprocal_hinges

        def fitted(least: float, most: float) -> tuple[Floats, Floats]:
            return fit_knots(lambda x: 1.0 / x, least, most, count, relative=True)

        factor = build.bank(f"{op.out}.reciprocal", build.held(b), low, high, fitted)
    else:
        held, root = build.held(b), build.fresh(f"{op.out}.root")
        build.nodes[root] = Root(root, b.size, build.level(held), held, low, high)
        q = message(Tap(root), b.size)
        most = 1.0 / np.sqrt(low)
        factor = build.product(f"{op.out}.reciprocal", q, q, most, most)
    if a.is_constant:
        return factor.scaled(a.offset)
    return build.product(op.out, a, factor, build.magnitude(op.a), 1.0 / low)
