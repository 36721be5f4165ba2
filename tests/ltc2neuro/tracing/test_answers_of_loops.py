"""Several answers of a loop of one's own, some of which are means and the like over time: each has its own readout."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from layer_agreement import over_many_steps
from torch import nn

import ltc2neuro
from hw_models.errors import TraceError
from ltc2neuro.tracing import trace

X = np.random.default_rng(0).normal(size=(3, 12, 3))


class Loop(nn.Module):
    """A loop over a cell, of whose answers a function makes what is returned."""

    def __init__(self, returned) -> None:
        super().__init__()
        self.cell, self.head, self.returned = nn.GRUCell(3, 4), nn.Linear(4, 2), returned

    def forward(self, x):
        h, answers = x.new_zeros(len(x), 4), []
        for x_t in x.unbind(1):
            h = self.cell(x_t, h)
            answers.append(self.head(h))
        return self.returned(torch.stack(answers, 1))


ANSWERS = {
    "last, mean, sum so far": (lambda y: (y[:, -1], y.mean(1), y.cumsum(1)), ["last", "mean", "every"]),
    "every and mean": (lambda y: (y, y.mean(1)), ["every", "mean"]),
    "every and sum by the number": (lambda y: (y, y.sum(1) / y.shape[1]), ["every", "mean"]),
    "sum by a float": (lambda y: (y[:, -1], y.sum(1) / torch.tensor(float(y.shape[1]))), ["last", "mean"]),
    "sum times a reciprocal": (lambda y: (y, y.sum(1) * (1 / y.shape[1])), ["every", "mean"]),
    "last and largest": (lambda y: (y[:, -1], y.amax(1)), ["last", "max"]),
    "sum and mean": (lambda y: (y.sum(1), y.mean(1)), ["sum", "mean"]),
    "a dict": (lambda y: {"all": y, "mean": y.mean(1), "few": y[:, -3:]}, ["every", "mean", "last 3"]),
    "every and last": (lambda y: (y, y[:, -1]), ["every", "last"]),
    "every and first": (lambda y: (y, y[:, 0]), ["every", "last"]),
    "every and product": (lambda y: (y, y.prod(1)), ["every", "last"]),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_each_answer_has_its_own_readout(name):
    returned, readouts = ANSWERS[name]
    torch.manual_seed(0)
    traced = over_many_steps(Loop(returned), X, 100)
    assert [answer.readout for answer in traced.answers.each] == readouts


def test_all_are_returned_as_torch_returns_them():
    torch.manual_seed(0)
    model, x = Loop(ANSWERS["last, mean, sum so far"][0]).eval(), X.astype(np.float32)
    net = ltc2neuro.compile(model, x)
    assert np.array_equal(np.asarray(net.run(x, on="native").integers), np.asarray(net.run(x).integers))
    with torch.no_grad():
        expected = [y.numpy() for y in model(torch.from_numpy(x))]
    for ours, theirs in zip(map(np.asarray, net(x)), expected, strict=True):
        assert ours.shape == theirs.shape and np.abs(ours - theirs).max() < 0.05 * np.abs(theirs).max()


class WithState(Loop):
    """It returns something of its last state, too."""

    def forward(self, x):
        h, answers = x.new_zeros(len(x), 4), []
        for x_t in x.unbind(1):
            h = self.cell(x_t, h)
            answers.append(self.head(h))
        return torch.stack(answers, 1), self.returned(self, h)


@pytest.mark.parametrize(
    ("returned", "readouts"),
    [(lambda _, h: h, ["every"]), (lambda self, h: self.head(h).tanh(), ["every", "last"])],
    ids=["the state", "computed from it"],
)
def test_of_last_states_what_is_computed_from_them_is_an_answer(returned, readouts):
    torch.manual_seed(0)
    traced = over_many_steps(WithState(returned), X, 50)
    assert [answer.readout for answer in traced.answers.each] == readouts


class TimeFirst(WithState):
    """The same of a model that reads time first: what its last state tells of the order, it tells, too."""

    def forward(self, x):
        h, answers = x.new_zeros(x.shape[1], 4), []
        for t in range(x.shape[0]):
            h = self.cell(x[t], h)
            answers.append(self.head(h))
        return torch.stack(answers), self.returned(self, h)


def test_a_last_state_beside_answers_with_time_first():
    torch.manual_seed(0)
    traced = over_many_steps(TimeFirst(lambda _, h: h), X, 50)
    assert traced.time_first and traced.output_time_first and traced.answers.readout == "every"


INSIDE = {
    "a dict in a dict": (lambda y, h: (y, {"h": h, "aux": {"a": y.tanh()}}), ((1, "aux", "a"),)),
    "a dict of answers": (lambda y, h: {"y": y, "aux": {"a": y.tanh(), "h": h}}, (("aux", "a"),)),
    "states, and what is made of one": (lambda y, h: (y[:, -1], (h, h * 2)), ((1, 1),)),
    "states in a dict": (lambda y, h: {"y": y, "state": (h,)}, ()),
    "a list of all steps": (lambda y, h: (y, list(y.tanh().unbind(1))), ((1,),)),
}


@pytest.mark.parametrize("name", INSIDE)
def test_what_is_inside_another_tuple_or_dict_and_is_no_state_is_told(name):
    class Nested(WithState):
        def forward(self, x):
            return returned(*super().forward(x))

    returned, dropped = INSIDE[name]
    assert trace(Nested(lambda _, h: h), list(X)).dropped == dropped


class Layer(nn.Module):
    def __init__(self, returned) -> None:
        super().__init__()
        self.rnn, self.returned = nn.GRU(3, 4, batch_first=True), returned

    def forward(self, x):
        return self.returned(self.rnn(x)[0])


FIRST = {
    "first and mean": (lambda y: (y[:, 0], y.mean(1)), ["last", "mean"]),
    "last and first": (lambda y: (y[:, -1], y[:, 0]), ["last", "last"]),
    "largest, first, few": (lambda y: (y.amax(1), y[:, 0], y[:, -3:]), ["max", "last", "last 3"]),
}


@pytest.mark.parametrize("name", FIRST)
def test_the_first_answer_may_stand_beside_others(name):
    """It is one of its states once: no delay, of ever more steps."""
    torch.manual_seed(0)
    returned, readouts = FIRST[name]
    traced = over_many_steps(Layer(returned), X, 100)
    assert [answer.readout for answer in traced.answers.each] == readouts
    assert [state.name for state in traced.graph.states] == ["rnn.h", "rnn.h.first", "started.1"]


BESIDE = {
    "mean and last": (lambda y: (y.mean(1), y[:, -1]), ["mean", "last"]),
    "a few and last": (lambda y: (y[:, -3:], y[:, -1]), ["last 3", "last"]),
    "from a mean, and last": (lambda y: (y.mean(1).tanh(), y[:, -1]), ["last", "last"]),
    "all, mean and last": (lambda y: (y, y.mean(1), y[:, -1]), ["every", "mean"]),
}


@pytest.mark.parametrize("name", BESIDE)
def test_a_last_state_is_an_answer_beside_none_to_each_step(name):
    torch.manual_seed(0)
    returned, readouts = BESIDE[name]
    traced = over_many_steps(Layer(returned), X, 20)
    assert [answer.readout for answer in traced.answers.each] == readouts


class Two(nn.Module):
    def __init__(self, returned) -> None:
        super().__init__()
        self.a, self.b, self.returned = *(nn.GRU(3, 4, batch_first=True) for _ in range(2)), returned

    def forward(self, x):
        return self.returned(self.a(x), self.b(x))


def test_the_state_of_another_layer_is_not_dropped_silently():
    torch.manual_seed(0)
    traced = over_many_steps(Two(lambda a, b: (a[0], b[0][:, -1])), X, 20)
    assert [answer.readout for answer in traced.answers.each] == ["every", "last"]
    assert trace(Two(lambda a, b: (a[0], b[1], a[1])), list(X)).dropped == (1,)
    assert trace(Two(lambda a, b: (a[0].mean(1), a[1])), list(X)).dropped == (1,)


def test_what_a_map_adds_to_a_sum_is_added_once_beside_an_answer_to_each_step():
    torch.manual_seed(0)
    for returned in (
        lambda y: {"s": 2 * y.sum(1) + 1.5, "y": y},
        lambda y: (2 * y.sum(1) + 1.5, y.mean(1).tanh()),
    ):
        traced = over_many_steps(Layer(returned), X, 20)
        assert traced.answers.each[0].readout == "sum"


def test_an_answer_that_is_not_there_after_one_sample_is_refused_at_its_line():
    with pytest.raises(
        TraceError, match=r"fails on 1 step\n  where: .*test_answers_of_loops.py, line \d+: .*y\[:, 1\]"
    ):
        ltc2neuro.compile(Loop(lambda y: y[:, 1]), X.astype(np.float32))


def test_a_mean_of_a_layer_is_one_however_it_is_divided():
    for mean in (
        lambda y: y.sum(1) / torch.tensor(y.shape[1]),
        lambda y: y.sum(1) * (1 / y.shape[1]),
        lambda y: (1.0 / y.size(1)) * y.sum(1),
    ):
        assert trace(Layer(mean), list(X)).answers.readout == "mean"
    for third in (lambda y: y.sum(1) / 3.0, lambda y: y.sum(1) * (1 / 3)):
        assert trace(Layer(third), list(X)).answers.readout == "sum"


def test_a_product_over_time_beside_its_factors_is_no_last_state():
    torch.manual_seed(0)
    traced = over_many_steps(Layer(lambda y: (y, y.prod(1))), X, 20)
    assert [answer.readout for answer in traced.answers.each] == ["every", "last"]


def test_some_steps_beside_all_are_refused_and_named():
    with pytest.raises(TraceError, match="the model's answer 1 is neither one per step nor one for the last"):
        ltc2neuro.compile(Layer(lambda y: (y.cumsum(1), y[:, ::2])), X.astype(np.float32))


class Deep(nn.Module):
    """A TCN of the last 15 samples, of whose answers a function makes what is returned."""

    def __init__(self, returned) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv1d(3 if d == 1 else 2, 2, 3, dilation=d) for d in (1, 2, 4))
        self.head, self.returned = nn.Linear(2, 2), returned

    def forward(self, x):
        z = x.transpose(1, 2)
        for conv in self.convs:
            z = torch.relu(conv(nn.functional.pad(z, (2 * conv.dilation[0], 0))))
        return self.returned(self.head(z.transpose(1, 2)))


GOING_ON = {
    "of a deep convolution": (Deep, lambda y: torch.tanh(y[:, -3:].mean(1))),
    "of a deep convolution, largest": (Deep, lambda y: torch.tanh(y[:, -3:].amax(1))),
    "of a loop": (Loop, lambda y: torch.tanh(y[:, -9:].mean(1))),
    "of a loop, largest": (Loop, lambda y: torch.tanh(y[:, -9:].amax(1))),
    "two on one line": (Loop, lambda y: torch.cat([y[:, -3:].mean(1), y.mean(1)], -1).tanh()),
}


@pytest.mark.parametrize("name", GOING_ON)
def test_a_model_goes_on_with_its_last_answers(name):
    """Fewer at first, which is not seen where a receptive field is whole, nor in six steps where they are more."""
    torch.manual_seed(0)
    model, returned = GOING_ON[name]
    assert over_many_steps(model(returned), X, 100).answers.readout == "last"
