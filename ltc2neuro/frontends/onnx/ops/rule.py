"""What a rule is, and what rules share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import torch

from hw_models.errors import InputError, Ltc2NeuroError
from ltc2neuro.frontends.onnx.ops.graph import Node

Rule: TypeAlias = "Callable[..., torch.Tensor | tuple[torch.Tensor, ...]]"
"""`rule(node, *inputs)`: the node's output, or a tuple of them"""

LARGEST = 2**27
"""elements: what a constant that a graph computes may have"""


def numbers(given: torch.Tensor | None) -> list[int] | None:
    """Whole numbers that a graph gives as a tensor, such as axes."""
    return None if given is None else [int(n) for n in given.reshape(-1).tolist()]


def axes(node: Node, given: torch.Tensor | None) -> list[int] | None:
    """Axes: an input, or an attribute in older opsets; None for all."""
    found = numbers(given)
    return found if found is not None else (list(node.wholes("axes") or ()) or None)


def check_size(node: Node, shape: Sequence[int]) -> Sequence[int]:
    """The shape of what a node makes of little; refuses one that memory may not hold."""
    if math.prod(shape) > LARGEST:
        raise InputError(
            f"the node {node.op} makes a tensor of too many elements",
            where=node.name,
            numbers=f"shape {tuple(shape)}, at most {LARGEST} elements",
        )
    return shape


def one_row(x: torch.Tensor, axis: int) -> torch.Tensor:
    """The first row of a constant whose rows are all equal; other constants stay."""
    first = x.narrow(axis, 0, 1)
    return first if bool((x == first).all()) else x


_FREE = (
    "If the model was exported for batches of one size, let that be free: torch.onnx.export(..., "
    'dynamic_axes={"x": {0: "batch"}, ...}), with all inputs and outputs. If it reads time first, compile it with '
    "batch_first=False and arrays as it takes them."
)


@contextmanager
def naming(node: str) -> Iterator[None]:
    """What fails in it is one error that names the node."""
    try:
        yield
    except Ltc2NeuroError:
        raise
    except Exception as error:  # torch has errors of many kinds
        raise InputError(
            "a node of the ONNX model fails",
            where=node,
            numbers=f"{type(error).__name__}: {error}",
            advice=_FREE,
        ) from error


def unsupported(node: Node, what: str, advice: str = "") -> InputError:
    """The error for a variant of an operator that has no rule."""
    return InputError(f"the node {node.op} {what}", where=node.name, advice=advice)
