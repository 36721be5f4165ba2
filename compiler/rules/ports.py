"""Rules on ticks: sums and messages of a neuron in one tick, and delays, of the mapped network."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.rules.design import Design
from compiler.rules.finding import Finding, of_error
from hw_models.errors import ChipError

ADVICE = "Use smaller layers, or a chip with more."


def schedule(design: Design) -> Iterator[Finding]:
    """Whether sums and messages find their ticks at all."""
    if isinstance(design.mapped, ChipError):
        yield of_error("schedule", design.mapped, ADVICE)


def ports(design: Design) -> Iterator[Finding]:
    """Populations with more sums or messages in a tick than a neuron can have."""
    for population in design.network.populations if design.network else ():
        for rule, count, limit in (
            ("sums", population.sum_ports, design.chip.sums),
            ("messages", population.message_ports, design.chip.messages),
        ):
            if count > limit:
                message = f"it has more {rule} than a neuron can have in one tick"
                where = design.population(population.name)
                yield Finding(rule, where, message, str(count), str(limit), ADVICE)


def delay(design: Design) -> Iterator[Finding]:
    """Synapses with a longer delay than the chip has."""
    for connection in design.network.connections if design.network else ():
        if connection.delay > design.chip.max_delay:
            numbers, limit = f"{connection.delay} ticks", f"{design.chip.max_delay} ticks"
            where = design.connection(connection)
            yield Finding("delay", where, "its delay is too long", numbers, limit, ADVICE)
