"""What speaks against a network of library processes: widths that it leaves, neurons with too many inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from designs import EMPTY

from compiler.library_processes.process_graph import CONSTANTS, Kind, ProcessConnection, ProcessGraph, ProcessPopulation
from compiler.rules.library_processes import library_findings
from hw_models.chip import Chip, load_chip

LOIHI2 = load_chip("loihi2")


def network(features: int, limit: int = 100) -> ProcessGraph:
    """All features to one neuron, and that to the host."""
    populations = [
        ProcessPopulation(Kind.SOURCE.value, Kind.SOURCE, features + len(CONSTANTS), 0),
        ProcessPopulation("sum", Kind.RELAYS, 1, 1),
        ProcessPopulation(Kind.SINK.value, Kind.SINK, 1, 2),
    ]
    weights = np.where(np.arange(features + len(CONSTANTS)) < features, 2, 0)[None]
    connections = (
        ProcessConnection("in", Kind.SOURCE.value, "sum", (0,), weights, 0, 0, False),
        ProcessConnection("out", "sum", Kind.SINK.value, (0,), np.array([[2]]), -1, 0, False),
    )
    named = {p.name: p for p in populations}
    return ProcessGraph(named, connections, {}, np.ones(features), np.ones(1), limit, 2, 1)


def with_memory(**least: int) -> Chip:
    assert LOIHI2.memory is not None
    return replace(LOIHI2, memory=replace(LOIHI2.memory, **least))


@pytest.mark.parametrize("resource", ["in_axons", "synapse_words"])
def test_a_neuron_has_no_more_inputs_than_a_core_has_room_for(resource: str) -> None:
    small = with_memory(**{resource: 6})
    assert library_findings(small, EMPTY, network(6)) == []
    (found,) = library_findings(small, EMPTY, network(7))
    assert (found.rule, found.where, found.numbers, found.limit) == ("fan-in", "sum", "7", "6")
    assert library_findings(replace(small, memory=None), EMPTY, network(7)) == []


@pytest.mark.parametrize(("limit", "fits"), [(2**19 - 1, True), (2**19, False)])
def test_what_leaves_a_width_is_told(limit: int, fits: bool) -> None:
    """Of eight features, each twice: 2^23 is one too many for 24 bits."""
    found = library_findings(LOIHI2, EMPTY, network(8, limit))
    assert not found if fits else {(f.rule, f.where) for f in found} >= {("width", "sum")}
