"""What connects populations: message ports, sum ports, and the synapses between them."""

from __future__ import annotations

from dataclasses import dataclass

from hw_models.arrays import Integers


@dataclass(frozen=True)
class Port:
    """Message port (as a source) or sum port (as a target) number `index` of a population.

    `population` None stands for the network's own input (as a source) or output (as a target).
    """

    population: str | None
    index: int = 0


@dataclass(frozen=True)
class Connection:
    """Synapses of one sign: what `source` sends arrives `delay + 1` ticks later in `target`'s sum.

    Coordinates of the sparse matrix (targets, sources): `rows`, `columns`, `weights`; all weights >= 0
    or all <= 0, magnitudes up to the chip's.
    """

    name: str
    source: Port
    target: Port
    shape: tuple[int, int]
    rows: Integers
    columns: Integers
    weights: Integers
    delay: int = 0
