"""Design rules of networks without microcode: what a chip cannot do with Lava's library processes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from compiler.graph.graph import Graph
from compiler.library_processes.process_graph import Kind, ProcessGraph
from compiler.library_processes.width_proof import failures
from compiler.rules.finding import Finding
from compiler.rules.refusal import refusals
from hw_models.chip import Chip


def chip_findings(chip: Chip, real: Graph) -> list[Finding]:
    """Why `chip` takes no network of library processes that is made of the float graph `real`."""
    if chip.lava:
        return list(refusals(chip, real))
    message, advice = "it does not run Lava's library processes", "Use chip='loihi2', or compile with microcode=True."
    return list(refusals(chip, real)) or [Finding("library", f"chip {chip.name}", message, advice=advice)]


def library_findings(chip: Chip, real: Graph, network: ProcessGraph) -> list[Finding]:
    """All that speaks against `network`, made of `real`, on `chip`; where it takes none of its kind, the reasons."""
    return chip_findings(chip, real) or network_findings(chip, network)


def network_findings(chip: Chip, network: ProcessGraph) -> list[Finding]:
    """What speaks against `network` on a chip that takes its kind."""
    return [*_widths(network), *_fan_in(chip, network)]


def _widths(network: ProcessGraph) -> Iterator[Finding]:
    """What could wrap: nothing, in a network that was compiled or loaded."""
    for failure in failures(network):
        yield Finding("width", failure.population, "a width of Lava's processes may be left", failure.text)


def _fan_in(chip: Chip, network: ProcessGraph) -> Iterator[Finding]:
    """Neurons with more sources than any core can take."""
    if chip.memory is None:
        return
    sources: dict[str, np.ndarray | int] = defaultdict(int)
    for c in network.connections:
        sources[c.target] = sources[c.target] + np.count_nonzero(c.weights, axis=1)
    limit = min(chip.memory.in_axons, chip.memory.synapse_words)
    for name, counts in sources.items():
        most = int(np.max(counts, initial=0))
        if name != Kind.SINK.value and most > limit:
            message, advice = "a neuron has more inputs than a core has axons for", "Use a sparser or narrower layer."
            yield Finding("fan-in", name, message, f"{most:,}", f"{limit:,}", advice)
