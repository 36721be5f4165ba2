"""The API of a compiled network: what goes in, what comes out, what is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from ncps.torch import LTC
from ncps.wirings import FullyConnected
from networks import FEATURES, classified, classifier, sequences, tracked, tracker

import ltc2neuro
from ltc2neuro.errors import InputError


@pytest.fixture(scope="module")
def net() -> ltc2neuro.Network:
    return tracked()


@pytest.fixture(scope="module")
def last() -> ltc2neuro.Network:
    return classified()


# --- shapes ------------------------------------------------------------------------------------------------


def test_every_step_has_the_models_shape(net):
    x = sequences(5, 7, seed=1)
    y = net(x)
    truth = tracker()(torch.from_numpy(x))[0].detach().numpy()
    assert y.dtype == np.float64 and y.shape == truth.shape == (5, 7, 2)
    assert np.abs(y - truth).max() < 1e-3 * max(1, np.abs(truth).max())
    assert net.readout == "every"


def test_last_step_has_the_models_shape(last):
    x = sequences(5, 7, seed=1)
    truth = classifier()(torch.from_numpy(x)).detach().numpy()
    assert last(x).shape == truth.shape == (5, 4) and last.readout == "last"
    assert np.abs(last(x) - truth).max() < 0.01 * np.abs(truth).max()
    assert last.run(x).outputs.shape == (5, 7, 4), "a run shows every step"


def test_a_run(net):
    x = sequences(5, 7, seed=1)
    run = net.run(x, on="reference")
    assert run.on == "reference" and repr(run) == "Run(on reference, outputs (5, 7, 2), states v, 0 saturations)"
    assert run.outputs.shape == run.integers.shape == (5, 7, 2)
    assert run.outputs.dtype == np.float64 and run.integers.dtype == np.int64
    assert np.array_equal(run.outputs, net(x)) and np.array_equal(net.dequantize(run.integers), run.outputs)
    assert {n: (s.shape, s.dtype) for n, s in run.states.items()} == {"v": ((5, 7, 6), np.int64)}
    assert np.array_equal(run.final_state["v"], run.states["v"][:, -1])
    assert run.record == {}


def test_floating_has_no_integers(net):
    x = sequences(5, 7, seed=1)
    exact, rounded = net.run(x, on="floating"), net.run(x)
    assert exact.integers is None and exact.states["v"].dtype == np.float64 and exact.saturations == {}
    lsb = net.state_lsb("v")
    off = np.abs(exact.states["v"] - rounded.states["v"] * lsb).max(axis=(0, 1))
    assert lsb.shape == (6,) and off.any() and np.all(off < 2**11 * lsb)
    assert np.abs(exact.outputs - rounded.outputs).max() < 1e-3


def test_a_list_gives_lists_in_its_order(net):
    lengths = (4, 9, 4, 1)
    ragged = [sequences(1, n, seed=n + i)[0] for i, n in enumerate(lengths)]
    run = net.run(ragged, record=["v"])
    for parts in (run.outputs, run.integers, run.states["v"], run.record["v"]):
        assert isinstance(parts, list) and [len(p) for p in parts] == list(lengths)
    for i, x in enumerate(ragged):
        alone = net.run(x[None])
        assert np.array_equal(run.integers[i], alone.integers[0])
        assert np.array_equal(run.final_state["v"][i], alone.final_state["v"][0])
    assert [y.shape for y in net(ragged)] == [(n, 2) for n in lengths]


def test_a_list_of_a_classifier(last):
    ragged = [sequences(1, n, seed=n)[0] for n in (4, 9)]
    assert [y.shape for y in last(ragged)] == [(4,), (4,)]
    assert np.array_equal(last(ragged)[1], last(ragged[1][None])[0])


@pytest.mark.parametrize("kind", [torch.from_numpy, lambda x: x.astype(np.float64), lambda x: x.tolist(), list])
def test_tensors_arrays_and_lists_are_the_same(net, kind):
    x = sequences(2, 3)
    assert np.array_equal(np.array(net(kind(x))), net(x))


def test_a_tensor_with_gradients_and_integers_and_bools(net):
    x = np.array([[[1, 0, 1], [0, 0, 1]]])
    expected = net(x.astype(np.float64))
    assert np.array_equal(net(torch.tensor(x, dtype=torch.float32, requires_grad=True)), expected)
    assert np.array_equal(net(x), expected) and np.array_equal(net(x.astype(bool)), expected)


def test_no_samples_in_no_samples_out(net, last):
    run = net.run(np.zeros((3, 0, FEATURES)), record=["*"])
    assert run.outputs.shape == run.integers.shape == (3, 0, 2)
    assert run.states["v"].shape == run.record["v"].shape == (3, 0, 6)
    assert np.array_equal(run.final_state["v"], np.zeros((3, 6)))
    assert net([]) == []
    with pytest.raises(InputError, match="no last step"):
        last(np.zeros((3, 0, FEATURES)))
    for on in ("reference", "floating"):
        with pytest.raises(InputError, match="no sequence"):
            net.run(np.zeros((0, 5, FEATURES)), on=on)


# --- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (np.zeros((3, FEATURES)), r"shape \(3, 3\), expected \(batch, time, 3\)"),
        (np.zeros(FEATURES), r"expected \(batch, time, 3\)"),
        (np.zeros((1, 2, 3, FEATURES)), r"expected \(batch, time, 3\)"),
        (np.zeros((2, 3, FEATURES + 1)), r"shape \(2, 3, 4\), expected \(batch, time, 3\)"),
        ([np.zeros((2, FEATURES)), np.zeros((2, 2))], r"shape \(2, 2\), expected \(time, 3\)"),
        ([np.zeros((2, FEATURES)), np.zeros(FEATURES)], r"shape \(3,\), expected \(time, 3\)"),
        (
            np.full((1, 1, FEATURES), np.nan),
            rf"not finite(.|\n)*{FEATURES} of {FEATURES}, the first, nan, at sequence 0, sample 0, feature 0",
        ),
        (np.full((1, 1, FEATURES), np.inf), "not finite"),
        (np.full((1, 1, FEATURES), "a"), "not real numbers"),
        ([[[1.0, 2.0, 3.0]], [[1.0, 2.0]]], "expected|not an array"),
        (3.0, r"expected \(batch, time, 3\)"),
        (None, r"expected \(batch, time, 3\)"),
    ],
)
def test_wrong_samples_are_refused_with_the_expected_shape(net, x, text):
    with pytest.raises(InputError) as error:
        net(x)
    assert re.search(text, str(error.value)), str(error.value)


def test_unknown_executors_and_names(net):
    with pytest.raises(InputError, match="no executor 'gpu'") as error:
        net.run(sequences(), on="gpu")
    assert "lava-fused" in str(error.value)
    with pytest.raises(InputError, match="no executor"):
        net.run(sequences(), on=["reference"])
    with pytest.raises(InputError, match="nothing to record by the name 'u'"):
        net.run(sequences(), record=["u"])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda s: {}, "does not fit"),
        (lambda s: {**s, "w": s["v"]}, "does not fit"),
        (lambda s: s["v"], "has ndarray, expected \\['v'\\]"),
        (lambda s: {"v": s["v"][:1]}, "wrong shape"),
        (lambda s: {"v": s["v"] * np.nan}, "not finite"),
        (lambda s: {"v": s["v"].astype(str)}, "not real numbers"),
        (lambda s: {"v": s["v"] * 1.0}, "look like a network's integers"),
        (lambda s: {"v": s["v"] > 0}, "cannot be bool"),
        (lambda s: {"v": s["v"] * 0 + 2**30}, "not one of this network's integers"),
    ],
)
def test_states_that_do_not_fit(net, change, text):
    state = net.run(sequences()).final_state
    with pytest.raises(InputError, match=text):
        net.run(sequences(), state=change(state))


def test_floating_refuses_a_state_that_is_not_finite(net):
    state = net.run(sequences(), on="floating").final_state
    with pytest.raises(InputError, match="not finite"):
        net.run(sequences(), on="floating", state={"v": state["v"] * np.nan})


def test_a_floating_state_is_real_and_goes_on_in_integers(net):
    run = net.run(sequences(), on="floating")
    assert np.array_equal(run.final_state["v"], run.states["v"][:, -1])
    state = net.quantize_state(run.final_state)
    again = net.run(sequences(), state=run.final_state)
    assert np.array_equal(again.integers, net.run(sequences(), state=state).integers)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"timespans": np.ones((4, 3))}, "timespans do not fit"),
        ({"timespans": np.ones((4, 9)), "dt": 2.0}, "exclude one another"),
        ({"dt": 0.0}, "dt must be above 0"),
        ({"dt": float("nan")}, "dt must be above 0"),
        ({"precision": "huge"}, "no precision 'huge'"),
        ({"chip": "loihi9"}, "no chip 'loihi9'"),
    ],
)
def test_wrong_options_of_compile(options, text):
    with pytest.raises(ltc2neuro.errors.Ltc2NeuroError, match=text):
        ltc2neuro.compile(tracker(), sequences(), **options)


@pytest.mark.parametrize(
    ("calibration", "text"),
    [
        (np.zeros((0, 4, FEATURES)), "empty"),
        (np.zeros((4, 0, FEATURES)), "empty"),
        ([], "empty"),
        ([np.zeros((3, 3)), np.zeros((3, 2))], "differ in their features"),
        (np.zeros((4, FEATURES)), "dimensions"),
        (np.full((2, 3, FEATURES), np.nan), "not finite"),
    ],
)
def test_wrong_calibration(calibration, text):
    with pytest.raises(InputError, match=text):
        ltc2neuro.compile(tracker(), calibration)


# --- names and texts ---------------------------------------------------------------------------------------


def test_names_of_a_module_in_a_model(last):
    names = last.names()
    assert "rnn.v" in names and "rnn.tau" in names and len(set(names)) == len(names)
    run = last.run(sequences(), record=["rnn.*"])
    assert {"rnn.v", "rnn.tau"} <= set(run.record)
    assert all(n.startswith("rnn.") for n in run.record)
    lsb = last.state_lsb("rnn.v")
    assert np.array_equal(run.record["rnn.v"], run.states["rnn.v"] * lsb)


def test_every_name_can_be_recorded(last):
    run = last.run(sequences(2, 3), record="*")
    assert set(run.record) == set(last.names())
    assert all(r.shape[:2] == (2, 3) and r.dtype == np.float64 for r in run.record.values())


@pytest.mark.parametrize("unfolds", [1, 3])
def test_tau_is_that_of_ncps(unfolds):
    """tau = cm / (gleak + sum of w * sigmoid), from ncps's own parameters, in the last solver step of each sample."""
    torch.manual_seed(3)
    model = LTC(FEATURES, FullyConnected(6, 2), ode_unfolds=unfolds)
    net = ltc2neuro.compile(model, sequences(), dt=0.5)
    run = net.run(sequences(2, 5), record=["tau", "v"])
    p = {n: v.detach().double() for n, v in model.rnn_cell._params.items()}
    positive = torch.nn.functional.softplus

    def conductance(v, kind, mask):
        sigmoid = torch.sigmoid(p[f"{kind}sigma"] * (v[..., None] - p[f"{kind}mu"]))
        return (positive(p[f"{kind}w"]) * sigmoid * p[mask]).sum(-2)

    inputs = torch.from_numpy(sequences(2, 5)).double() * p["input_w"] + p["input_b"]
    before = torch.from_numpy(np.concatenate([np.zeros((2, 1, 6)), run.record["v"][:, :-1]], axis=1))
    if unfolds > 1:
        model.rnn_cell._ode_unfolds = unfolds - 1  # all steps but the last, each as long as before
        span = 0.5 * (unfolds - 1) / unfolds
        steps = [model.rnn_cell._ode_solver(inputs[:, t], before[:, t], span).detach() for t in range(5)]
        before = torch.stack(steps, 1)
    total = conductance(inputs, "sensory_", "sensory_sparsity_mask") + conductance(before, "", "sparsity_mask")
    exact = (positive(p["cm"]) / (positive(p["gleak"]) + total)).numpy()
    assert run.record["tau"].shape == (2, 5, 6)
    assert np.abs(run.record["tau"] / exact - 1).max() < 2e-3


def test_texts(net, last):
    text = str(last)
    for word in ("rnn.v", "neurons", "instructions", "synapses", "ticks a sample", "latency", "tau", "bits", "3 times"):
        assert word in text, word
    assert "\n" not in repr(net) and "loihi2" in repr(net) and "\n" not in repr(last)
    assert "rnn.v" in last.explain_precision()


# --- closed loops ------------------------------------------------------------------------------------------


def test_two_chunks_are_one_run(net):
    x = sequences(3, 8, seed=5)
    for on in ("reference", "floating"):
        whole, first = net.run(x, on=on), net.run(x[:, :3], on=on)
        second = net.run(x[:, 3:], on=on, state=first.final_state)
        assert np.array_equal(np.concatenate([first.outputs, second.outputs], 1), whole.outputs)
        assert np.array_equal(second.final_state["v"], whole.final_state["v"])


def test_chunks_of_lists_are_one_run(net):
    ragged = [sequences(1, n, seed=n)[0] for n in (6, 4, 6)]
    first = net.run([x[:2] for x in ragged])
    second = net.run([x[2:] for x in ragged], state=first.final_state)
    for a, b, whole in zip(first.integers, second.integers, net.run(ragged).integers, strict=True):
        assert np.array_equal(np.concatenate([a, b]), whole)


def test_stream(net):
    x = sequences(1, 6, seed=3)
    stream = net.stream()
    steps = np.stack([stream.step(s) for s in x[0]])
    assert np.array_equal(steps, net(x)[0])
    stream.reset()
    assert np.array_equal(stream.step(torch.from_numpy(x[0, 0])), net(x)[0, 0])


def test_stream_of_a_batch(last):
    x = sequences(3, 4, seed=3)
    stream = last.stream(batch=3)
    for t in range(4):
        assert np.array_equal(stream.step(x[:, t]), last(x[:, : t + 1]))
    for wrong in (x[0, 0], x[:2, 0], x):
        with pytest.raises(InputError, match="wrong shape"):
            stream.step(wrong)


# --- saturation --------------------------------------------------------------------------------------------


def test_far_inputs_saturate_and_are_counted(net):
    x = sequences(2, 3)
    x[0, 0, 1], x[1, 2, 0] = 1e30, -1e30
    run = net.run(x)
    assert run.saturations == {"input": 2}
    assert net.run(sequences(2, 3)).saturations == {}


def test_the_model_is_unchanged():
    model = classifier().train()
    torch.manual_seed(7)
    before = {n: p.clone() for n, p in model.state_dict().items()}
    random = torch.get_rng_state()
    ltc2neuro.compile(model, sequences())
    assert torch.equal(torch.get_rng_state(), random) and model.training and model.rnn.training
    assert all(torch.equal(p, before[n]) for n, p in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert [p.requires_grad for p in model.parameters()] == [p.requires_grad for p in classifier().parameters()]


def test_a_mapping_is_made_once(net: ltc2neuro.Network) -> None:
    assert net.mapped() is net.mapped()
    assert net.mapped(5) is not net.mapped()
    for interval in range(1, 7):
        net.mapped(interval)
    assert net.mapped(6) is net.mapped(6)
