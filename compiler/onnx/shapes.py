"""How samples and answers in the model's units lie: batch or time first, and which answers there are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from compiler.onnx.nodes import Nodes, type_of

FLOAT64 = np.dtype(np.float64)


@dataclass(frozen=True)
class Shapes:
    """Of a model that takes real samples and gives real answers, both of type `reals`."""

    reals: np.dtype = FLOAT64
    timed: bool = False
    """whether the time before each sample is given, too"""
    time_first: bool = False
    answers_time_first: bool = False
    last: bool = False
    """whether it answers at the last step only"""
    step_shape: tuple[int, ...] | None = None
    """shape of the answer of one sample; None: flat"""
    sample_shape: tuple[int, ...] | None = None
    """shape of one sample; None: flat"""

    def enter(self, nodes: Nodes, axes: tuple[str, ...], features: int) -> tuple[str, list[onnx.ValueInfoProto]]:
        """Samples (batch, *axes, channels), the time before each in the last channel; and the inputs of the model."""
        order = ["batch", *axes]
        order = order[::-1] if self.time_first else order
        features -= self.timed
        inputs, x = [self._info("x", *order, *((features,) if self.sample_shape is None else self.sample_shape))], "x"
        if self.sample_shape is not None:
            wanted = nodes.constant("x.flat shape", [*(0 for _ in order), features], np.int64)
            x = nodes.shared.name("x.flat")
            nodes.standard("Reshape", ["x", wanted], [x])
        if self.timed:
            spans = nodes.shared.name("timespans")
            inputs.append(self._info(spans, *order))
            last = nodes.constant("last axis", [-1], np.int64)
            column, joined = nodes.shared.name("timespans.column"), nodes.shared.name("x.timed")
            nodes.standard("Unsqueeze", [spans, last], [column])
            nodes.standard("Concat", [x, column], [joined], axis=-1)
            x = joined
        return (nodes.turned(x, "x.turned", 3) if self.time_first and axes else x), inputs

    def answer(self, nodes: Nodes, flat: str, axes: tuple[str, ...], size: int) -> onnx.ValueInfoProto:
        """The output y of the model, from its answers (batch, *axes, size)."""
        shape = (size,) if self.step_shape is None else self.step_shape
        if self.last and axes:
            end, axes, whole = nodes.constant("last step", -1, np.int64), (), flat
            flat = nodes.shared.name("y.last")
            nodes.standard("Gather", [whole, end], [flat], axis=1)
        order = ["batch", *axes]
        if self.answers_time_first and axes:
            flat, order = nodes.turned(flat, "y.turned", 3), order[::-1]
        nodes.standard("Reshape", [flat, nodes.constant("y.shape", [*(0 for _ in order), *shape], np.int64)], ["y"])
        return self._info("y", *order, *shape)

    def _info(self, name: str, *axes: int | str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, type_of(self.reals), axes)
