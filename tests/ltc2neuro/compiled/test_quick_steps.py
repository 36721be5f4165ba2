"""Closed loops: single samples take the short way where there is nothing to tell, and return what the long way does."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import ltc2neuro
from compiler.running.extra import NATIVE as PACKAGES
from hw_models.errors import InputError

torch = pytest.importorskip("torch", reason="compiling needs the extra torch")
pytestmark = pytest.mark.skipif(bool(PACKAGES.missing()), reason="llvmlite is not installed")
if not PACKAGES.missing():
    from ltc2neuro.compiled.quick_steps import QuickSteps

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (3, 25, 2))


class Adder(torch.nn.Module):
    """Its state leaves any range in time."""

    state_size = 2

    def forward(self, x, h):
        h = h + 0.1 * x
        return torch.tanh(h), h


@pytest.fixture(scope="module")
def net() -> ltc2neuro.Network:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ltc2neuro.compile(ltc2neuro.nn.Recurrent(Adder()), X)


@pytest.fixture
def taken(monkeypatch) -> list[bool]:
    """Whether each sample took the short way."""
    found, step = [], QuickSteps.step

    def watched(self, x, timespan):
        answer = step(self, x, timespan)
        found.append(answer is not None)
        return answer

    monkeypatch.setattr(QuickSteps, "step", watched)
    return found


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int32])
def test_single_samples_are_those_of_a_run(net, taken, kind):
    x = X.astype(kind)
    run, stream = net.run(x, on="reference"), net.stream(on="native")
    for row in range(2):
        answers = [stream.step(sample) for sample in x[row]]
        assert np.array_equal(answers, run.outputs[row])
        assert {n: s[0].tolist() for n, s in (stream.state or {}).items()} == {
            n: s[row].tolist() for n, s in run.final_state.items()
        }
        stream.reset()
        assert stream.state is None
    assert taken == [True] * (2 * x.shape[1] - 1)


@pytest.mark.parametrize("on", ["reference", "native"])
def test_a_reset_that_fails_changes_nothing(net, on):
    run, stream = net.run(X, on="reference"), net.stream(on=on)
    for sample in X[0, :10]:
        stream.step(sample)
    for wrong in ({"nope": np.zeros(2)}, {"h": np.zeros((3, 2))}):
        with pytest.raises(InputError):
            stream.reset(wrong)
    assert np.array_equal(stream.step(X[0, 10].tolist()), run.outputs[0, 10])
    assert np.array_equal(stream.step(X[0, 11]), run.outputs[0, 11])


@pytest.mark.parametrize("on", ["reference", "native"])
def test_the_state_is_a_copy(net, on):
    run, stream = net.run(X, on="reference"), net.stream(on=on)
    stream.step(X[0, 0])
    first = stream.state
    assert first is not None
    for array in first.values():
        array[:] = 0
    assert np.array_equal(stream.step(X[0, 1]), run.outputs[0, 1])
    stream.reset(given := {n: s[:1].copy() for n, s in net.run(X[:, :5], on="reference").final_state.items()})
    for array in given.values():
        array[:] = 0
    assert np.array_equal(stream.step(X[0, 5].tolist()), run.outputs[0, 5])


def test_a_mean_goes_on_after_a_reset_that_fails():
    class Mean(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = torch.nn.RNN(2, 2, batch_first=True)

        def forward(self, x):
            return self.rnn(x)[0].mean(1)

    torch.manual_seed(0)
    net = ltc2neuro.compile(Mean(), X)
    stream = net.stream()
    for sample in X[0, :-1]:
        stream.step(sample)
    with pytest.raises(InputError):
        stream.reset({"nope": np.zeros(2)})
    assert np.allclose(stream.step(X[0, -1]), net(X)[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("batch", [None, 3])
def test_an_answer_of_one_number_has_no_axis(taken, batch):
    class Number(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = torch.nn.RNN(2, 2, batch_first=True)

        def forward(self, x):
            return self.rnn(x)[0][..., 0]

    torch.manual_seed(0)
    net = ltc2neuro.compile(Number(), X)
    for on in ("reference", "native"):
        stream = net.stream(batch, on=on)
        found = [stream.step(X[0, t] if batch is None else X[:, t]) for t in range(4)]
        assert [np.shape(y) for y in found] == [() if batch is None else (3,)] * 4
        assert np.array_equal(found, net(X)[0, :4] if batch is None else net(X)[:, :4].T)
    assert taken == [True] * 3


def test_halves_are_rounded_up(net, taken):
    """In machine code as in NumPy, on both sides of zero."""
    enters = net.enters
    halves = (np.arange(-12, 12).reshape(1, 12, 2) + 0.5) * enters.lsb
    x = (halves - enters.host.offset) / enters.host.scale
    stream = net.stream(on="native")
    assert np.array_equal([stream.step(sample) for sample in x[0]], net.run(x, on="reference").outputs[0])
    assert taken == [True] * 11


def test_a_batch_of_samples(net, taken):
    wide = np.concatenate([X] * 30)
    run, stream = net.run(wide, on="reference"), net.stream(len(wide), on="native")
    assert all(np.array_equal(stream.step(wide[:, t]), run.outputs[:, t]) for t in range(wide.shape[1]))
    assert all(taken)
    half = net.run(wide[:, :12], on="reference").final_state
    stream.reset(half)
    assert np.array_equal(stream.step(wide[:, 12]), run.outputs[:, 12])


def test_what_is_clipped_takes_the_long_way_and_is_told(net, taken):
    """Inside, at the input, and where they are good again."""
    x = np.concatenate([X[0, :3], np.full((60, 2), 0.9), X[0, :2] * 100, -np.full((10, 2), 0.9)])
    with pytest.warns(UserWarning, match="clipped"):
        run = net.run(x[None], on="reference")
    said = []
    for on in ("reference", "native"):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            stream = net.stream(on=on)
            assert np.array_equal([stream.step(sample) for sample in x], run.outputs[0])
        said.append([str(w.message) for w in seen])
    assert said[0] == said[1] and said[0]
    assert True in taken and False in taken


def test_what_is_no_number_is_an_error_and_changes_nothing(net):
    stream, run = net.stream(on="native"), net.run(X, on="reference")
    stream.step(X[0, 0]), stream.step(X[0, 1])
    for wrong in (np.array([np.nan, 0]), np.array([np.inf, 0]), np.zeros(3), np.array(["a", "b"])):
        with pytest.raises(InputError):
            stream.step(wrong)
    assert np.array_equal(stream.step(X[0, 2].tolist()), run.outputs[0, 2])
    assert np.array_equal(stream.step(torch.tensor(X[0, 3])), run.outputs[0, 3])
    assert np.array_equal(stream.step(X[0, 4]), run.outputs[0, 4])


class Inlets(torch.nn.Module):
    """Words, their tags and pitches, and a speaker who stays; two answers, by name."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.words, self.tags = torch.nn.Embedding(9, 3), torch.nn.Embedding(4, 2)
        self.rnn = torch.nn.GRU(9, 3, batch_first=True)

    def forward(self, pitch, word, tags, speaker):
        held = speaker[:, None].expand(-1, pitch.shape[1], -1)
        y, last = self.rnn(torch.cat([self.tags(tags).flatten(2), pitch, self.words(word), held], -1))
        return {"each": y, "last": last[0, :, :2]}


def inlets(rng=RNG) -> dict[str, np.ndarray]:
    tags = rng.integers(0, 4, (3, 8, 1))
    return {
        "pitch": rng.normal(size=(3, 8, 2)),
        "word": rng.integers(0, 9, (3, 8)),
        "tags": tags,
        "speaker": rng.normal(size=(3, 2)),
    }


@pytest.mark.parametrize("batch", [None, 3])
@pytest.mark.parametrize("tuples", [True, False])
def test_several_inputs_tokens_and_answers(taken, batch, tuples):
    x = inlets()
    net = ltc2neuro.compile(Inlets().eval(), x)
    run, y, stream = net.run(x, on="reference"), net(x), net.stream(batch, on="native")
    rows = 0 if batch is None else slice(None)
    for t in range(8):
        one = {name: a[rows] if name == "speaker" else a[rows, t] for name, a in x.items()}
        found = stream.step(tuple(one.values()) if tuples else one)
        assert np.array_equal(found["each"], y["each"][rows, t])
    assert np.array_equal(found["last"], y["last"][rows])
    assert taken == [True] * 7
    for name, wrong in (("word", one["word"] + 9), ("word", one["word"] - 9), ("word", one["word"] * 1.0)):
        with pytest.raises(InputError):
            stream.step({**one, name: wrong})
    assert {n: s.tolist() for n, s in stream.state.items()} == {
        n: s[:1].tolist() if batch is None else s.tolist() for n, s in run.final_state.items()
    }


@pytest.mark.parametrize("kind", [int, np.int64, np.asarray])
def test_a_token_alone(taken, kind):
    class Words(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.words, self.rnn = torch.nn.Embedding(9, 3), torch.nn.RNN(3, 2, batch_first=True)

        def forward(self, x):
            return self.rnn(self.words(x))[0]

    x = RNG.integers(0, 9, (2, 10))
    net = ltc2neuro.compile(Words().eval(), x)
    stream = net.stream(on="native")
    assert np.array_equal([stream.step(kind(token)) for token in x[0]], net.run(x, on="reference").outputs[0])
    assert taken == [True] * 9
    with pytest.raises(InputError, match="vocabulary"):
        stream.step(kind(9))


@pytest.mark.parametrize("batch", [None, 3])
def test_time_spans(taken, batch):
    class Leak(torch.nn.Module):
        state_size = 2

        def forward(self, x, h, timespans):
            h = h + timespans * (x - h)
            return torch.tanh(h), h

    spans = RNG.uniform(0.2, 0.8, (3, 25))
    net = ltc2neuro.compile(ltc2neuro.nn.Recurrent(Leak()), X, timespans=spans)
    run, stream = net.run(X, on="reference", timespans=spans), net.stream(batch, on="native")
    rows = 0 if batch is None else slice(None)
    for t in range(25):
        span = spans[rows, t] if batch or t % 2 else float(spans[0, t])
        assert np.array_equal(stream.step(X[rows, t], span), run.outputs[rows, t])
    assert taken == [True] * 24
    with pytest.raises(InputError, match="needs the time"):
        stream.step(X[rows, 0])
    for wrong in (-1.0, np.nan, np.zeros(7)):
        with pytest.raises(InputError):
            stream.step(X[rows, 0], wrong)
    with pytest.warns(UserWarning, match="clipped"):
        stream.step(X[rows, 0], 50.0)
    assert taken[24:] == [False] * 5
