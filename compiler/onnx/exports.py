"""What becomes a model: an integer graph, or a float graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import onnx

from compiler.graph.graph import Graph
from compiler.graph.integers import IntegerGraph
from compiler.graph.names import fresh, plain_name, primed
from compiler.graph.op_table import OpTable
from compiler.graph.ops import Rescale
from compiler.onnx import integer_ops, real_ops
from compiler.onnx.integer_ops import IntegerWriter
from compiler.onnx.lowering import NodeWriter
from compiler.onnx.model import Export
from compiler.onnx.nodes import Nodes, type_of
from compiler.onnx.sample import COUNT, ClipSite, ScanState, info
from compiler.onnx.shapes import Entered, Shapes
from compiler.ranges.integer_spans import Span
from compiler.ranges.proven import Proven

SATURATED = "input.saturated"
"""How many samples of each channel were beyond their range"""
INT64, FLOAT32 = np.dtype(np.int64), np.dtype(np.float32)


@dataclass(frozen=True, kw_only=True)
class IntegerExport(Export[IntegerGraph]):
    """An integer graph, and what is known of it. States enter and leave as int64.

    `shapes` None: samples and answers do, too; else the host's maps are a part of the model. With `extremes` it also
    returns how far values were that were clipped.
    """

    proven: Proven
    shapes: Shapes | None = None
    extremes: bool = False

    @property
    def graph(self) -> IntegerGraph:
        """The integer graph."""
        return self.proven.graph

    @property
    def spans(self) -> Mapping[str, Span]:
        """The integers that its values can be."""
        return self.proven.spans

    @cached_property
    def dtype(self) -> np.dtype:
        """The integers that hold all that is computed."""
        return np.dtype(f"int{self.proven.bits}")

    @property
    def outside(self) -> np.dtype:
        """States are int64."""
        return INT64

    @property
    def table(self) -> OpTable[[IntegerWriter], None]:
        """Of integer ops."""
        return integer_ops.NODES

    @cached_property
    def sites(self) -> Mapping[str, ClipSite]:
        """The values that can be clipped."""
        graph, found = self.graph, dict[str, ClipSite]()
        for name in (s.value for s in self.proven.saturations):
            ends = self.extremes and isinstance(graph.makers[name], Rescale)
            shown = fresh(primed(graph.values[name].represents or plain_name(name)), [s.shown for s in found.values()])
            found[name] = ClipSite(name, shown, graph.size(name), ends)
        return found

    @cached_property
    def carried(self) -> dict[str, ScanState]:
        """States, counts, and how far values were."""
        found, limits = dict(super().carried), np.iinfo(self.dtype)
        for site in self.sites.values():
            found[site.count] = ScanState(COUNT, site.size, np.zeros(1, COUNT))
            for name, start in zip(site.reached, (limits.max, limits.min), strict=False):
                found[name] = ScanState(self.dtype, site.size, np.array([start], self.dtype))
        return found

    def enter(self, nodes: Nodes, axes: tuple[str, ...]) -> Entered:
        """Integers, or real values of which the host's map makes integers."""
        graph, out = self.graph, nodes.shared.name("x.integers")
        features = graph.size(graph.entry.out)
        if self.shapes is None:
            nodes.standard("Cast", ["x"], [out], to=type_of(self.dtype))
            return Entered(out, [info("x", INT64, *axes, features)])
        entered, count = self.shapes.enter(nodes, axes), nodes.shared.name(SATURATED)
        beyond = nodes.shared.name("x.beyond") if axes else count
        host, form = graph.input_map, graph.input_format
        ends = {"per_unit": [1 / form.lsb], "low": [form.low], "high": [form.high]}
        reals = self._reals(nodes, "x", {"scale": host.scale, "offset": host.offset, **ends})
        nodes.call("Input", [entered.x, *reals], [out, beyond])
        if axes:
            nodes.standard("ReduceSum", [beyond, nodes.constant("axis of time", [1], np.int64)], [count], keepdims=0)
        return Entered(out, entered.inputs, [info(count, INT64, features)])

    @property
    def time_first(self) -> bool:
        """As samples lie; integers are batch first."""
        return self.shapes is not None and self.shapes.time_first

    @property
    def ends(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """x and y, or the names in the model."""
        return super().ends if self.shapes is None else self.shapes.ends

    def leave(
        self, nodes: Nodes, tensor: str, axes: tuple[str, ...], names: Sequence[str]
    ) -> list[onnx.ValueInfoProto]:
        """Integers, or what the host makes of them."""
        graph, host = self.graph, self.graph.output_map
        if self.shapes is None:
            nodes.standard("Cast", [tensor], [names[0]], to=type_of(INT64))
            return [info(names[0], INT64, *axes, host.scale.size)]
        y, lsb = nodes.shared.name("y.flat"), 2.0**-graph.output_fraction
        numbers = {"lsb": [lsb], "scale": host.scale, "offset": host.offset}
        nodes.call("Output", [tensor, *self._reals(nodes, "y", numbers)], [y])
        return self.shapes.leave(nodes, y, axes, names)

    @staticmethod
    def _reals(nodes: Nodes, prefix: str, numbers: Mapping[str, npt.ArrayLike]) -> list[str]:
        return [nodes.constant(f"{prefix}.{name}", array, np.float64) for name, array in numbers.items()]


@dataclass(frozen=True, kw_only=True)
class FloatExport(Export[Graph]):
    """A float graph, in float32: states, samples and answers are in the model's units."""

    real: Graph
    shapes: Shapes

    @property
    def graph(self) -> Graph:
        """The float graph."""
        return self.real

    @cached_property
    def dtype(self) -> np.dtype:
        """As torch computes."""
        return FLOAT32

    @property
    def outside(self) -> np.dtype:
        """States are float32."""
        return FLOAT32

    @property
    def table(self) -> OpTable[[NodeWriter[Graph]], None]:
        """Of real ops."""
        return real_ops.NODES

    def enter(self, nodes: Nodes, axes: tuple[str, ...]) -> Entered:
        """Samples as they are: the op Input has the host's map."""
        return self.shapes.enter(nodes, axes)

    @property
    def time_first(self) -> bool:
        """As samples lie."""
        return self.shapes.time_first

    @property
    def ends(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names in the model."""
        return self.shapes.ends

    def leave(
        self, nodes: Nodes, tensor: str, axes: tuple[str, ...], names: Sequence[str]
    ) -> list[onnx.ValueInfoProto]:
        """In the model's units."""
        y, arrays = nodes.shared.name("y.flat"), self.graph.host_arrays
        maps = [nodes.constant(name, arrays[name]) for name in self.graph.answer.arrays]
        nodes.call("HostMap", [tensor, *maps], [y])
        return self.shapes.leave(nodes, y, axes, names)
