"""What a network of library processes takes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar

from compiler.rules import errors
from compiler.rules.library_processes import chip_findings, network_findings
from hw_models.chip import Chip
from hw_models.errors import ChipError, PlacementError
from hw_models.notebook_repr import Shown
from ltc2neuro.library_network.record import LibraryRecord
from ltc2neuro.library_network.refusals import NeedsMicrocode

PLACED_BY_LAVA = "on which cores its neurons lie, Lava's compiler decides"


@dataclass(frozen=True, repr=False)
class LibraryCost(Shown):
    """What a network of library processes takes: `print` it. On which cores it lies, Lava's compiler decides."""

    chip: Chip
    neurons: int
    """on the chip"""
    synapses: int
    """weights that are not zero, each half of a split one and each bias counted"""
    processes: int
    """Lava's, the host's two ends included"""
    iterations: int
    """of the network's loop in a sample"""
    ticks_per_sample: int
    latency_ticks: int

    placement: ClassVar[NeedsMicrocode] = NeedsMicrocode(PLACED_BY_LAVA)

    def plain(self) -> dict[str, object]:
        """All numbers, for JSON; it fits as far as the chip's design rules tell."""
        return {**asdict(self), "chip": self.chip.name, "fits": True}

    def __str__(self) -> str:
        parts = f"{self.neurons:,} neurons, {self.synapses:,} synapses, {self.processes} processes of Lava"
        times = "1 iteration" if self.iterations == 1 else f"{self.iterations} iterations"
        loop = f"{times} of {self.ticks_per_sample // self.iterations} ticks a sample"
        first = f"the first result is out at tick {self.latency_ticks}"
        on = f"Cost on {self.chip.title} ({self.chip.name})"
        return f"{on}\n{parts}, {self.ticks_per_sample} ticks a sample\n{loop}; {first}"


def library_cost(record: LibraryRecord, chip: Chip) -> LibraryCost:
    """What `record` takes on `chip`, which runs it."""
    made = record.processes
    return LibraryCost(
        chip, made.neurons, made.synapses, made.processes, made.repeat, made.ticks_per_sample, made.latency
    )


def require_fit(record: LibraryRecord, chip: Chip) -> None:
    """Raise `ChipError` where `chip` runs no such networks, `PlacementError` where it has no room for this one."""
    against = chip_findings(chip, record.float_graph)
    for first in against or errors(network_findings(chip, record.processes)):
        raise (ChipError if against else PlacementError)(
            first.message,
            where=", ".join(dict.fromkeys((f"chip {chip.name}", first.where))),
            numbers="; limit: ".join(filter(None, (first.numbers, first.limit))),
            advice=first.advice,
        )
