"""Placing a network: first fit, and an order by messages. Deterministic: the same network, the same cores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from compiler.mapping.mapped_network import MappedNetwork
from compiler.placement.core_filling import Filler
from compiler.placement.deliveries import axon_map_entries
from compiler.placement.lower_bound import too_large
from compiler.placement.neuron_order import Order, Piece
from compiler.placement.orders import around_states, by_populations
from compiler.placement.placement import Placement
from hw_models.chip import Chip
from hw_models.constants import Memory
from hw_models.errors import ChipError, PlacementError


def first_fit(network: MappedNetwork, chip: Chip, bits: float | None = None) -> Placement:
    """Populations in their order, each row in the first core with room; `bits` a packed synapse, by default the file's.

    Raises `PlacementError` where a neuron fits no core, `ChipError` where the chip's file does not tell its memory.
    The chip's cores may be too few: see `place`.
    """
    return _filled(Filler(network, memory_of(chip), bits), chip, by_populations(network))


def place(
    network: MappedNetwork,
    chip: Chip,
    bits: float | None = None,
    spread: int = 1,
    keep: Callable[[Callable[[], Placement]], Placement] = lambda make: make(),
) -> Placement:
    """The placement with the fewest cores and of those the one with least traffic from core to core.

    Never worse than `first_fit`. With `spread` every population is shared out evenly over this many cores, as far as it
    has neurons and they have room: populations work at ticks of their own, so this makes all ticks shorter. `keep`
    may know already what `arranged` would make, also for another number of these chips. Raises errors as `first_fit`
    does, and where the chips' cores are too few.
    """
    memory_of(chip)
    surely = too_large(network, chip)
    if surely is not None:
        raise surely
    best = keep(lambda: arranged(network, chip, bits, spread))
    _check_cores(best, chip, spread)
    return best if best.chip == chip else replace(best, chip=chip)


def arranged(network: MappedNetwork, chip: Chip, bits: float | None, spread: int) -> Placement:
    """On as many cores as it takes, however many chips there are."""
    filler = Filler(network, memory_of(chip), bits)
    best = _best(filler, chip)
    if spread > 1 and spread >= best.count:
        best = _filled(Filler(network, filler.memory, bits, spread), chip, around_states(network))
    return best


def _best(filler: Filler, chip: Chip) -> Placement:
    first = _filled(filler, chip, by_populations(filler.network))
    if first.count == 1:
        return first
    other = _filled(filler, chip, around_states(filler.network))
    return min(first, other, key=lambda p: (p.count, p.crossing))


def _filled(filler: Filler, chip: Chip, pieces: list[Piece]) -> Placement:
    """Fill, and again with what is now known of each neuron's entries in the axon map, until every core is in bounds.

    On how many cores a neuron's targets lie is known only when all are placed. What is assumed only grows, and has
    grown wherever a core is overfull: so this ends.
    """
    network = filler.network
    order = Order.of(network, pieces)
    entries = {p.name: np.zeros(p.size, np.int64) for p in network.populations}
    while True:
        cores, count = filler.fill(order, entries)
        placement = Placement(network, chip, filler.memory, filler.bits, cores, count)
        if placement.load.fits(filler.memory).all():
            return placement
        needed = axon_map_entries(network, placement.deliveries)
        entries = {name: np.maximum(entries[name], needed[name]) for name in entries}


def memory_of(chip: Chip) -> Memory:
    """What the chip's file says of a core's memory. Raises `ChipError` where it says nothing."""
    if chip.memory is None:
        raise ChipError(
            "its file has no [memory] section, so nothing can be placed on its cores",
            where=f"chip {chip.name}",
            advice="Use chip='loihi2', or a .toml file of your own with a [memory] section.",
        )
    return chip.memory


def _check_cores(placement: Placement, chip: Chip, spread: int) -> None:
    if chip.cores is None or placement.count <= chip.cores * chip.chips:
        return
    if spread > chip.cores * chip.chips:
        raise PlacementError(
            "there are not that many cores to spread the neurons over",
            where=f"chip {chip.name}",
            numbers=f"cores = {spread:,}, and {chip.chips} x {chip.cores} are available",
            advice=f"Give fewer cores, or {-(-placement.count // chip.cores)} chips (chips=, board=).",
        )
    name, share = placement.bottleneck
    raise PlacementError(
        "the network does not fit the chip",
        where=f"chip {chip.name}",
        numbers=f"it needs {placement.count:,} cores, and {chip.chips} x {chip.cores} are available; "
        f"the bottleneck: {name} ({share:.1%} on the fullest core)",
        advice=f"Use a smaller or sparser network, or {placement.chips} chips (chips=, board=).",
    )
