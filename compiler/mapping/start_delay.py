"""A mapped network that starts some ticks late: for inputs that take their time to arrive."""

from __future__ import annotations

from dataclasses import replace

from compiler.graph.names import fresh, primed
from compiler.mapping.mapped_network import MappedNetwork, Population
from hw_models import isa


def starting_late(network: MappedNetwork, ticks: int) -> MappedNetwork:
    """`network` whose first sample enters at tick `ticks`, and until then nothing happens."""
    return replace(network, populations=tuple(_late(population, ticks) for population in network.populations))


def _late(population: Population, ticks: int) -> Population:
    """The population, which first counts down in a word of its own."""
    late = isa.Word(fresh(primed("late"), population.words))
    listing = (
        isa.SkipUnless(isa.Immediate(0), late, isa.Test.LESS, "due"),
        isa.Subtract(late, late, isa.Immediate(1)),
        isa.Skip("late"),
        isa.Label("due"),
        *population.listing,
        isa.Label("late"),
    )
    return replace(population, listing=listing, words={**population.words, late.name: ticks})
