"""`compile(..., microcode=False)`: how near, equal on Lava, files, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from ncps.torch import CfC
from networks import FEATURES, classifier, sequences, tracker

import ltc2neuro
from ltc2neuro import LibraryForm, LibraryNetwork
from ltc2neuro.errors import ArtifactError, ChipError, InputError, QuantizeError
from ltc2neuro.extras import LAVA
from ltc2neuro.nn import CTRNN, ODELSTM, ResidualRNN

X = sequences(batch=8, time=12)


class Reader(torch.nn.Module):
    """A recurrent layer, and a linear readout."""

    def __init__(self, layer: torch.nn.Module, size: int) -> None:
        super().__init__()
        self.layer, self.head = layer, torch.nn.Linear(size, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(x)[0])


def model(name: str) -> torch.nn.Module:
    torch.manual_seed(3)
    if name == "LTC":
        return tracker()
    if name == "CTRNN":
        return Reader(CTRNN(FEATURES, 8), 8)
    if name == "RNN":
        return Reader(torch.nn.RNN(FEATURES, 8, batch_first=True), 8)
    return Reader(CfC(FEATURES, 8, mode=name, backbone_units=12), 8)


@pytest.fixture(scope="module")
def net() -> LibraryNetwork:
    return ltc2neuro.compile(tracker(), X, microcode=False)


@pytest.mark.parametrize(
    ("name", "ticks", "states_db"),
    [("LTC", 12, 40), ("default", 5, 36), ("no_gate", 5, 36), ("pure", 6, 33), ("CTRNN", 12, 44), ("RNN", 2, 38)],
)
def test_how_near_each_cell_is(name: str, ticks: int, states_db: float) -> None:
    m = model(name).eval()
    made = ltc2neuro.compile(m, X, microcode=False)
    found = ltc2neuro.compare(ltc2neuro.compile(m, X), made, sequences(batch=4, time=12, seed=1)).library
    assert found.ticks_per_sample <= ticks
    assert min(found.outputs_db, *found.states_db.values()) > states_db


@pytest.mark.skipif(bool(LAVA.missing()), reason="needs the extra lava")
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["LTC", "default", "CTRNN"])
def test_lava_is_equal(name: str) -> None:
    made = ltc2neuro.compile(model(name).eval(), X, microcode=False, form=LibraryForm(hinges=8))
    x = [X[0, :3], X[1, :5]]
    expected, got = made.run(x), made.run(x, on="lava")
    for a, b in zip(expected.integers, got.integers, strict=True):  # type: ignore[arg-type]
        assert np.array_equal(a, b)
    for state in expected.states:
        assert all(np.array_equal(a, b) for a, b in zip(expected.states[state], got.states[state], strict=True))
    with pytest.raises(InputError, match="starts from the initial states only"):
        made.run(x, on="lava", state=got.final_state)


def test_it_answers_in_the_models_shape_and_goes_on_from_a_state() -> None:
    made = ltc2neuro.compile(classifier(), X, microcode=False)
    with torch.no_grad():
        exact = classifier()(torch.from_numpy(X)).numpy()
    assert made(X).shape == exact.shape and np.abs(made(X) - exact).max() < 0.05 * np.abs(exact).max()
    whole, first = made.run(X), made.run(X[:, :5])
    second = made.run(X[:, 5:], state=first.final_state)
    assert np.array_equal(np.asarray(whole.integers)[:, 5:], second.integers)
    with pytest.raises(InputError, match="state"):
        made.run(X, state={"nothing": np.zeros((8, 1))})


def test_weights_that_are_all_zero() -> None:
    """A population that receives nothing; each sequence has its final state."""
    m = model("RNN").eval()
    with torch.no_grad():
        for parameter in m.parameters():
            parameter.zero_()
    made = ltc2neuro.compile(m, X, microcode=False)
    run = made.run(X)
    assert not np.any(np.asarray(run.outputs)) and all(s.shape == (len(X), 8) for s in run.final_state.values())
    assert np.array_equal(np.asarray(made.run(X, state=run.final_state).integers), np.asarray(run.integers))


def test_a_state_that_grows_beyond_its_range_is_counted(tmp_path: Path) -> None:
    """A sum without a bound is read as the end of its range from there on: no result is wrong in silence."""
    torch.manual_seed(3)
    m = Reader(ResidualRNN(FEATURES, 8), 8).eval()
    with pytest.warns(UserWarning, match="may grow without bound"):
        made = ltc2neuro.compile(m, X, microcode=False)
    assert not made.run(X).saturations
    long = np.tile(X, (1, 20, 1))
    counted = made.run(long).saturations
    assert counted["layer.h"] > 100
    made.save(tmp_path / "net.l2n")
    assert ltc2neuro.load(tmp_path / "net.l2n").run(long).saturations == counted


def test_ragged_sequences_and_clipped_inputs(net: LibraryNetwork) -> None:
    ragged = net.run([X[0, :4], X[1]])
    assert np.array_equal(ragged.integers[1], net.run(X[1:2]).integers[0])  # type: ignore[index]
    clipped = net.run(1e3 * X)
    assert clipped.saturations["input"] > 0 and np.all(np.isfinite(clipped.outputs))
    assert np.array_equal(net.quantize(1e3 * X).max(), net.processes.input_limit)


def test_a_file_holds_the_same_network(net: LibraryNetwork, tmp_path: Path) -> None:
    net.save(tmp_path / "net.l2n")
    again = ltc2neuro.load(tmp_path / "net.l2n")
    assert again.form == net.form and str(again) == str(net)
    assert np.array_equal(again.run(X).integers, net.run(X).integers)
    assert np.array_equal(again.run(again.known.x).integers, again.known.integers)


def test_a_file_whose_weights_leave_the_widths_is_refused(net: LibraryNetwork, tmp_path: Path) -> None:
    from dataclasses import replace

    first = net.processes.connections[0]
    wide = replace(first, exponent=first.exponent + 12)
    broken = replace(net.processes, connections=(wide, *net.processes.connections[1:]))
    replace(net, processes=broken).save(tmp_path / "net.l2n")
    with pytest.raises(ArtifactError, match="leave its widths"):
        ltc2neuro.load(tmp_path / "net.l2n")


def test_its_text_and_the_comparison_say_cost_and_error(net: LibraryNetwork) -> None:
    for part in ("GradedReluVec", "ProdNeuron", "neurons", "synapses", "ticks a sample", "dB"):
        assert part in str(net)
    targets = np.zeros((8, 12, 2))
    table = str(ltc2neuro.compare(ltc2neuro.compile(tracker(), X), net, X, targets, "mse"))
    for part in ("microcode", "library processes", "SQNR", "mse (float", "processes", "ticks per sample"):
        assert part in table


@pytest.mark.filterwarnings("ignore:the state")
def test_refusals() -> None:
    with pytest.raises(ChipError, match="library processes"):
        ltc2neuro.compile(tracker(), X, microcode=False, chip="spinnaker2")
    with pytest.raises(InputError, match="precision"):
        ltc2neuro.compile(tracker(), X, microcode=False, precision="accurate")  # type: ignore[call-overload]
    with pytest.raises(InputError, match="form"):
        ltc2neuro.compile(tracker(), X, form=LibraryForm())  # type: ignore[call-overload]
    with pytest.raises(QuantizeError, match="outside the loop"):
        ltc2neuro.compile(Reader(ODELSTM(FEATURES, 4), 4), X, microcode=False)
    (found,) = ltc2neuro.check(Reader(ODELSTM(FEATURES, 4), 4), calibration=X, microcode=False)
    assert found.rule == "quantization" and "outside the loop" in found.message
    with pytest.raises(InputError, match="no executor"):
        ltc2neuro.compile(tracker(), X, microcode=False).run(X, on="lava-fused")


def test_time_spans_go_with_every_run() -> None:
    spans = np.random.default_rng(0).uniform(0.5, 2.0, X.shape[:2])
    made = ltc2neuro.compile(tracker(), X, timespans=spans, microcode=False)
    default = ltc2neuro.compile(tracker(), X, timespans=spans)
    assert ltc2neuro.compare(default, made, X, timespans=spans).library.outputs_db > 40
    with pytest.raises(InputError, match="time before each sample"):
        made.run(X)


def test_poor_outputs_are_said() -> None:
    with pytest.warns(UserWarning, match="dB from the float network"):
        ltc2neuro.compile(model("CTRNN").eval(), X, microcode=False, form=LibraryForm(hinges=3, split_weights=False))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hinges": 2}, "hinges = 2"),
        ({"growth": float("nan")}, "growth must lie in 1..inf"),
        ({"margin": 0.5}, "margin must lie in 1..1e"),
        ({"split_weights": 2}, "split_weights must be True or False"),
        ({"reciprocal": "hinges"}, "one of Reciprocal.INVERSE_ROOT, Reciprocal.HINGES"),
    ],
)
def test_a_form_that_is_none(options: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        LibraryForm(**options)


def test_what_takes_the_other_kind_of_network_says_so(net: LibraryNetwork) -> None:
    with_microcode = ltc2neuro.compile(tracker(), X)
    wrong = {
        "form must be a LibraryForm": lambda: ltc2neuro.compile(tracker(), X, microcode=False, form="wide"),  # type: ignore[call-overload]
        "networks are not of the same model": lambda: ltc2neuro.compare(ltc2neuro.compile(CfC(FEATURES, 6), X), net, X),
        "compare takes a network with microcode, then one without": lambda: ltc2neuro.compare(net, with_microcode, X),  # type: ignore[arg-type]
        "no executor": lambda: net.run(X, on=["lava"]),  # type: ignore[arg-type]
    }
    for said, call in wrong.items():
        with pytest.raises(InputError, match=said):
            call()


def test_a_state_that_the_network_never_reaches_is_refused(net: LibraryNetwork) -> None:
    """Sums are proven for what it reaches; products of others wrap in 32 bits."""
    ((name, state),) = net.run(X).final_state.items()
    silent = net.run(X, state={name: np.zeros(state.shape, np.int64)})
    assert np.array_equal(np.asarray(silent.integers), np.asarray(net.run(X).integers))
    for wide in (2**22, -(2**22)):
        with pytest.raises(
            InputError, match=r"not one of this network's integers(.|\n)*element 0(.|\n)*allowed -?\d+\.\.\d+"
        ):
            net.run(X, state={name: np.full(state.shape, wide)})


def test_a_file_whose_known_answer_does_not_fit_is_refused(net: LibraryNetwork, tmp_path: Path) -> None:
    from dataclasses import replace

    known = net.known
    for broken, words in (
        (replace(known, integers=known.integers[:, :2]), "does not fit the network"),
        (replace(known, x=known.x.astype(np.int64)), "of int64"),
        (replace(known, x=np.full_like(known.x, np.nan)), "not finite"),
        (replace(known, states={}), "does not fit the network"),
    ):
        replace(net, known=broken).save(tmp_path / "net.l2n")
        with pytest.raises(ArtifactError, match=words):
            ltc2neuro.load(tmp_path / "net.l2n")
    for changes in ({"dt": 0.0}, {"readout": "sometimes"}, {"step_shape": (3, 3)}):
        replace(net, **changes).save(tmp_path / "net.l2n")
        with pytest.raises(ArtifactError, match="not a network"):
            ltc2neuro.load(tmp_path / "net.l2n")


class Silent(Reader):
    """The second answer is 0 where the first is not above 3, as nowhere in the calibration."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = super().forward(x)
        return torch.stack([y[..., 0], torch.relu(y[..., 0] - 3)], -1)


def test_outputs_that_never_vary_are_said() -> None:
    torch.manual_seed(3)
    with pytest.warns(UserWarning, match=r"output channel \[1\] of 2 never varies on all of the calibration"):
        ltc2neuro.compile(Silent(torch.nn.RNN(FEATURES, 8, batch_first=True), 8).eval(), X, microcode=False)
