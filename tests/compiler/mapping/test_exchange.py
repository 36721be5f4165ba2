"""A mapped network as JSON and back: the same integers; wrong JSON is refused with its path."""

from __future__ import annotations

import json

import pytest
from graph_strategies import Builder, integer_graphs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from machine_outcome import outcome

from compiler.mapping import map_network
from compiler.mapping.exchange import mapped_from_json, mapped_to_json
from hw_models.chip import load_chip
from hw_models.errors import AssemblyError

CHIP = load_chip("loihi2")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(integer_graphs(), st.sampled_from([None, 2]))
def test_networks_round_trip(graph, reset):
    network = map_network(graph, CHIP, reset)
    text = json.dumps(mapped_to_json(network))
    again = mapped_from_json(json.loads(text))
    assert json.dumps(mapped_to_json(again)) == text
    assert outcome(again) == outcome(network)


def small() -> dict:
    """A state that the input is added to, and that is reset every second sample: that takes skips."""
    b = Builder(1)
    b.state("s", [3, -4])
    total = b.add(b.mat_vec([b.input(2)], [[3, -7], [0, 2]]), b.narrow(b.read("s")))
    b.write("s", b.rescale(total, 0, -99, 99))
    b.output(b.mul_shift(b.narrow(total), b.constant([3, 4]), [1]))
    b.block("all")
    return json.loads(json.dumps(mapped_to_json(map_network(b.graph(), CHIP, 2))))


def test_what_the_json_says():
    data = small()
    assert (data["format"], data["version"]) == ("ltc2neuro assembly", 1)
    (population,) = [p for p in data["populations"] if p["states"]]
    kinds = {word["name"]: word["kind"] for word in population["words"]}
    assert kinds["s"] == "state" and kinds["tick"] == "variable" and "parameter" in kinds.values()
    assert {-99, 99, 1} <= set(population["constants"])
    assert population["registers"] == ["r0", "r1"]
    assert {c["sign"] for c in data["connections"] if c["from"]["population"] is None} == {1, -1}
    assert data["states"][0]["word"] == "s.seen", "a copy: it is reset in the tick of its commit"


@pytest.mark.parametrize(
    ("path", "value", "where", "expected"),
    [
        (["format"], "other", "format", "'ltc2neuro assembly'; found 'other'"),
        (["version"], 2, "version", "expected 1; found 2"),
        (["populations"], {}, "populations", "a list of objects"),
        (["populations", 0, "size"], -2, "populations[0].size", "an integer, at least 0"),
        (["populations", 0, "size"], True, "populations[0].size", "an integer, at least 0"),
        (["populations", 0, "words", 0, "initial"], [1], "populations[0].words[0].initial", "one for each of 2"),
        (["populations", 0, "words", 0, "initial"], [1.5, 2], "populations[0].words[0].initial", "a list of integers"),
        (["populations", 0, "words", 1, "name"], "tick", "populations[0].words[1].name", "not declared yet"),
        (["populations", 0, "states"], {"s": "no"}, "populations[0].states", "not 'no'"),
        (["populations", 0, "program", 0, "op"], "Fly", "populations[0].program[0].op", "one of Move, Add"),
        (["populations", 0, "program", 0, "a"], {"word": "no"}, "populations[0].program[0]", "not 'no'"),
        (["populations", 0, "program", 0, "dest"], {"constant": 1}, "populations[0].program[0].dest", "or a word"),
        (["populations", 0, "program", "skip", "test"], ">", ".test", "one of <"),
        (["populations", 0, "program", "skip", "to"], "away", "populations[0].program[", "a label further down"),
        (["connections", 0, "exponent"], 3, "connections[0].exponent", "expected 0"),
        (["connections", 0, "sign"], 0, "connections[0].sign", "1 or -1"),
        (["connections", 0, "to", "port"], 9, "connections[0].to", "ports"),
        (["connections", 0, "to", "population"], "no", "connections[0].to", "a population"),
        (["connections", 0, "sources"], 9, "connections[0].sources", "the size of the population"),
        (["connections", 0, "synapses", "source"], [9, 9], "connections[0].synapses.source", "integers from 0 to 1"),
        (["connections", 0, "synapses", "weight"], [9], "connections[0].synapses.weight", "as many weights"),
        (["connections", 0, "synapses", "weight"], [-9, 9], "connections[0].synapses.weight", "magnitudes"),
        (["populations", 0, "words", 0, "initial"], 2**63, "populations[0].words[0].initial", "an integer of 64 bits"),
        (["populations", 0, "program", 4, "name"], "other", "populations[0].program[", "a label further down"),
        (["ticks_per_sample"], 0, "ticks_per_sample", "an integer, at least 1"),
        (["connections", 0, "synapses", "weight"], [9, 2**63], "connections[0].synapses.weight", "of 64 bits"),
        (["states", 0, "word"], "no", "states[0].word", "a word of a population"),
        (["sends", 0, "tick"], None, "sends[0].tick", "an integer, at least 0, of 64 bits; found None"),
    ],
)
def test_wrong_json_is_refused(path, value, where, expected):
    data = small()
    assert len(data["connections"][0]["synapses"]["weight"]) == 2
    place = data
    for key in path[:-1]:
        place = next(i for i in place if i["op"] == "SkipUnless") if key == "skip" else place[key]
    place[path[-1]] = value
    with pytest.raises(AssemblyError) as refused:
        mapped_from_json(data)
    assert where in refused.value.where and expected in refused.value.numbers
    with pytest.raises(AssemblyError, match="wrong"):
        mapped_from_json([data])
