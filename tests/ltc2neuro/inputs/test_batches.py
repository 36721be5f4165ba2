"""A calibration in batches: what a loader makes is looked at whole, and kept in part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from networks import sequences
from torch.utils.data import DataLoader, TensorDataset

import ltc2neuro
from ltc2neuro.errors import InputError
from ltc2neuro.inputs import batches
from ltc2neuro.inputs.arrays import Sequences, as_sequences
from ltc2neuro.inputs.batches import gathered, is_stream
from ltc2neuro.nn import Recurrent

X = sequences(batch=12, time=6)


def model(batch_first: bool = True) -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.GRU(3, 4, batch_first=batch_first)


def test_a_loader_is_as_good_as_an_array():
    data = TensorDataset(torch.tensor(X), torch.arange(12))
    net = ltc2neuro.compile(model(), X)
    for loader in (DataLoader(data, batch_size=5), (x for x in np.split(X, 4)), iter([(x,) for x in np.split(X, 3)])):
        again = ltc2neuro.compile(model(), loader)
        assert again.graph.constants.keys() == net.graph.constants.keys()
        assert np.array_equal(again.run(X).integers, net.run(X).integers)
    assert ltc2neuro.check(model(), "loihi2", DataLoader(data)) == []


def test_time_first():
    net = ltc2neuro.compile(model(batch_first=False), X.swapaxes(0, 1), batch_first=False)
    halves = [X[:6].swapaxes(0, 1), X[6:].swapaxes(0, 1)]
    again = ltc2neuro.compile(model(batch_first=False), iter(halves), batch_first=False)
    assert np.array_equal(again.run(X.swapaxes(0, 1)).integers, net.run(X.swapaxes(0, 1)).integers)
    with pytest.raises(InputError, match="not said whether the arrays do"):
        ltc2neuro.compile(model(batch_first=False), iter(halves))


def test_batches_of_other_lengths_images_and_tokens():
    found, _ = kept([np.ones((2, 3, 4, 4)), np.zeros((1, 5, 4, 4))])
    assert [s.shape for s in found.shaped] == [(3, 4, 4), (3, 4, 4), (5, 4, 4)]
    reader = torch.nn.Sequential(torch.nn.Embedding(9, 3), torch.nn.GRU(3, 2, batch_first=True)).eval()
    tokens = np.random.default_rng(0).integers(0, 9, (6, 5))
    net = ltc2neuro.compile(reader, iter(np.split(tokens, 2)))
    assert np.array_equal(net(tokens), ltc2neuro.compile(reader, tokens)(tokens))


def kept(made: Iterable[np.ndarray]) -> tuple[Sequences, int]:
    return gathered(as_sequences(batch, None) for batch in made)


def many(count: int, most: float = 100.0) -> Iterator[np.ndarray]:
    """Batches of two sequences of 4 samples; one value of all is much larger than the others."""
    rng = np.random.default_rng(1)
    for number in range(count):
        batch = rng.uniform(-1, 1, (2, 4, 3))
        batch[0, 0, 1] = most if number == count // 2 else batch[0, 0, 1]
        yield batch


@pytest.mark.parametrize("bound", ["SAMPLES", "NUMBERS"])
def test_a_part_is_kept_and_the_ends_of_all(monkeypatch, bound):
    monkeypatch.setattr(batches, bound, 40 if bound == "SAMPLES" else 120)
    found, seen = kept(many(200))
    everything = np.concatenate(list(many(200)))
    assert seen == 400 and len(found.arrays) == 10
    assert found.ends is not None and np.array_equal(found.ends[0], everything.min(axis=(0, 1)))
    assert np.array_equal(found.ends[1], everything.max(axis=(0, 1)))
    places = [int(np.flatnonzero((everything == s).all(axis=(1, 2)))[0]) for s in found.arrays]
    assert places == sorted(places) and places[0] < 100 and places[-1] > 300
    again, _ = kept(many(200))
    assert all(np.array_equal(a, b) for a, b in zip(again.arrays, found.arrays, strict=True))


def test_each_sequence_is_as_likely_kept(monkeypatch):
    monkeypatch.setattr(batches, "SAMPLES", 100)
    found, _ = kept(np.full((1, 1, 1), n) for n in range(10_000))
    places = np.array([s.item() for s in found.arrays])
    assert len(places) == 100 and abs(places.mean() - 5000) < 900 and 2500 < places.std() < 3300


def test_one_sequence_is_always_kept(monkeypatch):
    monkeypatch.setattr(batches, "SAMPLES", 3)
    assert len(kept(many(5))[0].arrays) == 1


def test_memory_is_bounded(monkeypatch):
    """Kept sequences are copies: none holds on to its batch."""
    monkeypatch.setattr(batches, "SAMPLES", 8)
    found, _ = kept(many(50))
    assert all(s.base is None for s in found.arrays)


def test_ranges_see_all_inputs(monkeypatch):
    monkeypatch.setattr(batches, "SAMPLES", 40)
    with pytest.warns(UserWarning, match="10 of the calibration's 100 sequences are kept") as told:
        net = ltc2neuro.compile(model(), many(50))
    assert told[0].filename == __file__
    low, high = net.enters.user_range
    assert high[1] > 100 > 10 > high[0] and low[0] > -10
    net.run(next(many(1)), strict=True)


@pytest.mark.parametrize(
    "batch", [1.0, "text", None, {"x": X}, X[0, 0], np.full((1, 2, 3), np.nan), X[..., :2], object()]
)
def test_a_batch_that_is_none(batch):
    with pytest.raises(InputError, match=r"batch 1 of the calibration"):
        ltc2neuro.compile(model(), iter([X, batch]))


def test_nothing_and_time_spans():
    with pytest.raises(InputError, match="calibration is empty"):
        ltc2neuro.compile(model(), iter([]))
    with pytest.raises(InputError, match="time spans go with"):
        ltc2neuro.compile(model(), iter([X]), timespans=np.ones((12, 6)))
    with pytest.raises(InputError, match="time spans go with"):
        ltc2neuro.compile(Timed(), iter([(X, np.ones((12, 6)))]))


class Timed(torch.nn.Module):
    def forward(self, x: torch.Tensor, timespans: torch.Tensor) -> torch.Tensor:
        return x * timespans[..., None]


def test_a_data_set_of_pairs_is_no_array():
    """NumPy would take the pair for an axis."""
    with pytest.raises(InputError, match="not an array, but pairs") as caught:
        ltc2neuro.compile(model(), TensorDataset(torch.tensor(X), torch.tensor(X)))
    assert "torch.stack([x for x, *_ in data])" in caught.value.advice


def test_warnings_speak_of_what_is_kept(monkeypatch):
    """Not of the whole calibration."""
    accumulator = Recurrent(Accumulator())
    monkeypatch.setattr(batches, "SAMPLES", 40)
    with pytest.warns(UserWarning, match="is the largest value in what is kept of the calibration"):
        ltc2neuro.compile(accumulator, many(50))
    few = [np.abs(batch) for batch in many(2, 1.0)]
    with pytest.warns(UserWarning, match="is the largest value in the calibration"):
        ltc2neuro.compile(accumulator, iter(few))


class Accumulator(torch.nn.Module):
    """A sum of what came."""

    state_size, unbounded = 3, ("h",)

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return h + x, h + x


def test_what_is_a_stream():
    assert all(map(is_stream, (DataLoader([1]), iter([X]), (x for x in X))))
    assert not any(map(is_stream, (X, torch.tensor(X), [X], (X,), {"x": X}, "x", None, TensorDataset(torch.ones(1)))))


class Two(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.words, self.rnn = torch.nn.Embedding(9, 2), torch.nn.GRU(5, 4, batch_first=True)

    def forward(self, x: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        return self.rnn(torch.cat([x, self.words(words)], -1))[0]


def test_batches_of_several_inputs(monkeypatch):
    """(x, words, target) as loaders give, or dicts: what a model needs is taken."""
    words = np.random.default_rng(3).integers(0, 9, (12, 6))
    net = ltc2neuro.compile(Two().eval(), (X, words))
    target = torch.arange(12)
    data = TensorDataset(torch.tensor(X), torch.tensor(words), target)
    dicts = [{"x": x, "words": w} for x, w in zip(X, words, strict=True)]
    samples = (dicts, [d | {"y": 1} for d in dicts], [(d, 1) for d in dicts], [((*d.values(),), 1) for d in dicts])
    for loader in (DataLoader(one, batch_size=5) for one in (data, *samples)):
        again = ltc2neuro.compile(Two().eval(), loader)
        assert np.array_equal(again.run((X, words)).integers, net.run((X, words)).integers)
    monkeypatch.setattr(batches, "SAMPLES", 30)
    far = X.copy()
    far[0, 0, 2] = 50.0
    with pytest.warns(UserWarning, match="5 of the calibration's 12 sequences are kept"):
        some = ltc2neuro.compile(Two().eval(), iter([(far, words)]))
    assert some.enters.user_range[1][-1] > 50
    with pytest.raises(InputError, match=r"batch 1 of the calibration"):
        ltc2neuro.compile(Two().eval(), iter([(X, words), (X, words, X)[:1]]))
