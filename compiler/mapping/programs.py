"""A population's program: its sections in order, and the words that they use.

What lives inside one section is a register, or the sum where it arrives; what crosses sections is a word. Here a
sample runs alone: `overlap` tells how soon the next may follow, and makes populations of programs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from compiler.assembly import Scratch, Spot, TickSection, fused, select_fused
from compiler.assembly.dispatch import SAMPLE, TICK
from compiler.graph.graph import State
from compiler.graph.names import fresh, primed
from compiler.graph.op_table import OpTable
from compiler.graph.ops import Elementwise, Output, StateRead, StateWrite
from compiler.mapping.mapping_plan import MappingPlan
from compiler.mapping.populations import Groups
from compiler.mapping.schedule import Arrival, Schedule, SentMessage
from hw_models import isa
from hw_models.arrays import Array, Integers
from hw_models.chip import Chip

Moment = tuple[int, int]
"""Block number and level."""


@dataclass(frozen=True)
class Program:
    """What the neurons of one population do in a sample.

    `words` are those of its own, counters apart; `states` maps a state of the graph to its word, `initial` to where
    its initial value is found, where states are reset.
    """

    name: str
    size: int
    sections: tuple[TickSection, ...]
    words: dict[str, Integers | int]
    states: dict[str, isa.Word]
    initial: dict[str, isa.Source]
    sum_ports: int
    message_ports: int
    early: bool
    """whether nobody sees it where it runs for a sample before the first: it keeps no state and has no output"""


@dataclass
class _Member:
    """What one population does, by moment, before it becomes instructions."""

    name: str
    size: int
    states: list[State]
    """of the graph, that it keeps"""
    ops: dict[Moment, list[Elementwise]] = field(default_factory=dict)
    sends: dict[Moment, list[SentMessage]] = field(default_factory=dict)
    arrivals: dict[Moment, list[Arrival]] = field(default_factory=dict)
    reads: dict[int, list[StateRead]] = field(default_factory=dict)
    writes: dict[Moment, list[StateWrite]] = field(default_factory=dict)
    uses: dict[str, set[Moment]] = field(default_factory=dict)
    """the moments that use a value or a sum"""

    def use(self, name: str, moment: Moment) -> None:
        """Remember a use."""
        self.uses.setdefault(name, set()).add(moment)


def programs(plan: MappingPlan, groups: Groups, schedule: Schedule, chip: Chip, resets: bool) -> tuple[Program, ...]:
    """The programs of all populations. `resets`: whether states will return to their initial values."""
    members = [
        _Member(name, size, [s for s in plan.graph.states if groups.state_owner[s.name] == number])
        for number, (name, size) in enumerate(zip(groups.names, groups.sizes, strict=True))
    ]
    for number, block in enumerate(plan.graph.blocks):
        for op in block.ops:
            COLLECT(op, number, _Members(members, groups, schedule))
    for sent in [*schedule.sent.values(), *([schedule.output] if schedule.output else [])]:
        member, moment = members[sent.slot[0]], (sent.block, sent.level)
        member.sends.setdefault(moment, []).append(sent)
        member.use(sent.value, moment)
    for arrival in schedule.arrivals.values():
        members[arrival.slot[0]].arrivals.setdefault((arrival.block, arrival.level), []).append(arrival)
    return tuple(_ListingWriter(plan, schedule, chip, member).program(resets) for member in members)


@dataclass(frozen=True)
class _Members:
    """All of them, and when they do what."""

    each: list[_Member]
    groups: Groups
    schedule: Schedule


COLLECT: OpTable[[int, _Members], None] = OpTable("programs")
"""Hands an op of a block to the population that does it."""


@COLLECT.on(Elementwise)
def _computed(op: Elementwise, block: int, members: _Members) -> None:
    name = str(op.result)
    member, moment = members.each[members.groups.owner[name]], (block, members.schedule.levels[name])
    member.ops.setdefault(moment, []).append(op)
    for operand in op.operands:
        member.use(operand, moment)


@COLLECT.on(StateRead)
def _read(op: StateRead, block: int, members: _Members) -> None:
    members.each[members.groups.state_owner[op.state]].reads.setdefault(block, []).append(op)


@COLLECT.on(StateWrite)
def _written(op: StateWrite, block: int, members: _Members) -> None:
    member = members.each[members.groups.state_owner[op.state]]
    moment = block, members.schedule.commits[block, op.state]
    member.writes.setdefault(moment, []).append(op)
    member.use(op.x, moment)


@COLLECT.on(Output)
def _output(op: Output, block: int, members: _Members) -> None:
    """Its message is among those of the schedule."""


def _result(op: Elementwise) -> str:
    return str(op.result)


_COUNTERS = (TICK.name, SAMPLE.name)


class _ListingWriter:
    """Writes the listing of one population."""

    def __init__(self, plan: MappingPlan, schedule: Schedule, chip: Chip, member: _Member) -> None:
        self.plan, self.graph, self.schedule, self.chip, self.member = plan, plan.graph, schedule, chip, member
        self.scratch = Scratch()
        self.words: dict[str, Integers | int] = {}
        self.states = {s.name: self._new_word(s.name, self._constant(s.initial)) for s in member.states}
        self.placed: dict[str, isa.Source] = {}
        self.aliases = {op.out: (b, op.state) for b, ops in member.reads.items() for op in ops}

    def program(self, resets: bool) -> Program:
        """The program, its words as they are before the first tick."""
        sections = self._sections()
        initial = {s.name: self._parameter(s.initial) for s in self.member.states} if resets else {}
        sent = [s for sends in self.member.sends.values() for s in sends]
        read = [a.slot[1] for arrivals in self.member.arrivals.values() for a in arrivals]
        return Program(
            self.member.name,
            self.member.size,
            tuple(sections),
            self.words,
            self.states,
            initial,
            sum_ports=1 + max(read, default=-1),
            message_ports=1 + max((s.slot[1] for s in sent), default=-1),
            early=not self.member.states and self.schedule.output not in sent,
        )

    def _sections(self) -> list[TickSection]:
        """Blocks in order; of a repeated block level 0 last, for it shares its ticks with the last level before it."""
        sections: list[TickSection] = []
        for block, span in enumerate(self.schedule.blocks):
            levels = range(span.length + 1)
            bodies = [self._body((block, level)) for level in levels]
            found = [TickSection(span.ticks(level), tuple(body)) for level, body in enumerate(bodies) if body]
            shares = span.repeat > 1 and bodies[0]
            sections += [*found[1:], found[0]] if shares else found
        return sections

    def _body(self, moment: Moment) -> list[isa.Instruction]:
        block, level = moment
        body: list[isa.Instruction] = []
        for arrival in self.member.arrivals.get(moment, []):
            body += self._keep(arrival.name, isa.Accumulator(arrival.slot[1]), moment)
        for op in self.member.reads.get(block, []) if level == 0 else []:
            if any(b != block for b, _ in self.member.uses.get(op.out, ())):
                word = self._new_word(op.out, 0)
                self.placed[op.out] = word
                body.append(isa.Move(word, self.states[op.state]))
        site = Spot(self.graph, self.chip, lambda n: self._place(n, block), self.scratch)
        ops = self.member.ops.get(moment, [])
        outside = {s.value for s in self.member.sends.get(moment, [])}
        outside |= {op.x for op in self.member.writes.get(moment, [])}
        local = {n for n in map(_result, ops) if self.member.uses.get(n, set()) <= {moment}}
        for op in fused(ops, self.graph, local - outside):
            dests = {n: isa.Register(n) if n in local else self._new_word(n, 0) for n in op.results}
            body += select_fused(op, dests, site)
            self.placed.update(dests)
        for sent in self.member.sends.get(moment, []):
            body.append(isa.Send(sent.slot[1], self._place(sent.value, block)))
        return body + self._commits(moment)

    def _keep(self, name: str, source: isa.Source, moment: Moment) -> list[isa.Instruction]:
        """A sum: used where it arrives, or latched in a word."""
        self.placed[name] = source
        if self.member.uses.get(name, set()) <= {moment}:
            return []
        word = self._new_word(name, 0)
        self.placed[name] = word
        return [isa.Move(word, source)]

    def _commits(self, moment: Moment) -> list[isa.Instruction]:
        """All states of a moment change together: what one takes from another is read first."""
        first: list[isa.Instruction] = []
        then: list[isa.Instruction] = []
        for op in self.member.writes.get(moment, []):
            source = self._place(op.x, moment[0])
            if source in self.states.values():
                old = self.scratch.register()
                first.append(isa.Move(old, source))
                source = old
            then.append(isa.Move(self.states[op.state], source))
        return first + then

    def _place(self, name: str, block: int) -> isa.Source:
        """Where an op of `block` finds a value, a sum or a constant."""
        if name in self.graph.constants:
            return self._parameter(name)
        if name in self.plan.maps and not self.plan.maps[name].terms:
            return isa.Immediate(0)
        if name in self.aliases and self.aliases[name][0] == block:
            return self.states[self.aliases[name][1]]
        return self.placed[name]

    def _parameter(self, name: str) -> isa.Source:
        """A constant: an immediate where its elements are equal, else a word."""
        array = self.graph.constants[name]
        if array.min() == array.max():
            return isa.Immediate(int(array.flat[0]))
        if name not in self.placed:
            self.placed[name] = self._new_word(name, self._constant(name))
        return self.placed[name]

    def _constant(self, name: str) -> Integers:
        array: Array = self.graph.constants[name]
        return np.broadcast_to(np.asarray(array, np.int64), (self.member.size,)).copy()

    def _new_word(self, name: str, initial: Integers | int) -> isa.Word:
        name = fresh(primed(name), self.words, _COUNTERS)
        self.words[name] = initial
        return isa.Word(name)
