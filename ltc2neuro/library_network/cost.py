"""What a network of library processes takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import NoReturn, TypeAlias

from compiler.library_processes.process_graph import ProcessGraph
from hw_models.errors import InputError
from hw_models.notebook_repr import Shown

Refuses: TypeAlias = Callable[..., NoReturn]


def needs_microcode(*_: object, **__: object) -> NoReturn:
    """Raise `InputError`: only a network with microcode has it."""
    raise InputError(
        "a network of library processes has no programs, mapping or placement of its own",
        advice="Compile the model with microcode=True for these; net.cost() shows what this one takes.",
    )


@dataclass(frozen=True, repr=False)
class LibraryCost(Shown):
    """What a network of library processes takes: `print` it. On which cores it lies, Lava's compiler decides."""

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

    @property
    def placement(self) -> NoReturn:
        """Raises `InputError`: it needs microcode."""
        needs_microcode()

    def plain(self) -> dict[str, object]:
        """All numbers, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        parts = f"{self.neurons:,} neurons, {self.synapses:,} synapses, {self.processes} processes of Lava"
        times = "1 iteration" if self.iterations == 1 else f"{self.iterations} iterations"
        loop = f"{times} of {self.ticks_per_sample // self.iterations} ticks a sample"
        first = f"the first result is out at tick {self.latency_ticks}"
        return f"{parts}, {self.ticks_per_sample} ticks a sample\n{loop}; {first}"


def library_cost(net: ProcessGraph) -> LibraryCost:
    """What `net` takes."""
    return LibraryCost(net.neurons, net.synapses, net.processes, net.repeat, net.ticks_per_sample, net.latency)
