"""Neurons that receive from themselves through weights of their own: a graph in the graph.

norse reads the loop either way. snntorch 1.0.0 puts one that is not into a graph of its own, but hands what comes from
outside to the weights of the loop there, silently. And it meets nodes in the order of the graph's dict from the input
on, in a file by their names, and fails where it meets such a loop before what feeds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import nir
import numpy as np

from ltc2neuro.frontends.nir.wiring import Edge

NEURONS, WEIGHTS = "lif", "w_rec"


def nested(
    nodes: Mapping[str, nir.NIRNode], edges: Sequence[Edge], start: str
) -> tuple[dict[str, nir.NIRNode], list[Edge]]:
    """Nodes and edges, neurons with such a loop as a node; `start` is the input."""
    found: dict[str, nir.NIRNode] = {}
    outside, inside = {name: name for name in nodes}, set[str]()
    for weights, node in nodes.items():
        loop = {edge for edge in edges if weights in edge}
        name = next((a for a, b in loop if b == weights), start)
        is_loop = loop == {(name, weights), (weights, name)} and outside[name] == name
        neurons = nodes[name]
        if is_loop and isinstance(node, (nir.Affine, nir.Linear)) and isinstance(neurons, (nir.LIF, nir.CubaLIF)):
            sources = [a for a, b in edges if b == name and a not in (start, weights)]
            outer = outside[name] = _named(name, sources, {**nodes, **found})
            found[outer] = _loop(neurons, node)
            inside.add(weights)
    renamed = {outside[name]: found.get(outside[name], node) for name, node in nodes.items() if name not in inside}
    kept = [(outside[a], outside[b]) for a, b in edges if a not in inside and b not in inside]
    return renamed, kept


def _named(name: str, sources: Sequence[str], taken: Mapping[str, nir.NIRNode]) -> str:
    """A name that comes after those of its sources in a file, from "input" on; its own, where none does."""
    own = name.removesuffix(f".{NEURONS}")
    places = [(source < "input", source) for source in sources]
    wished = [own, f"{own}.{NEURONS}", *(f"{source}.{NEURONS}" for source in sources)]
    free = [wish for wish in wished if wish == name or wish not in taken]
    return next((w for w in free if all((w < "input", w) > place for place in places)), name)


def _loop(neurons: nir.LIF | nir.CubaLIF, weights: nir.NIRNode) -> nir.NIRGraph:
    shape = np.array([neurons.v_threshold.size])
    return nir.NIRGraph(
        {
            "input": nir.Input({"input": shape}),
            NEURONS: neurons,
            WEIGHTS: weights,
            "output": nir.Output({"output": shape}),
        },
        [("input", NEURONS), (NEURONS, WEIGHTS), (WEIGHTS, NEURONS), (NEURONS, "output")],
        type_check=False,
    )
