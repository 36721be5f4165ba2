"""Placing a network: first fit, and the best of several orders. Deterministic: the same network, the same cores."""

from __future__ import annotations

from compiler.mapping.network import MappedNetwork
from compiler.placement.filling import Filler, Piece
from compiler.placement.orders import around_states, by_source, in_order
from compiler.placement.placement import Placement
from hw_models.chip import Chip
from hw_models.constants import Memory
from hw_models.errors import ChipError, GraphError

ORDERS = (by_source, around_states)
"""Tried beside the order of first fit."""


def first_fit(network: MappedNetwork, chip: Chip, bits: float | None = None) -> Placement:
    """Populations in their order, each row in the first core with room; `bits` a packed synapse, by default the file's.

    Raises `ChipError` where a neuron fits no core, or where the chip's file does not tell its memory. The chip's
    cores may be too few: see `place`.
    """
    memory = _memory(chip)
    return _filled(Filler(network, memory, bits), chip, in_order(network))


def place(network: MappedNetwork, chip: Chip, bits: float | None = None) -> Placement:
    """The placement with the fewest cores and of those the one with least traffic from core to core.

    Never worse than `first_fit`. Raises `ChipError` as that does, and where the chips' cores are too few.
    """
    best = first_fit(network, chip, bits)
    if best.count > 1:
        filler = Filler(network, best.memory, bits)
        others = [_filled(filler, chip, order(network)) for order in ORDERS]
        best = min([best, *others], key=lambda p: (p.count, p.crossing))
    _check_cores(best, chip)
    return best


def _filled(filler: Filler, chip: Chip, pieces: list[Piece]) -> Placement:
    """Fill, and again with what is now known of how far each population lies spread, until every core is in bounds.

    The more cores a neuron's targets lie on, the more entries it needs in its own core's axon map; that is known only
    when all are placed. What is assumed of the spread only grows, and when it holds, so do the limits.
    """
    spread = {p.name: 1 for p in filler.network.populations}
    while True:
        cores, count = filler.fill(pieces, spread)
        placement = Placement(filler.network, chip, filler.memory, filler.bits, cores, count)
        if placement.load.fits(filler.memory).all():
            return placement
        found = {name: len(set(numbers.tolist())) for name, numbers in cores.items()}
        grown = {name: max(spread[name], found[name]) for name in spread}
        if grown == spread:
            raise GraphError("cores are overfull after filling them", advice="This is a fault of the compiler.")
        spread = grown


def _memory(chip: Chip) -> Memory:
    if chip.memory is None:
        raise ChipError(
            "nothing is known of the memory of its cores, so nothing can be placed on them",
            where=f"chip {chip.name}",
            advice="Use chip='loihi2', or a .toml file of your own with a [memory] section.",
        )
    return chip.memory


def _check_cores(placement: Placement, chip: Chip) -> None:
    if chip.cores is None or placement.count <= chip.cores * chip.chips:
        return
    name, share = placement.binding
    raise ChipError(
        "the network does not fit the chip",
        where=f"chip {chip.name}",
        numbers=f"it needs {placement.count:,} cores, and {chip.chips} x {chip.cores} are there; {name} bind "
        f"({share:.1%} on the fullest core)",
        advice=f"Use a smaller or sparser network, or {placement.chips} chips (chips=, board=).",
    )
