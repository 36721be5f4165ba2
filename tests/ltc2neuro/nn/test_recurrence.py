"""`Recurrent` and `repeat`: in torch plain loops, compiled one recorded step."""

import warnings

import numpy as np
import pytest
import torch
from layer_agreement import sequences
from torch import nn

pytest.importorskip("ncps", reason="ncps is not installed")
from ncps.torch import LTC, LTCCell
from ncps.wirings import AutoNCP, FullyConnected

import ltc2neuro
from compiler.interpreters.float64 import run_float
from hw_models.errors import InputError, TraceError
from ltc2neuro.nn import CTRNN, GRUODE, PaperLTC, Recurrent, repeat
from ltc2neuro.tracing import run_torch, trace

torch.set_num_threads(1)


class Elman(nn.Module):
    """Returns its state."""

    def __init__(self):
        super().__init__()
        self.inputs, self.recurrent = nn.Linear(3, 5), nn.Linear(5, 5)
        self.hidden_size = 5

    def forward(self, x, h):
        return torch.tanh(self.inputs(x) + self.recurrent(h))


class TwoStates(nn.Module):
    """Returns an output and two states of different sizes."""

    def __init__(self):
        super().__init__()
        self.map = nn.Linear(3 + 4, 4)
        self.state_size = (4, 2)

    def forward(self, x, states):
        fast, slow = states
        fast = torch.tanh(self.map(torch.cat([x, fast], -1)))
        slow = 0.9 * slow + 0.1 * fast[:, :2]
        return fast[:, 2:] * slow, (fast, slow)


class Solver(nn.Module):
    """An ODE of its own, with sub-steps and the elapsed time."""

    def __init__(self):
        super().__init__()
        self.inputs, self.recurrent = nn.Linear(3, 4), nn.Linear(4, 4)
        self.state_size = 4

    def forward(self, x, h, elapsed):
        drive = self.inputs(x)
        v = repeat(lambda v: v + elapsed / 5 * (torch.tanh(self.recurrent(v) + drive) - v), h, 5)
        return v - h, 0.5 * v


class Jump(nn.Module):
    """A solver that starts from something computed, on a pair."""

    def __init__(self):
        super().__init__()
        self.inputs = nn.Linear(3, 4)
        self.state_size = 4

    def forward(self, x, h):
        a, b = repeat(lambda s: (s[0] * 0.5 + s[1], s[1] * 0.5), (torch.tanh(self.inputs(x) + h), h), 3)
        return a, torch.tanh(b + a)


def agrees(model, dt=1.0):
    rng = np.random.default_rng(0)
    traced = trace(model, [rng.normal(size=(7, 3)) for _ in range(3)], dt=dt)
    x = [rng.normal(size=(6, 3))]
    expected = run_torch(model, x, traced)[0]
    y = run_float(traced.graph, x[0][None]).outputs[0]
    assert np.max(np.abs((y if traced.readout == "every" else y[-1]) - expected)) < 1e-5
    return traced.graph


@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_a_cell_that_returns_its_state(return_sequences, batch_first):
    graph = agrees(Recurrent(Elman(), return_sequences, batch_first))
    assert [s.name for s in graph.states] == ["h"]
    assert len(graph.blocks) == 1


def test_states_are_a_tuple():
    assert [(s.name, s.size) for s in agrees(Recurrent(TwoStates())).states] == [("h0", 4), ("h1", 2)]


@pytest.mark.parametrize("dt", [1.0, 0.3])
def test_a_solver_of_ones_own(dt):
    graph = agrees(Recurrent(Solver()), dt)
    assert [b.repeat for b in graph.blocks] == [1, 5, 1]
    assert [s.name for s in graph.states] == ["h"]


def test_a_solver_that_starts_from_something_computed():
    graph = agrees(Recurrent(Jump()))
    assert [b.repeat for b in graph.blocks] == [1, 3, 1]
    assert "h" in [s.name for s in graph.states]


def test_the_torch_loop_is_that_of_ncps():
    torch.manual_seed(0)
    layer = LTC(3, AutoNCP(8, 2), implicit_param_constraints=False)
    ours = Recurrent(layer.rnn_cell)
    x, h = torch.randn(4, 6, 3), torch.randn(4, 8)
    for theirs, mine in zip(layer(x, h), ours(x, h), strict=True):
        assert torch.equal(theirs, mine)


def test_time_spans_are_right_for_each_row():
    torch.manual_seed(0)
    layer = Recurrent(LTCCell(FullyConnected(4, 2), 3))
    x, spans = torch.randn(4, 5, 3), torch.rand(4, 5) + 0.1
    y, _ = layer(x, timespans=spans)
    for row in range(4):
        alone, _ = layer(x[row : row + 1], timespans=spans[row : row + 1])
        assert torch.allclose(alone[0], y[row], atol=1e-6)


def test_repeat_in_torch():
    v = repeat(lambda v: v * 2, torch.ones(3), 4)
    assert torch.equal(v, torch.full((3,), 16.0))
    a, b = repeat(lambda s: (s[1], s[0] + s[1]), (torch.zeros(1), torch.ones(1)), 10)
    assert (float(a), float(b)) == (55.0, 89.0)
    for times in (0, 1.5, "3", torch.tensor(3)):
        with pytest.raises(InputError, match="at least 1"):
            repeat(torch.tanh, torch.ones(1), times)


def test_time_spans_may_have_an_axis_of_their_own():
    x, spans = torch.randn(2, 5, 3), torch.rand(2, 5)
    layer = Recurrent(Solver())
    assert torch.equal(layer(x, timespans=spans[..., None])[0], layer(x, timespans=spans)[0])


@pytest.mark.parametrize("shape", [(2, 4), (2, 6), (5, 2), (2, 5, 2), (2, 5, 3), (2,)])
def test_time_spans_of_another_shape(shape):
    with pytest.raises(InputError, match="timespans do not fit") as caught:
        Recurrent(Solver())(torch.randn(2, 5, 3), timespans=torch.ones(shape))
    assert "expected (2, 5)" in caught.value.numbers


def test_time_spans_that_are_no_tensor():
    for spans in (0.5, [[1.0] * 5] * 2):
        with pytest.raises(InputError, match="timespans do not fit") as caught:
            Recurrent(Solver())(torch.randn(2, 5, 3), timespans=spans)
        assert type(spans).__name__ in caught.value.numbers


@pytest.mark.parametrize("shape", [(1, 2, 5), (2, 1), (2, 4), (3, 5), ()])
def test_a_start_of_another_shape_is_not_repeated(shape):
    """torch.nn.RNN's (layers, batch, size) would make outputs (1, batch, time, size)."""
    with pytest.raises(InputError, match="hx is not a state of the cell Elman") as caught:
        Recurrent(Elman())(torch.randn(2, 6, 3), torch.zeros(shape))
    assert str(shape) in caught.value.numbers and "(2, 5)" in caught.value.numbers


def test_a_start_of_another_number_of_states():
    for hx in (torch.zeros(2, 4), (torch.zeros(2, 4),), (torch.zeros(2, 4), None)):
        with pytest.raises(InputError, match="hx is not a state of the cell TwoStates"):
            Recurrent(TwoStates())(torch.randn(2, 6, 3), hx)
    x, start = torch.randn(2, 6, 3), [torch.ones(2, 4), torch.ones(2, 2)]
    layer = Recurrent(TwoStates())
    assert torch.equal(layer(x, start)[0], layer(x, tuple(start))[0])


def test_a_start_for_all_rows():
    x, start = torch.randn(2, 6, 3), torch.randn(5)
    layer = Recurrent(Elman())
    for hx in (start, start[None], (start.expand(2, 5),)):
        assert torch.allclose(layer(x, hx)[0], layer(x, start.expand(2, 5))[0], atol=1e-6)


def test_a_single_feature_is_not_repeated():
    with pytest.raises(InputError, match="another number of features") as caught:
        PaperLTC(3, 5)(torch.randn(2, 6, 1))
    assert "(2, 6, 1)" in caught.value.numbers and "3 features" in caught.value.numbers


def test_repeat_without_a_cell():
    class Net(nn.Module):
        def forward(self, x):
            return repeat(lambda v: v - 0.1 * torch.tanh(v + x), torch.sigmoid(x), 4)

    assert [b.repeat for b in agrees(Net()).blocks] == [1, 4, 1]


def test_cells_that_do_not_fit():
    with pytest.raises(InputError, match="batch of sequences"):
        Recurrent(Elman())(torch.zeros(4, 3))
    with pytest.raises(InputError, match="takes no elapsed time"):
        Recurrent(Elman())(torch.zeros(1, 2, 3), timespans=torch.ones(1, 2))

    class Odd(Elman):
        def forward(self, x, h):
            return super().forward(x, h)[:, :2]

    with pytest.raises(TraceError, match="shape of its state"):
        trace(Recurrent(Odd()), [np.zeros((4, 3))])

    class Wrong(Elman):
        def forward(self, x, h):
            return [h]

    with pytest.raises(InputError, match="returns neither a state"):
        trace(Recurrent(Wrong()), [np.zeros((4, 3))])


class Stepping(nn.Module):
    """A cell whose step is a function."""

    def __init__(self, step=lambda x, h: torch.tanh(x + h), **attributes):
        super().__init__()
        self.step = step
        for name, value in {"state_size": 3, **attributes}.items():
            setattr(self, name, value)

    def forward(self, x, h):
        return self.step(x, h)


@pytest.mark.parametrize("size", [0, -1, 4.0, [3, 3], (3, 0), (), ((2, 2), 3), None])
def test_sizes_that_are_none(size):
    with pytest.raises(InputError, match="size of its state") as caught:
        Recurrent(Stepping(state_size=size))
    assert repr(size) in caught.value.numbers and "test_recurrence.py, line" in caught.value.where


def test_a_cell_that_wants_more():
    class Timed(nn.Module):
        state_size = 3

        def forward(self, x, h, t):
            return torch.tanh(x + h * t)

    class ByKeyword(nn.Module):
        state_size = 3

        def forward(self, x, h, *, elapsed):
            return torch.tanh(x + h * elapsed)

    class More(nn.Module):
        state_size = 3

        def forward(self, x, h, elapsed, gain):
            return torch.tanh(x + gain * h * elapsed)

    for cell, name in ((Timed(), "t"), (ByKeyword(), "elapsed"), (More(), "needs gain")):
        with pytest.raises(InputError, match="needs more than an input and a state") as caught:
            Recurrent(cell)
        assert name in caught.value.numbers and "elapsed" in caught.value.advice


@pytest.mark.parametrize("factors", [{}, {"beta": 0.5}, {"alpha": 0.5}])
def test_a_step_in_torchs_own_words_for_a_matrix_product(factors):
    matrix = torch.linspace(-0.4, 0.4, 9).reshape(3, 3)
    trace(Recurrent(Stepping(lambda x, h: torch.tanh(torch.addmm(x, h, matrix, **factors)))), sequences(3))


def test_states_in_a_list():
    cell = Stepping(lambda x, h: [h[0], [torch.tanh(x + h[0]), h[1] + 0.1 * h[0]]], state_size=(3, 3))
    traced = trace(Recurrent(cell), sequences(3))
    assert len(traced.graph.states) == 2


def test_a_cell_that_states_no_bound():
    (state,) = trace(Recurrent(Stepping(state_bounds=lambda elapsed: None)), sequences(3)).graph.states
    assert state.low is None


@pytest.mark.parametrize(
    ("cell", "what", "numbers"),
    [
        (Stepping(lambda x, h: None), "returns neither a state", "NoneType"),
        (Stepping(lambda x, h: (h, h, h)), "returns neither a state", "a tuple of 3"),
        (Stepping(lambda x, h: (x + h[0], h[1]), state_size=(3, 3)), "different number of states", "2 before, 1 after"),
        (Stepping(lambda x, h: torch.cat([x, h], -1)), "changes the shape of its state", "h: (2, 3) before"),
        (Stepping(lambda x, h: (x, torch.ones(2, 3))), "does not depend on its input or state", "h"),
        (Stepping(lambda x, h: (torch.ones(2, 3), x + h)), "output of a cell was not recorded", ""),
        (Stepping(state_names=("a", "b")), "state_names of the cell Stepping", "2 for 1 states"),
        (Stepping(state_bounds=lambda elapsed: [None, None]), "state_bounds of the cell Stepping", "2 for 1 states"),
        (Stepping(state_bounds=lambda elapsed: [(1.0, -1.0)]), "is not an interval", "(1.0, -1.0)"),
        (Stepping(state_bounds=lambda elapsed: [(0.0, float("inf"))]), "is not an interval", "(0.0, inf)"),
        (Stepping(state_bounds=lambda elapsed: [(torch.zeros(2), 1.0)]), "is not an interval", "state of (3,)"),
    ],
)
def test_what_a_cell_may_not_return(cell, what, numbers):
    with pytest.raises((InputError, TraceError), match=what) as caught:
        trace(Recurrent(cell), sequences(3))
    assert numbers in caught.value.numbers and "test_recurrence.py, line" in caught.value.where and caught.value.advice


@pytest.mark.parametrize(("kind", "dt"), [(CTRNN, 20.0), (GRUODE, 12.0)])
def test_a_step_too_long_for_its_leak_is_warned_of(kind, dt):
    torch.manual_seed(0)
    layer = kind(2, 4).double()
    x = np.random.default_rng(0).normal(size=(2, 8, 2))
    with pytest.warns(UserWarning, match=r"the state \w+ may grow without bound"):
        ltc2neuro.compile(layer, x, dt=dt)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ltc2neuro.compile(layer, x)
