"""What a network of library processes looks like in words: the text of `print(net)`."""

from __future__ import annotations

import numpy as np

from compiler.interpreters.float64 import run_float
from compiler.library_processes.process_graph import Kind, ProcessGraph, ProcessPopulation
from ltc2neuro import metrics
from ltc2neuro.library_network.cost import library_cost
from ltc2neuro.library_network.record import LibraryRecord


def library_summary(record: LibraryRecord) -> str:
    """The text of `print(net)`: populations, what it costs, how far it is from the float network."""
    graph = record.processes
    lines = [f"Network of Lava's library processes: {record.signature}; {record.arrays}"]
    lines += [f"proof: {record.evidence.headline()}"] if record.evidence is not None else []
    weights = "two of 8 bits" if record.form.split_weights else "8 bits"
    lines += [
        f"{record.form.hinges} hinges a function, weights of {weights}, reciprocals: {record.form.reciprocal.value}"
    ]
    lines += ["", "populations (Lava's process, neurons, ticks after their iteration began)"]
    lines += [f"  {p.name:12} {p.kind.value:14} {p.size:6}  {p.level:3}" for p in on_chip(graph)]
    lines += ["", str(library_cost(record, record.chip))]
    return "\n".join([*lines, f"outputs {known_db(record):.1f} dB from the float network's on the known sequence"])


def known_db(record: LibraryRecord) -> float:
    """SQNR of the outputs on the known sequence, a piece of the calibration."""
    exact = run_float(record.float_graph, record.entering(record.known.x)).outputs
    return metrics.sqnr([exact], [record.leaves(record.known.integers.astype(np.float64))])


def on_chip(graph: ProcessGraph) -> list[ProcessPopulation]:
    """All but the host's two ends."""
    return [p for p in graph.populations.values() if p.kind not in (Kind.SOURCE, Kind.SINK)]
