"""Lowered networks compute their float graph: LTC, gates, quotients; what they refuse."""

from dataclasses import replace

import numpy as np
import pytest
from library_graphs import Recorder, decibels, entered, gated, ltc, quotient, samples, simplified

from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Compare, MatVec, Max, Min, Mul, Relation
from compiler.library_processes.build import build
from compiler.library_processes.options import LibraryForm, Reciprocal
from compiler.library_processes.process_graph import (
    BIAS_EXPONENT,
    CONSTANTS,
    Kind,
    ProcessConnection,
    ProcessGraph,
    ProcessPopulation,
)
from compiler.library_processes.reference import run_processes
from compiler.library_processes.width_proof import failures, reached
from compiler.ranges.observed import Observed
from hw_models.errors import InputError, QuantizeError

X = samples()


@pytest.mark.parametrize("reciprocal", Reciprocal)
def test_an_ltc_keeps_40_db_in_four_ticks_an_unfold(reciprocal: Reciprocal) -> None:
    network, db = decibels(ltc(), X, LibraryForm(reciprocal=reciprocal))
    assert db > 40
    assert (network.period, network.repeat, network.ticks_per_sample) == (4, 3, 12)
    kinds = {p.kind for p in network.populations.values()}
    assert (Kind.ROOTS in kinds) == (reciprocal is Reciprocal.INVERSE_ROOT)
    assert network.processes < 30


def test_more_hinges_and_split_weights_are_nearer() -> None:
    db = [decibels(ltc(), X, form)[1] for form in (LibraryForm(8), LibraryForm(16), LibraryForm(32))]
    assert db[0] + 6 < db[1] and db[1] + 6 < db[2]
    assert decibels(ltc(), X, LibraryForm(32, split_weights=False))[1] < db[2] - 6


def test_gates_and_quotients() -> None:
    assert decibels(gated(), samples(features=4), LibraryForm())[1] > 40
    for reciprocal in Reciprocal:
        network, db = decibels(quotient(0.5), X, LibraryForm(reciprocal=reciprocal, reciprocal_hinges=64))
        assert db > 40 and not network.states


def test_limits_are_exact_to_the_lsb() -> None:
    def graph(kind: type[Max] | type[Min]) -> Graph:
        r = Recorder()
        x = r.input(4)
        a, b = r.gather((x,), [0, 1]), r.gather((x,), [2, 3])
        name = r.value("limit", 2)
        r.ops.append(kind(name, a, b))
        r.output(name)
        r.close("step")
        return r.graph()

    for kind in (Max, Min):
        assert decibels(graph(kind), samples(features=4), LibraryForm())[1] > 70


def test_a_wide_sum_before_functions_has_a_neuron_of_its_own() -> None:
    direct = decibels(ltc(), X, LibraryForm(growth=1e9, reciprocal=Reciprocal.HINGES))[0]
    relayed = decibels(ltc(), X, LibraryForm(reciprocal=Reciprocal.HINGES))[0]
    assert direct.period == relayed.period - 1 and direct.synapses > 2 * relayed.synapses


def test_a_batch_is_its_sequences_and_a_run_goes_on_from_its_state() -> None:
    network = build(Observed(simplified(ltc()), list(X)), LibraryForm())
    x = entered(network, X)
    whole = run_processes(network, x)
    for i in range(len(x)):
        one = run_processes(network, x[i : i + 1])
        assert np.array_equal(one.outputs[0], whole.outputs[i])
    first = run_processes(network, x[:, :7])
    second = run_processes(network, x[:, 7:], first.final)
    assert np.array_equal(np.concatenate([first.outputs, second.outputs], axis=1), whole.outputs)
    (state,) = network.states
    assert np.array_equal(second.final[state], whole.states[state][:, -1])


def test_what_is_built_is_proven_and_the_proof_finds_what_is_not() -> None:
    network = build(Observed(simplified(ltc()), list(X)), LibraryForm())
    assert failures(network) == []
    products = next(p for p in network.populations.values() if p.kind is Kind.PRODUCTS)
    loose = replace(products, shift=products.shift - 8)
    found = failures(replace(network, populations={**network.populations, loose.name: loose}))
    assert any(f.population == loose.name and f.bits and "messages" in f.text for f in found)


def test_the_widest_inputs_keep_within_what_is_proven() -> None:
    network = build(Observed(simplified(ltc()), list(X)), LibraryForm())
    rng = np.random.default_rng(0)
    x = rng.choice([-network.input_limit, network.input_limit], size=(32, 30, 3))
    run = run_processes(network, x)
    assert max(np.abs(a).max() for a in (run.outputs, *run.states.values())) < 2**23


def test_a_function_of_what_never_changes_has_its_value() -> None:
    """As behind a row of zeros, which leaves a unit its bias only."""
    r = Recorder()
    x, y = r.input(2), r.value("y", 2)
    r.ops.append(MatVec(y, (x,), r.constant("m", np.array([[0.0, 0.0], [0.7, -0.4]]))))
    r.output(r.apply(r.binary(Add, y, r.constant("bias", np.array([0.8, 0.1]))), "tanh"))
    r.close("step")
    network, db = decibels(r.graph(), samples(features=2), LibraryForm())
    outputs = run_processes(network, entered(network, X[..., :2])).outputs[..., 0] * network.output_lsb[0]
    assert db > 40 and np.abs(outputs - np.tanh(0.8)).max() < 1e-3


def test_what_flooring_takes_is_within_what_is_proven() -> None:
    """Less than 1 of each connection that is shifted down; biases are whole."""
    source = ProcessPopulation("source", Kind.SOURCE, 1 + len(CONSTANTS), 0)
    sink = ProcessPopulation("sink", Kind.SINK, 3, 1)

    def connection(weights: list[list[int]], exponent: int, *, is_bias: bool = False) -> ProcessConnection:
        return ProcessConnection("c", "source", "sink", (0,), np.array(weights), exponent, 0, False, is_bias)

    floored = connection([[2, 0, 0, 0], [-6, 0, 0, 0], [0, 0, 0, 0]], -3)
    bias = connection([[0, -6, 0, 0], [0, -8, 0, 0], [0, -2, 0, 0]], BIAS_EXPONENT, is_bias=True)
    populations = {p.name: p for p in (source, sink)}
    network = ProcessGraph(populations, (floored, bias), {}, np.ones(1), np.ones(3), 5, 1, 1)
    outputs = run_processes(network, np.arange(-5, 6).reshape(-1, 1, 1)).outputs[:, 0]
    bounds = reached(network)["sink"]
    assert outputs.min(axis=0).tolist() == [-5, -8, -1] and outputs.max(axis=0).tolist() == [-2, -1, -1]
    assert np.all(bounds.low <= outputs.min(axis=0)) and np.all(outputs.min(axis=0) < bounds.low + 1)
    assert bounds.high.tolist() == [0, 0, 0]  # silence, before the first iteration


def test_refusals() -> None:
    def compared() -> Graph:
        r = Recorder()
        x = r.input(2)
        name = r.value("above", 2)
        r.ops.append(Compare(name, r.constant("c", np.zeros(2)), x, Relation.LESS))
        r.output(name)
        r.close("step")
        return r.graph()

    with pytest.raises(QuantizeError, match="no Compare"):
        build(Observed(simplified(compared()), list(samples(features=2))), LibraryForm())

    def chain(functions: int) -> Graph:
        r = Recorder()
        x = r.input(1)
        for _ in range(functions):
            x = r.apply(x, "tanh")
        r.output(x)
        r.close("step")
        return r.graph()

    build(Observed(simplified(chain(62)), list(samples(features=1))), LibraryForm(4))
    with pytest.raises(QuantizeError, match="more ticks than a message can be delayed") as caught:
        build(Observed(simplified(chain(63)), list(samples(features=1))), LibraryForm(4))
    assert caught.value.numbers == "63 ticks, most 62"

    with pytest.raises(QuantizeError, match="proven to be positive"):
        build(Observed(simplified(quotient(-3.0)), list(2.0 + np.clip(np.abs(X), 0, 1))), LibraryForm())

    def started() -> Graph:
        r = Recorder()
        x = r.input(2)
        r.state("s", np.ones(2))
        r.write("s", r.binary(Mul, r.binary(Add, r.read("s"), x), r.constant("half", np.full(2, 0.5))))
        r.output(r.read("s"))
        r.close("step")
        return r.graph()

    with pytest.raises(QuantizeError, match="must start at 0"):
        build(Observed(simplified(started()), list(samples(features=2))), LibraryForm())
    for wrong in ({"hinges": 2}, {"reciprocal_hinges": 1000}, {"margin": 0.5}):
        with pytest.raises(InputError):
            LibraryForm(**wrong)  # type: ignore[arg-type]


def test_two_loops_are_refused() -> None:
    r = Recorder()
    x = r.input(2)
    for name in ("a", "b"):
        r.state(name, np.zeros(2))
        r.write(name, r.apply(r.binary(Add, r.read(name), x), "tanh"))
        r.close(name, repeat=3)
    r.output(r.read("b"))
    r.close("output")
    with pytest.raises(QuantizeError, match="one loop"):
        build(Observed(simplified(r.graph()), list(samples(features=2))), LibraryForm())


def test_a_network_too_large_for_dense_connections_is_refused() -> None:
    r = Recorder()
    x = r.input(3000)
    r.output(r.gather((r.apply(x, "tanh"),), np.zeros(12_000, np.int64)))
    r.close("step")
    with pytest.raises(QuantizeError, match="too large"):
        build(Observed(r.graph(), list(samples(1, 2, features=3000))), LibraryForm())


def test_silence_is_among_the_states_of_the_proof() -> None:
    """A state that stays above 5 starts at 0 all the same."""
    r = Recorder()
    x = r.input(2)
    r.state("h", np.zeros(2))
    new = r.binary(
        Add, r.apply(r.binary(Add, x, r.apply(r.read("h"), "tanh")), "sigmoid"), r.constant("five", np.full(2, 5.0))
    )
    r.write("h", new)
    r.output(new)
    r.close("step")
    network, db = decibels(r.graph(), samples(features=2), LibraryForm())
    place = network.states["h"]
    bounds = reached(network)[place.population]
    assert db > 40 and not bounds.low[place.start : place.stop].any()
    assert run_processes(network, entered(network, X[..., :2])).states["h"].min() > 0


def test_a_limit_that_is_never_reached_changes_nothing() -> None:
    """All of its hinge's range is one LSB: its knots must not be one integer."""
    r = Recorder()
    x = r.input(2)
    name = r.value("limit", 2)
    r.ops.append(Min(name, x, r.constant("most", np.array([1e3, 2e3]))))
    r.output(name)
    r.close("step")
    network, db = decibels(r.graph(), samples(features=2), LibraryForm())
    assert db > 60 and not failures(network)
