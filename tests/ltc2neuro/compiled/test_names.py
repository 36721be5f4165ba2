"""Names that a user meets are those of the model: no suffix of the compiler's own."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from ncps.torch import LTC, CfC
from ncps.wirings import AutoNCP
from networks import classified, sequences, tracked, tracker

import ltc2neuro
from ltc2neuro import Precision

AMONG = "synapses among the neurons"
INTERNAL = re.compile(r"\.scaled|\.rows|@|#")


@pytest.fixture(scope="module")
def last() -> ltc2neuro.Network:
    return classified()


def test_populations_are_named_after_the_model(last):
    assert [p.name for p in last.mapped().populations] == [
        "rnn.sensory_w_activation", "rnn.v", "rnn.w_activation", "head.linear",
    ]  # fmt: skip
    bare = tracked()
    assert [p.name for p in bare.mapped().populations] == ["sensory_w_activation", "v", "w_activation"]


def test_populations_are_shown_by_what_they_are(last):
    for text in (str(last), str(last.placement), last.assembly()):
        for title in ("rnn: synapses from the input", "rnn: neurons v", f"rnn: {AMONG}", "head: layer"):
            assert title in text
    assert "population rnn.v  ; rnn: neurons v" in last.assembly()


def test_values_are_said_by_where_they_are_and_what(last):
    titles = last.parts.titles(["rnn.sigmoid_2", "rnn.v_read", "rnn.gather_2", "head.linear", "rnn.v"])
    assert list(titles.values()) == [
        f"rnn: {AMONG}, sigmoid", "rnn: neurons v", f"rnn: {AMONG}, received", "head: layer", "rnn.v",
    ]  # fmt: skip
    assert f"rnn: {AMONG}, sigmoid" in last.explain_precision()


def test_a_layer_in_a_cell_is_no_product():
    model = CfC(3, 4, backbone_units=8, batch_first=True)
    net = ltc2neuro.compile(model, sequences())
    shown = str(net)
    assert "mul_2" not in shown and "rnn_cell.backbone.1: layer" in shown and "neurons h" in shown
    names = [n for n in net.names() if re.search(r"#\d|\.part$", n)]
    titles = net.parts.titles(names)
    assert titles and not any(re.search(r"#|\.part|_\d", title) for title in titles.values()), titles


def test_what_was_clipped_is_said_in_words():
    class Normalized(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.normalize(x, dim=-1)

    far = sequences() / np.linalg.norm(sequences(), axis=-1, keepdims=True)
    net = ltc2neuro.compile(Normalized(), far)
    with pytest.warns(UserWarning, match="clipped") as told:
        net.run(far / 10)
    seen = str(ltc2neuro.verify(net, None, far / 10, on=["reference"]))
    assert seen.count("layer, received") == 2 and "gather" not in seen
    assert not any("gather" in str(w.message) for w in told)


def test_what_no_population_computes_is_of_the_one_that_reads_it(last):
    assert last.parts.titles(["rnn.v.drive.scaled"]) == {"rnn.v.drive.scaled": "rnn: neurons v, drive"}


def test_the_input_is_shown_in_the_users_units():
    x = sequences() * 10 + 100
    net = ltc2neuro.compile(tracker(), x)
    low, high = net.parts.record.enters.user_range
    assert f"[{low.min():.4g}, {high.max():.4g}]" in str(net) and low.min() > 40


def test_texts_have_no_suffix_of_the_compilers(last):
    for text in (str(last), repr(last), last.explain_precision(), "\n".join(last.names())):
        assert not INTERNAL.search(text), INTERNAL.search(text)


def test_a_state_has_one_name(last):
    assert [n for n in last.names() if n.startswith("rnn.v_read")] == []


def test_the_summary_lists_synapses_by_population():
    model = LTC(8, AutoNCP(19, 1, seed=22))
    net = ltc2neuro.compile(model, sequences(features=8))
    wired = int(np.abs(model._wiring.adjacency_matrix).sum()), int(np.abs(model._wiring.sensory_adjacency_matrix).sum())
    lines = dict(line.rsplit(maxsplit=1) for line in str(net).splitlines() if "->" in line and "features" not in line)
    found = {pair.strip(): int(n) for pair, n in lines.items()}
    assert found[f"neurons v -> {AMONG}"] == wired[0] and found[f"{AMONG} -> neurons v"] == 2 * wired[0]
    assert found["input -> synapses from the input"] == wired[1] and found["neurons v -> output"] == 1


def test_overrides_are_explained():
    net = ltc2neuro.compile(tracker(), sequences(), precision=Precision(overrides={"sigmoid*": {"segments": 16}}))
    text = net.explain_precision()
    assert re.search(r"^  sigmoid .*\(overridden: segments 16\)$", text, re.MULTILINE) and "segments 8" in text


class Long(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        spread = torch.tanh(x) * (x - 1)
        return torch.sigmoid(spread) + torch.clamp(
            x,
            min=0.0,
        )


def test_a_statement_over_many_lines_names_its_value():
    names = ltc2neuro.compile(Long(), sequences()).names()
    assert "spread" in names and "min" not in names
