"""Lava's library processes compute the reference's integers."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from hw_models.errors import LavaError, MissingExtraError

try:
    import compiler.lava.runtime.import_lava  # noqa: F401
except (LavaError, MissingExtraError) as missing:
    pytest.skip(str(missing), allow_module_level=True)

from lava.proc.graded.models import inv_sqrt

from compiler.lava.library_run import iterations, run_library
from compiler.library_processes.build import build
from compiler.library_processes.options import LibraryForm, Reciprocal
from compiler.library_processes.process_graph import CONSTANTS
from compiler.library_processes.reference import inverse_root, run_processes
from compiler.ranges.observed import Observed

sys.path.insert(0, str(Path(__file__).parents[1] / "library_processes"))
from library_graphs import entered, gated, ltc, quotient, samples, simplified

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("reciprocal", Reciprocal)
def test_an_ltc_is_equal(reciprocal: Reciprocal) -> None:
    x = samples(batch=2, time=4)
    network = build(Observed(simplified(ltc(units=4)), list(samples())), LibraryForm(8, reciprocal=reciprocal))
    integers = entered(network, x)
    expected, got = run_processes(network, integers), run_library(network, integers, deadline_s=60)
    assert np.array_equal(got.outputs, expected.outputs)
    (state,) = network.states
    assert np.array_equal(got.states[state], expected.states[state]) and got.states[state].any()
    assert np.array_equal(got.final[state], expected.final[state])


@pytest.mark.parametrize("split", [True, False])
def test_gates_are_equal_with_split_weights_and_without(split: bool) -> None:
    x = samples(batch=1, time=5, features=4)
    network = build(Observed(simplified(gated()), list(samples(features=4))), LibraryForm(8, split_weights=split))
    integers = entered(network, x)
    expected, got = run_processes(network, integers), run_library(network, integers, deadline_s=60)
    assert np.array_equal(got.outputs, expected.outputs) and np.array_equal(got.states["h"], expected.states["h"])


def test_a_network_without_state_is_equal_and_clipped_inputs_too() -> None:
    network = build(Observed(simplified(quotient(0.5)), list(samples())), LibraryForm(8))
    integers = entered(network, 100 * samples(batch=1, time=4))
    assert np.abs(integers).max() == network.input_limit
    assert np.array_equal(
        run_library(network, integers, deadline_s=60).outputs, run_processes(network, integers).outputs
    )


@pytest.mark.parametrize("time", [1, 3])
def test_the_source_holds_the_last_sample_until_the_result_is_out(time: int) -> None:
    network = build(Observed(simplified(ltc(units=4)), list(samples())), LibraryForm(8))
    x = entered(network, samples(batch=1, time=time))[0]
    rows = iterations(network, x).values
    count = time * network.repeat
    assert len(rows) > count and network.repeat == 3
    assert np.array_equal(rows[:count, : network.features], np.repeat(x, 3, axis=0))
    assert np.all(rows[count:, : network.features] == x[-1])
    assert np.all(rows[:, network.features :] == CONSTANTS)


def test_nothing_to_run() -> None:
    network = build(Observed(simplified(quotient(0.5)), list(samples())), LibraryForm(8))
    assert run_library(network, np.zeros((2, 0, 3), np.int64)).outputs.shape == (2, 0, 3)
    assert run_library(network, np.zeros((0, 4, 3), np.int64)).outputs.shape == (0, 4, 3)


def test_the_root_is_lavas() -> None:
    rng = np.random.default_rng(0)
    powers = 2 ** np.arange(1, 23)
    x = np.unique(np.concatenate([np.arange(1, 300), powers, powers - 1, powers + 1, rng.integers(1, 2**23, 2000)]))
    assert np.array_equal(inverse_root(x), [inv_sqrt(int(n)) for n in x])
