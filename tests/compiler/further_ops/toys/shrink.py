"""A whole op in one file: `Shrink`, its rows in the tables of ops, and the torch function that is recorded as it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from compiler.assembly.site import Listing, Spot
from compiler.assembly.templates import select
from compiler.c99 import elements as c99
from compiler.graph.builder import AnyGraph
from compiler.graph.graph import Graph
from compiler.graph.op import OPERAND, RESULT
from compiler.graph.ops import Lossless
from compiler.interpreters.execution import OpKernel
from compiler.interpreters.kernels import BOTH
from compiler.native import elements, operands
from compiler.onnx import lowering as nodes
from compiler.onnx.functions import BODIES
from compiler.quantize.lowering import LOWER, Lowering
from compiler.ranges.arithmetic import ENDS, AnyInterval, LowHigh
from hw_models import isa
from ltc2neuro.tracing.ops.elementwise import elementwise
from ltc2neuro.tracing.recording.symbolic import Symbolic, plain


@dataclass(frozen=True)
class Shrink(Lossless):
    """out = x where |x| > limit, else 0; limit >= 0."""

    out: str = field(metadata=RESULT)
    x: str = field(metadata=OPERAND)
    limit: str = field(metadata=OPERAND)


@BOTH.on(Shrink)
def _kernel(op: Shrink, graph: Graph) -> OpKernel:
    return lambda frame: np.where(np.abs(frame.values[op.x]) > frame.values[op.limit], frame.values[op.x], 0)


@ENDS.on(Shrink)
def _ends(op: Shrink, graph: AnyGraph, known: Mapping[str, AnyInterval]) -> LowHigh:
    return np.minimum(known[op.x].low, 0), np.maximum(known[op.x].high, 0)


@LOWER.on(Shrink)
def _lowered(op: Shrink, here: Lowering) -> None:
    build, fraction = here.build, here.build.wanted[op.out]
    build.emit(Shrink(op.out, build.at(op.x, fraction), build.at(op.limit, fraction)), fraction, of=op.out)


@select.on(Shrink)
def _instructions(op: Shrink, dest: isa.Target, at: Spot) -> Listing:
    x, size = at.place(op.x), at.scratch.register()
    return [
        isa.Subtract(size, isa.Immediate(0), x),
        isa.Maximum(size, size, x),
        isa.Compare(size, at.place(op.limit), size, isa.Test.LESS),
        isa.Select(dest, size, x, isa.Immediate(0)),
    ]


@c99.ELEMENTS.on(Shrink)
def _expression(op: Shrink, at: c99.Element) -> str:
    x, limit = at.read(op.x), at.read(op.limit)
    return f"{x} > {limit} || {x} < -{limit} ? {x} : 0"


@elements.ELEMENTS.on(Shrink)
def _register(op: Shrink, at: operands.Element) -> str:
    code, x, zero = at.unit.code, at.read(op.x), at.unit.code.splat(0)
    size = code.intrinsic("smax", x, code.two("sub", zero, x))
    return code.choose(code.compare("slt", at.read(op.limit), size), x, zero)


BODIES["Shrink (x, limit) => (out)"] = (
    "size = Abs(x)  large = Less(limit, size)  zero = Sub(x, x)  out = Where(large, x, zero)"
)


@nodes.BOTH.on(Shrink)
def _node(op: Shrink, to: nodes.NodeWriter[Graph]) -> None:
    to.call("Shrink", [to.read(op.x), to.read(op.limit)], op.out)


def hardshrink(input: Symbolic, lambd: float = 0.5) -> Symbolic:
    """The rule of `torch.nn.functional.hardshrink`."""
    return elementwise(Shrink, (input, lambd), torch.zeros_like(plain(input)))
