"""Rules on how many: values in a sum, targets of a neuron, programs of a core, and whether all of it fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from compiler.graph.ops import MatVec
from compiler.mapping import Connection
from compiler.placement.core_filling import TooLargeError
from compiler.placement.lower_bound import too_large
from compiler.quantize.limits import word_limit
from compiler.rules.design import Design
from compiler.rules.finding import Finding, Severity, of_error
from compiler.rules.refusal import longest_sum
from hw_models.errors import ChipError

FEW_BITS = 7
"""A message of fewer bits, without its sign, costs more than 8-bit weights do."""
LONG_PROGRAM = 1024
"""Instructions; how many a program may have is not published."""

PLACEMENT, NEURON_SIZE = "placement", "neuron size"
"""The rules of `fits`: more chips help the first, nothing helps the second."""


def sum_width(design: Design) -> Iterator[Finding]:
    """Sums so long that the accumulator leaves their messages few bits."""
    for _, op in design.real.ops():
        if not isinstance(op, MatVec) or not design.real.size(op.out):
            continue
        here = design.precision.at(op.out)
        rows = np.abs(design.real.constants[op.matrix]).astype(np.float64)
        largest = rows.max(axis=1, initial=0.0, keepdims=True)
        total = (rows / np.where(largest > 0, largest, 1)).sum(axis=1) * 2.0**here.first_weight
        if not total.size or total.max() == 0:
            continue
        worst = int(np.argmax(total))
        bits = float(np.log2(word_limit(here) / total[worst]))
        if bits < FEW_BITS and not here.split_messages:
            yield Finding(
                "fan-in",
                design.name(op.out),
                "its sums are so long that the accumulator leaves their messages few bits",
                f"row {worst} sums up to {longest_sum(design.real, op):,} values: messages of {max(bits, 0):.1f} bits",
                f"{FEW_BITS} bits, with {here.first_weight}-bit weights in a {here.word}-bit word",
                "Use precision='accurate', which splits messages, or a sparser or narrower layer.",
                Severity.WARNING if bits >= 1 else Severity.ERROR,
            )


def fan(design: Design) -> Iterator[Finding]:
    """Neurons with more sources or more targets than any core can take."""
    memory, network = design.chip.memory, design.network
    if memory is None or network is None:
        return
    into, out = _degrees(network.connections)
    limits = (
        ("fan-in", into, min(memory.in_axons, memory.synapse_words), "has more inputs than a core has axons for"),
        ("fan-out", out, memory.axon_map, "sends along more connections than a core's axon map has entries"),
    )
    for rule, degrees, limit, message in limits:
        for population, most in degrees.items():
            if most > limit:
                advice = "Use a sparser or narrower layer, or more of them."
                yield Finding(
                    rule, design.population(population), f"a neuron {message}", f"{most:,}", f"{limit:,}", advice
                )


def program_length(design: Design) -> Iterator[Finding]:
    """Programs so long that one may doubt whether a core holds them."""
    for population in design.network.populations if design.network else ():
        cost = sum(i.cost for i in population.listing)
        if cost > LONG_PROGRAM:
            yield Finding(
                "program",
                design.population(population.name),
                "its program is very long, and the chip's limit is not published",
                f"{cost:,} instructions",
                f"{LONG_PROGRAM:,}",
                "Use precision='small', which has fewer segments.",
                Severity.WARNING,
            )


def fits(design: Design) -> Iterator[Finding]:
    """Whether the cores of the chips take it: memory, neurons, axons, programs."""
    chip, network, prepared = design.chip, design.network, design.prepared
    if network is None or prepared is None or chip.memory is None:
        return
    surely = too_large(network, chip)
    if surely is not None:
        yield replace(of_error(PLACEMENT, surely), limit=f"{chip.chips} x {chip.cores} cores")
        return
    try:
        prepared.placed()
    except ChipError as error:
        yield of_error(NEURON_SIZE if isinstance(error, TooLargeError) else PLACEMENT, error)


def _degrees(connections: tuple[Connection, ...]) -> tuple[dict[str, int], dict[str, int]]:
    """By population: the most sources that a neuron has, and the most connections that one sends along."""
    sources: dict[str, np.ndarray] = {}
    targets: dict[str, np.ndarray] = {}
    for c in connections:
        rows, columns = c.shape
        if c.target.population is not None:
            count = np.bincount(c.rows, minlength=rows)
            sources[c.target.population] = sources.get(c.target.population, np.zeros(rows, np.int64)) + count
        if c.source.population is not None:
            sends = (np.bincount(c.columns, minlength=columns) > 0).astype(np.int64)
            targets[c.source.population] = targets.get(c.source.population, np.zeros(columns, np.int64)) + sends
    return _largest(sources), _largest(targets)


def _largest(counts: Mapping[str, np.ndarray]) -> dict[str, int]:
    return {name: int(array.max(initial=0)) for name, array in counts.items()}
