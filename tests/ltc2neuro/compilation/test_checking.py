"""`check`: on modules before they are compiled, on networks for other chips; what `compile` does with the findings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from ncps.torch import LTC
from ncps.wirings import AutoNCP
from networks import FEATURES, classifier, sequences, tracked, tracker

import ltc2neuro
from compiler.rules import RULES, Finding, Severity
from hw_models.chip import CHIPS
from hw_models.errors import ChipError, InputError, TraceError
from ltc2neuro.compilation.findings import Findings

LOIHI2 = ltc2neuro.load_chip("loihi2")


@pytest.fixture(scope="module")
def net():
    return tracked()


class Ratio(torch.nn.Module):
    """Two divisions whose denominators change their sign."""

    def forward(self, x):
        return torch.stack([x[..., 0] / x[..., 1], x[..., 1] / x[..., 2]], -1)


def test_a_model_and_its_network_keep_the_rules_of_their_chip(net):
    assert ltc2neuro.check(net) == [] and ltc2neuro.check(net, "loihi2") == []
    assert ltc2neuro.check(tracker(), calibration=sequences()) == []
    assert ltc2neuro.check(classifier(), LOIHI2, list(sequences())) == []


def test_all_findings_at_once_for_another_chip(net):
    """A chip with less of everything: every rule that it breaks is there, not only the first."""
    narrow = replace(LOIHI2, name="narrow", word_bits=20, message_bits=12, product_bits=24, weight_bits=6, max_delay=0)
    found = ltc2neuro.check(net, narrow)
    assert {"word", "message", "product", "accumulator"} <= {f.rule for f in found}
    assert all(f.where and f.message and f.numbers and f.limit and f.advice for f in found if f.rule != "schedule")
    assert all(f.severity is Severity.ERROR for f in found)
    assert any("test_checking" in f.where or "ltc_cell.py" in f.where for f in found)  # the user's own lines
    text = str(next(f for f in found if f.rule == "message"))
    assert text.startswith("error [message] ") and "limit: 12 bits" in text and "what to do:" in text


def test_a_network_with_tables_on_a_chip_without():
    ideal = tracked("ideal")
    rules = [f.rule for f in ltc2neuro.check(ideal, "loihi2")]
    assert {"division", "table", "word", "product"} <= set(rules)
    assert rules.count("table") == 2  # of the synapses from the input and of the recurrent ones


def test_an_overflow_names_an_input_that_takes_the_network_there(net):
    found = [f for f in ltc2neuro.check(net, replace(LOIHI2, word_bits=16)) if f.rule in ("word", "accumulator")]
    by_name = {v.represents: v.format for v in net.graph.values.values() if v.represents in net.names()}
    tried = 0
    for finding in found:
        name, text = finding.where.split(";")[0], finding.numbers
        if name not in by_name or "x = (" not in text:
            continue
        steps = int(text.split("after ")[1].split()[0]) if "after " in text else 1
        element, value = (
            int(text.split("element ")[1].split()[0]),
            int(text.split(" is ")[1].split()[0].replace(",", "")),
        )
        x = np.array([float(v) for v in text.split("x = (")[1].split(")")[0].split(", ")])
        shown = net.run(np.tile(x, (1, steps, 1)), record=[name]).record[name][0, -1, element] / by_name[name].lsb
        assert not -(2**15) <= value < 2**15 and shown == pytest.approx(value, rel=1e-2)  # x has 4 digits in the text
        tried += 1
    assert tried >= 2


def test_divisions_are_found_before_there_are_integers_and_compile_raises_once_with_all():
    x = sequences()
    found = ltc2neuro.check(Ratio(), "loihi2", x)
    assert [f.rule for f in found] == ["denominator", "denominator"]
    assert all("test_checking.py" in f.where for f in found)
    with pytest.raises(ChipError, match="2 findings of its design rules") as error:
        ltc2neuro.compile(Ratio(), x)
    assert all(f.where in str(error.value) for f in found)


def test_what_cannot_be_quantized_is_a_finding():
    found = ltc2neuro.check(tracker(), replace(ltc2neuro.load_chip("loihi2"), product_bits=12), sequences())
    assert [f.rule for f in found] == ["quantization"]
    assert "does not fit the words of loihi2" in found[0].message and found[0].numbers and found[0].advice


def test_an_override_of_no_value_is_refused():
    precision = ltc2neuro.Precision(overrides={"v": {"word": 20}, "vv.*": {"word": 20}})
    with pytest.raises(InputError, match="no value has a name that this override is for") as error:
        ltc2neuro.compile(tracker(), sequences(), precision=precision)
    assert error.value.where == "overrides['vv.*']" and "explain_precision" in error.value.advice


def test_compile_warns_of_warnings_once():
    slow = tracker()
    with torch.no_grad():
        slow.rnn_cell.cm.mul_(1e6)
    precision = ltc2neuro.Precision(word=16, carry=False)
    with pytest.warns(UserWarning, match="time constant") as warned:
        ltc2neuro.compile(slow, sequences(), precision=precision)
    assert sum("[time constant]" in str(w.message) for w in warned) == 1
    found = ltc2neuro.check(slow, "loihi2", sequences(), precision=precision)
    (finding,) = [f for f in found if f.rule == "time constant"]
    assert finding.severity is Severity.WARNING and "samples" in finding.numbers
    assert finding in [f for f in found if str(f) in {str(w.message) for w in warned}]


def test_a_chip_of_ones_own_by_path(tmp_path):
    path = tmp_path / "tiny.toml"
    text = (CHIPS / "loihi2.toml").read_text().replace('name = "loihi2"', 'name = "tiny"')
    path.write_text(text.replace("[cores]\nvalue = 120\n", "[cores]\nvalue = 1\n").replace("value = 4095", "value = 8"))
    with pytest.warns(UserWarning, match="placement"):  # more chips may be used
        net = ltc2neuro.compile(tracker(), sequences(), chip=path)
    (found,) = ltc2neuro.check(net)
    assert found.rule == "placement" and found.severity is Severity.ERROR and "cores" in found.numbers
    assert ltc2neuro.check(net, ltc2neuro.load_chip(path, chips=100)) == []


def test_a_neuron_that_no_core_holds_is_refused():
    chip = ltc2neuro.load_chip("loihi2")
    chip = replace(chip, memory=replace(chip.memory, neuron_units=1))
    assert "neuron size" in {f.rule for f in ltc2neuro.check(tracker(), chip, sequences())}
    with pytest.raises(ChipError, match="does not fit an empty core"):
        ltc2neuro.compile(tracker(), sequences(), chip=chip)


def test_words_as_narrow_as_a_chips_may_be_are_a_finding():
    chip = replace(ltc2neuro.load_chip("loihi2"), word_bits=8)
    assert "quantization" in {f.rule for f in ltc2neuro.check(tracker(), chip, sequences())}


def test_spans_of_time_are_checked_too():
    x, spans = sequences(), np.random.default_rng(0).uniform(0.5, 2.0, (4, 9))
    assert ltc2neuro.check(tracker(), "loihi2", x, timespans=spans) == []
    assert ltc2neuro.check(ltc2neuro.compile(tracker(), x, timespans=spans), "loihi2") == []


def test_wrong_arguments(net):
    with pytest.raises(InputError, match="calibration data"):
        ltc2neuro.check(tracker())
    with pytest.raises(InputError, match="checked as it was compiled"):
        ltc2neuro.check(net, "loihi2", sequences())
    with pytest.raises(InputError, match="given precision, dt"):
        ltc2neuro.check(net, precision="accurate", dt=0.5)
    with pytest.raises(ChipError, match="no chip 'loihi9'"):
        ltc2neuro.check(net, "loihi9")

    class Sorted(torch.nn.Module):
        def forward(self, x):
            return torch.sort(x, dim=-1).values

    with pytest.raises(TraceError):
        ltc2neuro.check(Sorted(), "loihi2", sequences())


def test_rules_are_a_plain_list_of_functions():
    assert len(RULES) == len({rule.__name__ for rule in RULES}) and all(rule.__doc__ for rule in RULES)


def test_nothing_is_found_in_an_ncp():
    torch.manual_seed(0)
    assert ltc2neuro.check(ltc2neuro.compile(LTC(FEATURES, AutoNCP(19, 1)), sequences())) == []


def test_findings_are_a_list_that_shows_as_they_do():
    finding = Finding("fan-in", "population 'a'", "it is <wide>")
    assert repr(Findings()) == "no findings" and "no findings" in Findings()._repr_html_()
    assert Findings([finding]) == [finding] and repr(Findings([finding, finding])) == f"{finding}\n\n{finding}"
    assert "&lt;wide&gt;" in Findings([finding])._repr_html_()
