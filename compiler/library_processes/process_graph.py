"""A network of Lava's library processes, in integers: populations, connections, and when each sends.

`docs/without-microcode.md` says what each computes. Ticks are counted from the iteration's first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np

from hw_models.arrays import Floats, Integers, slices_of

CONSTANTS = (1, 2**7, 2**14)
"""What the source sends besides the sample's features: biases are weights on these."""
BIAS_EXPONENT = -1
"""of the connections that carry biases: with even weights, a step of 1"""


def factors_of(population: str) -> str:
    """The name under which the bits of a population's factors go."""
    return f"factors of {population}"


class Kind(Enum):
    """What a population is made of; the value is the name of Lava's process."""

    SOURCE = "source"
    HINGES = "GradedReluVec"
    PRODUCTS = "ProdNeuron"
    ROOTS = "InvSqrt"
    RELAYS = "GradedVec"
    SINK = "sink"


@dataclass(frozen=True)
class Functions:
    """Hinges start .. start + size * count of a population are `size` functions of `count` hinges each.

    All hinges of a function receive the same sum; only their biases, the knots, differ.
    """

    start: int
    size: int
    count: int


@dataclass(frozen=True)
class ProcessPopulation:
    """Neurons of one kind that send at the same tick, `level` ticks after their iteration began.

    `shift` is by how many bits products go down; `functions` says which hinges belong together.
    """

    name: str
    kind: Kind
    size: int
    level: int
    shift: int = 0
    functions: tuple[Functions, ...] = ()


@dataclass(frozen=True)
class ProcessConnection:
    """sum = (weights @ messages) * 2^exponent, floored; it arrives `delay` + 1 ticks after it was sent.

    Weights (size of the target, size of the source) are even and within -256..254: 8 bits of mixed signs. `before`
    says that the messages are those of the iteration before. Both ports of a square receive the same sum.
    """

    name: str
    source: str
    target: str
    ports: tuple[int, ...]
    weights: Integers
    exponent: int
    delay: int
    before: bool
    is_bias: bool = False
    """whether it reads the source's constants, and nothing else does"""


@dataclass(frozen=True)
class StatePlace:
    """Where a state is: elements start..stop of a population's messages, and the real weight of their LSBs.

    What lies beyond `low` or `high` has saturated: it is read as if it lay there.
    """

    population: str
    start: int
    stop: int
    lsb: Floats
    low: Integers
    high: Integers


@dataclass(frozen=True)
class ProcessGraph:
    """The whole. The sink receives the outputs and, after them, every state in the order of `states`."""

    populations: Mapping[str, ProcessPopulation]
    """in the order of their levels"""
    connections: tuple[ProcessConnection, ...]
    states: Mapping[str, StatePlace]
    input_lsb: Floats
    output_lsb: Floats
    input_limit: int
    """The source's integers lie within -limit..limit."""
    period: int
    """ticks from iteration to iteration"""
    repeat: int
    """iterations a sample"""

    @property
    def sink(self) -> ProcessPopulation:
        """What the host receives."""
        return self.populations[Kind.SINK.value]

    @property
    def features(self) -> int:
        """Channels of a sample."""
        return self.input_lsb.size

    @property
    def outputs(self) -> int:
        """Elements of the result."""
        return self.output_lsb.size

    @property
    def received_states(self) -> Mapping[str, slice]:
        """Which of the elements that the sink receives each state is."""
        sizes = (place.stop - place.start for place in self.states.values())
        return dict(zip(self.states, slices_of(sizes, self.outputs), strict=True))

    @property
    def ticks_per_sample(self) -> int:
        """Ticks from one sample to the next."""
        return self.period * self.repeat

    @property
    def latency(self) -> int:
        """The tick at which the first sample's result arrives."""
        return (self.repeat - 1) * self.period + self.sink.level

    @property
    def neurons(self) -> int:
        """On the chip: the host's two ends do not count."""
        return sum(p.size for p in self.populations.values() if p.kind not in (Kind.SOURCE, Kind.SINK))

    @property
    def synapses(self) -> int:
        """Weights that are not zero, each half of a split one and each bias counted."""
        return sum(int(np.count_nonzero(c.weights)) for c in self.connections)

    @property
    def processes(self) -> int:
        """Lava's processes, the host's two ends counted."""
        return len(self.populations) + len(self.connections)
