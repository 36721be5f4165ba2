"""How the same integers lie on the chip: on how many cores, and how far samples overlap. No decibel depends on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from compiler.mapping.options import Options, Overlap
from hw_models.errors import PlacementError
from ltc2neuro.compiled.parts import Parts
from ltc2neuro.cost.costing import cost
from ltc2neuro.cost.sample_cost import Cost

ENOUGH = 0.5
"""More cores must save this part of what they would without barriers and messages: a quarter, for twice as many"""
OVERLAPS = {"time": Overlap.LAYERS, "energy": Overlap.LAYERS, "latency": Overlap.NONE}
"""What lays out changes, and the overlap that may be better for it than the mapping's default"""


@dataclass(frozen=True)
class Deployment:
    """What `net.cost` takes besides the network: the least number of cores, and the overlap of samples."""

    cores: int = 1
    overlap: Overlap = Overlap.BLOCKS

    @property
    def options(self) -> Options | None:
        """As `net.cost`, `net.mapped` and `net.to_lava` take them; None: the default."""
        return None if self.overlap is Overlap.BLOCKS else Options(self.overlap)

    def of(self, parts: Parts) -> Cost:
        """What a sample costs in this deployment. Raises what `net.cost` raises."""
        return cost(parts, cores=self.cores, options=self.options)

    def __str__(self) -> str:
        """The arguments of `net.cost`."""
        own = [] if self.cores == 1 else [f"cores={self.cores}"]
        return ", ".join(own if self.options is None else [*own, f"options=Options(Overlap.{self.overlap.name})"])


def best_deployment(parts: Parts, minimise: str, spent: Callable[[Cost], float], most_cores: int | None) -> Deployment:
    """The one in which `parts` costs least, on as many cores as are worth it: see `search`."""
    deployment = Deployment()
    if minimise not in OVERLAPS:
        return deployment
    now, other = deployment.of(parts), Deployment(overlap=OVERLAPS[minimise])
    if spent(found := other.of(parts)) < spent(now):
        deployment, now = other, found
    fewest, most = now.placement.count, _room(now, most_cores)
    cores = fewest  # of as many cores, those that are filled evenly may be faster
    while cores <= most:
        try:
            found = replace(deployment, cores=cores).of(parts)
        except PlacementError:
            return deployment
        count, gain = found.placement.count, 1 - spent(found) / spent(now)
        if count <= most and gain > 0 and gain >= ENOUGH * (1 - now.placement.count / count):
            deployment, now = replace(deployment, cores=cores), found
        elif cores > fewest:
            return deployment
        cores = min(2 * cores, most) if cores < most else most + 1
    return deployment


def _room(now: Cost, most_cores: int | None) -> int:
    """On how many cores it may lie: more than it has neurons would be empty."""
    chip, most = now.chip, now.placement.network.neurons
    most = most if chip.cores is None else min(most, chip.cores * chip.chips)
    return most if most_cores is None else min(most, most_cores)
