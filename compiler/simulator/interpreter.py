"""Executes a population's listing with NumPy: one call a tick, all neurons (and lanes) side by side.

Skips are taken neuron by neuron: those that skip are parked at their label, those that do not go on as a
group of fewer elements, and at the label they join. A condition on plain ints (the tick counter) is the
same for all, and jumps for real: a tick without work costs next to nothing. It shares no arithmetic with
the reference executor, or their agreement would prove nothing.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compiler.simulator.operations import OPERATIONS, RELATIONS, Operation, Predicate, Values, Vector
from hw_models import isa
from hw_models.errors import GraphError


class Interpreter:
    """A listing, ready to run for arrays of `shape`: (size,) or (size, lanes)."""

    def __init__(self, listing: Sequence[isa.Instruction], shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._count = int(np.prod(shape))
        self._lanes = self._count // max(shape[0], 1)
        self._constants: Values = {}
        self._sends: list[str] = []
        self._words: tuple[str, ...] = ()
        self._segments = self._compile(listing)

    def tick(self, words: dict[str, Vector], sums: Sequence[Vector]) -> list[Vector]:
        """Execute the listing once; returns what each message port sends, 0 where it sends nothing.

        `words` is updated: arrays of the interpreter's shape, or (size, 1) for a word that all lanes
        share, or ints. `sums` holds what arrived at each sum port. Arrays are never changed in place, but
        a word may keep one of `sums`: pass fresh arrays. Integers of 32 bits suffice.
        """
        root: Values = {**self._constants, **{f"={name}": word for name, word in words.items()}}
        for port, total in enumerate(sums):
            root[f"@{port}"] = total
        self._run(root)
        for name in self._words:
            words[name] = root[f"={name}"]
        return [root[key] for key in self._sends]

    def _run(self, root: Values) -> None:
        segments, last = self._segments, len(self._segments)
        parked: dict[int, list[_NeuronGroup]] = {}
        current: Values | None = root
        at = 0
        while True:
            if at in parked:
                waiting = parked.pop(at)
                if isinstance(current, _NeuronGroup):
                    waiting.append(current)
                current = self._join(root, waiting, segments[at].live if at < last else frozenset())
            if current is None:
                at = min(parked)
                continue
            if at == last:
                return
            segment = segments[at]
            for operation in segment.operations:
                operation(current)
            if isinstance(current, _NeuronGroup):
                current.written |= segment.writes
            jump = segment.jump
            at += 1
            if jump is None:
                continue
            stays = jump.relation(current[jump.a], current[jump.b])
            if not isinstance(stays, np.ndarray):
                if not stays and isinstance(current, _NeuronGroup):
                    parked.setdefault(jump.target, []).append(current)
                    current = None
                elif not stays:
                    at = jump.target
                continue
            current, leaving = self._split(root, current, stays)
            if leaving is root:
                at = jump.target
            elif isinstance(leaving, _NeuronGroup):
                parked.setdefault(jump.target, []).append(leaving)

    def _split(
        self, root: Values, current: Values, stays: npt.NDArray[np.bool_]
    ) -> tuple[Values | None, Values | None]:
        """Those that stay and those that leave; None where there is none."""
        if not isinstance(current, _NeuronGroup):
            if stays.shape != self._shape:
                stays = np.broadcast_to(stays, self._shape)
            stays = stays.ravel()
        staying = int(np.count_nonzero(stays))
        if staying == stays.size:
            return current, None
        if staying == 0:
            return (current, current) if current is root else (None, current)
        keep, leave = stays.nonzero()[0], (~stays).nonzero()[0]
        if not isinstance(current, _NeuronGroup):
            return _NeuronGroup(root, keep, self._lanes), _NeuronGroup(root, leave, self._lanes)
        return current.part(keep), current.part(leave)

    def _join(self, root: Values, groups: list[_NeuronGroup], live: frozenset[str]) -> Values:
        """One group of all `groups`, or all neurons again when they are complete."""
        if len(groups) == 1:
            return groups[0]
        index = np.concatenate([g.index for g in groups])
        keys = [k for k in frozenset().union(*(g.written for g in groups)) if k[0] != "%" or k in live]
        joined = {k: np.concatenate([g.array(k) for g in groups]) for k in keys}
        if index.size < self._count:
            group = _NeuronGroup(root, index, self._lanes)
            group.update(joined)
            group.written = frozenset(keys)
            return group
        for key, values in joined.items():
            whole = np.empty(self._count, values.dtype)
            whole[index] = values
            root[key] = whole.reshape(self._shape)
        return root

    # --- from instructions to closures --------------------------------------------------------------------

    def _compile(self, listing: Sequence[isa.Instruction]) -> list[_BasicBlock]:
        """Straight runs of operations, each ended by a label or a skip."""
        ports = 1 + max((i.port for i in listing if isinstance(i, isa.Send)), default=-1)
        self._sends = [f"!{port}" for port in range(ports)]
        self._constants.update(dict.fromkeys(self._sends, 0))
        self._constants["#0"] = 0
        cuts: list[tuple[list[isa.Instruction], isa.SkipUnless | isa.Skip | None]] = [([], None)]
        labels: dict[str, int] = {}
        for instruction in listing:
            if isinstance(instruction, isa.Label):
                if cuts[-1][0]:
                    cuts.append(([], None))
                labels[instruction.name] = len(cuts) - 1
            elif isinstance(instruction, (isa.SkipUnless, isa.Skip)):
                cuts[-1] = (cuts[-1][0], instruction)
                cuts.append(([], None))
            else:
                cuts[-1][0].append(instruction)
        words: set[str] = set()
        live: dict[int, frozenset[str]] = {len(cuts): frozenset()}
        segments: list[_BasicBlock] = []
        for number in range(len(cuts) - 1, -1, -1):
            run, skip = cuts[number]
            jump = self._jump(skip, labels, number)
            alive = live[number + 1] | (live[jump.target] | {jump.a, jump.b} if jump else frozenset())
            writes: set[str] = set()
            for instruction in reversed(run):
                target = _target(instruction)
                alive = (alive - {target}) | {self._key(s) for s in instruction.sources}
                writes.add(target)
            words |= {w[1:] for w in writes if w[0] == "="}
            live[number] = alive
            operations = tuple(self._operation(i) for i in run)
            segments.append(_BasicBlock(operations, frozenset(writes), jump, frozenset(alive)))
        self._words = tuple(sorted(words))
        return segments[::-1]

    def _jump(self, skip: isa.SkipUnless | isa.Skip | None, labels: dict[str, int], number: int) -> _Jump | None:
        if skip is None:
            return None
        if labels.get(skip.to, -1) <= number:
            raise GraphError(f"a skip goes to {skip.to}, which is not a label further down")
        if isinstance(skip, isa.Skip):
            return _Jump(operator.ne, "#0", "#0", labels[skip.to])
        return _Jump(RELATIONS[skip.test], self._key(skip.a), self._key(skip.b), labels[skip.to])

    def _key(self, source: isa.Source) -> str:
        if isinstance(source, isa.Immediate):
            self._constants[f"#{source.value}"] = source.value
            return f"#{source.value}"
        if isinstance(source, isa.Accumulator):
            return f"@{source.port}"
        return _place(source)

    def _operation(self, instruction: isa.Instruction) -> Operation:
        return OPERATIONS[type(instruction)](instruction, _target(instruction), *map(self._key, instruction.sources))


class _NeuronGroup(dict[str, Vector]):
    """The values of some neurons, flat; what is not there yet is taken from the values of all."""

    __slots__ = ("_rows", "index", "lanes", "root", "written")

    def __init__(self, root: Values, index: npt.NDArray[np.intp], lanes: int) -> None:
        self.root, self.index, self.lanes = root, index, lanes
        self.written: frozenset[str] = frozenset()
        self._rows: npt.NDArray[np.intp] | None = None

    def __missing__(self, key: str) -> Vector:
        value = self.root[key]
        if isinstance(value, np.ndarray):
            if value.ndim == 2 and value.shape[1] < self.lanes:
                if self._rows is None:
                    self._rows = self.index // self.lanes
                value = value.ravel().take(self._rows)
            else:
                value = value.ravel().take(self.index)
        self[key] = value
        return value

    def part(self, pick: npt.NDArray[np.intp]) -> _NeuronGroup:
        """Those of the group at the positions `pick`."""
        part = _NeuronGroup(self.root, self.index[pick], self.lanes)
        part.written = self.written
        for key in self.written:
            value = self[key]
            part[key] = value[pick] if isinstance(value, np.ndarray) else value
        return part

    def array(self, key: str) -> npt.NDArray[np.signedinteger]:
        """One value as an array."""
        value = self[key]
        return value if isinstance(value, np.ndarray) else np.full(self.index.size, value, np.int32)


@dataclass(frozen=True)
class _Jump:
    """Go on at segment `target` unless `relation(a, b)`."""

    relation: Predicate
    a: str
    b: str
    target: int


@dataclass(frozen=True)
class _BasicBlock:
    operations: tuple[Operation, ...]
    writes: frozenset[str]
    jump: _Jump | None
    live: frozenset[str]
    """what is read from here on before it is written"""


def _place(place: isa.Target) -> str:
    """The key of a word or register: a mark, for a word may have any name."""
    return f"%{place.name}" if isinstance(place, isa.Register) else f"={place.name}"


def _target(instruction: isa.Instruction) -> str:
    """The key that the instruction writes."""
    if isinstance(instruction, isa.Send):
        return f"!{instruction.port}"
    dest = isa.target(instruction)
    if dest is None:
        raise GraphError(f"{type(instruction).__name__} has no result")
    return _place(dest)
