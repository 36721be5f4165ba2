"""What a mapped network does on the machine, to compare two of them."""

from __future__ import annotations

import numpy as np

from compiler.mapping import MappedNetwork
from compiler.simulator.machine import Machine


def outcome(network: MappedNetwork, samples: int = 4) -> list:
    """What leaves the network in each tick of a few samples, and the states at last."""
    x = np.random.default_rng(3).integers(-(2**15) + 1, 2**15, (samples, network.input_size, 2)).astype(np.int32)
    machine = Machine(network, lanes=2)
    found: list = []
    for tick in range(samples * network.ticks_per_sample):
        sample, phase = divmod(tick, network.ticks_per_sample)
        leaving = machine.tick(x[sample] if phase == 0 else 0)
        found.append(np.broadcast_to(leaving, (network.output_size, 2)).tolist())
    return [*found, {name: state.tolist() for name, state in machine.states.items()}]
