"""An integer graph as an ONNX model: a whole sequence at once, or one sample with the states handed on.

Whatever the words of the chip, integers enter and leave as int64.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import onnx
import onnx.parser
from onnx import helper

from compiler.graph.integers import IntegerGraph
from compiler.onnx.functions import DOMAIN, OPSET, text
from compiler.onnx.integer_ops import Lowering, expanded, most_shift
from compiler.onnx.nodes import Nodes, Shared, type_of
from compiler.onnx.sample import Carried, Sample, Site, carried_by, info, sites_of
from compiler.onnx.units import Units

IR_VERSION = 8
"""The oldest with functions in a model"""
INT64 = np.dtype(np.int64)


@dataclass(frozen=True)
class Program:
    """An integer graph that is to become a model, for a chip with products of so many bits.

    `units` None: integers enter and leave, else the host's maps are a part of the model. With `extremes` it also
    returns how far values were that were clipped.
    """

    graph: IntegerGraph
    product_bits: int
    units: Units | None = None
    extremes: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def dtype(self) -> np.dtype:
        """The integers that hold all that is computed, and all powers of two by which anything is shifted."""
        return np.dtype(np.int32 if self.product_bits <= 31 and most_shift(self.graph) <= 30 else np.int64)

    @cached_property
    def sites(self) -> dict[str, Site]:
        """The values that can be clipped."""
        return sites_of(self.graph, extremes=self.extremes)

    @cached_property
    def carried(self) -> dict[str, Carried]:
        """All that is kept from sample to sample: first the states."""
        return carried_by(self.graph, self.sites, self.dtype)

    @property
    def states(self) -> list[str]:
        """The names of the states."""
        return [s.name for s in self.graph.states]

    @property
    def counts(self) -> list[str]:
        """What else is carried."""
        return [name for name in self.carried if name not in self.states]

    # --- the two forms -------------------------------------------------------------------------------------

    def step(self) -> onnx.ModelProto:
        """One sample: x (batch, features) and the states (batch, size) give y, the next states, and what was clipped.

        States are integers in any units: they only travel from step to step.
        """
        model = _Model(self, {n: f"{n}.next" for n in self.states} | {n: n for n in self.counts})
        sample, current = model.enter(), model.starts(given=True)
        output = Sample(model.lowering(model.nodes, sample), self.sites, self.carried).write(current)
        model.answer(output)
        for name in self.carried:
            model.leave(current[name], name, self.carried[name].size)
        return model.proto("step")

    def sequence(self, *, given: bool = False) -> onnx.ModelProto:
        """Whole sequences: x (batch, time, features) gives y, each state after every sample and after the last one,
        and what was clipped. States start as on the chip, or are inputs where they are `given`."""
        graph, afterwards = self.graph, {n: f"{n}.last" for n in self.states} | {n: n for n in self.counts}
        model = _Model(self, {"all " + n: f"{n}.all" for n in self.states} | afterwards)
        entered, starts, name = model.enter("time"), model.starts(given=given), model.shared.name
        inner, sample = Nodes(model.shared), name("sample")
        nows = {n: name(f"{n}.now") for n in self.carried}
        current = dict(nows)
        writing = Sample(model.lowering(inner, sample), self.sites, self.carried)
        answered = inner.copy(writing.write(current), "y.now")
        nexts = {n: inner.copy(current[n], f"{n}.next") for n in self.carried}
        afters = {n: inner.copy(current[n], f"{n}.after") for n in model.states}
        body = helper.make_graph(
            inner.protos,
            "sample",
            [*(writing.info(t, n) for n, t in nows.items()), info(sample, self.dtype, graph.size(graph.entry.out))],
            [
                *(writing.info(t, n) for n, t in nexts.items()),
                info(answered, self.dtype, graph.size(graph.answer.x)),
                *(writing.info(t, n) for n, t in afters.items()),
            ],
        )
        # onnx.reference scans the first axis only
        inputs = [*starts.values(), model.nodes.turned(entered, "samples", 3)]
        ends = {n: name(f"{n}.end") for n in nexts}
        y_track, tracks = name("y.track"), {n: name(f"{n}.track") for n in afters}
        outputs = [*ends.values(), y_track, *tracks.values()]
        model.nodes.standard("Scan", inputs, outputs, "samples", body=body, num_scan_inputs=1)
        model.answer(model.nodes.turned(y_track, "y.turned", 3), "time")
        for n, track in tracks.items():
            model.leave(model.nodes.turned(track, f"{n}.turned", 3), "all " + n, "time", self.carried[n].size)
        for n in self.carried:
            model.leave(ends[n], n, self.carried[n].size)
        return model.proto("sequence")


class _Model:
    """A model that is being written: what both forms have in common."""

    def __init__(self, program: Program, outputs: Mapping[str, str]) -> None:
        self.program, self.shared = program, Shared(program.dtype)
        self.nodes = Nodes(self.shared)
        self.shared.taken.update("xy")
        # inputs and outputs have their names first
        self.states = {name: self.shared.name(name) for name in program.states}
        self.names = {key: self.shared.name(name) for key, name in outputs.items()}
        self.rows = self.shared.name("rows")
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []

    def lowering(self, nodes: Nodes, sample: str) -> Lowering:
        """What writes ops as `nodes`, for the integers `sample` (batch, features)."""
        return Lowering(self.program.graph, nodes, self.rows, sample)

    def enter(self, *axes: str) -> str:
        """The integers (batch, *axes, features) of the input x."""
        graph, units = self.program.graph, self.program.units
        x, features, out = "x", graph.size(graph.entry.out), self.shared.name("x.integers")
        if units is None:
            self.inputs.append(info(x, INT64, *axes, features))
            self.nodes.standard("Cast", [x], [out], to=type_of(self.shared.dtype))
        else:
            x, inputs = units.enter(self.nodes, axes, features)
            self.inputs += inputs
            units.quantize(self.nodes, graph, x, out)
        self.nodes.standard("Shape", [x], [self.rows], start=0, end=1)
        return out

    def starts(self, *, given: bool) -> dict[str, str]:
        """Where all that is carried starts, a row for each of the batch; `given`: states are inputs."""
        found: dict[str, str] = {}
        for name, item in self.program.carried.items():
            if given and name in self.states:
                self.inputs.append(info(self.states[name], INT64, item.size))
                found[name] = self.shared.name(f"{name}.start")
                self.nodes.standard("Cast", [self.states[name]], [found[name]], to=type_of(item.dtype))
            else:
                start = self.nodes.constant(f"{name}.initial", item.start, item.dtype)
                found[name] = expanded(self.nodes, start, self.rows, item.size)
        return found

    def leave(self, tensor: str, key: str, *axes: int | str) -> None:
        """An output of integers."""
        name = self.names[key]
        self.nodes.standard("Cast", [tensor], [name], to=type_of(INT64))
        self.outputs.append(info(name, INT64, *axes))

    def answer(self, tensor: str, *axes: str) -> None:
        """The output y, from its integers (batch, *axes, outputs)."""
        graph, units = self.program.graph, self.program.units
        if units is None:
            self.nodes.standard("Cast", [tensor], ["y"], to=type_of(INT64))
            self.outputs.append(info("y", INT64, *axes, graph.size(graph.answer.x)))
        else:
            self.outputs.append(units.answer(self.nodes, graph, tensor, axes))

    def proto(self, name: str) -> onnx.ModelProto:
        """The whole, with its functions and constants."""
        tensors, casts = self.shared.tensors()
        graph = helper.make_graph([*casts, *self.nodes.protos], name, self.inputs, self.outputs, tensors)
        integers = type_of(self.shared.dtype)
        model = helper.make_model(
            graph,
            functions=[onnx.parser.parse_function(text(f, integers)) for f in self.shared.functions],
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)],
            ir_version=IR_VERSION,
            producer_name="ltc2neuro",
        )
        helper.set_model_props(model, dict(self.program.metadata))
        return model
