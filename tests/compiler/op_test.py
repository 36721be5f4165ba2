"""What every integer op is held to: a subclass gives a graph with the op and its meaning in plain Python."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pkgutil import iter_modules

import numpy as np
from c_agreement import c_agrees
from graph_strategies import SMALL, Builder
from native_agreement import native_agrees
from onnx_agreement import onnx_agrees

from compiler import further_ops
from compiler.graph import IntegerGraph
from compiler.graph.ops import Op
from compiler.graph.serialize import from_json, to_json
from compiler.graph.validate import validate
from compiler.interpreters.execution import prepare
from compiler.interpreters.reference import run_reference
from compiler.interpreters.unrounded import KERNELS
from compiler.mapping import map_network
from compiler.ranges.integer_spans import find_spans
from compiler.ranges.proven import prove
from compiler.simulator.machine import Machine
from hw_models.chip import load_chip

Sample = list[int]
EDGES = (-SMALL, -SMALL + 1, -4097, -256, -3, -2, -1, 0, 1, 2, 3, 255, 4096, SMALL - 1, SMALL)


def is_basic(op: type[Op]) -> bool:
    """Whether it has no file of its own in `compiler.further_ops`."""
    return op.__name__.lower() not in {file.name.replace("_", "") for file in iter_modules(further_ops.__path__)}


class OpTest(ABC):
    """Subclass with `build` and `answer`; inherit the tests.

    `build` appends the op to a graph whose input `x` has `size` elements of -32767..32767, and returns the result.
    `answer` is the sample's result by `docs/integer-semantics.md`, in Python integers; an op with a state overrides
    `answers`, over a sequence. `noise` is the largest difference that flooring and rounding make in the `floating`
    executor, None where it may be any (the op clips, compares or masks).
    """

    size = 3
    chip = "loihi2"
    noise: float | None = 0.0

    @abstractmethod
    def build(self, b: Builder, x: str) -> str:
        """Append the op; return the name of the result."""

    @abstractmethod
    def answer(self, x: Sample) -> Sample:
        """The result for one sample."""

    def answers(self, sequence: list[Sample]) -> list[Sample]:
        return [self.answer(x) for x in sequence]

    def graph(self) -> IntegerGraph:
        b = Builder()
        b.output(self.build(b, b.input(self.size)))
        b.block("sample")
        return b.graph()

    def inputs(self) -> np.ndarray:
        """Integers (batch, time, size): edges in all places, and random ones."""
        edges = np.array(EDGES)[np.arange(len(EDGES))[:, None] + 2 * np.arange(self.size) - len(EDGES)]
        rest = np.random.default_rng(0).integers(-SMALL, SMALL + 1, (3, len(EDGES), self.size))
        return np.concatenate([edges[None], rest])

    def expected(self) -> np.ndarray:
        return np.array([self.answers(sequence) for sequence in self.inputs().tolist()])

    def test_reference_is_the_meaning(self) -> None:
        for narrow in (False, self.chip == "loihi2"):
            run = run_reference(self.graph(), self.inputs(), narrow=narrow)
            assert run.outputs.tolist() == self.expected().tolist()

    def test_floating_differs_by_rounding_only(self) -> None:
        if self.noise is not None:
            run = prepare(self.graph(), KERNELS).run(np.asarray(self.inputs(), np.float64))
            assert np.abs(run.outputs - self.expected()).max() <= self.noise + 1e-9

    def test_serialized_and_back(self) -> None:
        graph = self.graph()
        table, arrays = to_json(graph)
        again = validate(from_json(json.loads(json.dumps(table)), arrays))
        assert again.blocks == graph.blocks and again.values == graph.values and again.states == graph.states
        run = run_reference(again, self.inputs())
        assert run.outputs.tolist() == self.expected().tolist()

    def test_proven_interval_holds_all_results(self) -> None:
        graph = self.graph()
        prove(graph, load_chip(self.chip))
        spans = find_spans(graph)
        names = list(graph.values)
        run = run_reference(graph, self.inputs(), record=names)
        for name in names:
            assert np.all(run.record[name] >= spans[name].low) and np.all(run.record[name] <= spans[name].high), name

    def test_onnx_returns_the_same(self) -> None:
        run = onnx_agrees(self.graph(), self.inputs())
        assert run.outputs.tolist() == self.expected().tolist()

    def test_machine_code_returns_the_same(self) -> None:
        for bits in (32, 64):
            for run in native_agrees(self.graph(), self.inputs(), bits):
                assert run.outputs.tolist() == self.expected().tolist()

    def test_c_returns_the_same(self) -> None:
        assert c_agrees(self.graph(), self.inputs()).tolist() == self.expected().tolist()

    def test_mapped_machine_returns_the_same(self) -> None:
        if self.chip == "loihi2":
            x = self.inputs()
            machine = Machine(map_network(self.graph(), load_chip(self.chip)), lanes=len(x))
            found = machine.run(x)
            assert found.tolist() == self.expected().tolist()
