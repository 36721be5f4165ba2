"""`run_lava`: batches, states handed on, empty runs, failures; all integers as plain NumPy has them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hw_models.arrays import Integers
from hw_models.errors import LavaError, MissingExtraError

try:
    import compiler.lava.runtime.import_lava  # noqa: F401
except (LavaError, MissingExtraError) as missing:
    pytest.skip(str(missing), allow_module_level=True)

import logging

from lava.magma.core.process.process import ProcessServer

from compiler.lava.run import run_lava
from compiler.lava.selftest import selftest
from compiler.mapping.mapped_network import MappedNetwork

pytestmark = pytest.mark.timeout(60)
MapFor = Callable[[int | None], MappedNetwork]
Expected = Callable[[Integers, Integers], tuple[Integers, Integers]]


def inputs(batch: int, time: int) -> Integers:
    return np.random.default_rng(3).integers(-3000, 3000, (batch, time, 3))


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
def test_outputs_and_states_at_every_sample(integrator: MapFor, expected: Expected, batch: int, fused: bool) -> None:
    x = inputs(batch, 7)
    run = run_lava(integrator, x, None, fused=fused)
    for i in range(batch):
        outputs, states = expected(x[i], np.zeros(4, np.int64))
        assert np.array_equal(run.outputs[i], outputs)
        assert np.array_equal(run.states["rnn.v"][i], states)
        assert np.array_equal(run.final["rnn.v"][i], states[-1])
    assert run.outputs.dtype == run.states["rnn.v"].dtype == np.int64
    assert not run.saturations


@pytest.mark.parametrize("fused", [False, True])
def test_two_runs_with_the_state_handed_on_equal_one(integrator: MapFor, fused: bool) -> None:
    x = inputs(2, 9)
    whole = run_lava(integrator, x, None, fused=fused)
    first = run_lava(integrator, x[:, :4], None, fused=fused)
    second = run_lava(integrator, x[:, 4:], first.final, fused=fused)
    assert np.array_equal(np.concatenate([first.outputs, second.outputs], 1), whole.outputs)
    assert np.array_equal(np.concatenate([first.states["rnn.v"], second.states["rnn.v"]], 1), whole.states["rnn.v"])
    assert np.array_equal(second.final["rnn.v"], whole.final["rnn.v"])


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize(("batch", "time"), [(0, 5), (2, 0), (0, 0)])
def test_nothing_to_run(integrator: MapFor, fused: bool, batch: int, time: int) -> None:
    given = {"rnn.v": np.arange(4 * batch).reshape(batch, 4)}
    for state, final in ((None, np.zeros((batch, 4))), (given, given["rnn.v"])):
        run = run_lava(integrator, inputs(batch, time), state, fused=fused)
        assert run.outputs.shape == (batch, time, 3)
        assert run.states["rnn.v"].shape == (batch, time, 4)
        assert np.array_equal(run.final["rnn.v"], final)


def test_a_deadline_is_kept(integrator: MapFor) -> None:
    with pytest.raises(LavaError, match="in time"):
        run_lava(integrator, inputs(1, 10**5), None, fused=False, deadline_s=0.3)


def test_runs_leave_neither_processes_nor_log_handlers_behind(integrator: MapFor) -> None:
    handlers, processes = list(logging.getLogger().handlers), len(ProcessServer().processes)
    for fused in (False, True):
        run_lava(integrator, inputs(2, 3), None, fused=fused)
    assert logging.getLogger().handlers == handlers
    assert len(ProcessServer().processes) == processes


def test_selftest_says_what_happened() -> None:
    assert "two Lava processes exchanged 100 integers" in selftest()
