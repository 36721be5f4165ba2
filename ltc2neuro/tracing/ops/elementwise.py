"""Recording elementwise ops: operands are brought to one shape, and must agree in rows and steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import torch

from compiler.functions import FUNCTIONS
from compiler.graph import Op
from compiler.graph.ops import Apply
from ltc2neuro.tracing.ops.mixing import mixed
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.operands import operand
from ltc2neuro.tracing.recording.symbolic import Symbolic, symbolic
from ltc2neuro.tracing.recording.tape import Tape
from ltc2neuro.tracing.recording.unrecorded import unrecorded

Operand: TypeAlias = "torch.Tensor | float | int | bool"
ROUNDINGS = 64
"""By how many of its type's, at most, a constant of one row may differ from that of the next"""


def elementwise(make: Callable[..., Op], operands: Sequence[Operand], example: torch.Tensor) -> Symbolic:
    """Record the op `make(out, *names)` over operands that broadcast to the shape of `example`."""
    tensors = [o for o in operands if isinstance(o, Symbolic)]
    recorder, shape = tensors[0].recorder, example.shape
    if not example.numel():  # the differences of a single step
        return next(o for o in tensors if not o.numel())
    labels = axes.common([axes.labels_of(t.codes.expand(shape)) for t in tensors])
    groups = None if labels is None else axes.group(labels)
    if labels is None or groups is None or any(_differs(t.codes.expand(shape), groups) for t in tensors):
        raise mixed(recorder)
    names = [
        operand(o, axes.sample(o.codes.expand(shape), groups))
        if isinstance(o, Symbolic)
        else constant(recorder, o, shape, groups)
        for o in operands
    ]
    value = recorder.emit(lambda out: make(out, *names), groups.size)
    return symbolic(recorder, example, axes.encode(labels, groups.ranks(shape)), value)


def _differs(codes: torch.Tensor, groups: axes.LabelGroups) -> bool:
    """Whether a tensor that is held has other elements at one step than at another."""
    if not axes.is_held(codes):
        return False
    elements = axes.elements_of(codes).reshape(-1).numpy()[groups.positions]
    return bool(np.any(elements != elements[0]))


@unrecorded
def constant(recorder: Tape, operand: Operand, shape: Sequence[int], groups: axes.LabelGroups) -> str:
    """The constant that a plain tensor or number is for one sample; it must be the same in each row and step, but for
    the rounding of torch's kernels, which add up one row in another order than the next."""
    if not isinstance(operand, torch.Tensor):
        return recorder.constant(np.array([float(operand)]), f"{float(operand):.10g}")
    named = recorder.names.get(operand)
    if operand.numel() == 1:
        number = operand.detach().double().reshape(1).numpy()
        return recorder.constant(number, named or f"{number[0]:.10g}")
    name = named or recorder.named("constant")
    values = operand.detach().double().expand(tuple(shape)).reshape(-1).numpy()[groups.positions]
    rounding = ROUNDINGS * torch.finfo(operand.dtype).eps if operand.is_floating_point() else 0.0
    largest = np.max(np.abs(values), initial=0.0, where=np.isfinite(values))
    if not np.allclose(values, values[0], rtol=0.0, atol=rounding * largest, equal_nan=True):
        raise recorder.refusal(
            f"the constant {name} differs between batch rows or time steps",
            "If it depends on the position, give it to the model as an input feature.",
        )
    return recorder.constant(values[0].copy(), name)


def apply(function: str, x: Symbolic) -> Symbolic:
    """The element function of that name in `compiler.functions`."""
    if function not in FUNCTIONS:
        raise x.recorder.refusal(
            f"the function {function} is not supported", f"Use one of {', '.join(sorted(FUNCTIONS))}."
        )
    return elementwise(lambda out, a: Apply(out, a, function), (x,), torch.zeros_like(x.example))
