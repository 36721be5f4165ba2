"""What is made of the answers at all steps, by nodes that add up in the order in which they came."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from compiler.onnx.nodes import Nodes, type_of

ReadoutWriter = Callable[[Nodes, str, str, np.dtype], None]
"""Of answers (batch, time, size) of a type, by their name, one (batch, size) by its own"""


def _at(step: int) -> ReadoutWriter:
    def write(nodes: Nodes, whole: str, out: str, reals: np.dtype) -> None:
        index = nodes.constant("last step" if step else "first step", step, np.int64)
        nodes.standard("Gather", [whole, index], [out], axis=1)

    return write


def _extreme(kind: str) -> ReadoutWriter:
    def write(nodes: Nodes, whole: str, out: str, reals: np.dtype) -> None:
        nodes.standard(kind, [whole, nodes.constant("axis of time", [1], np.int64)], [out], keepdims=0)

    return write


def _sum(nodes: Nodes, whole: str, out: str, reals: np.dtype) -> None:
    """The last of the running sums: a sum of all at once may add up in another order."""
    running = nodes.shared.name(f"{out}.running")
    nodes.standard("CumSum", [whole, nodes.constant("number of the axis of time", 1, np.int64)], [running])
    _at(-1)(nodes, running, out, reals)


def _mean(nodes: Nodes, whole: str, out: str, reals: np.dtype) -> None:
    total, steps, count = (nodes.shared.name(f"{out}.{what}") for what in ("sum", "steps", "count"))
    _sum(nodes, whole, total, reals)
    nodes.standard("Shape", [whole], [steps], start=1, end=2)
    nodes.standard("Cast", [steps], [count], to=type_of(reals))
    nodes.standard("Div", [total, count], [out])


def latest(nodes: Nodes, whole: str, out: str, steps: int) -> None:
    """The answers to so many steps at most, the latest."""
    first = nodes.constant(f"latest {steps}", [-steps], np.int64)
    end = nodes.constant("end of time", [np.iinfo(np.int64).max], np.int64)
    nodes.standard("Slice", [whole, first, end, nodes.constant("axis of time", [1], np.int64)], [out])


READOUTS: Mapping[str, ReadoutWriter] = {
    "first": _at(0),
    "last": _at(-1),
    "sum": _sum,
    "mean": _mean,
    "max": _extreme("ReduceMax"),
    "min": _extreme("ReduceMin"),
}
"""Those of answers that are given once a sequence"""
