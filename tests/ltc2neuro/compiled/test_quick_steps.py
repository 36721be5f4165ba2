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

X = np.random.default_rng(0).uniform(-1, 1, (3, 25, 2))


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

    def watched(self, x):
        answer = step(self, x)
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
