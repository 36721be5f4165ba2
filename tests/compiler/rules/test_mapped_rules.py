"""Rules on populations, ticks and cores: each on a network made by hand that breaks it by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from designs import EMPTY, design_of
from graph_strategies import Builder

from compiler.graph.integers import as_integers
from compiler.mapping import Connection, MappedNetwork, Population, Port, map_network
from compiler.mapping.options import Options
from compiler.placement.lower_bound import least_cores
from compiler.placement.prepared import Prepared
from compiler.placement.search import first_fit
from compiler.quantize.precision import Precision
from compiler.ranges.proven import facts_of
from compiler.rules import MAPPED_RULES, Design, Finding, Severity, apply_rules
from compiler.rules.sizes import LONG_PROGRAM
from hw_models import isa
from hw_models.chip import Chip, load_chip

LOIHI2 = load_chip("loihi2")


class MappedByHand(Prepared):
    """Of which only the mapped network is known."""

    def __init__(self, network: MappedNetwork, chip: Chip) -> None:
        super().__init__(facts_of(as_integers(EMPTY)), chip)
        self.network = network

    def mapped(self, reset_interval: int | None = None, options: Options | None = None) -> MappedNetwork:
        return self.network


def findings(network: MappedNetwork, chip: Chip = LOIHI2) -> list[Finding]:
    design = Design(chip, EMPTY, (), Precision(), prepared=MappedByHand(network, chip))
    return apply_rules(design, MAPPED_RULES)


def network(size: int = 4, delay: int = 0, ports: int = 1, length: int = 1, columns: int = 4) -> MappedNetwork:
    listing = (isa.Send(0, isa.Accumulator(0)),) * length
    population = Population("cells", size, listing, {"w": 0}, ports, ports, {})
    rows, cols = np.repeat(np.arange(size), columns), np.tile(np.arange(columns), size)
    entry = Connection("in", Port(None), Port("cells"), (size, columns), rows, cols, np.ones_like(rows), delay)
    index = np.arange(size)
    leave = Connection("out", Port("cells"), Port(None), (size, size), index, index, np.ones_like(index))
    return MappedNetwork((population,), (entry, leave), columns, size, 3, 2, (), {Port("cells"): {1: "cells"}})


def only(found: list[Finding]) -> Finding:
    assert len(found) == 1, found
    return found[0]


def test_nothing_in_a_network_that_keeps_all():
    assert findings(network(delay=62, ports=2, length=LONG_PROGRAM)) == []


def test_ports():
    found = findings(network(ports=3))
    assert [f.rule for f in found] == ["sums", "messages"]
    assert all(f.where == "layer" and f.numbers == "3" and f.limit == "2" for f in found)


def test_delay():
    found = only(findings(network(delay=63)))
    assert (found.rule, found.numbers, found.limit) == ("delay", "63 ticks", "62 ticks")
    assert found.where == "input -> layer"


def test_long_programs_warn():
    found = only(findings(network(length=LONG_PROGRAM + 1)))
    assert found.rule == "program" and found.severity is Severity.WARNING and f"{LONG_PROGRAM + 1:,}" in found.numbers


def test_fan_in_and_fan_out():
    small = replace(LOIHI2, memory=replace(LOIHI2.memory, in_axons=5))
    found = findings(network(columns=6), small)
    assert found[0].rule == "fan-in" and (found[0].numbers, found[0].limit) == ("6", "5")
    assert {f.rule for f in found} == {"fan-in", "neuron size"}  # so no core takes it either
    assert findings(network(columns=5), small) == []
    tiny = replace(LOIHI2, memory=replace(LOIHI2.memory, axon_map=1))
    twice = network(size=1)
    again = replace(twice.connections[1], name="out again")
    found = findings(replace(twice, connections=(*twice.connections, again)), tiny)
    assert found[0].rule == "fan-out" and (found[0].numbers, found[0].limit) == ("2", "1")


def test_a_neuron_too_large_for_any_core_is_not_sent_to_more_chips():
    wide = replace(network(), populations=(replace(network().populations[0], words=dict.fromkeys("abc", 0)),))
    found = only(findings(wide, replace(LOIHI2, cores=1, memory=replace(LOIHI2.memory, neuron_units=1))))
    assert found.rule == "neuron size" and "a neuron does not fit an empty core" in found.message
    assert found.numbers == "neurons: 2 of 1" and "more chips" not in found.advice


def test_nor_is_one_with_too_many_inputs_whatever_else_is_too_large():
    memory = replace(LOIHI2.memory, synapse_words=3, words=4)
    found = only(findings(network(size=6, columns=3), replace(LOIHI2, cores=1, memory=memory)))
    assert found.rule == "neuron size" and " of 4" in found.numbers and "more chips" not in found.advice


def test_what_lava_does_not_run_is_placed_too():
    b = Builder()
    b.output(b.mat_vec([b.input(3)], [[1, 2, -3]] * 9))
    b.block("sample")
    few = replace(LOIHI2, cores=1, memory=replace(LOIHI2.memory, neuron_units=5))
    for chip in (few, replace(few, lava=False, product_bits=48)):
        found = only(apply_rules(design_of(b.graph(), chip), MAPPED_RULES))
        assert found.rule == "placement" and found.limit == "1 x 1 cores"


def test_what_does_not_fit_the_cores():
    one = replace(LOIHI2, cores=1, memory=replace(LOIHI2.memory, neuron_units=3))
    found = only(findings(network(), one))
    assert found.rule == "placement" and "2 cores" in found.numbers
    assert findings(network(), replace(one, chips=2)) == []


@pytest.mark.parametrize(("units", "synapse_words"), [(1, 12000), (4095, 3), (2, 3)])
def test_no_placement_comes_below_the_least_cores(units, synapse_words):
    memory = replace(LOIHI2.memory, neuron_units=units, synapse_words=synapse_words)
    wide = network(size=6, columns=3)
    least, resource = least_cores(wide, memory)
    assert 1 <= least <= first_fit(wide, replace(LOIHI2, memory=memory)).count
    assert resource == ("neurons" if units < 3 else "synapses")
    if least > 1:
        found = only(findings(wide, replace(LOIHI2, memory=memory, cores=1)))
        assert found.rule == "placement" and f"{resource} alone need at least {least}" in found.numbers


def test_ports_that_no_schedule_finds():
    """A chip with one message port has none left for the output of a population that also sends to itself."""
    b = Builder()
    b.state("s", [1, 2])
    v = b.read("s")
    b.output(v)
    b.write("s", b.rescale(b.add(b.gather([v], [1, 0]), b.input(2)), 0, -1000, 1000))
    b.block("sample")
    graph = b.graph()
    found = apply_rules(design_of(graph, LOIHI2), MAPPED_RULES)
    assert found == [] and map_network(graph, LOIHI2).populations
    narrow = replace(LOIHI2, messages=1)
    (found,) = apply_rules(design_of(graph, narrow), MAPPED_RULES)
    assert found.rule == "schedule" and "message port" in found.numbers and found.advice


@pytest.mark.parametrize("chip", ["ideal", "spinnaker2"])
def test_chips_without_populations_are_not_mapped(chip):
    b = Builder()
    b.output(b.input(2))
    b.block("sample")
    design = design_of(b.graph(), load_chip(chip))
    assert design.mapped is None and apply_rules(design, MAPPED_RULES) == []
