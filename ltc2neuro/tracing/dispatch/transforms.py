"""torch.func: vmap, grad and their like, refused where they take a symbolic tensor.

They wrap it in a tensor of torch's own, which runs on its zeros and records nothing.
"""

from __future__ import annotations

import torch
from torch._C import _functorch  # type: ignore[attr-defined]

from ltc2neuro.tracing.recording.symbolic import Symbolic
from ltc2neuro.tracing.recording.tape import Tape


def refuse_transforms(recorder: Tape, values: object) -> None:
    """Raise `TraceError` where a torch.func transform is at work, and a symbolic tensor among its `values`."""
    if _functorch.peek_interpreter_stack() is not None and _within(values):
        raise recorder.refusal(
            "torch.vmap, or another function of torch.func, takes a computed value",
            "Write it for whole batches: torch's calls take (batch, time, features) as they are, and a product of "
            "vectors is torch.einsum. A gradient belongs outside of the network.",
        )


def _within(value: object) -> bool:
    """Whether there is a symbolic tensor in nested tuples, lists, dicts and torch's wrappers."""
    if isinstance(value, (tuple, list)):
        return any(map(_within, value))
    if isinstance(value, dict):
        return any(map(_within, value.values()))
    while isinstance(value, torch.Tensor) and _functorch.is_functorch_wrapped_tensor(value):
        value = _functorch.get_unwrapped(value)
    return isinstance(value, Symbolic)
