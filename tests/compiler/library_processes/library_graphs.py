"""Float graphs that the tests of this folder lower, and a run of both sides."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from hw_models.arrays import Floats, Integers

sys.path.insert(0, str(Path(__file__).parents[1] / "rewrite"))
from raw_ltc import Recorder, random_parameters, raw_ltc

from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Div, Mul, Sub
from compiler.interpreters.float64 import run_float
from compiler.library_processes.build import QUOTIENTS, build
from compiler.library_processes.options import LibraryForm
from compiler.library_processes.process_graph import ProcessGraph
from compiler.library_processes.reference import run_processes
from compiler.ranges.observed import Observed
from compiler.rewrite.runner import simplify


def simplified(graph: Graph) -> Graph:
    """A traced graph in the form that `build` takes."""
    return simplify(graph, QUOTIENTS)[0]


def ltc(units: int = 5, seed: int = 0) -> Graph:
    """A random LTC of three inputs."""
    p = random_parameters(np.random.default_rng(seed), 3, units, 2, synapses=3 * units, sensory=2 * units)
    return raw_ltc(p, unfolds=3)


def gated() -> Graph:
    """h <- f + g * (tanh(x + h) - f), with f a maximum: products and limits in a single block."""
    rng = np.random.default_rng(4)
    r = Recorder()
    x = r.input(4)
    r.state("h", np.zeros(4))
    h = r.read("h")
    mixed = r.gather((x, h), [4, 1, 2, 3])
    f = r.apply(r.binary(Mul, mixed, r.constant("a", 0.4 * rng.normal(size=4))), "tanh")
    g = r.apply(r.binary(Add, x, h), "sigmoid")
    new = r.binary(Add, f, r.binary(Mul, g, r.binary(Sub, r.apply(h, "tanh"), f)))
    r.write("h", new)
    r.output(new)
    r.close("step")
    return r.graph()


def quotient(low: float) -> Graph:
    """1 / (low + x^2), no state."""
    r = Recorder()
    x = r.input(3)
    r.output(r.binary(Div, x, r.binary(Add, r.binary(Mul, x, x), r.constant("low", np.full(3, low)))))
    r.close("step")
    return r.graph()


def samples(batch: int = 6, time: int = 20, features: int = 3, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=(batch, time, features))


def entered(network: ProcessGraph, x: Floats) -> Integers:
    """The source's integers, where the host's map is the identity."""
    return np.clip(np.rint(x / network.input_lsb), -network.input_limit, network.input_limit).astype(np.int64)


def decibels(graph: Graph, x: Floats, form: LibraryForm) -> tuple[ProcessGraph, float]:
    """The network, and the SQNR of its outputs over `x`, its calibration."""
    simple = simplified(graph)
    network = build(Observed(simple, list(x)), form)
    got = run_processes(network, entered(network, simple.input_map(x))).outputs * network.output_lsb
    exact = run_float(simple, x).outputs
    return network, float(10 * np.log10((exact**2).sum() / ((simple.output_map(got) - exact) ** 2).sum()))
