"""Loops of one's own over several inputs, and with the time before each sample."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ncps.torch import LTC, CfC, CfCCell
from ncps.wirings import AutoNCP
from torch import nn

import ltc2neuro
from ltc2neuro.metrics import sqnr

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 20, 3)).astype(np.float32)
Z = RNG.normal(size=(4, 20, 2)).astype(np.float32)
CONTEXT = RNG.normal(size=(4, 2)).astype(np.float32)
SPANS = RNG.uniform(0.5, 1.5, size=(4, 20)).astype(np.float32)


class Loop(nn.Module):
    def __init__(self, *, held: bool = False, start: bool = False) -> None:
        super().__init__()
        self.held, self.cell = held, nn.GRUCell(3 if start else 5, 4)
        self.start = nn.Linear(2, 4) if start else None

    def forward(self, x, other):
        h, answers = x.new_zeros(len(x), 4) if self.start is None else torch.tanh(self.start(other)), []
        for t in range(x.shape[1]):
            beside = other if self.held else other[:, t]
            h = self.cell(x[:, t] if self.start is not None else torch.cat([x[:, t], beside], -1), h)
            answers.append(h)
        return torch.stack(answers, 1)


class Elapsed(nn.Module):
    def __init__(self, cell: nn.Module | None = None) -> None:
        super().__init__()
        self.cell, self.map, self.tau = cell, nn.Linear(3, 4), nn.Parameter(torch.rand(4) + 0.5)

    def forward(self, x, timespans):
        h, answers = x.new_zeros(len(x), 4), []
        for t in range(x.shape[1]):
            if self.cell is not None:
                h, _ = self.cell(x[:, t], h, timespans[:, t : t + 1])
            else:
                stays = torch.exp(-timespans[:, t, None] / self.tau)
                h = stays * h + (1 - stays) * torch.tanh(self.map(x[:, t]))
            answers.append(h)
        return torch.stack(answers, 1)


@pytest.mark.parametrize(
    ("make", "given", "states"),
    [
        (Loop, (X, Z), ["cell.h"]),
        (Loop, {"x": X, "other": Z}, ["cell.h"]),
        (lambda: Loop(held=True), (X, CONTEXT), ["cell.h"]),
        (lambda: Loop(held=True, start=True), (X, CONTEXT), ["cell.h", "started.1"]),
    ],
)
def test_several_inputs(make, given, states):
    torch.manual_seed(0)
    net = ltc2neuro.compile(model := make().eval(), given)
    assert [s.name for s in net.float_graph.states] == states
    tensors = [torch.from_numpy(x) for x in (given.values() if isinstance(given, dict) else given)]
    with torch.no_grad():
        assert sqnr([model(*tensors).numpy()], [net(given)]) > 40


@pytest.mark.parametrize("cell", [False, True])
def test_time_spans(cell):
    torch.manual_seed(0)
    net = ltc2neuro.compile(model := Elapsed(CfCCell(3, 4) if cell else None).eval(), X, timespans=SPANS)
    with torch.no_grad():
        expected = model(torch.from_numpy(X), timespans=torch.from_numpy(SPANS)).numpy()
    assert sqnr([expected], [net(X, timespans=SPANS)]) > 30
    stream = net.stream(len(X))
    for t in range(5):
        assert np.array_equal(stream.step(X[:, t], SPANS[:, t]), net(X, timespans=SPANS)[:, t])


SEEN = (RNG.random((4, 20)) < 0.7).astype(np.float32)


class Masked(nn.Module):
    """Samples that are not there leave the state; `turned` reads (time, batch)."""

    def __init__(self, *, turned: bool = False) -> None:
        super().__init__()
        self.cell, self.turned = nn.GRUCell(3, 4), turned

    def forward(self, x, seen):
        x, seen = (x, seen) if self.turned else (x.transpose(0, 1), seen.transpose(0, 1))
        h, answers = x.new_zeros(x.shape[1], 4), []
        for t in range(len(x)):
            m = seen[t].unsqueeze(-1)
            h = m * self.cell(x[t], h) + (1 - m) * h
            answers.append(h)
        return torch.stack(answers, 0 if self.turned else 1)


def test_a_mask_has_time_alone(tmp_path):
    torch.manual_seed(0)
    net = agrees(model := Masked().eval(), (X, SEEN))
    assert str(net.signature).startswith("x (3,), seen () -> ")
    assert ltc2neuro.verify(net, model, (X, SEEN)).passed
    stream = net.stream(len(X))
    for t in range(5):
        assert np.array_equal(stream.step((X[:, t], SEEN[:, t])), net((X, SEEN))[:, t])
    net.save(tmp_path / "masked.l2n")
    assert np.array_equal(ltc2neuro.load(tmp_path / "masked.l2n")({"x": X, "seen": SEEN}), net((X, SEEN)))


def test_a_mask_has_time_alone_in_any_order_and_in_lists():
    torch.manual_seed(0)
    model, own = Masked(turned=True).eval(), Masked().eval()
    own.load_state_dict(model.state_dict())
    expected = ltc2neuro.compile(own, (X, SEEN))((X, SEEN))
    assert np.array_equal(ltc2neuro.compile(model, (X, SEEN), batch_first=True)((X, SEEN)), expected)
    turned = X.swapaxes(0, 1), SEEN.swapaxes(0, 1)
    assert np.array_equal(ltc2neuro.compile(model, turned, batch_first=False)(turned).swapaxes(0, 1), expected)
    lists = [X[0], X[1, :15]], [SEEN[0], SEEN[1, :15]]
    assert [y.shape for y in ltc2neuro.compile(own, lists)(lists)] == [(20, 4), (15, 4)]


def test_what_is_held_may_have_as_many_features_as_there_are_steps():
    class Beside(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.map = nn.GRU(3, 4, batch_first=True), nn.Linear(20, 4)

        def forward(self, x, context):
            return self.rnn(x)[0] + self.map(context)[:, None]

    torch.manual_seed(0)
    net = agrees(Beside().eval(), (X, RNG.normal(size=(4, 20)).astype(np.float32)))
    assert str(net.signature).startswith("x (3,), context (20,), held -> ")


KINDS = RNG.integers(0, 7, size=(4, 20))
PAIRS = RNG.integers(0, 5, size=(4, 20, 2))


class Words(nn.Module):
    """Two tables, of which the loop looks one up step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.word, self.part, self.cell = nn.Embedding(7, 3), nn.Embedding(9, 2), nn.GRUCell(5, 4)

    def forward(self, x):
        words, h, answers = self.word(x), torch.zeros(len(x), 4, dtype=self.word.weight.dtype), []
        for t in range(x.shape[1]):
            h = self.cell(torch.cat([words[:, t], self.part(x[:, t])], -1), h)
            answers.append(h)
        return torch.stack(answers, 1)


class Neighbours(nn.Module):
    """Two tokens a sample, and those of the sample before; 0 is none."""

    def __init__(self) -> None:
        super().__init__()
        self.word, self.head = nn.Embedding(5, 3), nn.Linear(12, 2)

    def forward(self, x):
        y = (self.word(x) * (x != 0).unsqueeze(-1)).flatten(2)
        return self.head(torch.cat([y, nn.functional.pad(y, (0, 0, 1, 0))[:, :-1]], -1))


class Beside(nn.Module):
    def __init__(self, *, held: bool = False) -> None:
        super().__init__()
        self.held, self.word, self.rnn = held, nn.Embedding(7, 2), CfC(5 if held else 8, 4)

    def forward(self, x, kind, timespans=None):
        moved = torch.diff(x, dim=1, prepend=x[:, :1])
        y = self.word(kind)
        given = [moved, y.unsqueeze(1).expand(-1, x.shape[1], -1)] if self.held else [x, moved, y]
        return self.rnn(torch.cat(given, -1), timespans=timespans)[0]


def agrees(model, given, timespans=None):
    """Compiled, it answers as torch does, row by row."""
    net = ltc2neuro.compile(model, given, timespans=timespans)
    parts = given if isinstance(given, tuple) else (given,)
    spans = {} if timespans is None else {"timespans": torch.from_numpy(timespans)}
    with torch.no_grad():
        rows = [
            model(*(torch.from_numpy(x[n : n + 1]) for x in parts), **{k: s[n : n + 1] for k, s in spans.items()})
            for n in range(len(X))
        ]
    assert sqnr([torch.cat(rows).numpy()], [net(given, timespans=timespans)]) > 40
    return net


@pytest.mark.parametrize(
    ("make", "given", "spans"),
    [
        (Words, KINDS, None),
        (Neighbours, PAIRS, None),
        (lambda: Beside(held=True), (X, KINDS[:, 0]), None),
        (Beside, (X[..., :3], KINDS), SPANS),
    ],
)
def test_tokens(make, given, spans):
    torch.manual_seed(0)
    net = agrees(make().eval(), given, spans)
    assert net.float_graph.states


class Between(nn.Module):
    def __init__(self, rnn: nn.Module) -> None:
        super().__init__()
        self.rnn = rnn

    def forward(self, x, timespans=None):
        return self.rnn(torch.cat([x, torch.diff(x, dim=1, prepend=x[:, :1])], -1), timespans=timespans)[0]


@pytest.mark.parametrize("rnn", [lambda: LTC(6, AutoNCP(6, 2, seed=0)), lambda: CfC(6, 4, mixed_memory=True)])
def test_layers_of_ncps_take_time_spans(rnn):
    torch.manual_seed(0)
    net = agrees(Between(rnn()).eval(), X, SPANS)
    bounded = [s.low is not None for s in net.float_graph.states if s.name.startswith(("rnn.v", "rnn.h"))]
    assert bounded
    assert all(bounded)
