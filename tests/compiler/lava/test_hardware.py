"""What of the way to Loihi 2 the public parts of Lava can show: late inputs, late results, signs, what is missing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw_models.errors import LavaError, MissingExtraError

try:
    from compiler.lava.runtime import import_lava
except (LavaError, MissingExtraError) as missing:
    pytest.skip(str(missing), allow_module_level=True)

from graph_strategies import integer_graphs
from lava.proc.dense.process import DelayDense, Dense
from lava.utils import loihi

from compiler.graph import Graph
from compiler.interpreters.reference import run_reference
from compiler.lava.hardware import LATEST, aligned, run_loihi2, run_on, sign_extended
from compiler.lava.runtime.targets import CPU, PortPair, Target, loihi2, require_neuron_model
from compiler.mapping import map_network
from compiler.mapping.mapped_network import MappedNetwork
from hw_models.chip import load_chip

pytestmark = pytest.mark.timeout(240)
CHIP = load_chip("loihi2")


def ticks_later(ticks: int) -> Callable[[tuple[int, ...]], PortPair]:
    """An adapter of stock processes that hands 24-bit integers on `ticks` ticks later."""

    def make(shape: tuple[int, ...]) -> PortPair:
        size = int(np.prod(shape))
        once = np.eye(size, dtype=int)
        if ticks == 1:
            process = Dense(weights=once, num_message_bits=24)
        else:
            process = DelayDense(weights=once, delays=(ticks - 1) * once, max_delay=ticks - 1, num_message_bits=24)
        return process.s_in, process.a_out

    return make


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(integer_graphs(), st.integers(0, 2**32 - 1), st.sampled_from([(0, 0), (0, 1), (1, 0), (2, 1), (1, 2)]))
def test_the_results_are_the_same_wherever_ticks_are_lost(graph: Graph, seed: int, lost: tuple[int, int]) -> None:
    network = map_network(graph, CHIP)
    lost = (min(lost[0], network.ticks_per_sample - 1), lost[1])
    x = np.random.default_rng(seed).integers(-(2**15) + 1, 2**15, (1, 5, network.input_size))
    expected = run_reference(graph, x).outputs[0].astype(np.int64)
    enter, leave = (ticks_later(ticks) if ticks else None for ticks in lost)
    outputs = run_on(Target("late", CPU.run_config, enter, leave), network, x[0], expected, 60)
    assert np.array_equal(outputs, expected)


@settings(deadline=None)
@given(st.data())
def test_results_are_found_at_any_delay(data: st.DataObject) -> None:
    period, samples = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 6))
    latency, late = data.draw(st.integers(0, 20)), data.draw(st.integers(0, LATEST))
    rows = data.draw(st.lists(st.integers(-(2**23), 2**23 - 1), min_size=samples, max_size=samples))
    arrived = np.zeros((latency + samples * period + LATEST + 1, 1), np.int64)
    arrived[latency + late : latency + late + samples * period : period, 0] = rows
    expected = np.array(rows).reshape(-1, 1)
    assert np.array_equal(aligned(arrived, expected, latency, period), expected)


def test_a_wrong_result_is_shown_not_repaired() -> None:
    arrived = np.zeros((20, 1), np.int64)
    arrived[[4, 8, 12], 0] = 5, 6, 8
    assert aligned(arrived, np.array([[5], [6], [7]]), latency=3, period=4)[:, 0].tolist() == [5, 6, 8]


def test_what_fits_no_delay_is_refused_with_its_ticks() -> None:
    arrived = np.zeros((20, 1), np.int64)
    arrived[[3, 8], 0] = 1
    with pytest.raises(LavaError, match=r"every 4 ticks from tick 3.*nonzero at ticks 3, 8"):
        aligned(arrived, np.ones((3, 1), np.int64), latency=3, period=4)


@given(st.integers(-(2**23), 2**23 - 1))
def test_a_sign_survives_24_bits(value: int) -> None:
    assert sign_extended(np.array([value & 0xFFFFFF], np.int32)) == value


def test_without_the_extension_one_error_says_what_is_missing(
    integrator: Callable[[int | None], MappedNetwork],
) -> None:
    with pytest.raises(MissingExtraError, match="lava-loihi") as error:
        run_loihi2(integrator, np.zeros((1, 1, 3), np.int64), np.zeros((1, 1, 2), np.int64))
    assert import_lava.VERSION in str(error.value)


def test_half_an_extension_and_a_missing_host_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loihi, "is_installed", lambda: True)
    monkeypatch.setattr(loihi, "host", None)
    with pytest.raises(LavaError, match="no host of a Loihi 2 is chosen"):
        loihi2()
    monkeypatch.setattr(loihi, "host", "board")
    with pytest.raises(MissingExtraError, match="embedded_io"):
        loihi2()


def test_populations_never_fall_back_to_the_host() -> None:
    with pytest.raises(LavaError, match="no model for a neuro-core"):
        require_neuron_model()
