"""The parts of a compiled network, made when they are first needed: what runs, streams, reports work with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Generic, TypeVar

from compiler.interpreters.execution import Clip
from compiler.mapping.titles import value_titles
from compiler.placement.prepared import Prepared
from compiler.rules import Design, Finding, apply_rules
from compiler.rules.design import few
from compiler.running.executor import Executor
from compiler.running.interpreted import REFERENCE
from compiler.running.runners import Runners
from hw_models.arguments import check_choice
from hw_models.chip import Chip
from hw_models.errors import ChipError
from ltc2neuro.compiled.clipped import Tally
from ltc2neuro.compiled.clipped_states import state_tallies, value_tallies
from ltc2neuro.compiled.executors import EXECUTORS
from ltc2neuro.compiled.host import Host
from ltc2neuro.compiled.names import GraphNames, Names
from ltc2neuro.compiled.record import BaseRecord, Record

R_co = TypeVar("R_co", bound=BaseRecord, covariant=True)
N = TypeVar("N")


class BaseParts(ABC, Generic[R_co, N]):
    """A record, the host's side of it, its names, and what has been prepared to run it."""

    executors: Mapping[str, Executor[N]]
    """what can run it"""
    record: R_co
    runners: Runners[N]
    host: Host

    def __init__(self, record: R_co, runners: Runners[N]) -> None:
        self.record, self.runners = record, runners
        self.host = Host(record)

    @cached_property
    def names(self) -> Names:
        """What its values are called."""
        return Names(self.record)

    def executor(self, name: object) -> Executor[N]:
        """The executor of that name. Raises `InputError` for another."""
        return self.executors[check_choice(name, self.executors, "executor")]

    @property
    def compared(self) -> list[Executor[N]]:
        """Those that `verify` compares with the reference unless told otherwise: of integers, and without a chip."""
        return [e for e in self.executors.values() if e.integers and e.simulates and e.name != REFERENCE.name]

    @abstractmethod
    def tallies(self, clips: Mapping[str, Clip]) -> tuple[dict[str, Tally], tuple[Tally, ...]]:
        """What was clipped inside, in the model's units: states by their names, and other values."""

    def titles(self, names: Iterable[str]) -> dict[str, str]:
        """What values are in words, by their names; those of which no more is known have only these."""
        return {name: name for name in names}

    @abstractmethod
    def findings(self, chip: Chip) -> list[Finding]:
        """What the design rules of `chip` find in it, which may be another chip than its own."""

    @property
    def may_clip(self) -> bool:
        """Whether anything inside can be clipped at all."""
        return True


class Parts(BaseParts[Record, Prepared]):
    """Those of a network with microcode: mappings and a placement, too."""

    executors: Mapping[str, Executor[Prepared]] = EXECUTORS

    @classmethod
    def of(cls, record: Record) -> Parts:
        """The parts of a record, of which nothing is made ready yet."""
        return cls(record, Runners(Prepared(record.proven, record.chip), record.chip))

    @cached_property
    def names(self) -> GraphNames:
        """What its values are called."""
        return GraphNames(self.record)

    @property
    def prepared(self) -> Prepared:
        """Mappings and placements."""
        return self.runners.net

    def titles(self, names: Iterable[str]) -> dict[str, str]:
        """What values are in words, by their names: the user's, or those of the integer graph."""
        try:
            mapped = self.prepared.mapped() if self.record.chip.lava else None
        except ChipError:  # which the design rules tell
            mapped = None
        behind = {name: self.names.values.get(name, name) for name in names}
        found = value_titles(behind.values(), mapped, self.record.graph)
        return {name: found[value] for name, value in behind.items()}

    def findings(self, chip: Chip) -> list[Finding]:
        """What the design rules of `chip` find in it."""
        record = self.record
        sequences = few(list(record.entering(record.known.x)))
        design = Design(chip, record.float_graph, sequences, record.precision, prepared=self.prepared.on(chip))
        return apply_rules(design)

    def tallies(self, clips: Mapping[str, Clip]) -> tuple[dict[str, Tally], tuple[Tally, ...]]:
        """What was clipped inside: elements of states, and of values that are not only arguments of functions."""
        return state_tallies(self.record.graph, clips), value_tallies(self.record.graph, clips)

    @property
    def may_clip(self) -> bool:
        """Whether anything inside can be clipped at all: where bounds are proven, nothing can."""
        return bool(self.record.proven.saturations)
