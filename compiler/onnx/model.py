"""A graph as an ONNX model: a whole sequence at once, or one sample with the states handed on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
import onnx
import onnx.parser
from onnx import helper

from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.onnx.functions import DOMAIN, OPSET, text
from compiler.onnx.lowering import NodeWriter, expanded
from compiler.onnx.nodes import Nodes, Shared, type_of
from compiler.onnx.sample import ClipSite, Sample, ScanState, info
from compiler.onnx.shapes import Entered
from compiler.ranges.integer_spans import Span

G = TypeVar("G", bound=Graph)

IR_VERSION = 8
"""The oldest with functions in a model"""


@dataclass(frozen=True, kw_only=True)
class Export(ABC, Generic[G]):
    """A graph that is to become a model."""

    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    @abstractmethod
    def graph(self) -> G:
        """The graph."""

    @cached_property
    @abstractmethod
    def dtype(self) -> np.dtype:
        """The type of values."""

    @property
    @abstractmethod
    def outside(self) -> np.dtype:
        """The type in which states enter and leave."""

    @property
    @abstractmethod
    def table(self) -> OpTable[[NodeWriter[G]], None]:
        """What writes the node of each op."""

    @property
    def spans(self) -> Mapping[str, Span]:
        """What its values can be, where that is known."""
        return {}

    @cached_property
    def sites(self) -> Mapping[str, ClipSite]:
        """The values that can be clipped."""
        return {}

    @cached_property
    def carried(self) -> dict[str, ScanState]:
        """All that is kept from sample to sample: first the states."""
        return {s.name: ScanState(self.dtype, s.size, self.graph.constants[s.initial]) for s in self.graph.states}

    @abstractmethod
    def enter(self, nodes: Nodes, axes: tuple[str, ...]) -> Entered:
        """The samples, as the op Input takes them."""

    @abstractmethod
    def leave(
        self, nodes: Nodes, tensor: str, axes: tuple[str, ...], names: Sequence[str]
    ) -> list[onnx.ValueInfoProto]:
        """Write the answers, by these names, from the values (batch, *axes, size) that the op Output takes."""

    @property
    def time_first(self) -> bool:
        """Whether states after every sample lie so, as samples do."""
        return False

    @property
    def ends(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What its inputs and its answers are called, besides states."""
        return ("x",), ("y",)

    @property
    def states(self) -> list[str]:
        """The names of the states."""
        return [s.name for s in self.graph.states]

    @property
    def counts(self) -> list[str]:
        """What else is carried."""
        return [name for name in self.carried if name not in self.states]

    def step(self) -> onnx.ModelProto:
        """One sample: x (batch, features) and the states (batch, size) give y, the next states, what was clipped."""
        model = _Model(self, {n: f"{n}.next" for n in self.states} | {n: n for n in self.counts})
        sample, current = model.enter(), model.starts(given=True)
        output = model.sample(model.nodes, sample).write(current)
        model.answer(output)
        for name in self.carried:
            model.leave(current[name], name, "batch", self.carried[name].size)
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
        writing = model.sample(inner, sample)
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
        axes = ("time", "batch") if self.time_first else ("batch", "time")
        for n, track in tracks.items():
            whole = track if self.time_first else model.nodes.turned(track, f"{n}.turned", 3)
            model.leave(whole, "all " + n, *axes, self.carried[n].size)
        for n in self.carried:
            model.leave(ends[n], n, "batch", self.carried[n].size)
        return model.proto("sequence")


class _Model(Generic[G]):
    """A model that is being written: what both forms have in common."""

    def __init__(self, program: Export[G], outputs: Mapping[str, str]) -> None:
        self.program, self.shared = program, Shared(program.dtype)
        self.nodes = Nodes(self.shared)
        # inputs and outputs have their names first
        inputs, answers = program.ends
        self.shared.taken.update(inputs)
        self.answers = [self.shared.name(name) for name in answers]
        self.states = {name: self.shared.name(name) for name in program.states}
        self.names = {key: self.shared.name(name) for key, name in outputs.items()}
        self.rows = self.shared.name("rows")
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.last: list[onnx.ValueInfoProto] = []
        """outputs behind those"""

    def sample(self, nodes: Nodes, values: str) -> Sample[G]:
        """What writes a sample as `nodes`, from what enters, `values` (batch, features)."""
        program = self.program
        to = NodeWriter(program.graph, nodes, self.rows, values, program.spans, program.sites)
        return Sample(to, program.table, program.sites, program.carried)

    def enter(self, *axes: str) -> str:
        """The samples (batch, *axes, features) of the input x."""
        entered = self.program.enter(self.nodes, axes)
        self.inputs += entered.inputs
        self.last += entered.outputs
        self.nodes.standard("Shape", [entered.x], [self.rows], start=0, end=1)
        return entered.x

    def starts(self, *, given: bool) -> dict[str, str]:
        """Where all that is carried starts, a row for each of the batch; `given`: states are inputs."""
        found: dict[str, str] = {}
        for name, item in self.program.carried.items():
            if given and name in self.states:
                self.inputs.append(info(self.states[name], self.program.outside, item.size))
                found[name] = self.shared.name(f"{name}.start")
                self.nodes.standard("Cast", [self.states[name]], [found[name]], to=type_of(item.dtype))
            else:
                start = self.nodes.constant(f"{name}.initial", item.start, item.dtype)
                found[name] = expanded(self.nodes, start, self.rows, item.size)
        return found

    def leave(self, tensor: str, key: str, *axes: int | str) -> None:
        """An output beside y: a state, or what was counted."""
        name, dtype = self.names[key], self.program.outside
        self.nodes.standard("Cast", [tensor], [name], to=type_of(dtype))
        self.outputs.append(helper.make_tensor_value_info(name, type_of(dtype), axes))

    def answer(self, tensor: str, *axes: str) -> None:
        """The answers, from the values (batch, *axes, outputs)."""
        self.outputs += self.program.leave(self.nodes, tensor, axes, self.answers)

    def proto(self, name: str) -> onnx.ModelProto:
        """The whole, with its functions and constants."""
        tensors, casts = self.shared.tensors()
        graph = helper.make_graph([*casts, *self.nodes.protos], name, self.inputs, [*self.outputs, *self.last], tensors)
        values = type_of(self.shared.dtype)
        model = helper.make_model(
            graph,
            functions=[onnx.parser.parse_function(text(f, values)) for f in self.shared.functions],
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)],
            ir_version=IR_VERSION,
            producer_name="ltc2neuro",
        )
        helper.set_model_props(model, dict(self.program.metadata))
        return model
