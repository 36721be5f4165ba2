"""`on="simulator"`: the mapped network tick by tick in NumPy, all sequences side by side; on any operating system."""

from __future__ import annotations

import numpy as np

from compiler.interpreters.execution import Execution
from compiler.mapping.mapped_network import MappedNetwork
from compiler.running.executor import Compiled, Executor, Job, Runner, Shows
from compiler.running.extra import Extra
from compiler.simulator.machine import Machine
from hw_models.chip import LAVA_WIDTHS, Chip
from hw_models.errors import ChipError


def _prepare(net: Compiled) -> Runner:
    return lambda job: run_simulated(net.mapped(options=job.options), job)


def run_simulated(network: MappedNetwork, job: Job) -> Execution:
    """Run integers (batch, time, features): all outputs, and all states after each sample."""
    batch, steps, _ = job.x.shape
    initial = None if job.state is None else {name: state.T for name, state in job.state.items()}
    machine = Machine(network, batch, initial)
    outputs, states = machine.run_recorded(job.x)
    ends = {n: s[:, -1] for n, s in states.items()} if steps else {n: s.T for n, s in machine.states_now().items()}
    tracks = {name: s.astype(np.int64) for name, s in states.items()}
    return Execution(outputs.astype(np.int64), tracks, {}, {}, {name: s.astype(np.int64) for name, s in ends.items()})


def _refuses(chip: Chip) -> ChipError | None:
    """Its words have 32 bits, as Lava's."""
    for key, most in LAVA_WIDTHS.items():
        if getattr(chip, key) > most:
            return ChipError(
                f"the simulator does not run networks for chip {chip.name!r}",
                numbers=f"{key} is {getattr(chip, key)}, the simulator has {most} bits",
                advice="Run it on 'reference' or 'floating', or compile for chip='loihi2'.",
            )
    return None


SIMULATOR = Executor(
    "simulator",
    "the mapped network tick by tick in NumPy, without Lava",
    _prepare,
    shows=Shows.STATES,
    mapped=True,
    needs=Extra("simulator", ("scipy",), "the simulator"),
    refuses=_refuses,
    part=512,
)
