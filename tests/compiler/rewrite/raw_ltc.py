"""A raw LTC graph as the tracer records it, from NumPy parameters: every pair of neurons, masks, no algebra done."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from compiler.graph.graph import Block, Graph, State, Value
from compiler.graph.ops import (
    Add,
    Apply,
    Div,
    Gather,
    Input,
    Mul,
    Op,
    Output,
    SegmentSum,
    StateRead,
    StateWrite,
    Sub,
)
from hw_models.arrays import Array, Floats


@dataclass(frozen=True)
class Parameters:
    """Effective parameters of an LTC; matrices are [source, destination]."""

    gleak: Floats
    vleak: Floats
    cm: Floats
    w: Floats
    mu: Floats
    sigma: Floats
    erev: Floats
    mask: Floats
    sensory_w: Floats
    sensory_mu: Floats
    sensory_sigma: Floats
    sensory_erev: Floats
    sensory_mask: Floats
    input_w: Floats
    input_b: Floats
    output_w: Floats
    output_b: Floats


def random_parameters(
    rng: np.random.Generator,
    inputs: int,
    units: int,
    outputs: int,
    synapses: int | None = None,
    sensory: int | None = None,
) -> Parameters:
    """Parameters in the ranges of a trained LTC, with a given number of live synapses (all of them if None)."""

    def mask(rows: int, count: int | None) -> Floats:
        flat = np.zeros(rows * units)
        flat[rng.permutation(flat.size)[: flat.size if count is None else count]] = 1.0
        return flat.reshape(rows, units)

    live, sensory_live = mask(units, synapses), mask(inputs, sensory)
    return Parameters(
        gleak=rng.uniform(0.1, 1.0, units),
        vleak=rng.uniform(-0.2, 0.2, units),
        cm=rng.uniform(0.3, 1.5, units),
        w=rng.uniform(0.1, 1.5, (units, units)),
        mu=rng.uniform(-0.3, 0.9, (units, units)),
        sigma=rng.uniform(2.0, 8.0, (units, units)),
        erev=rng.choice([-1.0, 1.0], (units, units)) * rng.uniform(0.5, 1.5, (units, units)) * live,
        mask=live,
        sensory_w=rng.uniform(0.1, 1.5, (inputs, units)),
        sensory_mu=rng.uniform(-0.3, 0.9, (inputs, units)),
        sensory_sigma=rng.uniform(2.0, 8.0, (inputs, units)),
        sensory_erev=rng.choice([-1.0, 1.0], (inputs, units)) * sensory_live,
        sensory_mask=sensory_live,
        input_w=rng.uniform(0.5, 1.5, inputs),
        input_b=rng.uniform(-0.5, 0.5, inputs),
        output_w=rng.uniform(0.5, 1.5, outputs),
        output_b=rng.uniform(-0.5, 0.5, outputs),
    )


@dataclass
class Recorder:
    """Writes a graph op by op."""

    blocks: list[Block] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)
    states: list[State] = field(default_factory=list)

    def value(self, name: str, size: int) -> str:
        while name in self.values:
            name += "'"
        self.values[name] = Value(name, size)
        return name

    def constant(self, name: str, array: npt.ArrayLike) -> str:
        while name in self.constants:
            name += "'"
        self.constants[name] = np.asarray(array)
        return name

    def input(self, size: int) -> str:
        scale, offset = self.constant("input.scale", np.ones(size)), self.constant("input.offset", np.zeros(size))
        self.ops.append(Input(self.value("x", size), scale, offset))
        return "x"

    def output(self, x: str) -> None:
        size = self.size(x)
        scale, offset = self.constant("output.scale", np.ones(size)), self.constant("output.offset", np.zeros(size))
        self.ops.append(Output(x, scale, offset))

    def size(self, name: str) -> int:
        return self.values[name].size if name in self.values else int(self.constants[name].size)

    def binary(self, kind: type[Add] | type[Sub] | type[Mul] | type[Div], a: str, b: str, name: str = "") -> str:
        size = max(self.size(a), self.size(b))
        out = self.value(name or kind.__name__.lower(), size)
        self.ops.append(kind(out, a, b))
        return out

    def apply(self, x: str, function: str, name: str = "") -> str:
        out = self.value(name or function, self.size(x))
        self.ops.append(Apply(out, x, function))
        return out

    def gather(self, sources: tuple[str, ...], index: npt.ArrayLike, name: str = "gather") -> str:
        index = np.asarray(index)
        out = self.value(name, index.size)
        self.ops.append(Gather(out, sources, self.constant(f"{name}.index", index)))
        return out

    def segment_sum(self, x: str, segment: npt.ArrayLike, size: int, name: str = "sum") -> str:
        out = self.value(name, size)
        self.ops.append(SegmentSum(out, x, self.constant(f"{name}.segment", segment)))
        return out

    def state(self, name: str, initial: npt.ArrayLike) -> str:
        initial = np.asarray(initial, np.float64)
        self.states.append(State(name, initial.size, self.constant(f"{name}.initial", initial)))
        return name

    def read(self, state: str) -> str:
        size = next(s.size for s in self.states if s.name == state)
        out = self.value(f"{state}_read", size)  # a state and a value never share a name
        self.ops.append(StateRead(out, state))
        return out

    def write(self, state: str, x: str) -> None:
        self.ops.append(StateWrite(state, x))

    def close(self, name: str, repeat: int = 1) -> None:
        """End the block."""
        self.blocks.append(Block(name, tuple(self.ops), repeat))
        self.ops = []

    def graph(self) -> Graph:
        return Graph(tuple(self.blocks), self.values, self.constants, tuple(self.states))


def raw_ltc(p: Parameters, unfolds: int = 6, dt: float = 1.0, epsilon: float = 1e-8) -> Graph:
    """The graph of `ncps.torch.LTCCell` under a solver loop, with everything inside the loop."""
    r = Recorder()
    inputs, units, outputs = p.input_w.size, p.gleak.size, p.output_w.size
    c = {name: r.constant(f"rnn.{name}", getattr(p, name).ravel()) for name in Parameters.__dataclass_fields__}
    r.state("rnn.v", np.zeros(units))

    def synapses(u: str, rows: int, prefix: str) -> tuple[str, str]:
        pre = np.repeat(np.arange(rows), units)
        post = np.tile(np.arange(units), rows)
        g = r.gather((u,), pre, f"{prefix}pre")
        z = r.binary(Mul, c[f"{prefix}sigma"], r.binary(Sub, g, c[f"{prefix}mu"]))
        a = r.binary(Mul, c[f"{prefix}w"], r.apply(z, "sigmoid"), f"{prefix}activation")
        a = r.binary(Mul, a, c[f"{prefix}mask"], f"{prefix}w_activation")
        rev = r.binary(Mul, a, c[f"{prefix}erev"], f"{prefix}rev_activation")
        return (
            r.segment_sum(rev, post, units, f"{prefix}numerator"),
            r.segment_sum(a, post, units, f"{prefix}denominator"),
        )

    x = r.input(inputs)
    r.close("input")
    u = r.binary(Add, r.binary(Mul, x, c["input_w"]), c["input_b"], "u")
    sensory_n, sensory_d = synapses(u, inputs, "sensory_")
    v = r.read("rnn.v")
    n, d = synapses(v, units, "")
    n = r.binary(Add, n, sensory_n, "w_numerator")
    d = r.binary(Add, d, sensory_d, "w_denominator")
    k = r.constant("rnn.cm_t", p.cm / (dt / unfolds))
    gvl = r.constant("rnn.gleak*vleak", p.gleak * p.vleak)
    kg = r.constant("rnn.cm_t+gleak", p.cm / (dt / unfolds) + p.gleak)
    numerator = r.binary(Add, r.binary(Add, r.binary(Mul, k, v), gvl), n)
    denominator = r.binary(Add, kg, d)
    r.write("rnn.v", r.binary(Div, numerator, r.binary(Add, denominator, r.constant("epsilon", [epsilon])), "v_pre"))
    r.close("solver", unfolds)
    y = r.read("rnn.v")
    if outputs < units:
        y = r.gather((y,), np.arange(outputs), "motor")
    r.output(r.binary(Add, r.binary(Mul, y, c["output_w"]), c["output_b"], "y"))
    r.close("output")
    return r.graph()
