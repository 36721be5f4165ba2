"""Random float graphs for the rewrites: blocks, repeats, states, constants with zeros and ones, all float ops."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.ops import (
    Add,
    Compare,
    Div,
    Gather,
    MatVec,
    Max,
    Min,
    Mul,
    Relation,
    Select,
    Sub,
)
from compiler.graph.validate import validate

sys.path.insert(0, str(Path(__file__).parent))
from raw_ltc import Recorder

SIZES = (1, 2, 3, 4)


def random_graph(seed: int) -> Graph:
    """A valid graph of 2 to 4 blocks; values stay small, denominators stay away from 0."""
    rng = np.random.default_rng(seed)
    r = Recorder()
    features = int(rng.choice(SIZES))
    x = r.input(features)
    for number in range(int(rng.integers(0, 3))):
        r.state(f"s{number}", rng.normal(size=int(rng.choice(SIZES))))
    visible = [x]
    for number in range(int(rng.integers(2, 5))):
        repeat = int(rng.choice([1, 1, 2, 3])) if number else 1
        local = list(visible)
        for state in r.states:
            if rng.random() < 0.6:
                local.append(r.read(state.name))
        for _ in range(int(rng.integers(2, 12))):
            _random_op(r, rng, local)
        for state in r.states:
            if rng.random() < 0.5:
                r.write(state.name, _shaped(r, rng, local, state.size))
        if repeat == 1:
            visible = local
        r.close(f"b{number}", repeat)
    local = list(visible)
    for state in r.states:
        local.append(r.read(state.name))
    _random_op(r, rng, local)
    r.output(_shaped(r, rng, local[::-1][:4], int(rng.choice(SIZES))))
    r.close("last")
    return validate(r.graph())


def _constant(r: Recorder, rng: np.random.Generator, size: int, low: float = -1.5) -> str:
    array = rng.uniform(low, 1.5, size)
    array = np.where(rng.random(size) < 0.3, 0.0 if low < 0 else 1.0, array)
    kind = rng.integers(0, 8)
    if kind == 0 and low < 0:
        array = np.zeros(size)
    elif kind == 1:
        array = np.ones(size)
    elif kind == 2 and low < 0:
        array = -np.ones(size)
    return r.constant("c", array[:1] if rng.random() < 0.2 else array)


def _operand(r: Recorder, rng: np.random.Generator, local: list[str], size: int) -> str:
    fitting = [n for n in local if r.size(n) == size]
    if not fitting or rng.random() < 0.5:
        return _constant(r, rng, size)
    return str(rng.choice(fitting))


def _random_op(r: Recorder, rng: np.random.Generator, local: list[str]) -> None:
    recent = local[-5:]
    a = str(rng.choice(recent if rng.random() < 0.8 else local))
    size = r.size(a)
    kind = int(rng.integers(0, 12))
    if kind <= 4:
        b = _operand(r, rng, local, size)
        op = (Add, Sub, Mul, Mul, Add)[kind]
        if rng.random() < 0.5:
            a, b = b, a
        out = r.value("e", size)
        r.ops.append(op(out, a, b))
        if rng.random() < 0.3:  # keep magnitudes small
            local.append(out)
            out = r.apply(out, "tanh")
    elif kind == 5:
        out = r.apply(a, str(rng.choice(["tanh", "sigmoid"])))
    elif kind == 6:
        if rng.random() < 0.5:
            d = r.constant("d", rng.uniform(0.5, 2.0, size))
        else:
            positive = r.apply(_value(r, rng, local, size, a), "sigmoid")
            d = r.binary(
                Add,
                r.binary(Mul, positive, r.constant("g", rng.uniform(0, 2, size))),
                r.constant("k", rng.uniform(0.5, 2, size)),
            )
        out = r.binary(Div, a, d)
    elif kind == 7:
        b = _operand(r, rng, local, size)
        op2 = Min if rng.random() < 0.5 else Max
        out = r.value("m", size)
        r.ops.append(op2(out, a, b))
    elif kind == 8:
        b, c = _operand(r, rng, local, size), _operand(r, rng, local, size)
        cond = r.value("less", size)
        r.ops.append(Compare(cond, a, c, Relation.LESS))
        out = r.value("select", size)
        r.ops.append(Select(out, cond, b, a))
    elif kind == 9:
        out = _gathered(r, rng, local, a, int(rng.integers(1, 7)))
    elif kind == 10:
        rows = int(rng.choice(SIZES))
        segment = rng.integers(0, rows, size)
        if rng.random() < 0.5 and rows <= size:  # a gather, a scale and a sum, as synapses are
            segment = np.sort(segment)
        out = r.segment_sum(a, segment, rows)
    else:
        sources = (a,) if rng.random() < 0.5 else (a, str(rng.choice(local)))
        rows, columns = int(rng.choice(SIZES)), sum(r.size(s) for s in sources)
        matrix = rng.normal(size=(rows, columns)) * (rng.random((rows, columns)) < 0.6) * 0.5
        places = None
        if len(sources) == 1 and rng.random() < 0.5:
            size = int(rng.choice(SIZES))
            places = np.minimum([rng.permutation(columns + 2)[:columns] for _ in range(size)], columns)
            rows *= size
        out = r.value("y", rows)
        name = r.constant("matrix", matrix)
        r.ops.append(MatVec(out, sources, name, None if places is None else r.constant("places", places)))
        if rng.random() < 0.5:
            local.append(out)
            out = r.binary(Add, out, r.constant("bias", rng.normal(size=rows)))
    local.append(out)


def _value(r: Recorder, rng: np.random.Generator, local: list[str], size: int, otherwise: str) -> str:
    fitting = [n for n in local if r.size(n) == size]
    return str(rng.choice(fitting)) if fitting else otherwise


def _gathered(r: Recorder, rng: np.random.Generator, local: list[str], a: str, size: int) -> str:
    sources = (a,) if rng.random() < 0.6 else (a, str(rng.choice(local)))
    index = rng.integers(0, sum(r.size(s) for s in sources), size)
    out = r.value("gather", size)
    r.ops.append(Gather(out, sources, r.constant("index", index)))
    return out


def _shaped(r: Recorder, rng: np.random.Generator, local: list[str], size: int) -> str:
    """A value of that size, bounded."""
    out = _gathered(r, rng, local, str(rng.choice(local)), size)
    return (
        r.apply(out, "tanh") if rng.random() < 0.7 else r.binary(Mul, r.apply(out, "sigmoid"), r.constant("c", [0.5]))
    )
