"""Carries of slow states: as many bits as the step's word has room for, and no more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compiler.graph.builder import GraphBuilder
from compiler.graph.graph import Graph, State
from compiler.graph.ops import Add, Mul, Sub
from compiler.graph.origin import Origin
from compiler.quantize.carry import carry_name
from compiler.quantize.precision import Precision
from compiler.quantize.to_integers import quantize
from compiler.ranges.proven import prove
from hw_models.chip import load_chip

NARROW = replace(load_chip("loihi2"), word_bits=16)


def leaky(leak: float) -> Graph:
    """h' = h + leak * (x - h), from 1 on."""
    build = GraphBuilder()
    x = build.input(1, Origin("", "input"))
    build.add_state(State("h", 1, build.constant(np.ones(1), "h.initial")))
    h = build.read("h", Origin("", "h"))
    away = build.append(lambda out: Sub(out, x, h), 1, Origin("", "sub"))
    step = build.append(lambda out: Mul(out, away, build.constant(np.full(1, leak), "leak")), 1, Origin("", "mul"))
    after = build.append(lambda out: Add(out, h, step), 1, Origin("", "add"))
    build.write("h", after)
    build.output(after)
    return build.graph()[0]


@pytest.mark.parametrize(("leak", "bits"), [(2.5e-4, 11), (2.7e-4, 10)])
def test_a_carry_leaves_room_for_the_step(leak: float, bits: int) -> None:
    """Of two steps one fills its word nearly: with one bit more in the carry, their sum would wrap."""
    x = np.random.default_rng(0).uniform(-1, 1, (2, 400, 1))
    proven = prove(quantize(leaky(leak), list(x), NARROW, Precision(word=16, operand=12)), NARROW)
    assert proven.graph.state_format(carry_name("h")).high == 2**bits - 1
    assert max(span.magnitude for span in proven.spans.values()) <= NARROW.word_high
