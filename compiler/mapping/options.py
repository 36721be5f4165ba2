"""What a user may choose about a mapping."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from hw_models.arguments import check_count, check_flag
from hw_models.errors import InputError


class Overlap(Enum):
    """How much of a sample may run while the one before is still in the network. No choice changes an integer.

    `NONE`: nothing. The result of a sample is out before the next one enters, and states can be set between samples.
    `BLOCKS`: whatever reads no state, as the input's synapses of an LTC. All states belong to one sample at a time.
    `LAYERS`: a pipeline. Each layer works on a sample of its own; a sample takes the ticks of the slowest one.
    """

    NONE = "none"
    BLOCKS = "blocks"
    LAYERS = "layers"


@dataclass(frozen=True)
class Options:
    """How a graph is mapped.

    `merged`: whether a solver's synapses on the input and those on its states are one population, which must be
    exact; None: where it is, and takes fewer ticks a sample, or as many with fewer instructions and messages.
    `ticks_per_sample`: the ticks from one sample to the next; None: the fewest.
    """

    overlap: Overlap = Overlap.BLOCKS
    merged: bool | None = None
    ticks_per_sample: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.overlap, Overlap):
            choices = ", ".join(f"Overlap.{o.name}" for o in Overlap)
            raise InputError("overlap must be an Overlap", numbers=f"{self.overlap!r}", advice=f"Use one of {choices}.")
        if self.merged is not None:
            object.__setattr__(self, "merged", check_flag(self.merged, "merged"))
        if self.ticks_per_sample is not None:
            object.__setattr__(self, "ticks_per_sample", check_count(self.ticks_per_sample, "ticks_per_sample"))
