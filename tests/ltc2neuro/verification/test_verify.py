"""`verify`: rows, limits, metrics, causes; against torch and against the stored float graph."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from networks import classified, classifier, sequences, tracked, tracker

import ltc2neuro
from ltc2neuro.errors import InputError
from ltc2neuro.inputs.arrays import Sequences
from ltc2neuro.verification.verifying import first_samples

X = sequences(4, 9)
RANGES = r"float \S+ .. \S+, integer \S+ .. \S+; the format holds \S+ .. \S+"


@pytest.fixture(scope="module")
def net() -> ltc2neuro.Network:
    return tracked()


@pytest.fixture(scope="module")
def last() -> ltc2neuro.Network:
    return classified()


def rows(v: ltc2neuro.Verification, check: str) -> dict[str, object]:
    return {r.name: r for r in v.rows if r.check.startswith(check)}


def test_limits_of_sqnr_hold_or_miss(net):
    found = ltc2neuro.verify(net, tracker(), X, on=["reference"], min_sqnr=60)
    held = rows(found, "integers against float")
    assert found.passed and {"outputs", "v"} <= set(held)
    assert all(r.held and r.value >= 60 and r.limit == 60 and r.unit == "dB" for r in held.values() if r.limit)
    missed = ltc2neuro.verify(net, tracker(), X, on=["reference"], min_sqnr=200)
    assert not missed.passed and "MISS" in str(missed) and "NOT PASSED" in str(missed)


def test_without_limits_it_only_reports(net):
    found = ltc2neuro.verify(net, tracker(), X, on=["reference"])
    assert found.passed and all(r.held is None for r in rows(found, "integers against float").values())
    lines = str(found).splitlines()
    assert lines[0] == "passed: 1 of 1 checks held" and "rounding" in str(found)
    (tau,) = [line for line in lines if line.strip().startswith("tau")]
    assert "neurons: float" in tau and len(rows(found, "liquid time constants")) > 1
    unchecked = ltc2neuro.verify(net, None, X, on=["reference"])
    assert unchecked.passed and str(unchecked).startswith("nothing was checked, only measured: no limit")


def test_the_sqnr_is_that_of_the_outputs(net):
    with torch.no_grad():
        truth = tracker()(torch.from_numpy(X))[0].numpy().astype(np.float64)
    noise, varies = ((a**2).sum((0, 1)) for a in (truth - net(X), truth - truth.mean((0, 1))))
    by_hand = 10 * np.log10(varies / noise)
    row = rows(ltc2neuro.verify(net, tracker(), X, on=["reference"]), "integers against float")["outputs"]
    assert abs(row.value - by_hand.min()) < 0.01 and f"channel [{by_hand.argmin()}]" in row.note


class Scaled(torch.nn.Module):
    """A tracker whose outputs are in units of their own, a factor a channel."""

    def __init__(self, factors, seed=3):
        super().__init__()
        self.inner, self.factors = tracker(seed=seed), torch.tensor(factors)

    def forward(self, x):
        return self.inner(x)[0] * self.factors


@pytest.mark.parametrize("factors", [[1.0, 1e5], [1e-7, 1e-7]])
def test_agreement_is_told_channel_by_channel(factors):
    """Neither a large channel beside it nor a small unit hides that the model is another one."""
    net = ltc2neuro.compile(Scaled(factors), X)
    same = rows(ltc2neuro.verify(net, Scaled(factors), X, on=["reference"]), "float graph against torch")["outputs"]
    other = ltc2neuro.verify(net, Scaled([factors[0] * 1.01, factors[1]]), X, on=["reference"])
    row = rows(other, "float graph against torch")["outputs"]
    assert same.held and not row.held and not other.passed
    assert row.value == pytest.approx(0.01, rel=0.02) and "element 0" in row.note


def test_a_constant_output_does_not_fail_by_itself():
    """A unit that never moves, and one that is always 0: limits hold, and a wrong constant is seen."""

    class Constant(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = tracker()

        def forward(self, x):
            y = self.inner(x)[0]
            return torch.cat([y, 0 * y[..., :1] + 0.7, 0 * y[..., :1]], -1)

    net = ltc2neuro.compile(Constant(), X)
    assert ltc2neuro.verify(net, Constant(), X, on=["reference"], min_sqnr=40).passed


def test_against_the_stored_float_graph(net):
    found = ltc2neuro.verify(net, None, X, on=["reference"], min_sqnr=60)
    assert found.passed and not rows(found, "float graph against torch")
    assert rows(ltc2neuro.verify(net, tracker(), X, on=["reference"]), "float graph against torch")


def test_alone_it_replays_the_known_answer(net):
    found = ltc2neuro.verify(net, None, on=["reference"])
    assert found.passed and rows(found, "known answer")["outputs"].held
    wrong = replace(net, known=replace(net.known, integers=net.known.integers + 1))
    missed = ltc2neuro.verify(wrong, None, on=["reference"])
    assert not missed.passed and "first difference" in rows(missed, "known answer")["outputs"].note


def test_another_model_is_told(net):
    other = ltc2neuro.verify(net, tracker(seed=5), X, on=["reference"])
    row = rows(other, "float graph against torch")["outputs"]
    assert not other.passed and row.value > row.limit and "sequence 0" in row.note
    with pytest.raises(InputError, match="does not answer as the one") as error:
        ltc2neuro.verify(net, classifier(), X, on=["reference"])
    assert "(4,)" in str(error.value) and "(9, 2)" in str(error.value)


def test_a_model_in_double_precision_is_the_same(net):
    assert ltc2neuro.verify(net, tracker().double(), X, on=["reference"]).passed


@pytest.mark.parametrize("metric", ["mse", "mae", lambda y, t: float(np.max(np.abs(y - t)))])
def test_metrics_of_a_tracker(net, metric):
    targets = np.zeros((4, 9, 2))
    found = ltc2neuro.verify(net, tracker(), X, targets, metric, on=["reference"], max_metric_change=0.01)
    measured = [r for r in found.rows if r.check == "task metric"]
    assert found.passed and len(measured) == 3 and measured[-1].limit == 0.01
    if metric == "mse":
        assert measured[1].value == pytest.approx(np.mean(net(X) ** 2))


def test_accuracy_of_a_classifier(last):
    labels = last(X).argmax(-1)
    found = ltc2neuro.verify(last, classifier(), X, labels, "accuracy", on=["reference"], max_metric_change=0.0)
    measured = [r.value for r in found.rows if r.check == "task metric"]
    assert found.passed and measured == [1.0, 1.0, 0.0]
    wrong = ltc2neuro.verify(last, classifier(), X, (labels + 1) % 4, "accuracy", on=["reference"])
    assert [r.value for r in wrong.rows if r.check == "task metric"] == [0.0, 0.0, 0.0]


def test_a_change_past_its_limit_misses(net):
    targets = net(X)  # the integers' own answers: their error is 0, torch's is not
    found = ltc2neuro.verify(net, tracker(), X, targets, "mse", on=["reference"], max_metric_change=0.01)
    assert not found.passed


def test_lists_of_sequences(net, last):
    ragged = [X[0], X[1, :4], X[2, :6]]
    assert ltc2neuro.verify(net, tracker(), ragged, on=["reference"], min_sqnr=55).passed
    targets = [np.zeros((len(x), 2)) for x in ragged]
    assert ltc2neuro.verify(net, tracker(), ragged, targets, "mse", on=["reference"], max_metric_change=0.01).passed
    labels = [y.argmax() for y in last(ragged)]
    assert ltc2neuro.verify(last, classifier(), ragged, labels, "accuracy", on=["reference"]).passed


def test_saturations_are_rows(net):
    found = ltc2neuro.verify(net, None, X * 100, on=["reference"])
    assert rows(found, "saturations")["input"].value > 0


def test_time_constants_are_always_shown(net, last):
    for network, name in ((net, "tau"), (last, "rnn.tau")):
        found = [r for r in ltc2neuro.verify(network, None, X, on=["reference"]).rows if "time constants" in r.check]
        assert [r.name for r in found] == [name, *(f"{name}[{i}]" for i in range(network.graph.states[0].size))]
        assert all(re.fullmatch(RANGES, r.note) for r in found if r.folded)
        assert re.fullmatch(r"(\d) neurons: float .* \1 of them stay within what their formats hold", found[0].note)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"metric": "mse"}, "go together"),
        ({"targets": np.zeros((4, 9, 2))}, "go together"),
        ({"max_metric_change": 0.1}, "needs a metric"),
        ({"metric": "f1", "targets": np.zeros((4, 9, 2))}, "no metric 'f1'"),
        ({"metric": "mse", "targets": np.zeros((3, 9, 2))}, "3 targets for 4 sequences"),
        ({"metric": "mse", "targets": np.zeros((4, 9))}, "shape"),
        ({"metric": "accuracy", "targets": np.zeros(4, int)}, "targets do not fit"),
        ({"metric": "mse", "targets": np.zeros((4, 9, 2)), "max_metric_change": -0.1}, "not be negative"),
        ({"metric": "mse", "targets": np.zeros((4, 9, 2)), "max_metric_change": float("nan")}, "not a number"),
        ({"min_sqnr": "60"}, "not a number"),
        ({"on": ["abacus"]}, "no executor 'abacus'"),
    ],
)
def test_wrong_arguments(net, options, text):
    with pytest.raises(InputError) as error:
        ltc2neuro.verify(net, tracker(), X, **{"on": ["reference"], **options})
    assert text in str(error.value)


def test_nothing_to_verify_on(net):
    for x in (np.zeros((0, 3, 3)), np.zeros((2, 0, 3)), []):
        with pytest.raises(InputError, match="nothing to verify"):
            ltc2neuro.verify(net, None, x, on=["reference"])


def test_ideal_names_the_executors_that_it_cannot_take():
    ideal = tracked("ideal")
    found = ltc2neuro.verify(ideal, tracker(), X, min_sqnr=90)
    executors = [r for r in found.rows if r.on in ("lava", "lava-fused")]
    assert found.passed and len(executors) == 2 and all("not run" in r.note for r in executors)


def test_slow_executors_run_the_first_samples_of_the_first_sequences():
    def first(*lengths):
        part, note = first_samples(Sequences(tuple(np.zeros((n, 1)) for n in lengths), ragged=True), 32)
        return [len(a) for a in part.arrays], note

    assert first(5, 4) == ([5, 4], "")
    assert first(5000) == ([32], "on the first 32 of 5,000 samples")
    assert first(20, 20, 20) == ([20, 20], "on the first 2 of 3 sequences")
    assert first(20, 500, 20) == ([20, 32], "on the first 32 of 500 samples of the first 2 of 3 sequences")
