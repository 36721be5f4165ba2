"""States that still grow when the calibration ends are warned of; those that stay where they are are not."""

import re
import warnings

import numpy as np
import pytest

import ltc2neuro
from compiler.graph import Block, Graph, State, Value
from compiler.graph.ops import Add, Apply, Input, Output, StateRead, StateWrite
from compiler.ranges.observed import Observed
from ltc2neuro.compilation.growth import _bounds, _extrapolated

torch = pytest.importorskip("torch", reason="compiling needs the extra torch")
from forwards import First  # noqa: E402

from ltc2neuro import nn  # noqa: E402
from ltc2neuro.compilation.growth import find_growth  # noqa: E402


class Gathering(torch.nn.Module):
    """h' = a h + W x, the share that is kept by each neuron itself, or by a matrix."""

    state_size = 3

    def __init__(self, keep, matrix=False):
        super().__init__()
        self.keep, self.inputs = keep, torch.nn.Linear(4, 3)
        self.recurrent = torch.nn.Linear(3, 3, bias=False) if matrix else None
        if self.recurrent is not None:
            self.recurrent.weight.data.copy_(keep * torch.eye(3)[[1, 2, 0]])  # turns, and keeps its length

    def forward(self, x, h):
        kept = self.keep * h if self.recurrent is None else self.recurrent(h)
        return kept + self.inputs(x)


class Square(torch.nn.Module):
    """A neural ODE in the user's own words: x' = x + tanh(W x + V u) / 10."""

    state_size = 3

    def __init__(self, back):
        super().__init__()
        self.inputs, self.back = torch.nn.Linear(4, 3), back

    def forward(self, u, x):
        return x + torch.tanh(self.inputs(u) - self.back * x) / 10


def remembering(bias):
    layer = torch.nn.LSTM(4, 6, batch_first=True)
    with torch.no_grad():
        layer.bias_hh_l0[6:12] = bias
    return layer


def warned(model, x):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net = ltc2neuro.compile(model.eval(), x)
    return net, [str(w.message) for w in caught if "still grows" in str(w.message)]


def noise(steps, rows=4, features=4, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, steps, features))


GROWING = {
    "an accumulator": lambda: nn.Recurrent(Gathering(1.0)),
    "nearly one": lambda: nn.Recurrent(Gathering(0.999)),
    "a matrix that turns": lambda: nn.Recurrent(Gathering(1.0, matrix=True)),
    "an LSTM that remembers": lambda: remembering(9.0),
    "a drift": lambda: nn.Recurrent(Square(0.0)),
}
STEADY = {
    "a leak": lambda: nn.Recurrent(Gathering(0.8)),
    "a matrix that forgets": lambda: nn.Recurrent(Gathering(0.8, matrix=True)),
    "an LSTM": lambda: remembering(0.0),
    "a field that leads back": lambda: nn.Recurrent(Square(2.0)),
    "GRU": lambda: torch.nn.GRU(4, 5, batch_first=True),
    "CTRNN": lambda: nn.CTRNN(4, 5),
    "ODE-LSTM": lambda: nn.ODELSTM(4, 5),
    "LIF": lambda: nn.LIF(4, 5),
}


@pytest.mark.parametrize("make", GROWING.values(), ids=GROWING)
def test_growth_is_named_and_true(make):
    torch.manual_seed(1)
    model, x = First(make()), noise(100)
    net, messages = warned(model, x)
    assert len(messages) == 1
    low, high = (float(n) for n in re.findall(r"beyond (\S+) \.\.\. (\S+) saturates", messages[0])[0])
    (state,) = [s for s in net.graph.states if f"the state {s.name} " in messages[0]]
    np.testing.assert_allclose([state.format.real_low, state.format.real_high], [low, high], rtol=1e-3, atol=1e-3)
    horizon = int(re.findall(r"about ([\d,]+) samples", messages[0])[0].replace(",", ""))
    assert horizon > 100
    assert net.run(noise(50, seed=5)).saturations.get(f"{state.name}.next", 0) == 0
    assert sum(net.run(noise(12 * horizon, rows=8, seed=5)).saturations.values()) > 0


@pytest.mark.parametrize("steps", [30, 200])
@pytest.mark.parametrize("make", STEADY.values(), ids=STEADY)
def test_no_alarm_where_nothing_grows(make, steps):
    torch.manual_seed(2)
    assert warned(First(make()), noise(steps))[1] == []


class Sum(torch.nn.Module):
    """v' = v + x, held within `limit`, if anywhere."""

    state_size = 1

    def __init__(self, limit=None):
        super().__init__()
        self.weight, self.limit = torch.nn.Parameter(torch.ones(1)), limit

    def forward(self, x, v):
        v = v + self.weight * x
        return v if self.limit is None else torch.clamp(v, -self.limit, self.limit)


def positive(rows, steps):
    return np.abs(noise(steps, rows, 1))


def test_an_accumulator_is_told_from_a_calibration_that_begins_at_rest():
    x = positive(3, 40)
    x[:, :6] = 0.0
    assert len(warned(First(nn.Recurrent(Sum())), x)[1]) == 1


def test_an_accumulator_is_told_from_one_long_sequence():
    (message,) = warned(First(nn.Recurrent(Sum())), positive(1, 8000))[1]
    horizon = int(re.findall(r"about ([\d,]+) samples", message)[0].replace(",", ""))
    assert 10_000 < horizon < 14_000


class Departing(torch.nn.Module):
    """h' = tanh(1.2 h + x / 100): it leaves 0 slowly, and settles at 0.66."""

    state_size = 1

    def forward(self, x, h):
        return torch.tanh(1.2 * h + x / 100)


def test_a_bounded_state_that_the_calibration_only_sees_leave_is_warned_of():
    layer = nn.Recurrent(Departing())
    net, (message,) = warned(First(layer), np.ones((2, 6, 1)))
    assert "the state layer.h still grows at the end of the calibration" in message
    with pytest.raises(ltc2neuro.errors.InputError, match="clipped"):
        net.run(np.ones((1, 60, 1)), strict=True)
    assert warned(First(layer), np.ones((2, 60, 1)))[1] == []  # it has settled


@pytest.mark.parametrize(("margin", "count"), [(4.2, 0), (3.8, 1)])
def test_what_settles_below_its_limit_is_not_growth(margin, count):
    """Every 50 samples it comes by 0.6 of what it came before: to 2.5 times what it has after the first 50.

    The range of 0 to 1 of these times `margin` ends at (1 + margin) / 2."""
    cell = Gathering(0.6 ** (1 / 50))
    with torch.no_grad():
        cell.inputs.weight.fill_(0.25)
        cell.inputs.bias.zero_()
    x = np.ones((50, 4))
    net, _ = warned(First(nn.Recurrent(cell)), [x, x])
    assert len(find_growth(net.float_graph, [x, x], margin)) == count


def test_the_longest_sequence_is_told():
    x = noise(90)
    _, messages = warned(First(nn.Recurrent(Gathering(1.0))), [x[0, :30], x[1], x[2, :60]])
    (horizon,) = re.findall(r"after about ([\d,]+) samples \(the longest sequence there has 90\)", messages[0])
    assert int(horizon.replace(",", "")) > 90


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_growth_is_told_in_any_unit(unit):
    """A state of thousandths that grows is as bad as one of thousands."""
    assert _extrapolated([0.5 * unit, 0.6 * unit, 0.7 * unit], 1.7 * unit, 10, 50) in (100, 101)
    assert _extrapolated([0.5 * unit, 0.5 * unit, 0.5 * unit], 1.7 * unit, 10, 50) is None


@pytest.mark.parametrize("margin", [2.0, 4.0, 64.0])
def test_the_horizon_of_a_steady_growth_is_exact(margin):
    """The last two are beyond what is tried out: in the same order, and in any."""
    net, x = warned(First(nn.Recurrent(Sum())), np.ones((2, 50, 1)))[0], np.ones((50, 1))
    (growth,) = find_growth(net.float_graph, [x, x], margin)
    assert growth.largest == 50 and growth.horizon == np.ceil(growth.high) > 50


@pytest.mark.parametrize(("limit", "count"), [(9000.0, 1), (100.0, 1), (20.0, 0)])
def test_a_limit_beyond_the_calibrated_range_does_not_hold_a_state(limit, count):
    assert len(warned(First(nn.Recurrent(Sum(limit))), positive(2, 60))[1]) == count


def test_what_a_slow_state_loses_is_named_by_the_state():
    torch.manual_seed(1)
    net, _ = warned(First(remembering(9.0)), noise(100))
    with pytest.warns(UserWarning, match="were clipped") as told:
        net.run(noise(6000, rows=8, seed=5))
    assert "drain" not in str(told[0].message)
    assert "state layer.c" in str(told[0].message)


def test_what_a_state_is_written_with_bounds_it():
    """Whatever it was, a tanh of it stays within 1; a sum does not stay."""
    values = {n: Value(n, 1) for n in ("x", "a", "b", "total", "t", "more")}
    ops = (Input("x", "one", "zero"), StateRead("a", "s"), StateRead("b", "r"), Add("total", "a", "x"),
           Apply("t", "total", "tanh"), StateWrite("s", "t"), Add("more", "b", "x"), StateWrite("r", "more"),
           Output("t", "one", "zero"))  # fmt: skip
    states = State("s", 1, "zero"), State("r", 1, "zero")
    graph = Graph((Block("all", ops),), values, {"one": np.ones(1), "zero": np.zeros(1)}, states)
    found = _bounds(graph, Observed(graph, [np.ones((5, 1)) / 2]), 2.0)
    assert found["s"] == pytest.approx(1.0, rel=1e-3) and found["r"] > 1e6
