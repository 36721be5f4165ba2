"""Levels one block of the schedule: every op and commit at its level, every message and sum at a port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compiler.graph.op_table import OpTable
from compiler.graph.ops import Elementwise, Op, Output, StateRead, StateWrite
from compiler.mapping.mapping_plan import LinearMap, MappingPlan
from compiler.mapping.populations import Groups
from compiler.mapping.schedule import Arrival, BlockTicks, Schedule, SentMessage
from compiler.mapping.traffic import Link, Slot
from hw_models.chip import Chip

PATIENCE = 256
"""Levels that a message may wait for a free port."""


class DoesNotFitError(Exception):
    """This start and length of a block cannot be: try another."""


@dataclass(frozen=True)
class Task:
    """What all attempts have in common."""

    plan: MappingPlan
    groups: Groups
    chip: Chip
    output_port: int
    """of the population that the output reads: a port that no map may use"""


class Leveling:
    """One attempt to level one block. `span` of length 0: as long as it gets. Values wait for their level in `wait`."""

    def __init__(
        self, task: Task, before: Schedule, block: int, span: BlockTicks, wait: Mapping[str, int] | None = None
    ) -> None:
        self.task, self.plan, self.groups, self.chip = task, task.plan, task.groups, task.chip
        self.schedule, self.block, self.span = before.copy(), block, span
        self.length, self.highest, self.wait = span.length or None, 0, wait or {}
        self.schedule.blocks.append(span)

    def run(self, ops: tuple[Op, ...]) -> Schedule:
        """Level all ops and messages; raises `DoesNotFitError` where they are longer than the given length."""
        schedule = self.schedule
        for op in ops:
            LEVEL(op, self)
        for map_ in self.plan.maps.values():
            if map_.home == self.block and map_.terms:
                self._arrive(map_)
        uses = self._uses(ops)
        commits = self._commits(ops, uses)
        for level in commits.values():
            self._reach(level)
        self.span = BlockTicks(self.span.start, self.highest if self.length is None else self.length, self.span.repeat)
        schedule.blocks[-1] = self.span
        for state, level in commits.items():
            schedule.commits[self.block, state] = self.length or level
            schedule.committed[state] = self.span.ticks(self.length or level)[-1]
        for state, level in uses.items():
            last = self.span.end if self.length else self.span.start + level
            schedule.used[state] = max(schedule.used.get(state, 0), last)
        return schedule

    def _uses(self, ops: tuple[Op, ...]) -> dict[str, int]:
        """For each state that the block reads, the last level at which an op or a message needs what it read."""
        state_of = {op.out: op.state for op in ops if isinstance(op, StateRead)}
        found = dict.fromkeys(state_of.values(), 0)
        used = [
            (n, self.schedule.levels[str(op.result)]) for op in ops if isinstance(op, Elementwise) for n in op.operands
        ]
        sent = [*self.schedule.sent.values(), *([self.schedule.output] if self.schedule.output else [])]
        for name, level in used + [(s.value, s.level) for s in sent if s.block == self.block]:
            if name in state_of:
                found[state_of[name]] = max(found[state_of[name]], level)
        return found

    def _commits(self, ops: tuple[Op, ...], uses: dict[str, int]) -> dict[str, int]:
        """The first level at which each write may act: nobody needs the old value any more. Adds to `uses`."""
        state_of = {op.out: op.state for op in ops if isinstance(op, StateRead)}
        written = {op.state: op.x for op in ops if isinstance(op, StateWrite)}
        found: dict[str, int] = {}
        for state, x in written.items():
            before = max(self.schedule.used.get(state, 0), self.schedule.committed.get(state, 0)) - self.span.start
            found[state] = max(self._level(x), before, uses.get(state, 0))
        for _ in written:  # a state that another one takes over stays until then
            for state, x in written.items():
                other = state_of.get(x)
                if other is not None:
                    uses[other] = max(uses[other], found[state])
                    found[other] = max(found.get(other, 0), found[state])
        return {state: found[state] for state in written}

    def compute(self, name: str, operands: Sequence[str]) -> None:
        """A value is computed as soon as its operands are there, but not before its wait is over."""
        ready = max((self._level(n) for n in operands), default=0)
        level = max(ready, self.wait.get(name, 0))
        self._reach(level)
        self.schedule.levels[name] = level

    def need(self, name: str) -> None:
        """A value is there before the block ends."""
        self._reach(self._level(name))

    def answer(self, name: str) -> None:
        """A value is sent as the output."""
        slot = (self.groups.output_owner, self.task.output_port)
        self.schedule.output = SentMessage(name, self.block, self._free_level(slot, self._level(name)), slot)
        self._send(self.schedule.output)

    def _reach(self, level: int) -> None:
        self.highest = max(self.highest, level)
        if self.length is not None and level > self.length:
            raise DoesNotFitError

    def _level(self, name: str) -> int:
        """The level from which on an op of this block finds an operand."""
        if name in self.plan.graph.constants:
            return 0
        map_ = self.plan.maps.get(name)
        if map_ is not None and not map_.terms:
            return 0
        home = map_.home if map_ is not None else self.plan.home[name]
        if home == self.block:
            return self.schedule.levels[name] if map_ is None else self._arrive(map_)
        return max(0, self.schedule.ready(name, home) - self.span.start)

    # --- messages -----------------------------------------------------------------------------------------

    def _ports(self, population: int) -> range:
        """The message ports that maps may use: the output's is its own."""
        return range(self.chip.messages - (population == self.groups.output_owner))

    def _free_level(self, slot: Slot, level: int) -> int:
        for later in range(level, level + PATIENCE):
            if self.schedule.traffic.can_send(slot, self.span.ticks(later)):
                return later
        raise DoesNotFitError

    def _send(self, sent: SentMessage) -> None:
        self._reach(sent.level)
        self.schedule.traffic.send(sent.slot, self.span.ticks(sent.level), sent.value)

    def _sent(self, value: str) -> SentMessage:
        """The message of a value: once in its block, at the earliest free port."""
        schedule = self.schedule
        if value not in schedule.sent:
            population, level = self.groups.owner[value], max(schedule.levels[value], self.wait.get(value, 0))
            slots = [(population, port) for port in self._ports(population)]
            choices = [(self._free_level(s, level), len(schedule.traffic.sends.get(s, ())), s) for s in slots]
            level, _, slot = min(choices)
            schedule.sent[value] = SentMessage(value, self.block, level, slot)
            self._send(schedule.sent[value])
        return schedule.sent[value]

    # --- sums ---------------------------------------------------------------------------------------------

    def _arrive(self, map_: LinearMap) -> int:
        """The level at which a map's sum is complete; placed at the earliest free port when first asked."""
        schedule = self.schedule
        if map_.name in schedule.arrivals:
            return schedule.arrivals[map_.name].level
        population = self.groups.owner[map_.name]
        leaving: list[tuple[Slot | None, int]] = []
        for source, _ in map_.terms:
            if source == self.plan.input:
                leaving.append((None, 0))
            else:
                sent = self._sent(source)
                leaving.append((sent.slot, sent.level))
        first = 1 + max(level for _, level in leaving)
        last = 1 + min(level for _, level in leaving) + self.chip.max_delay
        for level in range(first, last + 1):
            self._reach(level)
            incoming = [(slot, level - 1 - left) for slot, left in leaving]
            ticks = self.span.ticks(level)
            for port in range(self.chip.sums):
                if schedule.traffic.can_read((population, port), ticks, incoming):
                    self._read(Arrival(map_.name, self.block, level, (population, port), tuple(d for _, d in incoming)))
                    schedule.traffic.links += [Link(slot, (population, port), delay) for slot, delay in incoming]
                    return level
        raise DoesNotFitError

    def _read(self, arrival: Arrival) -> None:
        self.schedule.arrivals[arrival.name] = arrival
        self.schedule.traffic.read(arrival.slot, self.span.ticks(arrival.level), arrival.name)


LEVEL: OpTable[[Leveling], None] = OpTable("leveling")
"""Where an op of a population stands among the levels of its block."""


@LEVEL.on(StateRead)
def _read(op: StateRead, at: Leveling) -> None:
    at.schedule.levels[op.out] = 0


LEVEL.on(Elementwise)(lambda op, at: at.compute(str(op.result), op.operands))
LEVEL.on(StateWrite)(lambda op, at: at.need(op.x))
LEVEL.on(Output)(lambda op, at: at.answer(op.x))
