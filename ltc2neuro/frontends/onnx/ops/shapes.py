"""Operators that move elements, and those that compute with shapes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ltc2neuro.frontends.onnx.ops.graph import Node
from ltc2neuro.frontends.onnx.ops.rule import Rule, axes, check_size, numbers, one_row, unsupported


def _reshape(node: Node, x: Tensor, shape: Tensor) -> Tensor:
    wanted = numbers(shape) or []
    kept = not node.whole("allowzero", 0)
    return x.reshape([x.shape[axis] if n == 0 and kept else n for axis, n in enumerate(wanted)])


def _flatten(node: Node, x: Tensor) -> Tensor:
    axis = node.whole("axis", 1) % (x.dim() + 1)
    return x.unsqueeze(0).flatten(1) if axis == 0 else x.flatten(axis).flatten(0, axis - 1)


def _squeeze(node: Node, x: Tensor, given: Tensor | None = None) -> Tensor:
    found = axes(node, given)
    where = [axis for axis, n in enumerate(x.shape) if n == 1] if found is None else [a % x.dim() for a in found]
    for axis in sorted(where, reverse=True):
        if x.shape[axis] != 1:
            raise unsupported(node, f"removes an axis of length {int(x.shape[axis])}")
        x = x.squeeze(axis)
    return x


def _unsqueeze(node: Node, x: Tensor, given: Tensor | None = None) -> Tensor:
    found = axes(node, given) or []
    count = x.dim() + len(found)
    for axis in sorted(axis % count for axis in found):
        x = x.unsqueeze(axis)
    return x


def _split(node: Node, x: Tensor, sizes: Tensor | None = None) -> tuple[Tensor, ...]:
    axis, given = node.whole("axis", 0), numbers(sizes)
    if given is None:
        parts = len(node.outputs)
        length = -(-int(x.shape[axis]) // parts)
        given = [length] * (parts - 1) + [int(x.shape[axis]) - length * (parts - 1)]
    return tuple(torch.split(x, given, axis))


def _slice(
    node: Node, x: Tensor, starts: Tensor, ends: Tensor, given: Tensor | None = None, steps: Tensor | None = None
) -> Tensor:
    first, last = numbers(starts) or [], numbers(ends) or []
    where, by = numbers(given) or list(range(len(first))), numbers(steps) or [1] * len(first)
    for axis, start, end, step in zip(where, first, last, by, strict=True):
        length = int(x.shape[axis])
        low, high, _ = slice(start, end if step > 0 or end >= -length else None, step).indices(length)
        if step == 1:
            x = x.narrow(axis, low, max(high - low, 0))
        else:
            x = x.index_select(axis, torch.tensor(range(low, high, step), dtype=torch.long))
    return x


def _gather(node: Node, x: Tensor, index: Tensor) -> Tensor:
    axis = node.whole("axis", 0) % x.dim()
    if index.is_floating_point():
        raise unsupported(node, "takes elements by numbers that are not whole")
    if index.dim() == 0:
        return x.select(axis, int(index.item()))
    length = int(x.shape[axis])
    places = torch.where(index < 0, index + length, index)
    taken = x.index_select(axis, places.reshape(-1))
    return taken if index.dim() == 1 else taken.unflatten(axis, tuple(index.shape))


def _expand(node: Node, x: Tensor, shape: Tensor) -> Tensor:
    for axis, wanted in enumerate(reversed(numbers(shape) or []), 1):
        if axis <= x.dim() and x.shape[-axis] not in (1, wanted) and wanted != 1:
            x = one_row(x, -axis)  # it was exported for another number of rows
    return x.expand(*check_size(node, torch.broadcast_shapes(x.shape, numbers(shape) or [])))


def _tile(node: Node, x: Tensor, repeats: Tensor) -> Tensor:
    times = numbers(repeats) or []
    check_size(node, [int(n) * by for n, by in zip(x.shape, times, strict=True)])
    return x.repeat(*times)


def _pad(node: Node, x: Tensor, pads: Tensor, value: Tensor | None = None, given: Tensor | None = None) -> Tensor:
    if node.text("mode", "constant") != "constant":
        raise unsupported(node, f"pads with {node.text('mode', '')}", "Pad with a constant.")
    ends = numbers(pads) or []
    where = [axis % x.dim() for axis in numbers(given) or range(x.dim())]
    by_axis = dict(zip(where, zip(ends[: len(where)], ends[len(where) :], strict=True), strict=True))
    check_size(node, [int(n) + sum(by_axis.get(axis, ())) for axis, n in enumerate(x.shape)])
    flat = [end for axis in reversed(range(x.dim())) for end in by_axis.get(axis, (0, 0))]
    return functional.pad(x, flat, value=0.0 if value is None else float(value.item()))


def _shape(node: Node, x: Tensor) -> Tensor:
    start, end = node.whole("start", 0), node.whole("end", x.dim())
    return torch.tensor([int(n) for n in x.shape[start:end]], dtype=torch.long)


def _constant_of_shape(node: Node, shape: Tensor) -> Tensor:
    value = node.attributes.get("value")
    filling = torch.from_numpy(np.array(value).reshape(-1)) if isinstance(value, np.ndarray) else torch.zeros(1)
    return filling.expand(*check_size(node, numbers(shape) or [])).clone()


def _range(node: Node, start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    first, last, by = (number.item() for number in (start, limit, delta))
    check_size(node, [max(int((last - first) / by), 0)])
    return torch.arange(first, last, by, dtype=start.dtype)


def _concat(node: Node, *inputs: Tensor) -> Tensor:
    check_size(node, [sum(x.numel() for x in inputs)])
    return torch.cat(inputs, node.whole("axis", 0))


RULES: dict[str, Rule] = {
    "Concat": _concat,
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "Pad": _pad,
    "Range": _range,
    "Reshape": _reshape,
    "Shape": _shape,
    "Size": lambda node, x: torch.tensor(x.numel()),
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": lambda node, x: x.permute(node.wholes("perm") or tuple(reversed(range(x.dim())))),
    "Unsqueeze": _unsqueeze,
}
