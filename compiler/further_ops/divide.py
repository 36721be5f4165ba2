"""`Divide`, of chips that divide: out = floor(a * 2^shift / b), b > 0."""

from __future__ import annotations

import numpy as np

from compiler.assembly import templates
from compiler.assembly.site import Listing, Spot
from compiler.attribution import kernels as switched
from compiler.attribution import lifted
from compiler.c99 import elements as c99
from compiler.c99.program import HELPERS
from compiler.graph.graph import Graph
from compiler.graph.integers import IntegerGraph
from compiler.graph.ops import Divide
from compiler.graph.shapes import FAULTS, elementwise_faults, shift_faults
from compiler.interpreters import reference, unrounded
from compiler.interpreters.execution import OpKernel
from compiler.native import elements as native
from compiler.native.operands import Element
from compiler.onnx import integer_ops as onnx
from compiler.onnx.functions import BODIES
from compiler.ranges.arithmetic import of_corners
from compiler.ranges.integer_spans import SPANS, KnownSpans, Span
from hw_models import isa
from hw_models.errors import ChipError


@FAULTS.on(Divide)
def _faults(op: Divide, graph: Graph) -> list[str]:
    return elementwise_faults(op, graph) + shift_faults(np.array(op.shift))


@SPANS.on(Divide)
def _span(op: Divide, known: KnownSpans) -> Span:
    a = known.spans[op.a]
    low, high = of_corners(a, known.spans[op.b], lambda x, y: (x << op.shift) // y)
    return Span(low, high, a.magnitude << op.shift, op.shift)


@reference.KERNELS.on(Divide)
def _integers(op: Divide, graph: IntegerGraph) -> OpKernel:
    return lambda frame: np.floor_divide(np.left_shift(frame.values[op.a], op.shift), frame.values[op.b])


@unrounded.KERNELS.on(Divide)
def _reals(op: Divide, graph: Graph) -> OpKernel:
    return lambda frame: frame.values[op.a] * 2.0**op.shift / frame.values[op.b] - 0.5


@switched.REAL.on(Divide)
def _switched(op: Divide, here: switched.Here) -> OpKernel:
    a, b, scale = here.getter(op, op.a), here.getter(op, op.b), 2.0**op.shift
    return here.whole(lambda frame: np.floor(a(frame) * scale / b(frame)))


@lifted.ROUNDS.on(Divide)
def _rounds(op: Divide, graph: IntegerGraph, is_lifted: bool) -> bool:
    return not is_lifted


@templates.select.on(Divide)
def _instructions(op: Divide, dest: isa.Target, at: Spot) -> Listing:
    raise ChipError(f"{at.chip.name} has no instruction for Divide", where=op.out, advice="Use another chip.")


HELPERS["floor_divide"] = "static inline word floor_divide(word a, word b) { return a / b - (a % b < 0); } /* b > 0 */"


@c99.ELEMENTS.on(Divide)
def _expression(op: Divide, at: c99.Element) -> str:
    return f"floor_divide({at.read(op.a)} * ((word)1 << {op.shift}), {at.read(op.b)})"


@native.ELEMENTS.on(Divide)
def _register(op: Divide, at: Element) -> str:
    code = at.unit.code
    a, b = code.two("shl", at.read(op.a), code.splat(op.shift)), at.read(op.b)
    if code.bits == 32:  # exact: a quotient that is no integer is further than 2^-31 from the next
        real = code.of("double")
        over, under = (code.set(f"sitofp {code.vector} {v} to {real}") for v in (a, b))
        quotient = code.set(f"fdiv {real} {over}, {under}")
        floor = code.call(f"llvm.floor.v{code.lanes}f64", real, (real, quotient))
        return code.set(f"fptosi {real} {floor} to {code.vector}")
    b = code.intrinsic("smax", b, code.splat(1))  # lanes beyond the last element hold anything, and 0 is fatal
    quotient = code.two("sdiv", a, b)
    rest = code.two("sub", a, code.two("mul", quotient, b))
    return code.two("sub", quotient, code.as_integer(code.compare("slt", rest, code.splat(0))))


BODIES["Divide (a, b, power) => (out)"] = """
    scaled = Mul(a, power)
    rest = Mod(scaled, b)
    multiple = Sub(scaled, rest)
    out = Div(multiple, b)"""


@onnx.NODES.on(Divide)
def _node(op: Divide, to: onnx.IntegerWriter) -> None:
    power = onnx.power(to, str(op.shift), np.array([op.shift]))
    to.call("Divide", [to.read(op.a), to.read(op.b), power], op.out)
