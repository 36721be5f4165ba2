"""What asks whether numbers are finite: on finite data the answers are known, and guards compile away.

What is recorded compares a value with itself. In the recording that is decided as in torch; the first of the rewrites
knows that a network takes no NaN and computes none.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from ltc2neuro.tracing.ops import logic
from ltc2neuro.tracing.ops.reductions import largest, smallest
from ltc2neuro.tracing.ops.torch_ops import TorchRules, by_spelling
from ltc2neuro.tracing.recording.symbolic import Symbolic

Tensor = torch.Tensor


def _is_finite(input: Tensor) -> Tensor:
    nothing = input - input  # NaN where it is infinite
    return torch.eq(nothing, nothing)


def _nan_to_num(
    input: Tensor, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """Nothing in a network is infinite, so that `posinf` and `neginf` say nothing of it."""
    return torch.where(torch.eq(input, input), input, nan or 0.0)


def _nansum(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: torch.dtype | None = None
) -> Tensor:
    return _nan_to_num(input if dtype is None else input.to(dtype)).sum(dim, keepdim)


def _nanmean(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: torch.dtype | None = None
) -> Tensor:
    known = torch.eq(input, input).to(input.dtype if dtype is None else dtype)
    return _nansum(input, dim, keepdim, dtype=dtype) / known.sum(dim, keepdim)


def _of_all(join: Callable[..., Tensor], real: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`any` and `all`: over features, or a guard over the whole batch, which is decided where its answer is known."""
    over_features = logic.features(join)

    def rule(input: Symbolic, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Tensor:
        if dim is None:
            truths = logic.truth(input)
            assert isinstance(truths, Symbolic)
            known = truths.recorder.reach(truths.value)
            if (known.low == known.high).all():
                return real(torch.as_tensor(known.low != 0))
        return over_features(input, dim, keepdim)

    return rule


FINITES: TorchRules = by_spelling(
    (("any",), _of_all(largest, torch.any)),
    (("all",), _of_all(smallest, torch.all)),
    (("isnan",), lambda input: torch.ne(input, input)),
    (("isfinite",), _is_finite),
    (("isinf",), lambda input: torch.logical_and(torch.eq(input, input), torch.logical_not(_is_finite(input)))),
    (("nan_to_num",), _nan_to_num),
    (("nansum",), _nansum),
    (("nanmean",), _nanmean),
)
"""The decomposition of each."""
