"""Operators that join elements along axes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ltc2neuro.frontends.onnx.ops.graph import Node
from ltc2neuro.frontends.onnx.ops.rule import Rule, axes, unsupported


def _over(function: Callable[[Tensor, list[int], bool], Tensor]) -> Rule:
    def rule(node: Node, x: Tensor, given: Tensor | None = None) -> Tensor:
        over = axes(node, given)
        if over is None and node.whole("noop_with_empty_axes", 0):
            return x
        return function(x, list(range(x.dim())) if over is None else over, bool(node.whole("keepdims", 1)))

    return rule


def _cumsum(node: Node, x: Tensor, axis: Tensor) -> Tensor:
    if node.whole("exclusive", 0) or node.whole("reverse", 0):
        raise unsupported(node, "counts from the end, or without the element itself")
    return torch.cumsum(x, int(axis.item()))


RULES: dict[str, Rule] = {
    "CumSum": _cumsum,
    "GlobalAveragePool": lambda node, x: x.mean(list(range(2, x.dim())), keepdim=True),
    "LogSoftmax": lambda node, x: torch.log_softmax(x, node.whole("axis", -1)),
    "ReduceL1": _over(lambda x, over, keep: x.abs().sum(over, keepdim=keep)),
    "ReduceL2": _over(lambda x, over, keep: (x * x).sum(over, keepdim=keep).sqrt()),
    "ReduceLogSumExp": _over(lambda x, over, keep: torch.logsumexp(x, over, keep)),
    "ReduceMax": _over(lambda x, over, keep: torch.amax(x, over, keep)),
    "ReduceMean": _over(lambda x, over, keep: x.mean(over, keepdim=keep)),
    "ReduceMin": _over(lambda x, over, keep: torch.amin(x, over, keep)),
    "ReduceSum": _over(lambda x, over, keep: x.sum(over, keepdim=keep)),
    "ReduceSumSquare": _over(lambda x, over, keep: (x * x).sum(over, keepdim=keep)),
    "Softmax": lambda node, x: torch.softmax(x, node.whole("axis", -1)),
}
