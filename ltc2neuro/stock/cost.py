"""What a network of library processes takes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from compiler.mapping.options import Options
from compiler.stock.network import ProcessGraph
from hw_models.chip import Chip
from hw_models.errors import InputError
from ltc2neuro.compiled.runs import Run


def needs_microcode(*_: object, **__: object) -> NoReturn:
    """Raise `InputError`: only a network with microcode has it."""
    raise InputError(
        "a network of library processes has no programs, mapping or placement of its own",
        advice="Compile the model with microcode=True for these; net.cost() shows what this one takes.",
    )


@dataclass(frozen=True)
class LibraryCost:
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

    placement = property(needs_microcode)

    def plain(self) -> dict[str, object]:
        """All numbers, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        parts = f"{self.neurons:,} neurons, {self.synapses:,} synapses, {self.processes} processes of Lava"
        loop = f"{self.iterations} iterations of {self.ticks_per_sample // self.iterations} ticks a sample"
        first = f"the first result is out at tick {self.latency_ticks}"
        return f"{parts}, {self.ticks_per_sample} ticks a sample\n{loop}; {first}"


def cost(
    net: ProcessGraph,
    run: Run | None = None,
    chip: Chip | str | Path | None = None,
    cores: int = 1,
    options: Options | None = None,
) -> LibraryCost:
    """What `net` takes. Raises `InputError` for what is asked of a mapping, which it has none of."""
    if run is not None or chip is not None or cores != 1 or options is not None:
        raise InputError(
            "Lava's compiler maps and places a network of library processes: its cost is that of no run, chip or cores",
            advice="Leave them out: net.cost(). Compile the model with microcode=True to choose them.",
        )
    return LibraryCost(net.neurons, net.synapses, net.processes, net.repeat, net.ticks_per_sample, net.latency)
