"""`LibraryRecord`: what a network of library processes is made of, and what a file of it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from compiler.library_processes.options import LibraryForm
from compiler.library_processes.process_graph import ProcessGraph
from compiler.library_processes.width_proof import Bounds, reached
from hw_models.arrays import Integers
from ltc2neuro.compiled.endpoints import InputEnd, OutputEnd
from ltc2neuro.compiled.initial_states import StateWord
from ltc2neuro.compiled.record import BaseRecord


@dataclass(frozen=True, eq=False, kw_only=True)
class LibraryRecord(BaseRecord):
    """A network of Lava's library processes, for a chip that Lava runs on."""

    processes: ProcessGraph
    form: LibraryForm

    @cached_property
    def enters(self) -> InputEnd:
        """How samples become the source's integers."""
        limit = self.processes.input_limit
        return InputEnd(self.float_graph.input_map, self.processes.input_lsb, -limit, limit, half_up=False)

    @cached_property
    def leaves(self) -> OutputEnd:
        """What the integers mean that the sink receives."""
        return OutputEnd(self.float_graph.output_map, self.processes.output_lsb)

    @property
    def settings(self) -> LibraryForm:
        """What the user chose of its integers."""
        return self.form

    @cached_property
    def bounds(self) -> Mapping[str, Bounds]:
        """What each population's messages can be, by the proof."""
        return reached(self.processes)

    @property
    def answer_span(self) -> tuple[Integers, Integers]:
        """The least and the most that the integers of its answer can be, element by element."""
        received = self.bounds[self.processes.sink.name]
        low, high = (b[: self.processes.outputs].astype(np.int64) for b in (received.low, received.high))
        return low, high

    @cached_property
    def state_words(self) -> Mapping[str, StateWord]:
        """Its states, between what they are read."""
        return {n: StateWord(p.lsb, p.low, p.high) for n, p in self.processes.states.items()}

    @cached_property
    def given(self) -> Mapping[str, StateWord]:
        """The same: by the proof it reaches others, and sums could leave their widths after any but these."""
        found = dict[str, StateWord]()
        for name, place in self.processes.states.items():
            own, sent = slice(place.start, place.stop), self.bounds[place.population]
            found[name] = replace(self.state_words[name], reached=(sent.low[own], sent.high[own]))
        return found
