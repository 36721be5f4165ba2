"""torch's own hx as the start of a run: real values by their type, integers by theirs, whatever the layer."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from ncps.torch import LTC, CfC
from ncps.wirings import AutoNCP
from networks import FEATURES, sequences, tracker

import ltc2neuro
from ltc2neuro import LibraryNetwork, Network
from ltc2neuro.errors import InputError

X = sequences(time=24)
CUT = 11

LAYERS: dict[str, tuple[Callable[[], torch.nn.Module], Callable]] = {
    "LTC": (tracker, lambda h: {"v": h}),
    "LTC with mixed memory": (
        lambda: LTC(FEATURES, AutoNCP(8, 2, seed=1), mixed_memory=True),
        lambda h: {"v": h[0], "c": h[1]},
    ),
    "CfC": (lambda: CfC(FEATURES, 6), lambda h: {"h": h}),
    "CfC with a wiring": (lambda: CfC(FEATURES, AutoNCP(8, 2, seed=1)), lambda h: {"h": h}),
    "LSTM": (lambda: torch.nn.LSTM(FEATURES, 5, batch_first=True), lambda h: {"h": h[0], "c": h[1]}),
    "two layers of GRU": (
        lambda: torch.nn.GRU(FEATURES, 5, 2, batch_first=True),
        lambda h: {"h_l0": h[0], "h_l1": h[1]},
    ),
}


def halves(model: torch.nn.Module) -> tuple[object, np.ndarray]:
    """torch's state after the first half, and its answer to the second, from there."""
    with torch.no_grad():
        _, hx = model(torch.from_numpy(X[:, :CUT]))
        return hx, model(torch.from_numpy(X[:, CUT:]), hx)[0].numpy()


def off(expected: np.ndarray, got: object) -> float:
    """The largest error, as a share of the largest value."""
    return float(np.abs(np.asarray(got) - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("kind", LAYERS)
def test_a_run_starts_from_torchs_hx(kind):
    torch.manual_seed(3)
    make, named = LAYERS[kind]
    model = make()
    hx, expected = halves(model)
    net = ltc2neuro.compile(model, X)
    state, rest = named(hx), X[:, CUT:]
    run = net.run(rest, state=state)
    assert off(expected, run.outputs) < 0.01
    assert off(expected, net.run(rest).outputs) > 0.1  # from zero
    assert not run.saturations
    assert np.array_equal(net.run(rest, state=net.quantize_state(state)).integers, run.integers)
    assert off(expected, net.run(rest, "floating", state=state).outputs) < 0.01
    stream = net.stream(batch=len(X), state=state)
    assert np.array_equal(np.stack([stream.step(x) for x in rest[:, :3].swapaxes(0, 1)], 1), run.outputs[:, :3])


@pytest.fixture(scope="module")
def net() -> Network:
    return ltc2neuro.compile(tracker(), X)


@pytest.fixture(scope="module")
def library() -> LibraryNetwork:
    return ltc2neuro.compile(tracker(), X, microcode=False)


def test_networks_without_microcode_too(library):
    hx, expected = halves(tracker())
    run = library.run(X[:, CUT:], state={"v": hx})
    assert off(expected, run.outputs) < 0.01
    state = library.quantize_state({"v": hx})
    assert np.array_equal(library.run(X[:, CUT:], state=state).integers, run.integers)
    with pytest.warns(UserWarning, match="given state was clipped"):
        assert library.run(X, state={"v": np.full((4, 6), 99.5)}).saturations["v"] >= 24


def test_integers_stay_exact_and_reals_round_half_up(net):
    lsb = net.state_lsb("v")
    integers = np.arange(-12, 12).reshape(4, 6)
    assert np.array_equal(net.quantize_state({"v": integers})["v"], integers)
    assert np.array_equal(net.quantize_state({"v": torch.from_numpy(integers * lsb)})["v"], integers)
    assert np.array_equal(net.quantize_state({"v": (integers + 0.5) * lsb})["v"], integers + 1)
    assert np.array_equal(net.quantize_state({"v": np.ones((4, 6)) * 0.0})["v"], np.zeros((4, 6)))
    run = net.run(X[:, :CUT])
    exact = {n: s * net.state_lsb(n) for n, s in run.final_state.items()}
    whole = net.run(X[:, CUT:], state=run.final_state)
    assert np.array_equal(net.run(X[:, CUT:], state=exact).integers, whole.integers)


def test_what_is_clipped_is_told_and_counted(net):
    state = {"v": np.full((4, 6), 1e3) + 0.25}
    with pytest.warns(UserWarning, match=r"v: 24 of 24 values; they go from 1000\.25") as told:
        run = net.run(X, state=state)
    assert sum("a given state" in str(w.message) for w in told) == 1 and told[0].filename == __file__
    assert run.saturations["v"] >= 24
    with pytest.warns(UserWarning, match="a given state") as told:
        held = net.quantize_state(state)["v"]
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(net.run(X, state={"v": held}).integers, run.integers)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (torch.zeros(4, 6), r"has Tensor, expected \['v'\]"),
        ((torch.zeros(4, 6), torch.zeros(4, 6)), "has tuple"),
        ({"h": torch.zeros(4, 6)}, r"has \['h'\](.|\n)*\{'v': \(batch, 6\)\}"),
        ({"v": torch.zeros(6)}, r"\(6,\), expected \(4, 6\)"),
        ({"v": torch.zeros(3, 6)}, r"\(3, 6\), expected \(4, 6\)"),
        ({"v": torch.zeros(2, 4, 6)}, r"\(2, 4, 6\), expected \(4, 6\)"),
        ({"v": 0.0}, r"\(\), expected \(4, 6\)"),
        ({"v": torch.full((4, 6), torch.nan)}, "not finite"),
        ({"v": None}, "state v"),
    ],
)
def test_one_clear_error(net, library, state, said):
    for made in (net, library):
        with pytest.raises(InputError, match=said):
            made.run(X, state=state)


def test_parts_of_a_state_are_given_whole_or_each():
    torch.manual_seed(3)
    net = ltc2neuro.compile(CfC(FEATURES, AutoNCP(8, 2, seed=1)), X)
    parts = [s.name for s in net.graph.states]
    assert len(parts) == 3 and all(name.startswith("h[") for name in parts)
    hx = np.random.default_rng(0).uniform(-0.5, 0.5, (4, 8))
    whole = net.quantize_state({"h": hx})
    ends = np.cumsum([s.size for s in net.graph.states])[:-1]
    each = net.quantize_state(dict(zip(parts, np.split(hx, ends, axis=1), strict=True)))
    assert all(np.array_equal(each[name], whole[name]) for name in parts)
    assert {n: a.shape for n, a in each.items()} == {s.name: (4, s.size) for s in net.graph.states}
    with pytest.raises(InputError, match=r"expected \(batch, 8\)"):
        net.quantize_state({"h": hx[:, :7]})
    with pytest.raises(InputError, match="does not fit"):
        net.quantize_state({parts[0]: whole[parts[0]]})


def test_streams_go_on_from_one_another(net):
    x = X[0]
    first = net.stream()
    assert first.state is None
    outputs = [first.step(sample) for sample in x[:5]]
    for state in (first.state, {"v": first.state["v"][0]}):
        second = net.stream(state=state)
        assert np.array_equal([*outputs, *(second.step(s) for s in x[5:])], net.run(X[:1]).outputs[0])
    second.reset()
    assert np.array_equal(second.step(x[0]), outputs[0])
    with pytest.raises(InputError, match="4 rows, the stream has 1"):
        net.stream(state={"v": np.zeros((4, 6))})
