"""What every step reads of the first sample is held; what starts at two numbers is two states."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from layer_agreement import executors_agree, over_many_steps
from ncps.torch import LTC, LTCCell
from ncps.wirings import AutoNCP, FullyConnected
from torch import nn

from hw_models.errors import TraceError
from ltc2neuro.tracing import trace

X = np.random.default_rng(0).normal(size=(4, 30, 3))


class Model(nn.Module):
    """A function of the samples, a cell of four units, and a linear layer."""

    def __init__(self, function, cell: nn.Module | None = None, inputs: int = 3) -> None:
        super().__init__()
        self.function, self.cell, self.linear = function, cell, nn.Linear(inputs, 2)
        self.start = nn.Parameter(torch.rand(1, 4) + 0.5)

    def forward(self, x):
        return self.function(self, x)

    def loop(self, x, h):
        h, answers = h.expand(len(x), 4), []
        for x_t in x.unbind(1):
            h = self.cell(x_t, h)
            answers.append(h)
        return torch.stack(answers, 1)


def _zeros(x):
    return torch.zeros_like(x[:, :1])


def _delayed(x, value=0.0):
    return F.pad(x, (0, 0, 1, 0), value=value)[:, :-1]


def _context(model, x):
    context = torch.tanh(model.linear(x[:, 0]))
    h, answers = x.new_zeros(len(x), 4), []
    for x_t in x.unbind(1):
        h = model.cell(torch.cat([x_t, context], -1), h)
        answers.append(h)
    return torch.stack(answers, 1)


def _fed_back(model, x):
    """h starts at a half, and what is fed back of it at zero."""
    h, y, answers = torch.full((len(x), 4), 0.5, dtype=x.dtype), x.new_zeros(len(x), 4), []
    for x_t in x.unbind(1):
        y = h = model.cell(torch.cat([x_t, y], -1), h)
        answers.append(h)
    return torch.stack(answers, 1)


def _changes(model, x):
    h, before, answers = model.start.expand(len(x), 4), x.new_zeros(len(x), 4), []
    for x_t in x.unbind(1):
        h = model.cell(x_t, h)
        answers.append(h - before)
        before = h
    return torch.stack(answers, 1)


def _from_the_first_sample(model, x):
    h, before, answers = x.new_zeros(len(x), 4), x[:, 0], []
    for x_t in x.unbind(1):
        h = model.cell(x_t - before, h)
        before = x_t
        answers.append(h)
    return torch.stack(answers, 1)


def _average(x):
    h, answers = x[:, 0], []
    for x_t in x.unbind(1):
        h = 0.9 * h + 0.1 * x_t
        answers.append(h)
    return torch.stack(answers, 1)


def _gru(inputs: int = 3) -> nn.Module:
    return nn.GRUCell(inputs, 4)


HELD = {
    "less the first": (lambda: Model(lambda m, x: m.linear(x - x[:, :1])), [3, 1]),
    "relative to the first": (lambda: Model(lambda m, x: m.linear(x / (1 + x[:, :1].abs()))), [3, 1]),
    "less the first, then a loop": (lambda: Model(lambda m, x: m.loop(x - x[:, :1], m.start * 0), _gru()), [4, 3, 1]),
    "the last less the first": (lambda: Model(lambda m, x: m.linear(x[:, -1] - x[:, 0])), [3, 1]),
    "differences of what is less the first": (
        lambda: Model(lambda m, x: m.linear(torch.diff(x - x[:, :1], dim=1, prepend=_zeros(x)))),
        [3, 3, 1],
    ),
    "a context": (lambda: Model(_context, _gru(5)), [4, 2, 1]),
    "the first answer": (lambda: Model(lambda m, x: m.loop(x, m.start)[:, 0], _gru()), [4, 1]),
}
TWICE = {
    "delays from two numbers": (
        lambda: Model(lambda m, x: m.linear(torch.cat([_delayed(x), _delayed(x, 1.0)], -1)), inputs=6),
        [2],  # what the layer makes of both
    ),
    "fed back": (lambda: Model(_fed_back, _gru(7)), [4, 4]),
    "changes of a state that starts elsewhere": (lambda: Model(_changes, _gru()), [4, 4]),
    "differences from the first sample, and a state": (lambda: Model(_from_the_first_sample, _gru()), [3, 4, 1]),
    "differences of a loop": (
        lambda: Model(lambda m, x: torch.diff(y := m.loop(x, m.start), dim=1, prepend=_zeros(y)), _gru()),
        [4, 4],
    ),
    "differences of an average": (lambda: Model(lambda m, x: _average(x) - _delayed(_average(x))), [3, 3, 1]),
}


def _padded(x, steps=3):
    return F.pad(x.transpose(1, 2), (steps, 0), mode="replicate")


def _a_sample_late(model, x):
    prev, h, answers = x[:, 0], x.new_zeros(len(x), 4), []
    for t in range(x.shape[1]):
        h = model.cell(prev, h)
        prev = x[:, t]
        answers.append(h)
    return torch.stack(answers, 1)


def _three_samples_late(model, x):
    h, answers = torch.zeros_like(x[:, 0]), []
    for t in range(x.shape[1]):
        late, now = x[:, max(t - 3, 0)], x[:, t]
        answers.append(h + late)
        h = torch.tanh(h + now)
    return torch.stack(answers, 1)


BEFORE = {
    "the sample before, at first itself": (lambda m, x: m.linear(torch.cat([x[:, :1], x[:, :-1]], 1)), [3, 1]),
    "beside the sample": (lambda m, x: torch.cat([x, torch.cat([x[:, :1], x[:, :-1]], 1)], -1), [3, 1]),
    "two samples before": (lambda m, x: m.linear(_padded(x, 2)[:, :, :-2].transpose(1, 2)), [3, 3, 1]),
    "by numbers": (lambda m, x: x[:, torch.clamp(torch.arange(x.shape[1]) - 1, min=0)], [3, 1]),
    "in a loop": (lambda m, x: torch.stack([x[:, max(t - 1, 0)] for t in range(x.shape[1])], 1), [3, 1]),
    "taken on the line that takes the sample": (_three_samples_late, [3, 3, 3, 3, 1]),
    "in front of a loop": (lambda m, x: m.loop(_padded(x, 2)[:, :, :-2].transpose(1, 2), m.start * 0), [4, 3, 3, 1]),
    "a sample late": (_a_sample_late, [4, 3, 1]),
    "its last answer": (lambda m, x: _a_sample_late(m, x)[:, -1], [4, 3, 1]),
    "the state before": (
        lambda m, x: torch.tanh((y := _average(x)) - torch.cat([y[:, :1], y[:, :-1]], 1)),
        [3, 1],
    ),
    "the spread of windows": (lambda m, x: _padded(x).unfold(2, 4, 1).std(-1).transpose(1, 2), [3, 3, 3, 1]),
    "windows of it again and again": (
        lambda m, x: torch.cat([x[:, :1].expand(-1, 2, -1), x], 1).unfold(1, 3, 1).var(-1),
        [3, 3, 1],
    ),
}


@pytest.mark.parametrize("name", BEFORE)
def test_what_begins_with_the_first_sample_starts_from_it(name):
    function, sizes = BEFORE[name]
    torch.manual_seed(0)
    traced = over_many_steps(Model(function, _gru()), X, 200)
    assert sorted(s.size for s in traced.graph.states) == sorted(sizes)


class Late(nn.Module):
    def __init__(self, delayed, after=lambda y: y) -> None:
        super().__init__()
        self.rnn, self.delayed, self.after = LTC(3, AutoNCP(6, 2, seed=1), ode_unfolds=2), delayed, after

    def forward(self, x):
        return self.after(self.rnn(self.delayed(x))[0])


def _before(x):
    return torch.cat([x[:, :1], x[:, :-1]], 1)


def _two_before(x):
    return F.pad(x.transpose(1, 2), (2, 0), mode="replicate").transpose(1, 2)[:, :-2]


@pytest.mark.parametrize(
    ("model", "states"),
    [(Late(_before), 3), (Late(_two_before), 7), (Late(lambda x: x, _before), 3)],
    ids=["the sample before", "two samples before", "the answer before"],
)
def test_a_layer_that_repeats_may_be_read_and_read_what_begins_with_the_first_sample(model, states):
    assert len(over_many_steps(model, X, 50).graph.states) == states


class ByHand(nn.Module):
    def __init__(self, kept: bool) -> None:
        super().__init__()
        self.cell, self.kept = LTCCell(FullyConnected(3), 6, ode_unfolds=2), kept

    def forward(self, x):
        h, answers, previous = x.new_zeros(len(x), 3), [], x[:, 0]
        before = x - torch.diff(x, dim=1, prepend=x[:, :1])
        for t in range(x.shape[1]):
            _, h = self.cell(torch.cat([x[:, t], previous if self.kept else before[:, t]], 1), h)
            answers.append(h)
            previous = x[:, t]
        return torch.stack(answers, 1)


def test_of_a_loop_that_keeps_the_sample_before_a_solver_is_said_how_to_write_it():
    torch.manual_seed(0)
    with pytest.raises(
        TraceError, match=r"(?s)a solver read the first sample again.*previous = x.new_zeros.*x - torch\.diff\(x, dim"
    ):
        trace(ByHand(True), list(X))
    over_many_steps(ByHand(False), X, 50)


@pytest.mark.parametrize("name", [*HELD, *TWICE])
def test_one_program_equals_torch_over_many_steps(name):
    """A thousand, of one that holds and of one that has a state twice."""
    make, sizes = (HELD | TWICE)[name]
    torch.manual_seed(0)
    traced = over_many_steps(make(), X, 1000 if name in ("a context", "fed back") else 100)
    assert sorted(s.size for s in traced.graph.states) == sorted(sizes)


@pytest.mark.parametrize("name", ["a context", "fed back"])
def test_every_executor_runs_them(name):
    torch.manual_seed(0)
    assert executors_agree((HELD | TWICE)[name][0]().eval(), X, ["native", "onnx"]) > 35


def test_states_say_what_they_are():
    torch.manual_seed(0)
    held = trace(HELD["less the first"][0](), list(X)).graph
    assert [s.name for s in held.states] == ["x.first", "started.1"]
    apart = trace(TWICE["changes of a state that starts elsewhere"][0](), list(X)).graph
    assert [s.name for s in apart.states] == ["cell.h", "cell.h.before"]


def _constant_from_its_second_step_on(model, x):
    late = torch.cat([model.start[:, :3].expand(len(x), 3, 3), x.sin()], 1)[:, : x.shape[1]]
    h, answers = late[:, 0].tanh(), [late[:, 0]]
    for t in range(1, x.shape[1]):
        h = 0.8 * h + 0.2 * late[:, t].tanh()
        answers.append(2 * h)
    old, other = model.start[:, 1:].expand(len(x), 3), []
    for h in answers:
        other.append(torch.maximum(old, h) * old)
        old = torch.zeros_like(h) - 0.1
    y = torch.stack(other, 1)
    return torch.cat([y[:, :1], y[:, :-1]], 1) - y


@pytest.mark.timeout(60)
def test_what_never_changes_has_no_past():
    """Looking for it, inference went on for ever."""
    with pytest.raises(TraceError, match="changes from step to step"):
        trace(Model(_constant_from_its_second_step_on), list(X[:, :12]))


def _started_twice(model, x):
    new = x - x[:, :1]
    h = old = model.linear(new[:, 0]).tanh()
    for t in range(x.shape[1]):
        h = model.cell(new[:, t], h)
        answer, old = h * (new[:, t, :2] + old), torch.zeros_like(h)
    return answer


def test_what_stands_for_elements_of_a_value_lies_in_none():
    """Looking for what lies between steps there was a `KeyError`."""
    torch.manual_seed(0)
    assert over_many_steps(Model(_started_twice, nn.GRUCell(3, 2)), X[:, :12], 50).readout == "last"
