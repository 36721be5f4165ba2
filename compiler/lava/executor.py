"""The executors that run in Lava and on Loihi 2, of networks with microcode and without. This imports no Lava."""

from __future__ import annotations

import numpy as np

from compiler.library_processes.executor import REFERENCE as LIBRARY_REFERENCE
from compiler.library_processes.executor import with_counts
from compiler.library_processes.process_graph import ProcessGraph
from compiler.mapping.options import Options, Overlap
from compiler.running.executor import Compiled, Executor, Job, Runner, Shows
from compiler.running.extra import LAVA as LAVA_PACKAGES
from compiler.running.interpreted import REFERENCE
from hw_models.chip import Chip
from hw_models.errors import ChipError


def refuses(chip: Chip) -> ChipError | None:
    """The chip's numbers must travel over Lava's stock connections."""
    if chip.lava:
        return None
    return ChipError(
        f"Lava does not run networks for chip {chip.name!r}",
        numbers=f"Lava's stock connections carry 24-bit messages and 8-bit weights; {chip.name} has "
        f"{chip.message_bits}-bit messages and {chip.weight_bits}-bit weights",
        advice="Run it on 'reference' or 'floating', or compile for chip='loihi2'.",
    )


def _prepare_mapped(net: Compiled) -> Runner:
    from compiler.lava.run import run_lava

    return lambda job: run_lava(lambda reset: net.mapped(reset, job.options), job.x, job.state)


def _prepare_fused(net: Compiled) -> Runner:
    from compiler.lava.run import run_lava

    alone = Options(Overlap.NONE, merged=False)  # a sample a tick: there is nothing that could overlap
    return lambda job: run_lava(lambda reset: net.mapped(reset, alone), job.x, job.state, fused=True)


def _prepare_loihi2(net: Compiled) -> Runner:
    from compiler.lava.hardware import run_loihi2

    reference = REFERENCE.prepare(net)

    def run(job: Job):
        expected = reference(Job(job.x)).outputs.astype(np.int64)
        return run_loihi2(lambda reset: net.mapped(reset, job.options), job.x, expected)

    return run


def _prepare_library(network: ProcessGraph) -> Runner:
    from compiler.lava.library_run import run_library

    return lambda job: with_counts(network, run_library(network, job.x))


def _prepare_library_loihi2(network: ProcessGraph) -> Runner:
    from compiler.lava.library_hardware import run_library_loihi2

    reference = LIBRARY_REFERENCE.prepare(network)

    def run(job: Job):
        expected = reference(Job(job.x))
        received = np.concatenate([expected.outputs, *(expected.states[name] for name in network.states)], axis=2)
        return with_counts(network, run_library_loihi2(network, job.x, received.astype(np.int64)))

    return run


LAVA = Executor(
    "lava",
    "the mapped network in Lava: a process a population, real ticks",
    _prepare_mapped,
    shows=Shows.STATES,
    mapped=True,
    needs=LAVA_PACKAGES,
    refuses=refuses,
    part=4,
    samples=32,
)
LAVA_FUSED = Executor(
    "lava-fused",
    "the mapped network in one process of Lava, many sequences side by side",
    _prepare_fused,
    shows=Shows.STATES,
    needs=LAVA_PACKAGES,
    refuses=refuses,
    part=512,
)
LOIHI2 = Executor(
    "loihi2",
    "the mapped network on the chip, where there is one",
    _prepare_loihi2,
    shows=Shows.NOTHING,
    starts=False,
    mapped=True,
    simulates=False,
    needs=LAVA_PACKAGES,
    refuses=refuses,
)
LIBRARY = Executor(
    "lava",
    "Lava's library processes: a graph for each sequence, real ticks",
    _prepare_library,
    shows=Shows.STATES,
    counts=True,
    starts=False,
    needs=LAVA_PACKAGES,
    part=4,
    samples=32,
)
LIBRARY_LOIHI2 = Executor(
    "loihi2",
    "Lava's library processes on the chip, where there is one",
    _prepare_library_loihi2,
    shows=Shows.STATES,
    counts=True,
    starts=False,
    simulates=False,
    needs=LAVA_PACKAGES,
)
