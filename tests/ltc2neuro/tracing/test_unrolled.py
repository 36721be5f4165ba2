"""Models that mix steps in their own forward are one program with states, equal to torch; or refused with a reason."""

from __future__ import annotations

import re
from functools import cache, partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from layer_agreement import executors_agree, over_many_steps
from ncps.torch import LTC, CfC, CfCCell, LTCCell
from ncps.wirings import AutoNCP
from torch import nn

import ltc2neuro
from hw_models.errors import Ltc2NeuroError
from ltc2neuro.nn import repeat
from ltc2neuro.tracing import Traced, trace

X = np.random.default_rng(0).normal(size=(4, 30, 3))


class Loop(nn.Module):
    """Steps `cell` by hand; answers at every step, or at the last."""

    def __init__(self, cell: nn.Module, *, last: bool = False) -> None:
        super().__init__()
        self.cell, self.last, self.head = cell, last, nn.Linear(4, 2)

    def forward(self, x):
        h, answers = torch.zeros(x.shape[0], 4, dtype=x.dtype), []
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
            answers.append(self.head(h))
        return answers[-1] if self.last else torch.stack(answers, 1)


class LSTMLoop(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(3, 4)

    def forward(self, x):
        h = c = x.new_zeros(len(x), 4)
        answers = []
        for x_t in x.unbind(1):
            h, c = self.cell(x_t, (h, c))
            answers.append(h)
        return torch.stack(answers, 1), (h, c)


class Filled(nn.Module):
    """Its answers fill a buffer; of a second one the first step is overwritten."""

    def __init__(self, *, time_first: bool = False) -> None:
        super().__init__()
        self.cell, self.time_first, self.head = nn.GRUCell(3, 4), time_first, nn.Linear(4, 2)

    def forward(self, x):
        rows, steps = x.shape[:2]
        h = x.new_zeros(rows, 4)
        y = torch.zeros(*((steps, rows) if self.time_first else (rows, steps)), 4, dtype=x.dtype)
        for t in range(steps):
            h = self.cell(x[:, t], h)
            if self.time_first:
                y[t] = h
            else:
                y[:, t] = h
        return self.head(y.transpose(0, 1) if self.time_first else y)


class Gated(nn.Module):
    """One gate for all units, which start at the same number; it answers h, the gate, and a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.new = nn.Linear(3, 1), nn.Linear(3, 4)

    def forward(self, x):
        h, y = torch.zeros(x.shape[0], 4, dtype=x.dtype), torch.empty(*x.shape[:2], 6, dtype=x.dtype)
        for t in range(x.shape[1]):
            g = torch.sigmoid(self.gate(x[:, t]))
            h = g * h + (1 - g) * torch.tanh(self.new(x[:, t]))
            y[:, t] = torch.cat([h, g, torch.ones_like(g)], -1)
        return y


class FastWeights(nn.Module):
    def forward(self, x):
        w, answers = x.new_zeros(len(x), 3, 3), []
        for x_t in x.unbind(1):
            answers.append((w @ x_t[..., None]).squeeze(-1))
            w = 0.9 * w + 0.1 * torch.tanh(x_t)[..., None] * x_t[:, None]
        return torch.stack(answers, 1)


class Between(nn.Module):
    """A recurrent layer reads a convolution, and differences are taken of what it answers."""

    def __init__(self, layer: nn.Module, *, start: bool = False) -> None:
        super().__init__()
        self.conv, self.layer, self.start = nn.Conv1d(3, 3, 2), layer, 0.5 if start else 0.0

    def forward(self, x):
        z = self.conv(F.pad(x.transpose(1, 2), (1, 0))).transpose(1, 2)
        y = self.layer(z, torch.full((2, len(x), 4), self.start, dtype=x.dtype) if self.start else None)[0]
        return torch.diff(y, dim=1, prepend=torch.full_like(y[:, :1], self.start))


class Queue(nn.Module):
    """The last three samples, in a buffer that is rolled at each step."""

    def forward(self, x):
        last, answers = x.new_zeros(len(x), 3, 3), []
        for t in range(x.shape[1]):
            last = torch.roll(last, -1, 1)
            last[:, -1] = x[:, t]
            answers.append(last.flatten(1))
        return torch.stack(answers, 1)


def _rolled(x):
    before = torch.roll(x, 1, 1).clone()
    before[:, 0] = 0.0
    return before


def _leaking(x):
    h, last, answers = torch.zeros_like(x[:, 0]), torch.empty(len(x), 3, dtype=x.dtype), []
    for x_t in x.unbind(1):
        h.mul_(0.9).add_(x_t)
        answers.append(h + last if answers else h.clone())
        last.copy_(x_t)
    return torch.stack(answers, 1)


class CfCLoop(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = CfCCell(3, 4, backbone_units=6)

    def forward(self, x):
        h, answers = torch.zeros(x.shape[0], 4, dtype=x.dtype), []
        for t in range(x.shape[1]):
            y, h = self.cell(x[:, t], h, 1.0)
            answers.append(y)
        return torch.stack(answers, 1)


class LearnedStart(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell, self.start = nn.GRUCell(3, 4), nn.Parameter(torch.randn(1, 4))

    def forward(self, x):
        h, answers = self.start.expand(x.shape[0], -1), []
        for t in range(x.shape[1]):
            answers.append(h)  # that of the step before
            h = self.cell(x[:, t], h)
        return torch.stack(answers, 1)


class Exchanging(nn.Module):
    """Two states that read each other as they were before the step; one or both start from the first sample."""

    def __init__(self, both: bool = False) -> None:
        super().__init__()
        self.drive, self.both = nn.Linear(3, 4), both

    def forward(self, x):
        h, answers = torch.tanh(self.drive(x[:, 0])), []
        d = h if self.both else torch.zeros_like(h)
        for x_t in x.unbind(1):
            h, d = torch.tanh(d + self.drive(x_t)), 0.9 * d + 0.1 * h if self.both else torch.tanh(h - d)
            answers.append(h)
        return torch.stack(answers, 1)


class Projected(nn.Module):
    """What its state starts from is computed from the first sample, which it then takes, too."""

    def __init__(self, cell: nn.Module, size: int = 4) -> None:
        super().__init__()
        self.start, self.cell = nn.Linear(3, size), cell

    def forward(self, x):
        h, answers = self.start(x[:, 0]), []
        for x_t in x.unbind(1):
            h = self.cell(x_t, h)
            h = h[-1] if isinstance(h, tuple) else h
            answers.append(h)
        return torch.stack(answers, 1)


def _ltc_cell() -> LTCCell:
    wiring = AutoNCP(6, 2)
    wiring.build(3)
    return LTCCell(wiring)


class Average(nn.Module):
    """It starts at the first sample."""

    def forward(self, x):
        h = x[:, 0]
        answers = [h]
        for t in range(1, x.shape[1]):
            h = 0.9 * h + 0.1 * x[:, t]
            answers.append(h)
        return torch.stack(answers, 1)


class Dilated(nn.Module):
    """A TCN: padded on the left, with a residual and a batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(3, 4, 3), nn.Conv1d(4, 4, 2, dilation=2)
        self.norm, self.head = nn.BatchNorm1d(4), nn.Linear(4, 2)

    def forward(self, x):
        z = torch.relu(self.norm(self.first(F.pad(x.transpose(1, 2), (2, 0)))))
        z = z + self.second(F.pad(z, (2, 0)))
        return self.head(z.transpose(1, 2))


class Deep(nn.Module):
    """A TCN that is a classifier: residual blocks of two convolutions each, of the last 61 steps."""

    def __init__(self, answer) -> None:
        super().__init__()
        convs = [nn.Conv1d(3 if d == 1 else 2, 2, 3, dilation=d) for d in (1, 2, 4, 8)]
        self.firsts, self.residual = nn.ModuleList(convs), nn.Conv1d(3, 2, 1)
        self.seconds = nn.ModuleList(nn.Conv1d(2, 2, 3, dilation=d) for d in (1, 2, 4, 8))
        self.head, self.answer = nn.Linear(2, 2), answer

    def forward(self, x):
        z = x.transpose(1, 2)
        for first, second in zip(self.firsts, self.seconds, strict=True):
            pad = (2 * first.dilation[0], 0)
            y = torch.relu(second(F.pad(torch.relu(first(F.pad(z, pad))), pad)))
            z = torch.relu(y + (self.residual(z) if first is self.firsts[0] else z))
        return self.head(self.answer(z.transpose(1, 2)))


class Chomped(nn.Module):
    """Padded on both sides, and cut."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 2, 3, padding=2)

    def forward(self, x):
        return self.conv(x.transpose(1, 2))[..., :-2].transpose(1, 2)


class Lists(nn.Module):
    """The last four answers of a cell, in a list that begins with fewer, and what is made of them."""

    def __init__(self, made) -> None:
        super().__init__()
        self.cell, self.made = nn.RNNCell(3, 4), made

    def forward(self, x):
        h, window, answers = x.new_zeros(len(x), 4), [], []
        for x_t in x.unbind(1):
            h = self.cell(x_t, h)
            window = [*window, h][-4:]
            answers.append(self.made(window))
        return torch.stack(answers, 1)


class Windows(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(12, 2)

    def forward(self, x):
        return self.linear(F.pad(x, (0, 0, 3, 0)).unfold(1, 4, 1).flatten(2))


class Delta(nn.Module):
    """Differences beside the samples, then a layer; the function says how they are spelled."""

    def __init__(self, spelled) -> None:
        super().__init__()
        self.spelled, self.head = spelled, nn.Linear(6, 2)

    def forward(self, x):
        return torch.tanh(self.head(torch.cat([x, self.spelled(x)], -1)))


DELTAS = {
    "zero first": lambda x: torch.cat([torch.zeros_like(x[:, :1]), x[:, 1:] - x[:, :-1]], 1),
    "padded": lambda x: x - F.pad(x, (0, 0, 1, 0))[:, :-1],
    "diff": lambda x: torch.diff(x, dim=1, prepend=x[:, :1]),
    "diff of zeros": lambda x: torch.diff(x, dim=1, prepend=torch.zeros_like(x[:, :1])),
    "second": lambda x: torch.diff(x, n=2, dim=1, prepend=torch.zeros_like(x[:, :2])),
    "shifted": lambda x: torch.cat([x[:, :1] * 0, x], 1)[:, :-1],
    "where": lambda x: torch.where(torch.arange(x.shape[1])[:, None] > 0, x - torch.roll(x, 1, 1), 0.0),
    "rolled": lambda x: x - _rolled(x),
    "replicated": lambda x: x - F.pad(x.transpose(1, 2), (1, 0), mode="replicate").transpose(1, 2)[:, :-1],
    "largest so far": lambda x: torch.cummax(x, 1).values + torch.cummin(x, 1).values,
    "product so far": lambda x: torch.cumprod(torch.sigmoid(x), 1),
    "in place": lambda x: _leaking(x),
    "sum so far": lambda x: torch.cumsum(x, 1) * 0.1,
    "padded and cut": lambda x: x - F.pad(x, (0, 0, 1, -1)),
    "padded and cut by a layer": lambda x: x - nn.ZeroPad2d((0, 0, 1, -1))(x),
    "masked": lambda x: (x - torch.roll(x, 1, 1)) * (torch.arange(x.shape[1]) > 0).to(x)[:, None],
    "a layer made on the way": lambda x: x - nn.ZeroPad2d((0, 0, 1, 0))(x)[:, :-1],
}


class Delayed(nn.Module):
    """A layer with biases, whose state moves before what it reads reaches it."""

    def __init__(self, layer: nn.Module, spelled) -> None:
        super().__init__()
        self.layer, self.spelled = layer, spelled

    def forward(self, x):
        return self.layer(self.spelled(x))[0]


DELAYED = {
    "a shift before a GRU": lambda: Delayed(nn.GRU(3, 4, batch_first=True), lambda x: F.pad(x, (0, 0, 1, 0))[:, :-1]),
    "a shift before an RNN": lambda: Delayed(nn.RNN(3, 4, batch_first=True), lambda x: F.pad(x, (0, 0, 1, -1))),
    "differences before an LSTM": lambda: Delayed(nn.LSTM(3, 4, batch_first=True), DELTAS["zero first"]),
}


class LTCLoop(nn.Module):
    """Its cell has sub-steps; `leaky` changes h between the steps."""

    def __init__(self, *, leaky: bool = False) -> None:
        super().__init__()
        self.cell, self.leaky = _ltc_cell(), leaky

    def forward(self, x):
        h, answers = torch.zeros(x.shape[0], 6, dtype=x.dtype), []
        for t in range(x.shape[1]):
            y, h = self.cell(x[:, t], h * 0.9 if self.leaky else h, 1.0)
            answers.append(y)
        return torch.stack(answers, 1)


class Repeated(nn.Module):
    """A cell of one's own, with sub-steps."""

    def __init__(self) -> None:
        super().__init__()
        self.input, self.recurrent = nn.Linear(3, 4), nn.Linear(4, 4, bias=False)

    def forward(self, x):
        h, answers = x.new_zeros(len(x), 4), []
        for x_t in x.unbind(1):
            u = self.input(x_t)
            h = repeat(lambda h, u=u: h + 0.25 * (torch.tanh(u + self.recurrent(h)) - h), h, 4)
            answers.append(h)
        return torch.stack(answers, 1)


class Kept(nn.Module):
    """It goes on from its last call: h is an attribute, or a buffer."""

    def __init__(self, *, buffer: bool = False) -> None:
        super().__init__()
        self.cell, self.buffer = nn.GRUCell(3, 4), buffer
        self.register_buffer("h", torch.zeros(1, 4) if buffer else None)

    def forward(self, x):
        h, answers = x.new_zeros(len(x), 4) if self.h is None else self.h.expand(len(x), 4), []
        for x_t in x.unbind(1):
            h = self.cell(x_t, h)
            answers.append(h)
        self.h = h.detach()
        return torch.stack(answers, 1)


class TimeFirst(nn.Module):
    """It reads, and where `stacked` answers, (time, batch)."""

    def __init__(self, *, every: bool = True) -> None:
        super().__init__()
        self.cell, self.every = nn.GRUCell(3, 4), every

    def forward(self, x):
        h, answers = x.new_zeros(x.shape[1], 4), []
        for x_t in x:
            h = self.cell(x_t, h)
            answers.append(h)
        return torch.stack(answers) if self.every else h


class Given(nn.Module):
    """Its states are arguments without a default."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(3, 4)

    def forward(self, x, states):
        answers = []
        for x_t in x.unbind(1):
            states = self.cell(x_t, states)
            answers.append(states[0])
        return torch.stack(answers, 1), states


class ListOfStates(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.ModuleList([nn.GRUCell(3, 4), nn.GRUCell(4, 4)])

    def forward(self, x, states):
        answers = []
        for x_t in x.unbind(1):
            below = self.cells[0](x_t, states[0])
            states = [below, self.cells[1](below, states[1])]
            answers.append(states[1])
        return torch.stack(answers, 1), states


class DictOfStates(nn.Module):
    """One for each of its cells, by name; they are written into the dict that is given, too."""

    def __init__(self) -> None:
        super().__init__()
        self.below, self.above = nn.GRUCell(3, 4), nn.LSTMCell(4, 5)

    def forward(self, x, states):
        answers = []
        for x_t in x.unbind(1):
            states["below"] = self.below(x_t, states["below"])
            states["h"], states["c"] = self.above(states["below"], (states["h"], states["c"]))
            answers.append(states["h"])
        return torch.stack(answers, 1), states


class TwoAnswers(nn.Module):
    """In a tuple, or in a dict with one for the last step."""

    def __init__(self, *, keyed: bool = False) -> None:
        super().__init__()
        self.keyed = keyed

    def forward(self, x):
        one, other = x - F.pad(x, (0, 0, 1, 0))[:, :-1], torch.cumsum(x, 1)
        return {"one": one, "other": other[:, -1]} if self.keyed else (one, other)


MODELS = {
    "RNN": lambda: Loop(nn.RNNCell(3, 4)),
    "GRU": lambda: Loop(nn.GRUCell(3, 4)),
    "last": lambda: Loop(nn.GRUCell(3, 4), last=True),
    "LSTM": LSTMLoop,
    "CfC": CfCLoop,
    "LTC": LTCLoop,
    "LTC that leaks": partial(LTCLoop, leaky=True),
    "own cell with sub-steps": Repeated,
    "LTC between": lambda: Between(LTC(3, AutoNCP(8, 4))),
    "learned start": LearnedStart,
    "projected RNN": lambda: Projected(nn.RNNCell(3, 4)),
    "projected GRU": lambda: Projected(nn.GRUCell(3, 4)),
    "projected LTC": lambda: Projected(_ltc_cell(), 6),
    "exchanging": Exchanging,
    "exchanging, both projected": partial(Exchanging, both=True),
    "a start of samples": lambda: nn.Sequential(
        Function(lambda x: torch.cat([x[:, :1] * 0, x[:, :-1]], 1)), Between(nn.GRU(3, 4, batch_first=True))
    ),
    "filled": Filled,
    "filled, time first": partial(Filled, time_first=True),
    "one gate": Gated,
    "fast weights": FastWeights,
    "GRU between": lambda: Between(nn.GRU(3, 4, 2, batch_first=True), start=True),
    "LSTM between": lambda: Between(nn.LSTM(3, 4, batch_first=True)),
    "CfC between": lambda: Between(CfC(3, 4)),
    "kept": Kept,
    "kept in a buffer": partial(Kept, buffer=True),
    "time first": TimeFirst,
    "time first, last": partial(TimeFirst, every=False),
    "stacked time first": lambda: Function(
        lambda x: torch.stack([x[:, t] + x[:, max(t - 1, 0)] for t in range(x.shape[1])])
    ),
    "given states": Given,
    "a list of states": ListOfStates,
    "a dict of states": DictOfStates,
    "two answers": TwoAnswers,
    "dict": partial(TwoAnswers, keyed=True),
    "queue": Queue,
    "average": Average,
    "a mean that counts": lambda: Function(lambda x: x.cumsum(1) / (x[..., :1] * 0 + 1).cumsum(1)),
    "TCN": Dilated,
    "TCN, last": lambda: Deep(lambda y: y[:, -1]),
    "TCN, mean": lambda: Deep(lambda y: y.mean(1)),
    "TCN, last three": lambda: Deep(lambda y: y[:, -3:]),
    "chomped": Chomped,
    "windows": Windows,
    "mean of a list": lambda: Lists(lambda window: sum(window) / len(window)),
    "largest of a list": lambda: Lists(lambda window: torch.stack(window).amax(0)),
    **{name: partial(Delta, spelled) for name, spelled in DELTAS.items()},
    **DELAYED,
}


@cache
def traced(name: str) -> Traced:
    torch.manual_seed(0)
    return over_many_steps(MODELS[name](), X, 1000 if name in ("GRU", "TCN") else 100)


@pytest.mark.parametrize("name", MODELS)
def test_one_program_equals_torch_over_many_steps(name):
    """A thousand, of a loop and of a convolution."""
    traced(name)


@pytest.mark.parametrize("name", ["GRU", "TCN", "average", "diff", "LTC", "a shift before a GRU"])
def test_every_executor_runs_them(name):
    torch.manual_seed(0)
    assert executors_agree(MODELS[name]().eval(), X, ["native", "onnx"]) > 35


def test_states_are_those_of_the_loop():
    """Not what is computed from them, and once each."""
    sizes = {name: [s.size for s in traced(name).graph.states] for name in ("RNN", "LSTM", "windows")}
    assert sizes == {"RNN": [4], "LSTM": [4, 4], "windows": [3, 3, 3]}


@pytest.mark.parametrize(
    ("name", "state", "bounded"),
    [
        ("LTC", "cell.v", True),
        ("LTC that leaks", "cell.v", False),  # what its cell leaves is not what the next step starts from
        ("CfC", "cell.h", True),
        ("GRU", "cell.h", True),
        ("projected GRU", "cell.h", False),
        ("one gate", "h", False),
        ("LTC between", "layer.v", True),
        ("average", "h", False),
        ("queue", "x.2_ago", False),
    ],
)
def test_states_have_the_names_and_bounds_that_are_known(name, state, bounded):
    states = {s.name: s for s in traced(name).graph.states}
    assert (states[state].low is not None) == bounded


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("windows", r"x +up to 3 steps ago, 9 values; test_unrolled.py:\d+"),
        ("GRU", r"cell.h +from step to step, \d+ values; test_unrolled.py:\d+"),
    ],
)
def test_states_that_were_found_are_told(name, line):
    torch.manual_seed(0)
    net = ltc2neuro.compile(MODELS[name]().eval(), X)
    assert re.search(rf"states that were found in forward.*\n  {line}", str(net))


def test_states_of_layers_were_not_found():
    torch.manual_seed(0)
    net = ltc2neuro.compile(nn.GRU(3, 4, batch_first=True), X)
    assert "found in forward" not in str(net)


def test_what_starts_cost_is_said():
    torch.manual_seed(0)
    net = ltc2neuro.compile(Function(lambda x: torch.tanh(x - x[:, :1])), X.astype(np.float32))
    assert re.search(r"x\.first +x of the first sample, held, 3 values", str(net))
    assert re.search(r"started\.1 +whether 1 sample came before, 1 value", str(net))


def test_sub_steps_stay_one_block():
    assert [block.repeat for block in traced("LTC").graph.blocks] == [1, 6, 1]


def test_rows_of_a_constant_may_differ_by_rounding():
    """As those of a sum over h do, which torch's kernels add up in another order in one row than in the next."""
    apart = np.spacing(1 / 3)
    for roundings, alike in ((1, True), (100, False)):
        model = Function(lambda x, n=roundings: x + (1 / 3 + torch.arange(len(x))[:, None, None].double() * n * apart))
        if alike:
            trace(model.double(), list(X))
        else:
            with pytest.raises(Ltc2NeuroError, match="differs between batch rows"):
                trace(model.double(), list(X))


class Function(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Wide(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 4, 2, dilation=1500, padding=1500)

    def forward(self, x):
        return self.conv(x.transpose(1, 2))[..., : x.shape[1]].transpose(1, 2)


class HeldRows(nn.Module):
    """As after a call with four rows."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.h = nn.GRUCell(3, 4), torch.zeros(4, 4)

    def forward(self, x):
        h, answers = self.h, []
        for x_t in x.unbind(1):
            h = self.cell(x_t, h)
            answers.append(h)
        self.h = h.detach()
        return torch.stack(answers, 1)


REFUSED = {
    "later samples": (lambda: Function(lambda x: x + x.flip(1)), "not causal"),
    "reflected": (
        lambda: Function(lambda x: x - F.pad(x.transpose(1, 2), (1, 0), mode="reflect").transpose(1, 2)[:, :-1]),
        "not causal.*step 0 needs the sample of step 1",
    ),
    "centred": (lambda: Function(_centred), "not causal"),
    "the third sample": (lambda: Function(lambda x: x - x[:, 2:3]), "not causal.*step 0 needs the sample of step 2"),
    "a loop on values": (lambda: Function(_while_small), "goes by a computed value.*if h.abs"),
    "every other step": (lambda: Function(_every_other), "a number changes from step to step.*-1, then 1"),
    "numbers that hardly differ": (
        lambda: Function(lambda x: torch.stack([x[:, t] * (0.2 + 1e-8 * t) for t in range(x.shape[1])], 1)),
        r"a number changes.*0.2000014\d, then 0.2000014\d.*one that forgets is m = 0.9",
    ),
    "no samples": (
        lambda: Function(lambda x: torch.stack([torch.full_like(x[:, 0], 0.9**t) for t in range(x.shape[1])], 1)),
        "the answers do not depend on the samples.*test_unrolled.py, line .*Function.forward",
    ),
    "a largest value that decides": (lambda: Function(_smaller_if_large), "max mixes.*What decides.*for each row"),
    "cumsum / steps": (
        lambda: Function(lambda x: x.cumsum(1) / torch.arange(1, x.shape[1] + 1)[:, None]),
        r"a number changes.*143, then 144.*y\.cumsum\(1\) / \(y\[\.\.\., :1\] \* 0 \+ 1\)\.cumsum\(1\)",
    ),
    "mean so far": (lambda: Function(_mean_so_far), "a number changes from step to step|same at every step"),
    "resets": (lambda: Function(_resets), "two readers of a value look back at different starts"),
    "attention": (
        lambda: Function(lambda x: torch.softmax(x @ x.transpose(1, 2), -1) @ x),
        "attention over time.*not causal.*running sums",
    ),
    "attention that pools": (
        lambda: Function(lambda x: (torch.softmax(x, 1) * torch.cumsum(x, 1)).sum(1)),
        "attention over time",
    ),
    "a long window": (lambda: Function(lambda x: F.pad(x, (0, 0, 199, 0)).unfold(1, 200, 1).mean(-1)), "looks further"),
    "a long delay": (lambda: Function(lambda x: F.pad(x, (0, 0, 300, 0))[:, : x.shape[1]]), "looks further.*300 steps"),
    "a wide convolution": (lambda: Wide(), "looks further.*1500 steps are put before"),
    "a list": (lambda: Function(lambda x: [x[:, t] for t in range(x.shape[1])]), "it returns list"),
    "an empty dict": (lambda: Function(lambda x: {"y": 1, "z": (x - _rolled(x)).sum().item()}), "no answer|item"),
    "a spread": (lambda: Function(lambda x: torch.cumsum(x, 1).std((1, 2))), "the spread over steps and features"),
    "weights of all steps": (
        lambda: Function(lambda x: sum(0.9 ** (x.shape[1] - 1 - t) * x[:, t] for t in range(x.shape[1]))),
        "one step before was not found.*test_unrolled.py, line.*a = 0.9 ",
    ),
    "rows of a call before": (lambda: HeldRows(), "the model's h holds 4 rows.*model.h = None"),
    "no answer at first": (
        lambda: Function(lambda x: x[:, -1] - x[:, -2]),
        "the model fails on 1 step.*from its first",
    ),
}


def _centred(x):
    return F.conv1d(x.transpose(1, 2), torch.ones(3, 3, 3), padding=1).transpose(1, 2)


def _resets(x):
    h, answers = torch.zeros_like(x[:, 0]), []
    for t in range(x.shape[1]):
        h = (h if t % 4 else h * 0.0) * 0.5 + x[:, t]
        answers.append(h)
    return torch.stack(answers, 1)


def _while_small(x):
    h = torch.zeros_like(x[:, 0])
    for x_t in x.unbind(1):
        h = h + x_t
        if h.abs().max() > 2:
            break
    return h


def _smaller_if_large(x):
    h, answers = torch.zeros_like(x[:, 0]), []
    for x_t in x.unbind(1):
        largest = h.abs().max()
        h = (0.5 * h if largest > 1 else h) + x_t
        answers.append(h)
    return torch.stack(answers, 1)


def _every_other(x):
    return torch.stack([x[:, t] * (1.0 if t % 2 else -1.0) for t in range(x.shape[1])], 1)


def _mean_so_far(x):
    return torch.stack([x[:, : t + 1].mean(1) for t in range(x.shape[1])], 1)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_steady_causal_program_is_refused_with_the_reason(name):
    make, said = REFUSED[name]
    with pytest.raises(Ltc2NeuroError, match=f"(?s){said}") as refused:
        trace(make(), list(X))
    assert "cell.model" not in str(refused.value)


def test_a_divisor_that_is_clipped_may_be_a_state_that_is():
    """RWKV: what has been seen, weighed by exponentials, over the sum of these."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.k, self.v, self.r = (nn.Linear(3, 4) for _ in range(3))
            self.w = nn.Parameter(torch.linspace(-2.0, 0.0, 4))

        def forward(self, x):
            k, v, r, kept = torch.exp(self.k(x)), self.v(x), torch.sigmoid(self.r(x)), torch.exp(-torch.exp(self.w))
            a = b = x.new_zeros(len(x), 4)
            answers = []
            for t in range(x.shape[1]):
                answers.append(r[:, t] * (a + k[:, t] * v[:, t]) / (b + k[:, t]))
                a, b = kept * a + k[:, t] * v[:, t], kept * b + k[:, t]
            return torch.stack(answers, 1)

    torch.manual_seed(0)
    assert executors_agree(Model(), X.astype(np.float32)) > 30
