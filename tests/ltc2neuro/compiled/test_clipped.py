"""What a run clips is told: which channel or state, how much, how far; once a call, on every executor."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="compiling needs the extra torch")

import torch

import ltc2neuro
from benchmarks.fuzz.graphs import Builder
from compiler.interpreters.execution import Clip
from ltc2neuro.compiled.clipped import OF_TIMES, TOLD, ChannelRanges, Clipped, input_tallies, shorter
from ltc2neuro.compiled.clipped_states import state_tallies, value_tallies
from ltc2neuro.errors import InputError
from ltc2neuro.extras import LAVA
from ltc2neuro.nn import Recurrent

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, size=(4, 50, 3))
SMOOTH = (np.random.default_rng(1).normal(size=(8, 24, 3)).cumsum(1) / 5).astype(np.float32)


class Sum(torch.nn.Module):
    """h' = h + x: leaves every range in time, one element sooner than the others."""

    state_size = 3

    def forward(self, x, h):
        return h + x * x.new_tensor([1.0, 0.01, 0.01])


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return ltc2neuro.compile(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh()), X)


@pytest.fixture(scope="module")
def sums():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ltc2neuro.compile(Recurrent(Sum()), np.abs(X))


def told(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(w.message) for w in caught]


def test_within_range_nothing_is_told(net, sums):
    assert not told(lambda: net(X)) and not told(lambda: sums(np.abs(X)))
    assert net.run(X, strict=True).clipped.text() == ""


@pytest.mark.parametrize(
    "on",
    [
        "reference",
        pytest.param("lava-fused", marks=pytest.mark.skipif(bool(LAVA.missing()), reason="needs the extra lava")),
    ],
)
def test_a_channel_beyond_its_range_is_named_with_its_numbers(net, on):
    far = X.copy()
    far[0, :2, 1] = (9.0, -7.0)
    (text,) = told(lambda: net.run(far, on=on))
    assert "input channel 1: 1 % of the values, seen -7 to 9, calibrated for -" in text
    assert "channel 0" not in text and "channel 2" not in text
    with pytest.raises(InputError, match="clipped") as error:
        net.run(far, on=on, strict=True)
    assert "input channel 1" in error.value.numbers


def test_the_worst_channel_comes_first(net):
    far = X.copy()
    far[0, :2, 0], far[0, :6, 1], far[0, :4, 2] = 9.0, 9.0, 9.0
    (text,) = told(lambda: net.run(far))
    assert re.findall(r"channel (\d): ([\d.]+) %", text) == [("1", "3"), ("2", "2"), ("0", "1")]


def test_the_line_is_the_users(net):
    for call in (lambda: net(X * 9), lambda: net.run(X * 9), lambda: net.stream().step(X[0, 0] * 9)):
        with pytest.warns(UserWarning, match="clipped") as caught:
            call()
        assert len(caught) == 1 and caught[0].filename == __file__


def test_a_thousandth_is_not_told(net):
    """Per channel: one of 2,000 values of a channel, though all channels together have 6,000."""
    long = np.tile(X.reshape(1, 200, 3), (1, 10, 1))
    long[0, 5, 2] = 50
    assert not told(lambda: net(long)) and net.run(long).saturations == {"input": 1}
    long[0, 5:8, 2] = 50
    (text,) = told(lambda: net(long))
    assert "input channel 2: 0.15 %" in text


@pytest.mark.parametrize(
    "on",
    [
        "reference",
        pytest.param("lava-fused", marks=pytest.mark.skipif(bool(LAVA.missing()), reason="needs the extra lava")),
    ],
)
def test_a_state_is_named_not_the_value_written_to_it(sums, on):
    (text,) = told(lambda: sums.run(np.ones((1, 200, 3)), on=on))
    assert "state h, element 0: " in text and ".next" not in text and "clipped." not in text.split(":")[1]
    assert "element 1" not in text and "input" not in text


class Turned(Sum):
    """The same sums, made in the other order."""

    def forward(self, x, h):
        return (h.flip(-1) + x * x.new_tensor([0.01, 0.01, 1.0])).flip(-1)


def test_an_element_that_was_made_elsewhere_is_named_as_the_states():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = ltc2neuro.compile(Recurrent(Turned()), np.abs(X))
    (text,) = told(lambda: net.run(np.ones((1, 200, 3))))
    assert "state h, element 0: " in text and text.count("element") == 1, text


def test_floating_clips_nothing(net):
    assert not told(lambda: net.run(X * 9, on="floating", strict=True))


def test_a_stream_tells_once(net):
    stream = net.stream()
    texts = told(lambda: [stream.step(x) for x in X[0] * 9])
    assert 1 <= len(texts) <= 3, "each channel when it begins"
    assert sum("channel 0" in t for t in texts) <= 1
    with pytest.raises(InputError, match="clipped"):
        net.stream(strict=True).step(np.full(3, 99.0))


def test_verify_has_a_row_that_fails(net):
    found = ltc2neuro.verify(net, None, X * 4, on=(), max_clipped=0.01)
    rows = [r for r in found.rows if r.check.startswith("share of values clipped")]
    assert not found.passed and [r.held for r in rows] == [False] and rows[0].name.startswith("input channel")
    held = ltc2neuro.verify(net, None, X, on=(), max_clipped=0.0)
    assert held.passed and any(r.check.startswith("share of values") and r.held for r in held.rows)
    assert ltc2neuro.verify(net, None, X * 4, on=(), max_clipped=1.0).passed
    for no_share in (-0.1, 1.1):
        with pytest.raises(InputError, match="from 0 to 1"):
            ltc2neuro.verify(net, None, X, on=(), max_clipped=no_share)


def test_networks_without_microcode_tell_as_well():
    torch.manual_seed(0)
    model = torch.nn.RNN(3, 4, batch_first=True)
    made = ltc2neuro.compile(model, X, microcode=False)
    (text,) = told(lambda: made(X * [1.0, 9.0, 1.0]))
    assert "input channel 1: " in text and "channel 0" not in text
    with pytest.raises(InputError, match="clipped"):
        made.run(X * 9, strict=True)
    assert not told(lambda: made(X))


def test_a_narrow_range_far_from_0_is_told_with_digits_that_resolve_it():
    model = torch.nn.Linear(1, 1).double()
    x = 1.7e9 + 300 * np.random.default_rng(0).uniform(-1, 1, (4, 30, 1))
    net = ltc2neuro.compile(model, x)
    told = r"seen 1700003000 to 1700003000, calibrated for 169999\d+(\.\d+)? to 170000\d+"
    with pytest.warns(UserWarning, match=told):
        net(np.full((1, 5, 1), 1.7e9 + 3000))


def test_time_spans_are_told_with_the_least_that_they_may_be():
    rows = np.array([[1.0, 5.0, 0.1], [2.0, 3.0, 2.0]])
    held = np.array([-4.0, -4.0, 0.5]), 4.0
    channels, spans = input_tallies([rows], np.array([0, 1, 0]) + shorter([rows], 0.25), ChannelRanges(held, 0.25))
    assert (channels.name, channels.counts.tolist()) == ("input channel", [0, 1])
    assert (spans.name, spans.counts.tolist(), spans.low.tolist()) == (OF_TIMES, [1], [0.1])
    assert channels.held_low.tolist() == [-4.0, -4.0] and spans.held_low.tolist() == [0.5]


@pytest.mark.parametrize("also", [False, True], ids=["functions", "a sum too"])
def test_what_only_functions_read_is_not_told(also):
    """Out there they are flat, through copies as well; a sum is not."""
    b = Builder()
    near = b.rescale(b.input(2), 4, -60, 60)
    copy = b.gather([b.rescale(near, 1, -30, 30)], [1, 0])
    curve = b.polynomial(copy, segments=3, degree=2)
    b.output(b.add(curve, copy) if also else curve)
    b.block("all")
    clips = {near: Clip(np.array([3, 0]), np.array([-90, 0]), np.array([0, 0]))}
    tallies = value_tallies(b.graph(), clips)
    assert [t.counts.tolist() for t in tallies] == ([[3, 0]] if also else [])


def test_what_a_state_is_put_together_from_is_told_of_its_own_elements():
    """Element 0 of `a`, and element 1 of `b`; what else was clipped of them is nowhere in the state."""
    b = Builder()
    b.state("s", [0, 0])
    x = b.input(2)
    first, second = b.rescale(x, 1, -30, 30), b.rescale(x, 2, -20, 20)
    b.write("s", b.gather([first, second], [0, 3]))
    b.output(b.read("s"))
    b.block("all")
    graph = b.graph()
    clips = {
        first: Clip(np.array([5, 2]), np.array([-90, -91]), np.array([80, 81])),
        second: Clip(np.array([7, 4]), np.array([-70, -71]), np.array([60, 61])),
    }
    (both,) = state_tallies(graph, clips).values()
    assert (both.counts.tolist(), both.low.tolist(), both.high.tolist()) == ([5, 4], [-90, -71], [80, 61])
    for name, counts in ((first, [5, 0]), (second, [0, 4])):
        (one,) = state_tallies(graph, {name: clips[name]}).values()
        assert one.counts.tolist() == counts


class Stepped(torch.nn.Module):
    """What it calls `step` is no step of its state."""

    state_size = 3

    def forward(self, x, h):
        step = x * h
        gate = torch.sigmoid(x)
        return step + h, (1 - gate) * h + gate * torch.tanh(x)


def test_a_variable_called_step_is_its_users_and_what_a_rewrite_makes_the_states():
    graph = ltc2neuro.compile(Recurrent(Stepped()), X).graph
    clip = Clip(np.array([3, 0, 0]), np.array([-90, 0, 0]), np.array([80, 0, 0]))

    def named(name):
        return [t.name for t in value_tallies(graph, {name: clip})]

    assert named("cell.step") == ["value cell.step, element"]
    (part,) = (name for name in graph.values if name.endswith(".part"))
    assert named(part) == ["what state h changes by, element"]


def test_a_denominator_below_its_range_is_told():
    """The input is within its range, and what it is divided by is not: a quotient is flat nowhere."""

    class Normalized(torch.nn.Module):
        def forward(self, x):
            return torch.nn.functional.normalize(x, dim=-1)

    far = X / np.linalg.norm(X, axis=-1, keepdims=True)
    net = ltc2neuro.compile(Normalized(), far)
    assert not told(lambda: net(far))
    (message,) = told(lambda: net(far / 10))
    assert "layer, received, element 0: 100 % of the values" in message


class Squared(torch.nn.Module):
    """Where both factors are 0 or near it, what is received of their product may be an LSB below 0."""

    def forward(self, x):
        before = torch.cat([x[:, :1], x[:, :-1]], 1)
        return (x - before) * (x - before)


def test_what_rounding_takes_beyond_is_counted_and_not_told():
    net = ltc2neuro.compile(Squared(), SMOOTH)
    run = net.run(SMOOTH, on="reference", strict=True)
    (tally,) = run.clipped.tallies
    assert run.saturations and run.clipped.shares(tally).max() > TOLD and not tally.beyond.any()
    assert tally.low.min() == -tally.rounding < tally.held_low.min() == 0
    (text,) = told(lambda: net(2 * SMOOTH[:, ::2]))
    assert "product" in text
    off = replace(tally, low=tally.low - tally.rounding)
    assert Clipped(run.clipped.samples, (off,)).text()
