"""A small recurrent network, written by hand, and what it must return."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from compiler.mapping.mapped_network import Connection, MappedNetwork, Population, Port, StateMonitor
from hw_models import isa
from hw_models.arrays import Integers

SIZE, FEATURES, PERIOD = 4, 3, 2
INPUT = np.array([[3, 0, -2], [0, 255, 0], [-255, 1, 0], [0, 0, 7]])
RECURRENT = np.array([[0, 1, 0, -1], [0, 0, 0, 0], [0, -1, 0, 0], [1, 0, 0, 0]])
OUTPUT = np.array([[1, 0, 0, 0], [0, 2, 0, -1], [0, 0, 0, 0]])
LOW, HIGH = -(2**20), 2**20


def integrator_network(reset_interval: int | None) -> MappedNetwork:
    """v <- clip(floor(3 v / 4) + INPUT x + RECURRENT v), two ticks a sample; the sum of v's message is sum port 1."""
    v, c, k, r = isa.Word("v"), isa.Word("count"), isa.Word("samples"), isa.Register("r")
    zero, one = isa.Immediate(0), isa.Immediate(1)
    reset = (
        isa.SkipUnless(k, isa.Immediate(reset_interval), isa.Test.EQUAL, "go on"),
        isa.Move(v, zero),
        isa.Move(k, zero),
        isa.Label("go on"),
    )
    listing = (
        isa.SkipUnless(c, zero, isa.Test.EQUAL, "update"),
        *(reset if reset_interval is not None else ()),
        isa.Add(k, k, one),
        isa.Send(0, v),
        isa.Move(c, one),
        isa.Skip("end"),
        isa.Label("update"),
        isa.MultiplyShift(r, v, isa.Immediate(3), isa.Immediate(2)),
        isa.Add(r, r, isa.Accumulator(0)),
        isa.Add(r, r, isa.Accumulator(1)),
        isa.Minimum(r, r, isa.Immediate(HIGH)),
        isa.Maximum(v, r, isa.Immediate(LOW)),
        isa.Send(1, v),
        isa.Move(c, zero),
        isa.Label("end"),
    )
    words: dict[str, Integers | int] = {"v": np.zeros(SIZE, np.int64), "count": 0, "samples": 0}
    population = Population("rnn.v", SIZE, listing, words, 2, 2, {"rnn.v": "v"})
    connections = [
        *signed("input", Port(None), Port("rnn.v", 0), INPUT),
        *signed("recurrent", Port("rnn.v", 0), Port("rnn.v", 1), RECURRENT),
        *signed("output", Port("rnn.v", 1), Port(None), OUTPUT),
    ]
    monitors = (StateMonitor("rnn.v", "rnn.v", "v", 1),)
    sends = {Port(None): {0: "x"}, Port("rnn.v", 0): {1: "rnn.v"}, Port("rnn.v", 1): {1: "rnn.v"}}
    return MappedNetwork((population,), tuple(connections), FEATURES, len(OUTPUT), PERIOD, 2, monitors, sends)


def signed(name: str, source: Port, target: Port, matrix: Integers, delay: int = 0) -> list[Connection]:
    """One connection for the positive weights and one for the negative ones."""
    found = []
    for sign, part in (("+", np.maximum(matrix, 0)), ("-", np.minimum(matrix, 0))):
        rows, columns = np.nonzero(part)
        if rows.size:
            shape = (matrix.shape[0], matrix.shape[1])
            found.append(Connection(name + sign, source, target, shape, rows, columns, part[rows, columns], delay))
    return found


def integrator_run(x: Integers, v: Integers) -> tuple[Integers, Integers]:
    """Outputs and states of one sequence (time, features) from state `v`."""
    outputs, states = [], []
    for row in x:
        v = np.clip((3 * v >> 2) + INPUT @ row + RECURRENT @ v, LOW, HIGH)
        states.append(v)
        outputs.append(OUTPUT @ v)
    return np.array(outputs).reshape(-1, len(OUTPUT)), np.array(states).reshape(-1, SIZE)


@pytest.fixture
def integrator() -> Callable[[int | None], MappedNetwork]:
    """`map_for` of the integrator."""
    return integrator_network


@pytest.fixture
def expected() -> Callable[[Integers, Integers], tuple[Integers, Integers]]:
    """The integrator in plain NumPy."""
    return integrator_run
