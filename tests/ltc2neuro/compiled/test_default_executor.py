"""Which executor runs what names none, and that what is compiled must give the known answer first."""

import os
import pickle
import subprocess
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import ltc2neuro
from compiler.native.executor import NATIVE
from compiler.running.extra import LAVA
from compiler.running.extra import NATIVE as PACKAGES
from hw_models.errors import GraphError
from ltc2neuro.compiled import default_executor

torch = pytest.importorskip("torch", reason="compiling needs the extra torch")
from ncps.torch import LTC  # noqa: E402
from ncps.wirings import AutoNCP  # noqa: E402

X = np.random.default_rng(0).uniform(-1, 1, (4, 20, 3))
HERE = not PACKAGES.missing()


@cache
def compiled() -> bytes:
    torch.manual_seed(0)
    return pickle.dumps(ltc2neuro.compile(LTC(3, AutoNCP(8, 2)), X))


@pytest.fixture
def net():
    """A copy that has not run yet."""
    return pickle.loads(compiled())


def test_short_runs_are_the_references(net):
    assert net.run(X).on == "reference"


@pytest.mark.skipif(not HERE, reason="llvmlite is not installed")
def test_long_runs_and_streams_are_compiled(net, monkeypatch):
    monkeypatch.setattr(default_executor, "WORTH", 0.0)
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
@pytest.mark.filterwarnings("ignore:values were clipped:UserWarning")
@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray])
@pytest.mark.parametrize("part", [1, 2**23])
def test_samples_are_rounded_and_clipped_by_whoever_computes_them(net, monkeypatch, layout, part):
    from compiler.native import call

    monkeypatch.setattr(call, "PART", part)
    x = np.random.default_rng(1).uniform(-1, 1, (150, 3, 3))
    x[70, 1, 2] = x[149, 0, 0] = 1e6
    expected = net.run(x, on="reference")
    for threads in (1, 2, 3):
        run = net.run(layout(x), on="native", threads=threads)
        assert np.array_equal(run.integers, expected.integers)
        assert np.array_equal(run.entered[0][0], expected.entered[0][0])
        assert run.saturations == expected.saturations
        assert run.clipped.rows() == expected.clipped.rows()


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


@pytest.mark.skipif(not HERE, reason="llvmlite is not installed")
@pytest.mark.parametrize(("along", "record"), [(True, ()), (False, ()), (False, ("sigmoid",)), (True, ("sigmoid",))])
def test_each_kind_of_code_must_give_the_known_answer(net, monkeypatch, along, record):
    """Code for many sequences, or with values recorded, is not that which ran the known answer first."""
    from compiler.native import executor

    right = executor.kernel

    def wrong(proven, machine, values=(), *, woven):
        code = right(proven, machine, values, woven=woven)
        bad = (not woven, bool(values)) == (along, bool(record))
        return replace(code, constants=code.constants + 1) if bad else code

    monkeypatch.setattr(executor, "kernel", wrong)
    others = [(x, names) for x in (X, X[:1]) for names in ((), ("sigmoid",)) if (len(x) == 1, names) != (along, record)]
    for x, names in others:
        assert np.array_equal(net.run(x, "native", record=names).integers, net.run(x, "reference").integers)
    for _ in range(2):
        with pytest.raises(GraphError, match="known answer"):
            net.run(X[:1] if along else X, on="native", record=record)
    if not record:
        with pytest.raises(GraphError, match="known answer"):
            net.stream(None if along else 4, on="native").step(X[0, 0] if along else X[:, 0])
        if not LAVA.missing():
            with pytest.raises(GraphError, match="known answer"):
                net.to_lava(mode="fused", lanes=1 if along else 4)


RUN = """
import warnings, ltc2neuro.errors
from ltc2neuro.compiled import default_executor
default_executor.WORTH = 0.0
net = ltc2neuro.load("net.l2n")
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    print(net.run(net.known.x).on, net.stream().on, *(str(w.message) for w in told[:1]))
try:
    net.run(net.known.x, on="native")
except ltc2neuro.errors.MissingExtraError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"__init__.py": "", "binding.py": "raise OSError('no LLVM')"}, ("(OSError: no LLVM)", "cannot be loaded")),
        ({"__init__.py": "", "../llvmlite-0.43.0.dist-info/METADATA": "Version: 0.43.0"}, ("0.50 or newer is not",)),
    ],
)
def test_a_package_that_is_broken_or_too_old_stops_only_who_asks_for_it(net, tmp_path, files, told):
    """Another package may have brought it: numba brings an old one."""
    pytest.importorskip("platformdirs")
    for name, text in files.items():
        path = tmp_path / "llvmlite" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.resolve().write_text(text)
    net.save(tmp_path / "net.l2n")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", RUN], env={**os.environ, "PYTHONPATH": path}, cwd=tmp_path,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.startswith("reference reference") and all(text in done.stdout for text in told), done


def test_without_the_package_all_runs_are_the_references(net, monkeypatch):
    monkeypatch.setattr(default_executor, "WORTH", 0.0)
    monkeypatch.setattr(type(NATIVE), "missing", lambda self, chip: "llvmlite not installed")
    assert net.run(X).on == "reference"
    assert net.stream().step(X[0, 0]).shape == (2,)
