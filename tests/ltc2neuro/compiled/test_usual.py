"""Which executor runs what names none, and that what is compiled must give the known answer first."""

import numpy as np
import pytest

import ltc2neuro
from compiler.native.executor import NATIVE
from compiler.running.extra import NATIVE as PACKAGES
from hw_models.errors import GraphError
from ltc2neuro.compiled import usual

torch = pytest.importorskip("torch", reason="compiling needs the extra torch")
from ncps.torch import LTC  # noqa: E402
from ncps.wirings import AutoNCP  # noqa: E402

X = np.random.default_rng(0).uniform(-1, 1, (4, 20, 3))
HERE = not PACKAGES.missing()


@pytest.fixture
def net():
    torch.manual_seed(0)
    return ltc2neuro.compile(LTC(3, AutoNCP(8, 2)), X)


def test_short_runs_are_the_references(net):
    assert net.run(X).on == "reference"


@pytest.mark.skipif(not HERE, reason="llvmlite is not installed")
def test_long_runs_and_streams_are_compiled(net, monkeypatch):
    monkeypatch.setattr(usual, "WORTH", 0.0)
    run, expected = net.run(X, record=["v"]), net.run(X, on="reference", record=["v"])
    assert run.on == "native"
    assert np.array_equal(run.integers, expected.integers)
    assert np.array_equal(run.record["v"], expected.record["v"])
    assert np.array_equal(net(X), expected.outputs)
    monkeypatch.undo()
    assert net.run(X).on == "native"  # it is ready by now
    stream = net.stream()
    assert np.array_equal([stream.step(sample) for sample in X[0]], expected.outputs[0])


@pytest.mark.skipif(not HERE, reason="llvmlite is not installed")
@pytest.mark.parametrize("chip", ["ideal", "spinnaker2"])
def test_words_of_64_bits_quotients_and_tables_of_thousands(chip):
    """A written-out table of 4,096 numbers compiled for minutes; a lane beyond the last neuron divided by 0."""
    torch.manual_seed(0)
    for model in (torch.nn.GRU(3, 4, batch_first=True), LTC(3, 6)):
        net = ltc2neuro.compile(model.eval(), X, chip=chip)
        for x in (X, X[:1]):
            assert np.array_equal(net.run(x, on="native").integers, net.run(x, on="reference").integers)


@pytest.mark.skipif(not HERE, reason="llvmlite is not installed")
def test_machine_code_that_is_wrong_is_an_error_never_an_answer(net, monkeypatch):
    from compiler.graph.ops import Add
    from compiler.native import elements

    rules = elements.ELEMENTS._rules
    right = rules[Add]

    def off_by_one(op, at):
        return at.unit.code.two("sub", right(op, at), at.unit.code.splat(1))

    monkeypatch.setitem(rules, Add, off_by_one)
    for _ in range(2):
        with pytest.raises(GraphError, match="known answer"):
            net.run(X, on="native")
    assert net.run(X, on="reference").on == "reference"


def test_without_the_package_all_runs_are_the_references(net, monkeypatch):
    monkeypatch.setattr(usual, "WORTH", 0.0)
    monkeypatch.setattr(type(NATIVE), "missing", lambda self, chip: "llvmlite not installed")
    assert net.run(X).on == "reference"
    assert net.stream().step(X[0, 0]).shape == (2,)
