"""The type of numbers that a model computes in."""

from __future__ import annotations

import torch

from hw_models.errors import TraceError


def model_dtype(model: torch.nn.Module) -> torch.dtype:
    """The type the model computes in; half precision and weights that are not finite are refused."""
    found: set[torch.dtype] = set()
    for name, tensor in [*model.named_buffers(), *model.named_parameters()]:
        if torch.nn.parameter.is_lazy(tensor):
            raise TraceError(
                "a lazy layer has no weights yet",
                where=name,
                advice="Run the model once, model(x) in torch, and train it or load its weights.",
            )
        if tensor.dtype in (torch.float16, torch.bfloat16, torch.complex32):
            raise TraceError(
                "the model is in half precision",
                where=name,
                numbers=str(tensor.dtype),
                advice="Convert it first: model.float(). The weights keep their values.",
            )
        if tensor.is_floating_point() or tensor.is_complex():
            found.add(tensor.dtype.to_real())
            bad = int((~torch.isfinite(tensor)).sum()) if isinstance(tensor, torch.nn.Parameter) else 0
            if bad:
                raise TraceError(
                    "a weight is not finite",
                    where=name,
                    numbers=f"{bad} of {tensor.numel()} elements",
                    advice="The training diverged: load an earlier checkpoint.",
                )
    return torch.float64 if found == {torch.float64} else torch.float32
