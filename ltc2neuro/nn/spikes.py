"""A spike: a step function whose gradient is that of a smooth one."""

from __future__ import annotations

import torch


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, over: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(over)
        return (over > 0).to(over.dtype)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        (over,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return grad / (1 + 5 * over.abs()) ** 2


def spike(over: torch.Tensor) -> torch.Tensor:
    """1 where `over`, the distance to the threshold, is above 0, else 0.

    Its gradient is 1 / (1 + 5 |over|)^2 (F. Zenke, S. Ganguli, "SuperSpike", Neural Computation 30, 2018).

    >>> spike(torch.tensor([-0.5, 0.0, 0.5]))
    tensor([0., 0., 1.])
    """
    if torch.is_grad_enabled():
        return _Spike.apply(over)
    return (over > 0).to(over.dtype)
