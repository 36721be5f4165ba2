"""One sample of a graph as nodes: its blocks in order, those that are repeated as a `Loop`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Generic

import numpy as np
import onnx
from onnx import helper

from compiler.graph.graph import Block
from compiler.graph.op_table import OpTable
from compiler.graph.ops import StateRead
from compiler.onnx.lowering import G_co, NodeWriter
from compiler.onnx.nodes import Nodes, type_of

COUNT = np.dtype(np.int64)


@dataclass(frozen=True)
class ScanState:
    """What is kept from sample to sample: a state, or what is counted of clipped values."""

    dtype: np.dtype
    size: int
    start: np.ndarray


@dataclass(frozen=True)
class ClipSite:
    """A value that can be clipped: how often each element was is counted, and with `ends` how far it was kept."""

    value: str
    shown: str
    """its name in the user's words, of which each site has one"""
    size: int
    ends: bool

    @property
    def count(self) -> str:
        """The name of the count."""
        return f"{self.shown}.saturated"

    @property
    def reached(self) -> tuple[str, ...]:
        """The names of the smallest and the largest that it was, unclipped."""
        return (f"{self.value}.lowest", f"{self.value}.highest") if self.ends else ()


@dataclass(frozen=True)
class Sample(Generic[G_co]):
    """The nodes of a sample that are being written."""

    to: NodeWriter[G_co]
    table: OpTable[[NodeWriter[G_co]], None]
    sites: Mapping[str, ClipSite]
    carried: Mapping[str, ScanState]

    def write(self, current: dict[str, str]) -> str:
        """Write all blocks; `current` has the tensor of all that is carried, and takes that of what comes next.

        Returns the tensor of the output.
        """
        output = ""
        for block in self.to.graph.blocks:
            if block.repeat == 1:
                self._iterate(block, current)
            else:
                self._loop(block, current)
            for op in block.outputs:
                output = self.to.wide(op.x)
        return output

    def _iterate(self, block: Block, current: dict[str, str]) -> None:
        """The ops of a block, once."""
        to = self.to
        for op in block.computed:
            if isinstance(op, StateRead):
                to.call("StateRead", [current[op.state]], op.out)
            else:
                self.table(op, to)
        written = {op.state: to.wide(op.x) for op in block.commits}
        for site in self._own(block):
            self._count(site, current)
        current.update(written)

    def _own(self, block: Block) -> list[ClipSite]:
        return [self.sites[op.result] for op in block.ops if op.result is not None and op.result in self.sites]

    def _count(self, site: ClipSite, current: dict[str, str]) -> None:
        nodes, ends = self.to.nodes, self.to.clipped[site.value]
        for function, names in (("CountClipped", (site.count,)), ("Extremes", site.reached)):
            if names:
                after = [nodes.shared.name(name) for name in names]
                nodes.call(function, [*(current[name] for name in names), *ends], after)
                current.update(zip(names, after, strict=True))

    def _loop(self, block: Block, current: dict[str, str]) -> None:
        """The ops of a block, repeated. What changes nothing is left out."""
        nodes, name = self.to.nodes, self.to.nodes.shared.name
        changed = [op.state for op in block.commits]
        changed += [n for site in self._own(block) for n in (site.count, *site.reached)]
        if not changed:
            return
        inner = Nodes(nodes.shared)
        within = replace(self, to=replace(self.to, nodes=inner, tensors=dict(self.to.tensors)))
        begins = {n: name(f"{n} in {block.name}") for n in changed}
        now = {**current, **begins}
        within._iterate(block, now)
        ends = {n: inner.copy(now[n], f"{n} after {block.name}") for n in changed}
        number, going, goes_on = (name(f"{block.name}.{part}") for part in ("iteration", "going", "goes_on"))
        inner.standard("Identity", [going], [goes_on])
        scalars = {number: onnx.TensorProto.INT64, going: onnx.TensorProto.BOOL, goes_on: onnx.TensorProto.BOOL}
        infos = {n: helper.make_tensor_value_info(n, kind, []) for n, kind in scalars.items()}
        body = helper.make_graph(
            inner.protos,
            block.name,
            [infos[number], infos[going], *(self.info(begins[n], n) for n in changed)],
            [infos[goes_on], *(self.info(ends[n], n) for n in changed)],
        )
        times = nodes.constant(f"{block.name}.repeat", block.repeat, COUNT)
        always = nodes.constant("always", True, np.bool_)  # without a condition, onnx.reference never stops
        after = {n: name(n) for n in changed}
        inputs = [times, always, *(current[n] for n in changed)]
        nodes.standard("Loop", inputs, list(after.values()), block.name, body=body)
        current.update(after)

    def info(self, tensor: str, name: str) -> onnx.ValueInfoProto:
        """A tensor of what is carried by that name."""
        return info(tensor, self.carried[name].dtype, self.carried[name].size)


def info(name: str, dtype: np.dtype, *sizes: int | str) -> onnx.ValueInfoProto:
    """A tensor of rows of the batch, (batch, *sizes)."""
    return helper.make_tensor_value_info(name, type_of(dtype), ["batch", *sizes])
