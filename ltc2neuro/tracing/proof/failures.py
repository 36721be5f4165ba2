"""A model that fails in torch itself on the calibration, and not in the trace: what that is, and what to do."""

from __future__ import annotations

import re

from hw_models.errors import Ltc2NeuroError, ProofError
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.source import raised_at

_SHAPES = f"Do not write the number of rows or steps into the model ({axes.ROWS} and {axes.STEPS} in the trace)."
_TYPES = (
    "Tensors that forward makes need the type of its input: torch.zeros(..., dtype=x.dtype), or tensor.to(x.dtype)."
)
_OTHER = (
    f"It ran with {axes.ROWS} rows and {axes.STEPS} steps: look at what it does with another number of them. What it "
    "counts from call to call belongs in a state under ltc2neuro.nn.Recurrent."
)
_OF_TYPES = re.compile(r"dtype|scalar type|data type|\b(Float|Double|Half|Long|Int|Bool)\b")
_OF_SHAPES = re.compile(r"shape|size|dimension|must match|broadcast|stack|reshape", re.IGNORECASE)


class FailsError(ProofError):
    """The model fails in torch itself."""


def failure(error: Exception, shape: tuple[int, ...]) -> Exception:
    """What torch's error on a batch of this shape is for the user; ours stay what they are."""
    if isinstance(error, Ltc2NeuroError):
        return error
    text = str(error)
    torchs = isinstance(error, (RuntimeError, ValueError, TypeError))
    advice = _OTHER
    if torchs and _OF_TYPES.search(text):
        advice = _TYPES
    elif torchs and _OF_SHAPES.search(text):
        advice = _SHAPES
    return FailsError(
        "the model fails on a batch of a different shape than the trace's",
        where=str(raised_at(error) or ""),
        numbers=f"(batch, time, features) = {shape}: {type(error).__name__}: {error}",
        advice=advice,
    )
