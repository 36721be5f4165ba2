"""From a NIR graph to the cell that computes it: subgraphs opened, nodes in order, a module and a shape for each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nir
import numpy as np
import torch
from torch import nn

from hw_models.arguments import is_file, shown
from hw_models.errors import InputError
from ltc2neuro.frontends.nir.cell import NIRCell, Shape, no_fit
from ltc2neuro.frontends.nir.kinds import AXES, STATEFUL
from ltc2neuro.frontends.nir.nodes import NODES, NodePlace, numbers
from ltc2neuro.frontends.nir.wiring import BEFORE, Edge, NodeWiring, wire

SNNTORCH_STEP = 1e-4
"""The dt in s with which snntorch writes its graphs, whatever the model's was"""


def read(path: Path) -> nir.NIRGraph:
    """The graph in a file. Raises `InputError`."""
    if not is_file(path):
        raise InputError("there is no such file", where=str(path), advice="Name a file that nir.write wrote.")
    try:
        graph = nir.read(path, type_check=False)
    except Exception as error:  # of h5py, and whatever nir's own assertions are
        raise InputError(
            "this is not a NIR file",
            where=str(path),
            numbers=f"{type(error).__name__}: {error}",
            advice="Name a file that nir.write wrote.",
        ) from error
    return graph


def build(graph: object, dt: float, reset: str | None) -> NIRCell:
    """The cell of a graph; `reset` as in `from_nir`."""
    if not isinstance(graph, nir.NIRGraph):
        raise InputError("graph must be a NIR graph or the path of one", numbers=f"graph = {shown(graph)}")
    nodes, edges = dict(_nodes(graph, "")), list(_edges(graph, ""))
    _check(nodes, edges)
    if reset is None and graph.metadata.get("reset") != "value":
        _ask(nodes)
    start, end = _only(graph, nir.Input), _only(graph, nir.Output)
    delays = _delays(nodes, edges, dt)
    wiring = wire([*nodes], edges, (start, end), lambda name: isinstance(nodes[name], STATEFUL), delays)
    return _Building(nodes, wiring, start, end, dt, reset == "subtract").cell()


@dataclass(frozen=True)
class _Building:
    """Modules and shapes, each once what its node reads is known; round a cycle that takes more than one turn."""

    nodes: Mapping[str, nir.NIRNode]
    wiring: NodeWiring
    start: str
    end: str
    dt: float
    subtracts: bool
    modules: dict[str, nn.Module] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)

    def cell(self) -> NIRCell:
        """The cell of these nodes."""
        self.modules[self.start] = nn.Identity()
        self.shapes[self.start] = self.shapes[self.start + BEFORE] = _sample_shape(self.nodes, self.wiring, self.start)
        while missing := [call for call in self.wiring.calls if call.answer not in self.shapes]:
            before = len(self.shapes)
            for call in missing:
                known = [self.shapes[source] for source in call.sources if source in self.shapes]
                if known:
                    self.shapes[call.answer] = self.answer(call.node, known[0])
                    if call.answer in self.wiring.kept:
                        self.shapes[call.answer + BEFORE] = self.shapes[call.answer]
            assert len(self.shapes) > before  # the input reaches every node
        for call in self.wiring.calls:
            read = [self.shapes[source] for source in call.sources]
            if len(set(read)) > 1:
                raise no_fit(call.node, read)
        return NIRCell(self.wiring, self.start, self.end, self.modules, self.shapes)

    def answer(self, name: str, shape: Shape) -> Shape:
        """The shape of what a node answers to an input of this shape, by computing it once."""
        node = self.nodes[name]
        if name not in self.modules:
            self.modules[name] = NODES[type(node)](node, NodePlace(name, shape, self.dt, self.subtracts))
        if isinstance(node, STATEFUL):
            return shape
        try:
            return tuple(self.modules[name](torch.zeros(1, *shape)).shape[1:])
        except (RuntimeError, ValueError, IndexError) as error:
            raise no_fit(name, [shape], str(error).split("\n")[0]) from error


def _nodes(graph: nir.NIRGraph, prefix: str) -> Iterator[tuple[str, nir.NIRNode]]:
    """All nodes that are no graphs, by their names; those of a subgraph NAME are NAME.node."""
    for name, node in graph.nodes.items():
        if isinstance(node, nir.NIRGraph):
            yield from _nodes(node, f"{prefix}{name}.")
        else:
            yield prefix + name, node


def _edges(graph: nir.NIRGraph, prefix: str) -> Iterator[Edge]:
    """All edges; one to a subgraph goes to its input, one from it comes from its output."""
    for name, node in graph.nodes.items():
        if isinstance(node, nir.NIRGraph):
            yield from _edges(node, f"{prefix}{name}.")

    def end(name: str, kind: type[nir.NIRNode]) -> str:
        node = graph.nodes.get(name)
        return f"{prefix}{name}.{_only(node, kind)}" if isinstance(node, nir.NIRGraph) else prefix + name

    for source, target in graph.edges:
        yield end(source, nir.Output), end(target, nir.Input)


def _only(graph: nir.NIRGraph, kind: type[nir.NIRNode]) -> str:
    """The name of the one node of this kind."""
    found = [name for name, node in graph.nodes.items() if isinstance(node, kind)]
    if len(found) != 1:
        raise InputError(
            f"a NIR graph must have one {kind.__name__}",
            numbers=f"it has {len(found)}: {', '.join(found)}" if found else "it has none",
            advice="Concatenate them into one, or read the graph's parts." if found else "Add one, with its shape.",
        )
    return found[0]


def _check(nodes: dict[str, nir.NIRNode], edges: Sequence[Edge]) -> None:
    for name, node in nodes.items():
        if type(node) not in NODES:
            kind = "a module that its writer did not know" if node is None else f"a {type(node).__name__}"
            raise InputError(
                f"{kind} is not read from NIR",
                where=f"node {name}",
                advice=f"These are: {', '.join(sorted(kind.__name__ for kind in NODES))}.",
            )
        for key, value in vars(node).items():
            if isinstance(value, (float, np.ndarray, torch.Tensor)) and not np.all(np.isfinite(numbers(value))):
                raise InputError(
                    "a NIR graph holds a number that is not finite",
                    where=f"node {name}",
                    numbers=key,
                    advice="Look at how it was written. Neurons that do not leak, as with a beta of 1, are I and IF.",
                )
    for edge in edges:
        for name in edge:
            if name not in nodes:
                raise InputError("an edge of the NIR graph ends nowhere", numbers=f"no node {name!r}", where=str(edge))


def _delays(nodes: dict[str, nir.NIRNode], edges: list[Edge], dt: float) -> set[str]:
    """The delays, each of one sample: one of several becomes a chain, in `nodes` and `edges`; one of none is none."""
    found: set[str] = set()
    for name, node in [*nodes.items()]:
        if isinstance(node, nir.Delay):
            samples = numbers(node.delay) / dt
            count = int(np.round(np.min(samples)))
            if not np.allclose(samples, count, rtol=0, atol=1e-3) or count < 0:
                raise InputError(
                    "a delay is not a whole number of time steps, the same for all elements",
                    where=f"node {name}",
                    numbers=f"{np.min(samples):g} to {np.max(samples):g} steps of {dt:g} s",
                    advice="Change it, or give the dt that the graph was made for, in s.",
                )
            chain = [name, *(f"{name}.{number}" for number in range(2, count + 1))]
            nodes.update(dict.fromkeys(chain, node))
            edges[:] = [(chain[-1] if a == name else a, b) for a, b in edges]
            edges += itertools.pairwise(chain)
            found.update(chain if count else ())
    return found


def _ask(nodes: dict[str, nir.NIRNode]) -> None:
    """Ask how neurons are reset where the graph looks like one of snntorch's, which writes every reset alike."""
    for name, node in nodes.items():
        if isinstance(node, (nir.LIF, nir.CubaLIF)):
            tau = numbers(node.tau if isinstance(node, nir.LIF) else node.tau_mem)
            theirs = np.allclose(numbers(node.r) * SNNTORCH_STEP, tau, rtol=1e-5, atol=0)
            if theirs and not np.any(numbers(node.v_leak)) and not np.any(numbers(node.v_reset)):
                raise InputError(
                    "this graph does not say how its neurons are reset",
                    where=f"node {name}",
                    numbers=f"r = tau / {SNNTORCH_STEP:g} s, as snntorch writes it",
                    advice="snntorch writes its default, reset by subtraction, as a reset to 0. Pass "
                    'reset="subtract" if the layers were made without reset_mechanism, or reset="value" if with '
                    'reset_mechanism="zero" (of layers other than Leaky: and reset_delay=False). Its dt is 1e-4. It '
                    'loses reset_mechanism="none", inhibition, and reset_delay=False of a subtraction as well: train '
                    "without them.",
                )


def _sample_shape(nodes: Mapping[str, nir.NIRNode], wiring: NodeWiring, start: str) -> Shape:
    """The shape of a sample; without the batch of the example, a leading 1 that some writers leave in it."""
    declared = nodes[start].input_type["input"]
    if declared is None:
        raise InputError("the input of the NIR graph has no shape", where=f"node {start}", advice="nir.Input(shape)")
    shape = tuple(int(size) for size in np.asarray(declared).reshape(-1))
    readers = [AXES.get(type(nodes[call.node])) for call in wiring.calls if start in call.sources]
    return shape[1:] if shape[:1] == (1,) and all(axes == len(shape) - 1 for axes in readers) else shape
