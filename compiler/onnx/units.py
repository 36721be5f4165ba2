"""The host's side as nodes: samples in the model's units become integers, integers become its answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from compiler.graph.integers import IntegerGraph
from compiler.onnx.nodes import Nodes, type_of

DOUBLE = np.dtype(np.float64)


@dataclass(frozen=True)
class Units:
    """How the model's samples and answers lie; both are float64."""

    timed: bool = False
    """whether the time before each sample is given, too"""
    time_first: bool = False
    answers_time_first: bool = False
    last: bool = False
    """whether it answers at the last step only"""
    step_shape: tuple[int, ...] | None = None
    """shape of the answer of one sample; None: flat"""

    def enter(self, nodes: Nodes, axes: tuple[str, ...], features: int) -> tuple[str, list[onnx.ValueInfoProto]]:
        """Samples (batch, *axes, channels), the time before each in the last channel; and the inputs of the model."""
        order = ["batch", *axes]
        order = order[::-1] if self.time_first else order
        inputs, x = [_double("x", *order, features - self.timed)], "x"
        if self.timed:
            spans = nodes.shared.name("timespans")
            inputs.append(_double(spans, *order))
            last, column, joined = (
                nodes.constant("last axis", [-1], np.int64),
                *map(nodes.shared.name, ("span", "timed")),
            )
            nodes.standard("Unsqueeze", [spans, last], [column])
            nodes.standard("Concat", [x, column], [joined], axis=-1)
            x = joined
        return (nodes.turned(x, "x.turned", len(order) + 1) if self.time_first and axes else x), inputs

    def quantize(self, nodes: Nodes, graph: IntegerGraph, x: str, out: str) -> None:
        """Integers of samples, as the host makes them."""
        host, form = graph.input_map, graph.input_format
        numbers = {"scale": host.scale, "offset": host.offset, "per_unit": [1 / form.lsb], "low": [form.low]}
        constants = [nodes.constant(f"x.{n}", a, DOUBLE) for n, a in {**numbers, "high": [form.high]}.items()]
        nodes.call("Input", [x, *constants], [out])

    def answer(self, nodes: Nodes, graph: IntegerGraph, integers: str, axes: tuple[str, ...]) -> onnx.ValueInfoProto:
        """The output y of the model, from its integers (batch, *axes, outputs)."""
        host = graph.output_map
        numbers = {"lsb": [2.0 ** -graph.fraction(graph.answer.x)], "scale": host.scale, "offset": host.offset}
        shape = (host.scale.size,) if self.step_shape is None else self.step_shape
        y, flat = nodes.shared.name("y.flat"), integers
        if self.last and axes:
            end, axes = nodes.constant("last step", -1, np.int64), ()
            flat = nodes.shared.name("y.last")
            nodes.standard("Gather", [integers, end], [flat], axis=1)
        nodes.call("Output", [flat, *(nodes.constant(f"y.{n}", a, DOUBLE) for n, a in numbers.items())], [y])
        order = ["batch", *axes]
        if self.answers_time_first and axes:
            y, order = nodes.turned(y, "y.turned", 3), order[::-1]
        nodes.standard("Reshape", [y, nodes.constant("y.shape", [*(0 for _ in order), *shape], np.int64)], ["y"])
        return _double("y", *order, *shape)


def _double(name: str, *axes: int | str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, type_of(DOUBLE), axes)
