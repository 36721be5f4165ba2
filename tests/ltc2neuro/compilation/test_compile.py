"""`compile` on models at the edge: constant channels, dead neurons, one neuron, huge weights, both chips."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from ncps.torch import LTC, CfC
from ncps.wirings import AutoNCP, FullyConnected
from networks import FEATURES, classifier, sequences, tracked, tracker

import ltc2neuro
from compiler.interpreters.reference import run_reference
from ltc2neuro.errors import ChipError, InputError, Ltc2NeuroError
from ltc2neuro.metrics import sqnr
from ltc2neuro.tracing import trace


def fidelity(net: ltc2neuro.Network, model: torch.nn.Module, x: np.ndarray) -> float:
    """SQNR of the outputs against torch, in dB."""
    with torch.no_grad():
        truth = model(torch.from_numpy(x))
    truth = truth[0] if isinstance(truth, tuple) else truth
    return sqnr([truth.numpy()], [np.asarray(net(x))])


def check(model: torch.nn.Module, x: np.ndarray, decibels: float, **options: object) -> ltc2neuro.Network:
    net = ltc2neuro.compile(model, x, **options)
    assert fidelity(net, model, x) >= decibels
    q = net.quantize(x)
    run = net.run(x)
    assert np.array_equal(run_reference(net.graph, q).outputs, run.integers), "64 bits give what 32 bits give"
    assert not any("next" in n for n in run.saturations)
    return net


@pytest.mark.parametrize("chip", ["loihi2", "ideal"])
def test_both_chips(chip):
    check(tracker(), sequences(6, 20), 65 if chip == "loihi2" else 90, chip=chip)
    check(classifier(), sequences(6, 20), 40 if chip == "loihi2" else 70, chip=chip)


def test_ideal_runs_on_floating_and_reference_only():
    net = tracked("ideal")
    assert np.abs(net.run(sequences(), on="floating").outputs - net(sequences())).max() < 1e-5
    for on in ("lava", "lava-fused"):
        with pytest.raises(ChipError, match="24-bit messages and 8-bit weights"):
            net.run(sequences(), on=on)
    with pytest.raises(ChipError, match="Lava does not run networks for chip 'ideal'"):
        net.to_lava()
    assert "ideal" in str(net) and "not mapped" in str(net)


@pytest.mark.parametrize("features", [1, 2])
@pytest.mark.parametrize("units", [1, 2])
def test_single_neurons_and_features(units, features):
    torch.manual_seed(units)
    check(LTC(features, FullyConnected(units, 1), ode_unfolds=2), sequences(4, 12, features), 60)


def test_integer_units():
    torch.manual_seed(0)
    check(LTC(FEATURES, 5), sequences(4, 12), 60)


def test_one_sequence_of_one_sample():
    torch.manual_seed(0)
    check(LTC(FEATURES, 5), sequences(1, 1), 55)


def test_channels_that_never_change():
    x = sequences(4, 12)
    x[:, :, 1] = 0.0
    x[:, :, 2] = 3.5
    net = check(tracker(), x, 60)
    far = x.copy()
    far[:, :, 1] = 100.0
    assert net.run(far).saturations["input"] > 0


def test_channels_of_very_different_sizes():
    x = sequences(4, 12) * np.array([1e-4, 1.0, 1e4], np.float32)
    model = tracker()
    with torch.no_grad():
        model.rnn_cell._params["input_w"].copy_(torch.tensor([1e4, 1.0, 1e-4]))
    check(model, x, 60)


def test_features_that_reach_no_neuron():
    torch.manual_seed(0)
    model = LTC(FEATURES, FullyConnected(4, 1), ode_unfolds=2)
    with torch.no_grad():
        model.rnn_cell._params["sensory_sparsity_mask"][1] = 0
    check(model, sequences(4, 12), 60)


def test_no_synapses_at_all():
    """What is left is a leak: every neuron goes to its resting potential."""
    torch.manual_seed(0)
    model = LTC(FEATURES, FullyConnected(4, 1), ode_unfolds=2)
    with torch.no_grad():
        model.rnn_cell._params["sensory_sparsity_mask"].zero_()
        model.rnn_cell._params["sparsity_mask"].zero_()
    x = sequences(4, 12)
    net = ltc2neuro.compile(model, x)
    assert fidelity(net, model, x) > 60


@pytest.mark.parametrize("scale", [1e-3, 30.0, 1e3])
def test_weights_of_any_size(scale):
    """Steep sigmoids and strong synapses: the states stay in the hull, whatever the weights are."""
    torch.manual_seed(0)
    model = LTC(FEATURES, FullyConnected(5, 2), ode_unfolds=3)
    with torch.no_grad():
        for name in ("w", "sensory_w", "sigma", "sensory_sigma"):
            model.rnn_cell._params[name].mul_(scale)
    net = ltc2neuro.compile(model, sequences(6, 12))
    run = net.run(sequences(6, 12))
    form = net.graph.state("v").format
    assert np.all(run.states["v"] >= form.low) and np.all(run.states["v"] <= form.high)
    assert not any("next" in n for n in run.saturations)
    if scale < 1000:
        assert fidelity(net, model, sequences(6, 12)) > 35


def raw(cm: float, gleak: float, w: float) -> LTC:
    """An LTC with raw constraints whose first neuron has these parameters."""
    torch.manual_seed(0)
    model = LTC(FEATURES, FullyConnected(4, 2), ode_unfolds=2, implicit_param_constraints=False)
    p = model.rnn_cell._params
    with torch.no_grad():
        p["cm"][0], p["gleak"][0] = cm, gleak
        p["w"][:, 0] *= w
        p["sensory_w"][:, 0] *= w
    return model


@pytest.mark.parametrize(("cm", "gleak"), [(0.0, 0.5), (0.5, 0.0), (0.0, 0.0)])
def test_cm_and_gleak_of_zero_with_live_synapses(cm, gleak):
    model, x = raw(cm, gleak, 1.0), sequences(6, 20)
    net = ltc2neuro.compile(model, x)
    assert fidelity(net, model, x) > 50
    run = net.run(x)
    assert set(run.saturations) <= {"input"}, "no denominator was clipped on what was calibrated"


def test_a_denominator_that_can_reach_zero_is_clipped_and_counted():
    """Synapses that fall asleep: far inputs close them all, and the denominator nears 0."""
    model = raw(0.0, 0.0, 1.0)
    p = model.rnn_cell._params
    with torch.no_grad():
        p["w"][:, 0] = 0
        p["sensory_sigma"][:, 0] = 6.0
        p["sensory_mu"][:, 0] = -1.0
    net = ltc2neuro.compile(model, np.abs(sequences(6, 20)) * 0.5)
    asleep = np.full((1, 4, FEATURES), -3.0)
    run = net.run(asleep)
    clipped = [n for n in run.saturations if "clipped" in n]
    assert clipped or run.saturations == {"input": 12}
    form = net.graph.state("v").format
    assert np.all(run.states["v"] >= form.low) and np.all(run.states["v"] <= form.high)


def test_a_neuron_whose_denominator_is_always_zero_is_refused():
    with pytest.raises(Ltc2NeuroError) as error:
        ltc2neuro.compile(raw(0.0, 0.0, 0.0), sequences())
    assert "neuron 0" in str(error.value) or "element 0" in str(error.value)
    assert error.value.advice


def test_outputs_without_a_state():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(FEATURES, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    net = check(model, sequences(6, 12), 40)
    assert net.run(sequences()).final_state == {} and net.run(sequences()).states == {}
    again = net.run(sequences(), state={})
    assert np.array_equal(again.integers, net.run(sequences()).integers)


class Formula(torch.nn.Module):
    """A model of plain arithmetic."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function
        self.scale = torch.nn.Parameter(torch.tensor([0.5, -2.0, 0.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x, self.scale)


FORMULAS = {
    "the input itself": lambda x, s: x,
    "scaled, one by zero": lambda x, s: x * s,
    "negative": lambda x, s: -x,
    "square": lambda x, s: x * x,
    "products of values": lambda x, s: (x + 1) * (x - 2) * x.flip(-1),
    "product with a negative value": lambda x, s: -torch.sigmoid(x) * torch.tanh(x),
    "quotient": lambda x, s: x / (1 + x * x),
    "quotient of a small denominator": lambda x, s: torch.tanh(x) / (0.01 + torch.sigmoid(3 * x)),
    "largest and smallest": lambda x, s: torch.maximum(x, s) + torch.minimum(x.roll(1, -1), s),
    "where": lambda x, s: torch.where(x < 0.25, x * 3, 0.75 + 0 * x),
    "sum of features": lambda x, s: x.sum(-1, keepdim=True) * s,
    "functions": lambda x, s: torch.cat([torch.nn.functional.silu(x), torch.nn.functional.gelu(x), torch.relu(x)], -1),
    "wide range": lambda x, s: torch.tanh(1000 * x) + x / 1000,
}


@pytest.mark.parametrize("chip", ["loihi2", "ideal"])
@pytest.mark.parametrize("name", FORMULAS)
def test_plain_arithmetic(name, chip):
    check(Formula(FORMULAS[name]), sequences(6, 12), 60 if chip == "loihi2" else 90, chip=chip)


def test_a_precision_of_ones_own():
    model, x = tracker(), sequences(6, 20)
    default = ltc2neuro.compile(model, x)
    small = ltc2neuro.compile(model, x, precision="small")
    coarse = ltc2neuro.compile(model, x, precision=ltc2neuro.Precision(overrides={"*": {"argument_fraction": 7}}))
    decibels = [fidelity(n, model, x) for n in (default, small, coarse)]
    assert decibels[0] > decibels[1] + 3 and decibels[0] > decibels[2] + 6
    assert "segments 4" in small.explain_precision() and "argument_fraction 7" in coarse.explain_precision()
    with pytest.raises(InputError, match="no field 'bits'"):
        ltc2neuro.Precision(overrides={"*": {"bits": 3}})


def test_the_same_model_gives_the_same_network(tmp_path):
    for name in ("a", "b"):
        ltc2neuro.compile(tracker(), sequences()).save(tmp_path / f"{name}.l2n")
    assert (tmp_path / "a.l2n").read_bytes() == (tmp_path / "b.l2n").read_bytes()


def test_a_saved_network_gives_the_same_integers(tmp_path):
    for model in (tracker(), classifier()):
        net = ltc2neuro.compile(model, sequences(), dt=0.7, precision="small")
        net.save(tmp_path / "m.l2n")
        again = ltc2neuro.load(tmp_path / "m.l2n")
        x = sequences(3, 6, seed=9)
        one, two = net.run(x, record="*"), again.run(x, record="*")
        assert np.array_equal(one.integers, two.integers) and one.saturations == two.saturations
        assert all(np.array_equal(one.states[n], two.states[n]) for n in one.states)
        assert all(np.array_equal(one.record[n], two.record[n]) for n in net.names())
        assert (again.readout, again.step_shape, again.dt) == (net.readout, net.step_shape, 0.7)
        assert str(again) == str(net) and again.precision == net.precision


def test_time_goes_by_dt():
    """Half the time a sample, twice the samples: nearly the same track."""
    model = LTC(FEATURES, FullyConnected(4, 1), ode_unfolds=6)
    x = np.repeat(sequences(2, 6), 2, axis=1)
    slow = ltc2neuro.compile(model, x, dt=1.0)(x[:, ::2])
    fast = ltc2neuro.compile(model, x, dt=0.5)(x)[:, 1::2]
    assert np.abs(slow - fast).max() < 0.15 * np.abs(slow).max()
    assert np.abs(slow - fast).max() > 0


def test_a_dt_that_no_cell_takes_is_warned_of():
    layer = torch.nn.GRU(FEATURES, 4, batch_first=True)
    with pytest.warns(UserWarning, match=r"dt = 0\.5 changes no result"):
        net = ltc2neuro.compile(layer, sequences(), dt=0.5)
    assert np.array_equal(net(sequences()), ltc2neuro.compile(layer, sequences())(sequences()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ltc2neuro.compile(tracker(), sequences(), dt=0.5)


def test_what_is_returned_inside_another_tuple_is_not_dropped_silently():
    class Critic(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = LTC(FEATURES, AutoNCP(8, 3, seed=1))
            self.actor, self.critic = torch.nn.Linear(3, 2), torch.nn.Linear(3, 1)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
            y, h = self.rnn(x)
            return self.actor(y), (h, self.critic(y))

    with pytest.warns(UserWarning, match=r"more than its answers and its states: result\[1\]\[1\]\."):
        net = ltc2neuro.compile(Critic(), sequences())
    assert net.step_shape == (2,)


@pytest.mark.parametrize(
    "layer",
    [
        CfC(FEATURES, AutoNCP(8, 2, seed=1)),
        CfC(FEATURES, 4, mixed_memory=True, proj_size=2, backbone_units=4),
        LTC(FEATURES, AutoNCP(8, 2, seed=1), return_sequences=False),
        torch.nn.LSTM(FEATURES, 4, num_layers=2, batch_first=True),
    ],
    ids=["wired", "mixed", "last", "layers"],
)
def test_the_states_that_a_layer_returns_are_no_answers(layer):
    assert not trace(layer, list(sequences())).dropped


def test_autoncp_of_two_layers():
    torch.manual_seed(0)

    class Deep(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = LTC(FEATURES, AutoNCP(8, 3, seed=1), ode_unfolds=2)
            self.second = LTC(3, AutoNCP(7, 2, seed=2), ode_unfolds=3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.first(x)[0]
            return self.second(torch.tanh(y) + y)[0]

    net = check(Deep(), sequences(6, 15), 43)
    assert set(net.run(sequences()).states) == {"first.v", "second.v"}


class Late(torch.nn.Module):
    """Answers almost nothing until its input has come up."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = torch.nn.RNN(1, 4, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(20 * x - 14) * self.rnn(x)[0]


def test_outputs_are_judged_on_the_whole_calibration() -> None:
    torch.manual_seed(0)
    x = np.random.default_rng(0).uniform(0, 1, (20, 24, 1)).astype(np.float32)
    x[0, :16] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ltc2neuro.compile(Late(), x)
        ltc2neuro.compile(Late(), x[:1])
    with pytest.warns(UserWarning, match=r"only .* dB .* all of the calibration"):
        ltc2neuro.compile(Late(), x, precision=ltc2neuro.Precision(weight=3))


class Silenced(torch.nn.Module):
    """Its first layer never answers: what follows reads a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.rnn = torch.nn.Linear(3, 3), torch.nn.RNN(3, 3, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.first(x) - 50
        return self.rnn((y > 0).to(y.dtype) * y)[0]


def test_a_layer_that_never_answers() -> None:
    torch.manual_seed(0)
    model = Silenced()
    net = ltc2neuro.compile(model, sequences())
    with torch.no_grad():
        expected = model(torch.tensor(np.stack(sequences()[:1]), dtype=torch.float32)).numpy()
    assert np.abs(net(np.stack(sequences()[:1])) - expected).max() < 1e-2
