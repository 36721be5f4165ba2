"""An integer graph in torch, for gradients: the reference's integers in float64, rounding with a gradient of 1.

Nothing that a network answers comes from here: what was learned is judged on, and runs on, the usual executors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from compiler.graph import ops
from compiler.graph.integers import IntegerGraph
from compiler.graph.op_table import OpTable
from hw_models.errors import InputError

NamedTensors: TypeAlias = dict[str, Tensor]
TensorKernel: TypeAlias = Callable[[NamedTensors], Tensor]


def floored(x: Tensor) -> Tensor:
    """The floor, with a gradient of 1."""
    return x + (torch.floor(x) - x).detach()


@dataclass(frozen=True)
class TorchGraph:
    """An integer graph and its constants as tensors: vectors (1, size), matrices (rows, columns)."""

    graph: IntegerGraph
    constants: NamedTensors

    @staticmethod
    def of(graph: IntegerGraph) -> TorchGraph:
        """Every integer of a chip of up to 32 bits, and its products, are exact in float64.

        Raises `InputError` for an op without a kernel here.
        """
        computed = {type(op) for _, op in graph.ops() if op.result in graph.values}
        if unknown := {op.__name__ for op in computed if not KERNELS.knows(op)}:
            raise InputError(
                "this network cannot be tuned: torch has no gradient of some of its ops",
                numbers=", ".join(sorted(unknown)),
                advice="Give its parameters more bits instead.",
            )
        tensors = {n: torch.from_numpy(c.astype("float64")) for n, c in graph.constants.items()}
        return TorchGraph(graph, {n: t[None] if t.ndim == 1 else t for n, t in tensors.items()})

    def run(self, x: Tensor, constants: Mapping[str, Tensor]) -> Tensor:
        """Outputs (batch, time, size) of quantized samples `x` (batch, time, features), with other `constants`."""
        known = {**self.constants, **constants}
        kernels = {op.result: KERNELS(op, self) for _, op in self.graph.ops() if op.result in self.graph.values}
        states = {s.name: known[s.initial].expand(len(x), -1) for s in self.graph.states}
        outputs = []
        for t in range(x.shape[1]):
            values: NamedTensors = {**known, "": x[:, t]}
            for block in self.graph.blocks:
                for _ in range(block.repeat):
                    values.update({f"state {name}": state for name, state in states.items()})
                    for op in block.computed:
                        if op.result is not None:
                            values[op.result] = kernels[op.result](values)
                    outputs += [values[op.x] for op in block.outputs]
                    states.update({op.state: values[op.x].expand(len(x), -1) for op in block.commits})
        return torch.stack(outputs, 1)


KERNELS: OpTable[[TorchGraph], TensorKernel] = OpTable("torch")
"""Each integer op, values being (batch, size)."""
KERNELS.always(lambda values: values[""], ops.Input)


@KERNELS.on(ops.StateRead)
def _read(op: ops.StateRead, here: TorchGraph) -> TensorKernel:
    return lambda values: values[f"state {op.state}"]


def _joined(values: NamedTensors, sources: tuple[str, ...]) -> Tensor:
    found = [values[s] for s in sources]
    batch = max(len(f) for f in found)
    return torch.cat([f.expand(batch, -1) for f in found], 1)


@KERNELS.on(ops.Gather)
def _gather(op: ops.Gather, here: TorchGraph) -> TensorKernel:
    index = here.constants[op.index][0].long()
    return lambda values: _joined(values, op.sources)[:, index]


@KERNELS.on(ops.SegmentSum)
def _segment_sum(op: ops.SegmentSum, here: TorchGraph) -> TensorKernel:
    segment, size = here.constants[op.segment][0].long(), here.graph.size(op.out)

    def kernel(values: NamedTensors) -> Tensor:
        x = values[op.x]
        return x.new_zeros(len(x), size).index_add(1, segment, x)

    return kernel


@KERNELS.on(ops.MatVec)
def _mat_vec(op: ops.MatVec, here: TorchGraph) -> TensorKernel:
    matrix = here.constants[op.matrix]
    if op.places is None:
        return lambda values: _joined(values, op.sources) @ matrix.T
    places = here.constants[op.places].long()

    def kernel(values: NamedTensors) -> Tensor:
        x = _joined(values, op.sources)
        padded = torch.cat([x, torch.zeros_like(x[:, :1])], 1)
        return (matrix @ padded[:, places].transpose(1, 2)).reshape(len(x), -1)

    return kernel


_OF_TWO = {ops.Add: torch.add, ops.Sub: torch.sub, ops.Min: torch.minimum, ops.Max: torch.maximum}


@KERNELS.on(ops.Add, ops.Sub, ops.Min, ops.Max)
def _of_two(op: ops.Add | ops.Sub | ops.Min | ops.Max, here: TorchGraph) -> TensorKernel:
    return lambda values: _OF_TWO[type(op)](values[op.a], values[op.b])


_RELATIONS = {ops.Relation.LESS: torch.lt, ops.Relation.LESS_EQUAL: torch.le, ops.Relation.EQUAL: torch.eq}


@KERNELS.on(ops.Compare)
def _compare(op: ops.Compare, here: TorchGraph) -> TensorKernel:
    return lambda values: _RELATIONS[op.relation](values[op.a], values[op.b]).to(torch.float64)


@KERNELS.on(ops.Select)
def _select(op: ops.Select, here: TorchGraph) -> TensorKernel:
    return lambda values: torch.where(values[op.condition] != 0, values[op.a], values[op.b])


@KERNELS.on(ops.MulShift)
def _mul_shift(op: ops.MulShift, here: TorchGraph) -> TensorKernel:
    part = torch.exp2(-here.constants[op.shift])
    return lambda values: floored(values[op.a] * values[op.b] * part)


@KERNELS.on(ops.Shift)
def _shift(op: ops.Shift, here: TorchGraph) -> TensorKernel:
    form = here.graph.format(op.out)
    return lambda values: floored(values[op.x] * torch.exp2(values[op.amount].detach())).clamp(form.low, form.high)


@KERNELS.on(ops.Rescale)
def _rescale(op: ops.Rescale, here: TorchGraph) -> TensorKernel:
    form, part = here.graph.format(op.out), 2.0**-op.shift
    return lambda values: floored(values[op.x] * part + 0.5).clamp(form.low, form.high)


@KERNELS.on(ops.And)
def _and(op: ops.And, here: TorchGraph) -> TensorKernel:
    size = here.constants[op.b] + 1
    return lambda values: values[op.a] - size * floored(values[op.a] / size)


@KERNELS.on(ops.Divide)
def _divide(op: ops.Divide, here: TorchGraph) -> TensorKernel:
    return lambda values: floored(values[op.a] * 2.0**op.shift / values[op.b])


@KERNELS.on(ops.PiecewisePolynomial)
def _polynomial(op: ops.PiecewisePolynomial, here: TorchGraph) -> TensorKernel:
    knots, origins = here.constants[op.knots][0], here.constants[op.origins][0]
    coefficients, shifts = here.constants[op.coefficients], here.constants[op.shifts]

    def kernel(values: NamedTensors) -> Tensor:
        x = values[op.x]
        k = torch.searchsorted(knots, x.detach().contiguous(), right=True)
        t, degree = x - origins[k], coefficients.shape[1] - 1
        y = coefficients[k, degree]
        for j in range(degree - 1, -1, -1):
            y = floored(y * t * torch.exp2(-shifts[k, j])) + coefficients[k, j]
        return y

    return kernel
