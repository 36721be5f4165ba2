"""The neurons of a compiled network on the cores of a chip."""

from __future__ import annotations

from compiler.mapping.options import Options
from compiler.placement.placement import Placement
from compiler.placement.search import memory_of, place
from compiler.running.prepared import Prepared
from hw_models.chip import Chip


def placed(net: Prepared, chip: Chip, cores: int = 1, options: Options | None = None) -> Placement:
    """The network's neurons on cores of `chip`, at least on so many. Raises `ChipError` where they do not fit."""
    memory_of(chip)  # before anything is mapped
    return place(net.on(chip).mapped(options=options), chip, spread=cores)
