"""Networks, runs and verifications go through pickle, copy and joblib's processes, and answer the same."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

from networks import sequences, tracker

import ltc2neuro
from hw_models.chip import load_chip
from ltc2neuro import LibraryNetwork, Network, Precision
from ltc2neuro.errors import InputError

X = sequences()

COPIES: dict[str, Callable] = {
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "the first protocol": lambda value: pickle.loads(pickle.dumps(value, protocol=0)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


@pytest.fixture(scope="module")
def net() -> Network:
    """One that has run, so that it remembers programs, mappings and a placement."""
    chip = load_chip("loihi2", chips=2)
    made = ltc2neuro.compile(tracker(), X, chip=chip, precision=Precision(overrides={"*": {"segments": 16}}))
    made.run(X, "floating", record=["*tau"])
    made.cost(made.run(X))
    return made


@pytest.fixture(scope="module")
def library() -> LibraryNetwork:
    made = ltc2neuro.compile(tracker(), X, microcode=False)
    made.run(X, state=made.run(X).final_state)
    return made


@pytest.mark.parametrize("how", COPIES)
def test_a_network_answers_the_same(net, how):
    copied = COPIES[how](net)
    assert np.array_equal(copied.run(X).integers, net.run(X).integers)
    assert np.array_equal(copied.run(X, "floating").outputs, net.run(X, "floating").outputs)
    assert copied.chip == net.chip and copied.precision == net.precision
    assert str(copied) == str(net) and str(copied.cost()) == str(net.cost())
    assert ltc2neuro.verify(copied, None, on=()).passed


@pytest.mark.parametrize("how", COPIES)
def test_what_it_returned_stays_the_same(net, library, how):
    run = net.run(X, record=["*tau"])
    copied = COPIES[how](run)
    assert np.array_equal(copied.outputs, run.outputs) and copied.saturations == run.saturations
    assert str(net.cost(copied)) == str(net.cost(run))
    assert np.array_equal(net.run(X, state=copied.final_state).integers, net.run(X, state=run.final_state).integers)
    verification = ltc2neuro.verify(net, None, X, on=())
    assert COPIES[how](verification) == verification
    assert str(COPIES[how](net.cost())) == str(net.cost())
    assert str(COPIES[how](net.placement)) == str(net.placement)
    assert np.array_equal(COPIES[how](library)(X), library(X))


def test_a_stream_goes_on_in_a_copy(net):
    stream = net.stream()
    stream.step(X[0, 0])
    stream.step(X[0, 1])
    copies = copy.deepcopy(stream), copy.deepcopy(stream), pickle.loads(pickle.dumps(stream)), stream
    for other in copies:
        assert np.array_equal(other.step(X[0, 2]), net.run(X[:1]).outputs[0, 2])


def test_an_error_comes_back_from_another_process_whole():
    error = InputError("too long", where="x", numbers="3 of 2", advice="Cut it.")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_precision_keeps_its_own_overrides():
    overrides = {"*": {"segments": 16}}
    precision = Precision(overrides=overrides)
    overrides["*"]["segments"] = 4
    assert precision.at("v").segments == 16


def test_joblib_runs_it_in_processes(net, library):
    joblib = pytest.importorskip("joblib", reason="comes with scikit-learn")
    with joblib.Parallel(n_jobs=2, max_nbytes=1, timeout=120) as parallel:  # arrays travel as read-only files
        parts = parallel(joblib.delayed(net)(x) for x in (X[:2], X[2:]))
        assert np.array_equal(np.concatenate(parts), net(X))
        (run,) = parallel([joblib.delayed(net.run)(X)])
        assert np.array_equal(run.integers, net.run(X).integers)
        (answers,) = parallel([joblib.delayed(library)(X)])
        assert np.array_equal(answers, library(X))
