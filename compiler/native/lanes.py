"""A network as machine code that takes a sample of all its lanes at a time, for a process of Lava."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from compiler.native.executor import NativeRunner
from compiler.ranges.proven import Proven
from compiler.running.executor import BEYOND, Ends
from hw_models.arrays import Array
from hw_models.errors import GraphError


class NativeLanes:
    """What `compiler.simulator.machine.Machine` does with the mapped network, lane beside lane, without its listing.

    States start from `initial` (size, lanes), where it names them, and every `reset_interval` samples from the model's.
    """

    def __init__(
        self, proven: Proven, lanes: int, initial: Mapping[str, Array], reset_interval: int | None = None
    ) -> None:
        graph = proven.graph
        inwards, outwards = np.ones(graph.size(graph.entry.out)), np.ones(graph.size(graph.answer.x))
        same = Ends(inwards, 0 * inwards, 2.0 ** (proven.bits - 2), outwards, 0 * outwards)
        self._stepper = NativeRunner(proven).stepper(lanes, same)
        self._interval, self._taken = reset_interval, 0
        self._stepper.begin(None)
        self.set_states(initial)

    @property
    def states(self) -> dict[str, Array]:
        """After the latest sample, (size, lanes) by name."""
        return {name: state.T for name, state in self._stepper.states().items()}

    def set_states(self, states: Mapping[str, Array]) -> None:
        """Go on from these, (size, lanes)."""
        given = {name: state.T for name, state in states.items()}
        self._stepper.begin({**self._stepper.states(), **given})

    def sample(self, x: Array) -> Array:
        """Integers (features, lanes) to integers (outputs, lanes)."""
        if self._taken == self._interval:
            self._stepper.begin(None)
            self._taken = 0
        self._stepper.x[:] = x.T
        if self._stepper.step() == BEYOND:
            raise GraphError("a sample is beyond the words of this network")
        self._taken += 1
        return self._stepper.y.T.astype(np.int64)
