"""`LibraryRecord`: what a network of library processes is made of, and what a file of it holds."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.graph.graph import Graph
from compiler.stock.form import LibraryForm
from compiler.stock.network import ProcessGraph
from ltc2neuro.compiled.evidence import Evidence
from ltc2neuro.compiled.pickling import made_of
from ltc2neuro.compiled.record import KnownAnswer
from ltc2neuro.inputs.layout import BATCH_FIRST, Layout


@dataclass(frozen=True, eq=False)
class LibraryRecord:
    """A liquid network as integers for Lava's library processes, and what is known of it."""

    float_graph: Graph
    processes: ProcessGraph
    form: LibraryForm
    readout: str
    step_shape: tuple[int, ...]
    dt: float
    known: KnownAnswer
    shortest_span: float | None = None
    layout: Layout = BATCH_FIRST
    """whether arrays have batch or time first, in and out"""
    evidence: Evidence | None = None
    """what the proof against torch rests on; None in files of version 0.2"""

    @property
    def timed(self) -> bool:
        """Whether the time before each sample is given with it."""
        return self.shortest_span is not None

    @property
    def features(self) -> int:
        """Features of one sample, the time before it not counted."""
        return self.processes.features - self.timed

    def __getstate__(self) -> dict[str, object]:
        return made_of(self)
