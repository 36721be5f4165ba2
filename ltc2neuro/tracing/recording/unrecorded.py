"""What tracing itself computes with plain tensors, such as labels: torch need not ask whether to record it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
Result = TypeVar("Result")


def unrecorded(function: Callable[P, Result]) -> Callable[P, Result]:
    """Decorates a function that takes plain tensors alone: none of its calls of torch is seen by the recording."""

    @wraps(function)
    def unseen(*args: P.args, **kwargs: P.kwargs) -> Result:
        with torch._C.DisableTorchFunction():
            return function(*args, **kwargs)

    return unseen
