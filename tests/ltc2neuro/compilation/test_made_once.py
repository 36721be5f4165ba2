"""What `compile` has proven and mapped is handed on: rules, print, check, cost and runs make none of it again."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

from networks import sequences, tracker

import ltc2neuro
from compiler.mapping.options import Options, Overlap
from compiler.placement import prepared, search
from compiler.ranges import proven

X = sequences(batch=4, time=9)


@pytest.fixture
def made(monkeypatch) -> list[str]:
    """The names of what was called since, each time that it was."""
    calls: list[str] = []

    def counted(module, name):
        inner = getattr(module, name)

        def call(*args, **kwargs):
            calls.append(name)
            return inner(*args, **kwargs)

        monkeypatch.setattr(module, name, call)

    for module, name in ((proven, "find_spans"), (prepared, "map_network"), (search, "arranged")):
        counted(module, name)
    return calls


def test_a_network_is_proven_mapped_and_placed_once(made, tmp_path):
    net = ltc2neuro.compile(tracker(), X)
    assert made == ["find_spans", "map_network", "arranged"]
    assert str(net) and net.cost(net.run(X)) and net.placement
    assert not ltc2neuro.check(net)
    assert net.parts.runners.net.proven is net.proven
    assert made == ["find_spans", "map_network", "arranged", "map_network"]  # cost(run): samples must not overlap there
    assert not ltc2neuro.check(net, ltc2neuro.load_chip("loihi2", chips=2))
    assert made[4:] == []  # more chips are no other cores
    net.save(tmp_path / "a.l2n")
    assert str(ltc2neuro.load(tmp_path / "a.l2n")) == str(net)
    assert made[4:] == ["find_spans", "map_network", "arranged"]


def test_another_chip_is_mapped_for_itself(made):
    net = ltc2neuro.compile(tracker(), X)
    made.clear()
    few = replace(net.chip, memory=replace(net.chip.memory, in_axons=2))
    assert "fan-in" in {f.rule for f in ltc2neuro.check(net, few)} and made == ["map_network", "arranged"]


def test_another_chip_cores_and_options_are_mapped_and_placed_once_each(made):
    net = ltc2neuro.compile(tracker(), X)
    twice = replace(net.chip, chips=2)
    made.clear()
    asked = {"chip": twice}, {"cores": 3}, {"options": Options(Overlap.NONE)}
    first = [net.cost(**ask) for ask in asked]
    assert made == ["arranged", "map_network", "arranged"]
    again = [net.cost(**ask) for ask in asked]
    assert len(made) == 3 and all(a.placement is b.placement for a, b in zip(first, again, strict=True))
    assert first[0].chip.chips == 2 and first[1].placement.count >= 3


def test_a_copy_has_the_proof(made):
    net = ltc2neuro.compile(tracker(), X)
    made.clear()
    again = pickle.loads(pickle.dumps(net))
    assert again.proven.product_bits == net.proven.product_bits and made == []
    assert all(np.array_equal(span.low, net.proven.spans[n].low) for n, span in again.proven.spans.items())
