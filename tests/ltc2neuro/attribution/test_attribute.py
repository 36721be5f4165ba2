"""`attribute`: each cause is found where it dominates, on real models; rows, text, files, errors."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from ncps.torch import CfC
from networks import classified, sequences, tracked, tracker

import ltc2neuro
from ltc2neuro import Precision
from ltc2neuro.attribution.attribution import Attribution, Share
from ltc2neuro.attribution.settings import setting
from ltc2neuro.compiled.requantized import with_origin
from ltc2neuro.errors import InputError

X = sequences(5, 14)


def cfc() -> torch.nn.Module:
    torch.manual_seed(0)
    return CfC(3, 6, backbone_units=8, proj_size=2)


def lstm() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.LSTM(3, 6, batch_first=True, proj_size=2)


WORST = {
    "weight rounding": (cfc, Precision(weight=3)),
    "parameter rounding": (tracker, Precision(parameter=6)),
    "message narrowing": (tracker, Precision(operand=8)),
    "function approximation": (tracker, Precision(overrides={"sigmoid*": {"segments": 3}})),
    "quotient": (tracker, Precision(overrides={"v.increment": {"segments": 1, "degree": 1}})),
    "accumulated rounding": (tracker, Precision(overrides={"v.d*": {"word": 13}})),
}


def rows_of(found: Attribution, of: str = "outputs") -> dict[str, Share]:
    """The rows of whole causes."""
    return {r.cause: r for r in found.rows if r.of == of and not r.value}


@pytest.mark.filterwarnings("ignore:the integer outputs")
@pytest.mark.parametrize("cause", WORST)
def test_the_cause_that_was_made_the_worst_is_found(cause):
    build, precision = WORST[cause]
    net = ltc2neuro.compile(build(), X, precision=precision)
    found = ltc2neuro.attribute(net, X)
    rows = rows_of(found)
    assert min(rows.values(), key=lambda r: r.alone).cause == cause
    assert max(rows.values(), key=lambda r: r.gain).cause == cause
    verified = next(r for r in ltc2neuro.verify(net, None, X, on=[]).rows if r.name == "outputs" and r.unit == "dB")
    assert found.wholes[0].worst == pytest.approx(verified.value, abs=1e-9)


def test_what_goes_beyond_the_calibrated_range_is_clipping():
    net = ltc2neuro.compile(lstm(), X)
    found = ltc2neuro.attribute(net, X * 6)
    rows = rows_of(found)
    worst = max((r for r in found.rows if r.field), key=lambda r: r.gain)
    assert setting(worst, net.precision, net.chip) == "Precision(margin=4.0)"
    wide = ltc2neuro.compile(lstm(), X, precision=Precision(margin=8.0))
    assert ltc2neuro.attribute(wide, X * 6).wholes[0].decibels > found.wholes[0].decibels + 20
    assert min(rows.values(), key=lambda r: r.alone).cause == "clipping"
    assert max(rows.values(), key=lambda r: r.gain).cause == "clipping"


@pytest.mark.filterwarnings("ignore:the integer outputs")
@pytest.mark.filterwarnings("error:invalid value")
def test_what_is_beyond_64_bits_saturates_as_less_does():
    net = tracked()
    large, huge = (ltc2neuro.attribute(net, X.astype(np.float64) * scale) for scale in (1e10, 1e30))
    assert large.wholes[0] == huge.wholes[0] and abs(huge.wholes[0].apart) < 3


def test_lifting_what_a_row_names_gains_about_what_it_says():
    """The row of the worst value names a field and globs: with more bits there, most of the gain is had."""
    coarse = Precision(overrides={"x_2.product": {"parameter": 6}})
    net = ltc2neuro.compile(tracker(), X, precision=coarse)
    found = ltc2neuro.attribute(net, X)
    worst = max((r for r in found.rows if r.of == "outputs" and r.field), key=lambda r: r.gain)
    assert (worst.field, worst.globs) == ("parameter", ("x_2.product",))
    step = "Precision(overrides={'x_2.product': {'parameter': 8}})"
    assert setting(worst, coarse, ltc2neuro.load_chip("loihi2")) == step
    lifted = Precision(overrides={glob: {worst.field: Precision.parameter} for glob in worst.globs})
    after = ltc2neuro.attribute(ltc2neuro.compile(tracker(), X, precision=lifted), X)
    assert after.wholes[0].decibels - found.wholes[0].decibels == pytest.approx(worst.gain, abs=3.0)


def test_independent_causes_add_up_to_the_whole():
    torch.manual_seed(0)
    x, model = sequences(8, 30), CfC(3, 12, backbone_units=16, proj_size=2)
    for whole in ltc2neuro.attribute(ltc2neuro.compile(model, x), x, limit=1.0).wholes:
        assert abs(whole.apart) < 2.0, whole


def test_the_text_fits_a_screen_and_says_what_is_apart():
    found = ltc2neuro.attribute(tracked(), sequences())
    text = str(found)
    assert text.count("\n") < 40 and "  cause" in text and "of up to" not in text
    assert ("not independent" in text.split("\n")[1]) == (abs(found.wholes[0].apart) > 1.0)
    assert {r.of for r in found.rows} == {"outputs", "v"}
    (row, *_) = [r for r in found.rows if r.value == "sigmoid_2" and r.field == "segments"]
    assert row.title == "synapses among the neurons, sigmoid" and f"{row.title}: {row.cause}" in text
    assert "  segments of sigmoid_2\n" in text


def test_the_first_error_that_passes_a_limit():
    net = tracked()
    found = ltc2neuro.attribute(net, sequences(), limit=1e-4)
    assert found.first is not None and found.first.error > 1e-4 * found.first.of
    assert "first value off by more than 0.0001" in str(found)
    assert ltc2neuro.attribute(net, sequences(), limit=1e3).first is None


def test_one_sample_alone_is_as_verify_tells():
    net = tracked()
    found = ltc2neuro.attribute(net, sequences())
    row = next(r for r in ltc2neuro.verify(net, None, sequences(), on=[]).rows if r.check.startswith("one sample"))
    v = next(w for w in found.wholes if w.of == "v")
    assert row.value is not None and abs(v.one_step - row.value) < 6  # there it is of the worst channel


def test_a_metric_is_told_with_each_cause():
    targets = np.zeros(4, np.int64)
    found = ltc2neuro.attribute(classified(), sequences(), targets, "accuracy")
    assert found.metrics[0][0] == "accuracy" and all(len(r.scores) == 1 for r in found.rows)


def test_a_file_takes_its_calibration(tmp_path):
    net = tracked()
    net.save(tmp_path / "m.l2n")
    loaded = ltc2neuro.load(tmp_path / "m.l2n")
    fresh = ltc2neuro.attribute(net, X)
    again = ltc2neuro.attribute(loaded, X, calibration=sequences())
    assert not again.note and [(r.of, r.cause, r.value) for r in again.rows] == [
        (r.of, r.cause, r.value) for r in fresh.rows
    ]
    assert np.allclose([r.gain for r in again.rows], [r.gain for r in fresh.rows], atol=1e-6)
    other = ltc2neuro.attribute(loaded, X)
    assert "quantized again, on x" in str(other).split("\n")[0]
    assert np.isnan(again.of_file) and other.of_file == pytest.approx(fresh.of_all)


def test_machine_code_is_not_held_to_the_answer_of_another_network(tmp_path):
    """Quantized again it has other integers than the file, whose known answer is not its own."""
    pytest.importorskip("llvmlite")
    tracked().save(tmp_path / "m.l2n")
    loaded = ltc2neuro.load(tmp_path / "m.l2n")
    again, note = with_origin(loaded, loaded.parts.host.sequences(X / 2, None), "x")
    native, reference = (again.run(X, on=name).outputs for name in ("native", "reference"))
    assert note and np.array_equal(native, reference) and not np.array_equal(loaded(X), reference)


def test_a_file_with_another_map_of_the_hosts_is_another_network(tmp_path):
    tracked().save(tmp_path / "m.l2n")
    loaded = ltc2neuro.load(tmp_path / "m.l2n")
    graph, calibration = loaded.graph, loaded.parts.host.sequences(sequences(), None)
    moved = replace(graph, host={**graph.host, graph.entry.offset: graph.input_map.offset + 0.25})
    assert not with_origin(loaded, calibration, "x")[1]
    assert with_origin(replace(loaded, proven=replace(loaded.proven, graph=moved)), calibration, "x")[1]


def test_bits_that_a_chip_does_not_have_are_no_setting():
    share = Share("y", "accumulated rounding", "v", 0.0, 0.0, 0.0, 0.0, "word", ("v",))
    assert setting(share, Precision(), ltc2neuro.load_chip("loihi2")) == ""
    assert setting(share, Precision(), ltc2neuro.load_chip("ideal")) == "Precision(overrides={'v': {'word': 26}})"


def test_many_sequences_are_chosen_from(monkeypatch):
    monkeypatch.setattr("ltc2neuro.attribution.attributing.WORK", 1.0)
    found = ltc2neuro.attribute(tracked(), sequences(9, 12))
    assert found.measured == (4, 9) and "measured on 4 of 9 sequences, evenly chosen; all have" in str(found)
    monkeypatch.undo()
    assert ltc2neuro.attribute(tracked(), sequences(9, 12)).wholes[0].decibels == pytest.approx(found.of_all)


def test_the_first_error_is_told_with_the_number_of_its_sequence(monkeypatch):
    monkeypatch.setattr("ltc2neuro.attribution.attributing.WORK", 1.0)
    x = sequences(9, 12)
    x[-1, 5:] *= 100.0  # what is clipped is off by most of itself
    first = ltc2neuro.attribute(tracked(), x, limit=0.5).first
    assert first is not None and (first.sequence, first.step) == (8, 5)


def test_copies_know_what_they_were_rounded_from():
    copy = pickle.loads(pickle.dumps(tracked()))
    assert ltc2neuro.attribute(copy, X, limit=1.0) == ltc2neuro.attribute(tracked(), X, limit=1.0)


def test_wrong_arguments():
    with pytest.raises(InputError, match="attribute takes a compiled network"):
        ltc2neuro.attribute(tracker(), X)
    with pytest.raises(InputError, match="limit must be"):
        ltc2neuro.attribute(tracked(), X, limit=0)
    with pytest.raises(InputError, match="targets and metric go together"):
        ltc2neuro.attribute(tracked(), X, np.zeros(5))
