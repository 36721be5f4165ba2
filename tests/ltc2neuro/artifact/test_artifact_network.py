"""A whole network saved and loaded: the same bytes, the same integers, and headers that are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from ncps.torch import LTC
from ncps.wirings import AutoNCP

import ltc2neuro
from ltc2neuro.artifact import container as artifact
from ltc2neuro.errors import ArtifactError

X = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)


def compiled() -> ltc2neuro.Network:
    torch.manual_seed(0)
    return ltc2neuro.compile(LTC(3, AutoNCP(8, 2, seed=1)), X)


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "m.l2n"
    compiled().save(path)
    return path


def test_the_same_model_data_and_options_give_the_same_bytes(path, tmp_path):
    compiled().save(tmp_path / "again.l2n")
    assert (tmp_path / "again.l2n").read_bytes() == path.read_bytes()
    ltc2neuro.load(path).save(tmp_path / "loaded.l2n")
    assert (tmp_path / "loaded.l2n").read_bytes() == path.read_bytes()


def test_a_loaded_network_is_the_saved_one(path):
    net, loaded = compiled(), ltc2neuro.load(path)
    expected, got = net.run(X), loaded.run(X)
    assert np.array_equal(got.integers, expected.integers)
    assert np.array_equal(got.outputs, expected.outputs)
    assert all(np.array_equal(got.states[n], expected.states[n]) for n in expected.states)
    assert np.array_equal(loaded.run(X, on="floating").outputs, net.run(X, on="floating").outputs)
    assert str(loaded) == str(net) and loaded.names() == net.names() and loaded.readout == net.readout
    assert loaded.known.x.shape == net.known.x.shape
    assert np.array_equal(loaded.known.integers, net.known.integers)


HEADERS: dict[str, Callable[[dict], object]] = {
    "no chip": lambda h: h.pop("chip"),
    "chip without a number": lambda h: h["chip"].pop("word_bits"),
    "chip of text": lambda h: h["chip"].update(word_bits="24"),
    "chip too wide": lambda h: h["chip"].update(word_bits=10**12),
    "chip too narrow": lambda h: h["chip"].update(word_bits=8),
    "chip with endless messages": lambda h: h["chip"].update(messages=2**31),
    "chip without sums": lambda h: h["chip"].update(sums=0),
    "chip with a list": lambda h: h["chip"].update(max_delay=[1, 2]),
    "precision not known": lambda h: h["precision"].update(colour=3),
    "no dt": lambda h: h.update(dt=None),
    "dt is 0": lambda h: h.update(dt=0.0),
    "readout": lambda h: h.update(readout="sometimes"),
    "step shape": lambda h: h.update(step_shape=[3]),
    "step shape of text": lambda h: h.update(step_shape="2"),
    "passes": lambda h: h.update(passes=[{"name": "fold"}]),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_header_that_does_not_fit_is_refused(path, tmp_path, case):
    header, graphs, arrays = artifact.read(path)
    HEADERS[case](header)
    artifact.write(tmp_path / "m.l2n", header, graphs, arrays)
    with pytest.raises(ArtifactError):
        ltc2neuro.load(tmp_path / "m.l2n")


ARRAYS: dict[str, Callable[[dict], object]] = {
    "no known answer": lambda a: a.pop("known/x"),
    "no features": lambda a: a.update({"known/x": np.zeros((1, 6, 4))}),
    "other length": lambda a: a.update({"known/integers": np.zeros((1, 2, 2), np.int64)}),
    "not integers": lambda a: a.update({"known/integers": a["known/integers"] + 0.5}),
    "no state": lambda a: [a.pop(n) for n in list(a) if n.startswith("known/states/")],
    "not finite": lambda a: a["known/x"].fill(np.nan),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_a_known_answer_that_does_not_fit_is_refused(path, tmp_path, case):
    header, graphs, arrays = artifact.read(path)
    ARRAYS[case](arrays)
    artifact.write(tmp_path / "m.l2n", header, graphs, arrays)
    with pytest.raises(ArtifactError):
        ltc2neuro.load(tmp_path / "m.l2n")


def test_a_graph_that_breaks_the_chips_widths_is_refused(path, tmp_path):
    header, graphs, arrays = artifact.read(path)
    constants = graphs["integer"].constants
    largest = max((c for c in constants.values() if c.dtype == np.int64), key=np.size)
    largest[...] = 2**40
    artifact.write(tmp_path / "m.l2n", header, graphs, arrays)
    with pytest.raises(ArtifactError, match=r"not a network: (GraphError|QuantizeError)") as caught:
        ltc2neuro.load(tmp_path / "m.l2n")
    assert "report it" not in str(caught.value)


def test_a_changed_answer_fails_verification(path, tmp_path):
    header, graphs, arrays = artifact.read(path)
    arrays["known/integers"][0, 3, 1] += 1
    artifact.write(tmp_path / "m.l2n", header, graphs, arrays)
    verification = ltc2neuro.verify(ltc2neuro.load(tmp_path / "m.l2n"), None, None, on=["reference"])
    assert not verification.passed
    assert "sequence 0, time 3, element 1" in str(verification)
