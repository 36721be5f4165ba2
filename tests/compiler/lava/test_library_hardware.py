"""Library networks on the way to Loihi 2: results are found wherever ticks are lost, and what is missing is said."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hw_models.arrays import Integers
from hw_models.errors import LavaError, MissingExtraError

try:
    import compiler.lava.runtime.import_lava  # noqa: F401
except (LavaError, MissingExtraError) as missing:
    pytest.skip(str(missing), allow_module_level=True)

from lava.proc.dense.process import DelayDense

from compiler.lava.library_hardware import found, run_library_loihi2, run_library_on
from compiler.lava.library_run import simulator
from compiler.lava.runtime.targets import PortPair, Target
from compiler.library_processes.build import build
from compiler.library_processes.options import LibraryForm
from compiler.library_processes.process_graph import ProcessGraph
from compiler.library_processes.reference import run_processes
from compiler.ranges.observed import Observed

sys.path.insert(0, str(Path(__file__).parents[1] / "library_processes"))
from library_graphs import entered, ltc, samples, simplified

pytestmark = pytest.mark.timeout(120)


def ticks_later(ticks: int) -> Callable[[tuple[int, ...]], PortPair]:
    """An adapter of stock processes that hands 24-bit integers on `ticks` ticks later."""

    def make(shape: tuple[int, ...]) -> PortPair:
        once = np.eye(int(np.prod(shape)), dtype=int)
        process = DelayDense(weights=once, delays=(ticks - 1) * once, max_delay=ticks - 1, num_message_bits=24)
        return process.s_in, process.a_out

    return make


@pytest.fixture(scope="module")
def network() -> ProcessGraph:
    return build(Observed(simplified(ltc(units=4)), list(samples())), LibraryForm(8))


def received(network: ProcessGraph, x: Integers) -> Integers:
    """What the sink receives of one sequence, by the reference."""
    run = run_processes(network, x[None])
    return np.concatenate([run.outputs, *(run.states[n] for n in network.states)], axis=2)[0].astype(np.int64)


@pytest.mark.parametrize("lost", [(0, 0), (1, 0), (0, 1), (2, 3)])
def test_the_results_are_the_same_wherever_ticks_are_lost(network: ProcessGraph, lost: tuple[int, int]) -> None:
    (x,) = entered(network, samples(batch=1, time=4, seed=1))
    enter, leave = (ticks_later(ticks) if ticks else None for ticks in lost)
    expected = received(network, x)
    got = run_library_on(Target("late", simulator, enter, leave), network, x, expected, deadline_s=60)
    assert np.array_equal(got, expected) and expected.any()


def test_wrong_results_are_shown_not_repaired_and_nothing_is_guessed(network: ProcessGraph) -> None:
    expected = np.arange(1, 3 * network.sink.size + 1).reshape(3, -1)
    arrived = np.zeros((network.latency + 3 * network.ticks_per_sample + 9, network.sink.size), np.int32)
    arrived[network.latency + 2 :: network.ticks_per_sample][:3] = expected
    arrived[network.latency + 2 + network.ticks_per_sample] += 1
    assert np.array_equal(found(arrived, expected, network) - expected, np.outer([0, 1, 0], np.ones(expected.shape[1])))
    with pytest.raises(LavaError, match="none of 3 results"):
        found(arrived + 7, expected, network)
    assert np.array_equal(found(np.roll(arrived, 6, axis=0), expected, network), found(arrived, expected, network))
    with pytest.raises(LavaError, match="at none of 9 delays"):  # each way takes 4 ticks at most
        found(np.roll(arrived, 7, axis=0), expected, network)


def test_without_the_extension_one_error_says_what_is_missing(network: ProcessGraph) -> None:
    (x,) = entered(network, samples(batch=1, time=1))
    with pytest.raises(MissingExtraError, match="lava-loihi"):
        run_library_loihi2(network, x[None], received(network, x)[None])
