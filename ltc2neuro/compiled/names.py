"""The names of a compiled network's values: what can be recorded, and what integers behind a name mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from compiler.graph.graph import TimeConstant
from compiler.graph.names import plain_name
from compiler.graph.ops import StateRead
from compiler.interpreters.execution import Execution
from hw_models.arguments import check_names, nearest, shown
from hw_models.arrays import Floats
from hw_models.errors import InputError
from ltc2neuro.compiled.record import BaseRecord, Record
from ltc2neuro.compiled.time_constants import tau, tau_name


@dataclass(frozen=True)
class Names:
    """What the values of a network are called by its user: those of which no more is known are its states."""

    record: BaseRecord

    def all(self) -> list[str]:
        """What can be recorded."""
        return list(self.record.state_words)

    def matching(self, record: Sequence[str]) -> list[str]:
        """Names from names and globs. Raises `InputError` for one that matches nothing."""
        wanted, found = check_names(record, "record"), list[str]()
        known = self.all() if wanted else []
        for glob in wanted:
            hits = [n for n in known if n == glob or fnmatchcase(n, glob)]
            if not hits:
                raise InputError(
                    f"nothing to record by the name {shown(glob)}",
                    advice=f"{nearest(glob, known)}net.names() lists what there is.",
                )
            found.extend(h for h in hits if h not in found)
        return found

    def recorded_values(self, wanted: Sequence[str]) -> list[str]:
        """The values that an executor is to record for the names `wanted`, besides states."""
        return []

    def shown_record(self, execution: Execution, wanted: Sequence[str], x: Floats) -> dict[str, Floats]:
        """What was recorded over `x` (batch, time, channels), in real values; the arrays are (batch, time, size)."""
        return {name: execution.states[name] * self.record.state_words[name].lsb for name in wanted}

    def shown_name(self, name: str) -> str:
        """The name of an integer value in the user's words."""
        return name


@dataclass(frozen=True)
class GraphNames(Names):
    """The values of an integer graph."""

    record: Record

    def all(self) -> list[str]:
        """States, their time constants, and the values of the float graph that the chip computes in the model's own
        units."""
        graph = self.record.graph
        taus = [tau_name(t.state) for t in graph.time_constants]
        reads = {op.out for _, op in graph.ops() if isinstance(op, StateRead)}  # these are the states
        values = [v.represents for n, v in graph.values.items() if v.represents is not None and n not in reads]
        return list(dict.fromkeys([*(s.name for s in graph.states), *taus, *values]))

    def recorded_values(self, wanted: Sequence[str]) -> list[str]:
        """The integer graph's values for the names `wanted`."""
        found: list[str] = []
        for name in wanted:
            if name in self._totals:
                found += [self._totals[name].total, self._totals[name].keep]
            elif name in self.values:
                found.append(self.values[name])
        return [n for n in dict.fromkeys(found) if n in self.record.graph.values]

    def shown_record(self, execution: Execution, wanted: Sequence[str], x: Floats) -> dict[str, Floats]:
        """States, time constants and values."""
        record, found = self.record, dict[str, Floats]()
        for name in wanted:
            if name in execution.states:
                found |= super().shown_record(execution, [name], x)
            elif name in self._totals:
                found[name] = tau(record.graph, self._totals[name], execution, record.elapsed(x))
            else:
                value = self.values[name]
                found[name] = execution.record[value] * record.graph.format(value).lsb
        return found

    def shown_name(self, name: str) -> str:
        """The name of an integer value in the user's words."""
        value = self.record.graph.values.get(name)
        return (value.represents or plain_name(name)) if value is not None else name

    @cached_property
    def _totals(self) -> dict[str, TimeConstant]:
        return {tau_name(t.state): t for t in self.record.graph.time_constants}

    @cached_property
    def values(self) -> dict[str, str]:
        """The integer graph's values, by the user's names."""
        return {v.represents: v.name for v in self.record.graph.values.values() if v.represents is not None}
