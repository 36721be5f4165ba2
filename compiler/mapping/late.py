"""A mapped network that starts some ticks late: for inputs that take their time to arrive."""

from __future__ import annotations

from dataclasses import replace

from compiler.assembly.dispatch import AGE, SAMPLE, TICK
from compiler.mapping.network import Integers, MappedNetwork
from hw_models import instructions as isa


def starting_late(network: MappedNetwork, ticks: int) -> MappedNetwork:
    """`network` whose first sample enters at tick `ticks`, and until then nothing happens.

    The populations count their first ticks below 0, and skip all else.
    """
    populations = []
    for population in network.populations:
        words: dict[str, Integers | int] = {**population.words, TICK.name: -1 - ticks}
        for counter in (SAMPLE, AGE):  # they count when the ticks wrap, which they do not before the first sample
            if counter.name in words:
                words[counter.name] = words[counter.name] + 1
        late = isa.SkipUnless(isa.Immediate(0), TICK, isa.Test.LESS_EQUAL, "late")
        listing = (population.listing[0], late, *population.listing[1:], isa.Label("late"))
        populations.append(replace(population, listing=listing, words=words))
    return replace(network, populations=tuple(populations))
