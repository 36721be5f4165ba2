"""Whether the parts of a network of library processes that was read fit together: what the proof takes for granted."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from compiler.library_processes.process_graph import Functions, Kind, ProcessConnection, ProcessGraph, ProcessPopulation

MOST_NEURONS, MOST_REPEATS, MOST_SHIFT, MOST_DELAY = 2**24, 2**16, 31, 62
PORTS = {(0,), (1,), (0, 1)}


def check_process_graph(graph: ProcessGraph) -> None:
    """Raise `ValueError` where the parts do not fit together."""
    populations = list(graph.populations.values())
    for p in populations:
        _check_population(p)
    if sum(p.size for p in populations) > MOST_NEURONS:
        raise ValueError(f"its populations have more than {MOST_NEURONS:,} neurons")
    if any(a.level > b.level for a, b in pairwise(populations)):
        raise ValueError("its populations are not in the order of their levels")
    for name, number, most in (
        ("period", graph.period, MOST_NEURONS),
        ("repeat", graph.repeat, MOST_REPEATS),
        ("input_limit", graph.input_limit, MOST_NEURONS),
    ):
        _check_number(name, number, 1, most)
    for c in graph.connections:
        _check_connection(graph, c)
    _check_ends(graph)


def _check_population(p: ProcessPopulation) -> None:
    if not isinstance(p.name, str) or any((p.kind is k) != (p.name == k.value) for k in (Kind.SOURCE, Kind.SINK)):
        raise ValueError(f"the population {p.name!r} is no {p.kind.value}")
    for name, most in (("size", MOST_NEURONS), ("level", MOST_NEURONS), ("shift", MOST_SHIFT)):
        _check_number(f"{name} of {p.name}", getattr(p, name), 0, most)
    end = 0
    for f in p.functions:
        for name in ("start", "size", "count"):
            _check_number(f"{name} of a function of {p.name}", getattr(f, name), name != "start", MOST_NEURONS)
        if f.start != end:
            raise ValueError(f"the functions of {p.name} do not follow one another")
        end += f.size * f.count
    if end != (p.size if p.kind is Kind.HINGES else 0):
        raise ValueError(f"the functions of {p.name} are not its {p.size} neurons")


def _check_connection(graph: ProcessGraph, c: ProcessConnection) -> None:
    source, target = graph.populations[c.source], graph.populations[c.target]
    if c.weights.shape != (target.size, source.size):
        raise ValueError(f"the weights of {c.name} have the shape {c.weights.shape}")
    _check_number(f"exponent of {c.name}", c.exponent, -MOST_SHIFT, MOST_SHIFT)
    if c.ports not in PORTS or (1 in c.ports and target.kind is not Kind.PRODUCTS) or target.kind is Kind.SOURCE:
        raise ValueError(f"{c.name} goes to {c.ports} of a {target.kind.value}")
    if not (type(c.before) is type(c.is_bias) is bool):
        raise ValueError(f"{c.name} is neither of this iteration nor of the one before")
    if c.delay != target.level - source.level + graph.period * c.before - 1 or not 0 <= c.delay <= MOST_DELAY:
        raise ValueError(f"{c.name} has the delay {c.delay}")
    if c.is_bias and (source.kind is not Kind.SOURCE or c.before or c.weights[:, : graph.features].any()):
        raise ValueError(f"{c.name} has invalid biases")
    if not c.is_bias and any(_differ(c, f) for f in target.functions):
        raise ValueError(f"the hinges of a function receive different sums from {c.name}")


def _differ(c: ProcessConnection, f: Functions) -> bool:
    rows = c.weights[f.start : f.start + f.size * f.count].reshape(f.size, f.count, -1)
    return bool(np.any(rows != rows[:, :1]))


def _check_ends(graph: ProcessGraph) -> None:
    sizes = {p.name: p.size for p in graph.populations.values()}
    for name, p in graph.states.items():
        arrays = (p.lsb, p.low, p.high)
        if not (0 <= p.start < p.stop <= sizes[p.population] and all(a.shape == (p.stop - p.start,) for a in arrays)):
            raise ValueError(f"state {name} is nowhere")
    expected = graph.outputs + sum(p.stop - p.start for p in graph.states.values())
    if graph.sink.size != expected or sizes[Kind.SOURCE.value] != graph.features + 3:
        raise ValueError("its ends do not fit its inputs and outputs")
    for lsb in (graph.input_lsb, graph.output_lsb, *(p.lsb for p in graph.states.values())):
        if lsb.ndim != 1 or not np.all(np.isfinite(lsb) & (lsb > 0)):
            raise ValueError("its LSBs are not positive numbers")


def _check_number(name: str, number: object, low: int, high: int) -> None:
    if type(number) is not int or not low <= number <= high:
        raise ValueError(f"{name} is {number!r}")
