"""Whatever a network takes and answers: all kinds of data give what `verify` finds on the whole array."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from networks import sequences, tracker

import ltc2neuro
from ltc2neuro.evaluation import chunks

COUNT = 11
X = 0.7 * sequences(COUNT, 6)
U = 0.7 * sequences(COUNT, 6, features=2, seed=1)
HELD = 0.7 * np.random.default_rng(6).normal(size=(COUNT, 2)).astype(np.float32)
SPANS = np.random.default_rng(2).uniform(0.5, 1.5, X.shape[:2])
WORDS = np.random.default_rng(3).integers(0, 5, (COUNT, 6))
IMAGES = 0.7 * np.random.default_rng(4).normal(size=(COUNT, 6, 1, 3, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "SEQUENCES", 3)


class Layer(torch.nn.Module):
    """A layer that reads whatever `begin` makes of the inputs, and answers as `end` says."""

    def __init__(self, begin, end, batch_first=True):
        super().__init__()
        torch.manual_seed(0)
        self.begin, self.end = begin, end
        self.words = torch.nn.Embedding(5, 3)
        self.layer = torch.nn.GRU(3, 4, batch_first=batch_first)
        self.mix = torch.nn.Linear(5, 3)


class One(Layer):
    def forward(self, x):
        return self.end(self.layer(self.begin(self, x))[0])


class Two(Layer):
    def forward(self, x, u):
        return self.end(self.layer(self.mix(torch.cat([x, self.begin(u, x)], -1)))[0])


def same(module, x):
    return x


def every(y):
    return y[..., :2]


KINDS = {
    "time first": (One(same, every, False), {"x": X.swapaxes(0, 1)}, 1, {"batch_first": False}),
    "the last step": (One(same, lambda y: y[:, -1]), {"x": X}, 0, {}),
    "two inputs": (Two(lambda u, x: u, every), {"x": X, "u": U}, 0, {}),
    "an input that is held": (
        Two(lambda u, x: u[:, None].expand(-1, x.shape[1], -1), every),
        {"x": X, "u": HELD},
        0,
        {},
    ),
    "words": (One(lambda m, x: m.words(x), every), {"x": WORDS}, 0, {}),
    "images": (One(lambda m, x: x.flatten(2)[..., :3], every), {"x": IMAGES}, 0, {}),
    "two answers": (One(same, lambda y: {"pose": y[..., :2], "gate": y[:, -1, 2:]}), {"x": X}, 0, {}),
    "library processes": (One(same, every), {"x": X}, 0, {"microcode": False}),
    "time spans": (tracker(), {"x": X}, 0, {"timespans": SPANS}),
}


def cut(array, part, axis):
    return array[part] if axis == 0 else array[:, part]


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_of_data_give_the_same(kind, tmp_path, recwarn):
    model, inputs, axis, more = KINDS[kind]
    x = inputs["x"] if len(inputs) == 1 else tuple(inputs.values())
    spans = more.get("timespans")
    net = ltc2neuro.compile(model, x, **more)
    answers = net(x) if spans is None else net(x, timespans=spans)
    rng = np.random.default_rng(0)
    several = isinstance(answers, dict)
    y = {n: a + 0.1 * rng.normal(size=a.shape) for n, a in (answers if several else {"y": answers}).items()}
    targets = y if several else y["y"]
    whole = ltc2neuro.evaluate(net, x, "mse", targets, timespans=spans)
    rows = ltc2neuro.verify(net, None, x, targets=targets, metric="mse", on=["reference"], timespans=spans).rows
    wanted = {r.name.split(",")[0]: r.value for r in rows if r.check == "task metric" and r.name.endswith("integer")}
    assert {name: m.integer for name, m in whole.metrics.items()} == pytest.approx(wanted, rel=1e-9)
    levels = {r.name: r.value for r in rows if r.check.startswith("integers against float") and r.value is not None}
    assert {n: f.worst for n, f in whole.sqnr.items()} == pytest.approx(levels, rel=1e-9)

    def batches(size):
        for first in range(0, COUNT, size):
            part = slice(first, first + size)
            own = {n: cut(a, part, 0 if n == "u" else axis) for n, a in inputs.items()}
            last = {n: cut(a, part, axis) for n, a in y.items()}
            yield own, last if several else last["y"], None if spans is None else spans[part]

    pairs = [
        ((o["x"] if s is None else (o["x"], s)) if len(o) == 1 else tuple(o.values()), t) for o, t, s in batches(4)
    ]
    assert ltc2neuro.evaluate(net, pairs, "mse") == whole
    named = [{**o, "targets": t} | ({} if s is None else {"timespans": s}) for o, t, s in batches(2)]
    assert ltc2neuro.evaluate(net, iter(named), "mse") == whole
    if len(inputs) == 2:
        flat = [(*o.values(), t) for o, t, _ in batches(5)]
        assert ltc2neuro.evaluate(net, [list(one) for one in flat], "mse") == whole
        assert ltc2neuro.evaluate(net, [*x], "mse", targets) == whole
    if not several:
        for number, arrays in enumerate(named):
            np.savez(tmp_path / f"{number}.npz", **arrays)
        assert ltc2neuro.evaluate(net, tmp_path, "mse") == whole
    without = [p[0] for p in pairs]
    assert ltc2neuro.evaluate(net, without).sqnr == whole.sqnr
