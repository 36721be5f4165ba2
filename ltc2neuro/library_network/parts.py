"""The parts of a network of library processes: what is ready to run it, and what its states clip."""

from __future__ import annotations

from collections.abc import Mapping

from compiler.interpreters.execution import Clip
from compiler.library_processes.process_graph import ProcessGraph
from compiler.rules import Finding
from compiler.rules.library_processes import library_findings
from compiler.running.executor import Executor
from compiler.running.runners import Runners
from hw_models.chip import Chip
from ltc2neuro.compiled.clipped import Tally
from ltc2neuro.compiled.executors import LIBRARY_EXECUTORS
from ltc2neuro.compiled.parts import BaseParts
from ltc2neuro.library_network.record import LibraryRecord


class LibraryParts(BaseParts[LibraryRecord, ProcessGraph]):
    """A record of library processes, the host's side of it, its names, and what has been prepared to run it."""

    executors: Mapping[str, Executor[ProcessGraph]] = LIBRARY_EXECUTORS

    @classmethod
    def of(cls, record: LibraryRecord) -> LibraryParts:
        """The parts of a record, of which nothing is made ready yet."""
        return cls(record, Runners(record.processes, record.chip))

    def tallies(self, clips: Mapping[str, Clip]) -> tuple[dict[str, Tally], tuple[Tally, ...]]:
        """What was clipped: states that a sample left beyond their ranges."""
        found = {}
        for name, clip in clips.items():
            word = self.record.state_words[name]
            seen, held = (clip.low * word.lsb, clip.high * word.lsb), (word.low * word.lsb, word.high * word.lsb)
            found[name] = Tally(f"state {name}, element", clip.counts, *seen, *held)
        return found, ()

    def findings(self, chip: Chip) -> list[Finding]:
        """What the design rules of `chip` find in it."""
        return library_findings(chip, self.record.float_graph, self.record.processes)
