"""The recorder: the graph that grows while a model runs on symbolic tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from compiler.graph import Block, Graph, Op, State, Value
from compiler.graph.graph import Array
from compiler.graph.ops import Apply, Gather, Input, Output, StateRead, StateWrite
from hw_models.errors import TraceError
from ltc2neuro.tracing import axes
from ltc2neuro.tracing.checkpoints import Watches
from ltc2neuro.tracing.hidden import ADVICE, hidden_layer
from ltc2neuro.tracing.names import Names, function_name
from ltc2neuro.tracing.source import code_line, user_line
from ltc2neuro.tracing.symbolic import Symbolic, symbolic
from ltc2neuro.tracing.value_names import Origin, final_names, unique
from ltc2neuro.tracing.whole_numbers import Reach, fits, reach

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Times:
    """Between what the time before a sample may be: 0 and infinity where that is not known."""

    shortest: float
    longest: float


@dataclass
class _Block:
    name: str
    repeat: int
    ops: list[Op] = field(default_factory=list)


_ENDLESS = (
    "Nothing on the chip is infinite: leave out a limit that is none, and mask with a number some 30 below all others "
    "before a softmax. If the model computes it:"
)
_DIVERGED = "Look for a training that diverged, or a division by zero in the model."


class Recorder:
    """Blocks, values, states and constants so far, and the module that is being executed."""

    def __init__(self, names: Names, modules: Mapping[int, str], dt: float, spans: Times | None = None) -> None:
        self.names = names
        self.dt = dt
        self._spans = spans
        self.given: torch.Tensor | None = None
        """the time spans that the model is given"""
        self.watches = Watches()
        self.growing: list[str] = []
        """states that may grow without bound"""
        self.narrowed = False
        """whether a value in float64 was cast to float32"""
        self._modules = modules
        self._blocks = [_Block("input", 1)]
        self._origins: dict[str, Origin] = {}
        self._made: dict[Op, str] = {}
        self._makers: dict[str, Op] = {}
        self._reaches: dict[str, Reach] = {}
        self._states: dict[str, State] = {}
        self._reads: dict[str, str] = {}
        self._overwritten: dict[str, str] = {}
        self._constants: dict[str, Array] = {}
        self._indices: dict[tuple[tuple[int, ...], bytes], str] = {}
        self._paths: list[str] = [""]
        self._doing: list[str] = []

    def times(self, timespans: object) -> Times:
        """How long a recurrent layer's steps are that is given these `timespans`, or None.

        Of what the model computes itself, of the time spans or of its input, nothing is known.
        """
        if timespans is None:
            return Times(self.dt, self.dt)
        if self._spans is not None and isinstance(timespans, Symbolic) and isinstance(self.given, Symbolic):
            if timespans.value == self.given.value:
                return self._spans
        return Times(0.0, math.inf)

    # --- where we are ------------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """The path of the module that is being executed, `#2` behind it at its second call."""
        return self._paths[-1]

    @property
    def operation(self) -> str:
        """The torch function that the model has called, for messages."""
        return f"the operation {self._doing[0]}" if self._doing else "the model"

    @contextmanager
    def doing(self, func: Callable[..., object]) -> Iterator[None]:
        """Execute a torch function."""
        self._doing.append(function_name(func))
        try:
            yield
        finally:
            self._doing.pop()

    def path_of(self, module: torch.nn.Module) -> str:
        """The path of a module, where the model first has it."""
        return self._modules[id(module)]

    @contextmanager
    def inside(self, path: str) -> Iterator[None]:
        """Execute the module at `path`."""
        self._paths.append(path)
        try:
            yield
        finally:
            self._paths.pop()

    def named(self, name: str) -> str:
        """`name` behind the path of the module that is being executed."""
        return f"{self.path}.{name}" if self.path else name

    def refusal(self, what: str, advice: str, numbers: str = "") -> TraceError:
        """The error for something at the user's current line, or for a layer that torch does not know of."""
        hidden = hidden_layer(self._modules)
        if hidden is not None:
            what, advice = f"{hidden} is no part of the model that torch knows: {what}", ADVICE
        line = user_line()
        module = f"module {self.path!r}" if self.path else "the model"
        return TraceError(what, where=f"{module}, {line}" if line else module, numbers=numbers, advice=advice)

    # --- values and constants ----------------------------------------------------------------------------

    def emit(self, make: Callable[[str], Op], size: int, hint: str = "") -> str:
        """Append the op that `make` gives for the name of its result; an equal op that is in sight is used again."""
        template = make("")
        made = self._made.get(template)
        if made is not None and self._in_sight(made):
            return made
        value = f"%{len(self._origins)}"
        hint = hint or (template.function if isinstance(template, Apply) else type(template).__name__.lower())
        keeps = isinstance(template, (Input, StateRead, Gather))
        self._origins[value] = Origin(len(self._blocks) - 1, self.path, hint, user_line(), code_line(), size, keeps)
        self._makers[value] = make(value)
        self._blocks[-1].ops.append(self._makers[value])
        if not isinstance(template, StateRead):
            self._made[template] = value
        return value

    def constant(self, array: Floats, name: str) -> str:
        """A constant of that name, or a numbered one where the name already has another content."""
        if not np.all(np.isfinite(array)):
            raise self.refusal(
                f"the constant {name} is not finite",
                _DIVERGED if np.isnan(array).any() else f"{_ENDLESS} {_DIVERGED}",
                f"{int(np.sum(~np.isfinite(array)))} of {array.size} elements",
            )
        return self._keep(np.asarray(array, np.float64), name)

    def index(self, array: npt.NDArray[np.int64], hint: str) -> str:
        """The constant that holds an index or segment array."""
        key = (array.shape, array.tobytes())
        if key not in self._indices:
            self._indices[key] = self._keep(array.astype(np.int64), hint)
        return self._indices[key]

    def _keep(self, array: Array, name: str) -> str:
        candidate, count = name, 1
        while candidate in self._constants:
            there = self._constants[candidate]
            if there.dtype == array.dtype and np.array_equal(there, array):
                return candidate
            count += 1
            candidate = f"{name}_{count}"
        self._constants[candidate] = array
        return candidate

    def operand(self, tensor: Symbolic, elements: npt.NDArray[np.int64]) -> str:
        """The value that holds `elements` of a symbolic tensor's value, in this order: itself, or a Gather."""
        value = self.whole(tensor)
        if np.array_equal(elements, np.arange(self.size(value))):
            return value
        index = self.index(elements, self.named("index"))
        return self.emit(lambda out: Gather(out, (value,), index), elements.size)

    def whole(self, tensor: Symbolic) -> str:
        """The value that a symbolic tensor takes its elements from."""
        if not self._in_sight(tensor.value):
            raise self.refusal(
                "a value from inside of a repeated step is used outside of it",
                "Return what is needed afterwards as the state of ltc2neuro.nn.repeat.",
            )
        return tensor.value

    def size(self, name: str) -> int:
        """The size of a value or constant."""
        return self._origins[name].size if name in self._origins else int(self._constants[name].size)

    def reach(self, name: str) -> Reach:
        """The interval that a value or constant never leaves, whatever the input; infinite where it is not known."""
        return reach(name, self._makers, self._constants, self._reaches)

    def fits(self, name: str, dtype: torch.dtype) -> bool:
        """Whether a value of whole numbers never leaves its type."""
        return fits(dtype, self.reach(name))

    def _in_sight(self, value: str) -> bool:
        block = self._blocks[self._origins[value].block]
        return block is self._blocks[-1] or block.repeat == 1

    # --- blocks and states -------------------------------------------------------------------------------

    def input(self, example: torch.Tensor, time_first: bool) -> Symbolic:
        """The model's input."""
        size = example.shape[-1]
        scale, offset = self._keep(np.ones(size), "input.scale"), self._keep(np.zeros(size), "input.offset")
        value = self.emit(lambda out: Input(out, scale, offset), size, "input")
        labels = axes.spread(axes.sequence_labels(time_first), example.shape)
        return symbolic(self, example, axes.encode(labels, torch.arange(size)), value)

    def timed_input(self, example: torch.Tensor, time_first: bool) -> tuple[Symbolic, Symbolic]:
        """The model's input, and the time before each sample, which is one channel more of the graph's."""
        elapsed = torch.ones_like(example[..., :1])
        both = self.input(torch.cat([example, elapsed], -1), time_first)
        spans = symbolic(self, elapsed[..., 0], both.codes[..., -1], both.value)
        return symbolic(self, example, both.codes[..., :-1], both.value), spans

    def output(self, tensor: Symbolic, elements: npt.NDArray[np.int64]) -> None:
        """The model's result."""
        value = self.operand(tensor, elements)
        scale = self._keep(np.ones(elements.size), "output.scale")
        offset = self._keep(np.zeros(elements.size), "output.offset")
        self._blocks[-1].ops.append(Output(value, scale, offset))

    def add_state(self, name: str, initial: Floats, low: Floats | None = None, high: Floats | None = None) -> str:
        """A new state; returns its name."""
        name = unique([name], set(self._states))[0]
        lowest = None if low is None else self.constant(low, f"{name}.low")
        highest = None if high is None else self.constant(high, f"{name}.high")
        start = self.constant(initial, f"{name}.initial")
        self._states[name] = State(name, initial.size, start, lowest, highest, _modules(self.path))
        return name

    def read(self, state: str, shape: Sequence[int], like: torch.Tensor, step: int = axes.NOW) -> Symbolic:
        """The state as a tensor (rows, *shape)."""
        size = self._states[state].size
        labels = axes.spread(axes.batch_labels(step), (axes.ROWS, *shape))
        codes = axes.encode(labels, torch.arange(size).reshape(1, *shape))
        return symbolic(self, like.new_zeros((axes.ROWS, *shape)), codes, self._read(state))

    def _read(self, state: str) -> str:
        name = f"{state.rpartition('.')[2]}_read"
        self._reads[state] = self.emit(lambda out: StateRead(out, state), self._states[state].size, name)
        return self._reads[state]

    def write(self, state: str, tensor: Symbolic) -> None:
        """Let `tensor` be the state's next value; nothing to do where it is the state as just read."""
        groups = self.groups(tensor)
        value = self.operand(tensor, axes.sample(tensor.codes, groups))
        if value != self._reads.get(state):
            self._blocks[-1].ops.append(StateWrite(state, value))
            self._reads.pop(state, None)

    def is_state(self, tensor: Symbolic) -> bool:
        """Whether a tensor holds what states are set to or read as: their values, or elements gathered from them."""
        ops = [op for block in self._blocks for op in block.ops]
        gathers = {op.out: op.sources for op in ops if isinstance(op, Gather)}
        read_or_written = [op for op in ops if isinstance(op, (StateRead, StateWrite))]
        states = {op.x if isinstance(op, StateWrite) else op.out for op in read_or_written}
        states |= {source for state in states for source in gathers.get(state, ())}
        return tensor.value in states or states.issuperset(gathers.get(tensor.value, (tensor.value,)))

    def overwrite(self, old: torch.Tensor, new: torch.Tensor) -> None:
        """Let the state that `old` was read from be the one of a solver that starts from `new`."""
        if isinstance(old, Symbolic) and isinstance(new, Symbolic):
            for state in [s for s, value in self._reads.items() if value == old.value]:
                self._overwritten[new.value] = state

    def groups(self, tensor: Symbolic) -> axes.Groups:
        """The groups of a tensor's labels. All recorded tensors have them."""
        groups = axes.group(axes.labels_of(tensor.codes))
        if groups is None:
            raise self.refusal("a tensor without elements is used", "Leave it out of the model.")
        return groups

    def repeat(
        self, step: Callable[[tuple[torch.Tensor, ...]], Sequence[torch.Tensor]], state: Sequence[Symbolic], times: int
    ) -> tuple[torch.Tensor, ...]:
        """One block that runs `times` times: the tensors in `state` become its states."""
        if self._blocks[-1].repeat != 1:
            raise self.refusal("a repeated step repeats inside", "Unroll the inner loop by hand.")
        names = self._loop_states(state)
        self._blocks.append(_Block(self.path or "repeat", times))
        inner = tuple(self._reread(n, s) for n, s in zip(names, state, strict=True))
        after = tuple(step(inner))
        if [t.shape for t in after] != [s.shape for s in state]:
            raise self.refusal(
                "a repeated step changes the shape of its state",
                "Return a state of the same shape.",
                f"{[tuple(s.shape) for s in state]} before, {[tuple(t.shape) for t in after]} after",
            )
        for name, new, old in zip(names, after, inner, strict=True):
            if new.dtype != old.dtype and not (new.is_floating_point() and old.is_floating_point()):
                raise self.refusal(
                    "a repeated step changes the type of its state",
                    "Return floats: state.float().",
                    f"{old.dtype} before, {new.dtype} after",
                )
            if not isinstance(new, Symbolic) or not torch.equal(axes.labels_of(new.codes), axes.labels_of(old.codes)):
                raise self.refusal(
                    "a repeated step returns a state that does not depend on its state",
                    "Compute it outside of ltc2neuro.nn.repeat.",
                )
            self.write(name, new)
        self._blocks.append(_Block(f"after {self.path}" if self.path else "output", 1))
        return tuple(self._reread(n, s) for n, s in zip(names, state, strict=True))

    def _reread(self, state: str, like: Symbolic) -> Symbolic:
        labels = axes.labels_of(like.codes)
        groups = self.groups(like)
        return symbolic(self, like.example, axes.encode(labels, groups.ranks(labels.shape)), self._read(state))

    def _loop_states(self, tensors: Sequence[Symbolic]) -> list[str]:
        """For each tensor the state it was just read from or that it overwrites, or a new state that is set to it."""
        names: list[str] = []
        for tensor in tensors:
            groups = self.groups(tensor)
            whole = np.array_equal(axes.sample(tensor.codes, groups), np.arange(self._origins[tensor.value].size))
            read = next((s for s, value in self._reads.items() if value == tensor.value and s not in names), None)
            if read is None or not whole:
                read = self._overwritten.get(tensor.value) if whole else None
                read = read or self.add_state(self.named("loop"), np.zeros(groups.size))
                self.write(read, tensor)
            names.append(read)
        return names

    # --- the end -----------------------------------------------------------------------------------------

    def graph(self) -> tuple[Graph, dict[str, str]]:
        """The recorded graph, and the final name of each value by the name it had while recording."""
        used = {name for block in self._blocks for op in block.ops for name in op.operands}
        blocks = [
            _Block(b.name, b.repeat, [op for op in b.ops if not (isinstance(op, StateRead) and op.out not in used)])
            for b in self._blocks
        ]
        kept = [op.result for b in blocks for op in b.ops if op.result is not None]
        final = final_names({v: self._origins[v] for v in kept}, {*self._constants, *self._states})
        values = {
            final[name]: Value(
                final[name],
                self._origins[name].size,
                _modules(self._origins[name].path),
                (line.short,) if (line := self._origins[name].line) else (),
            )
            for name in kept
        }
        block_names = unique([b.name for b in blocks], set())
        return Graph(
            blocks=tuple(
                Block(name, tuple(op.renamed(lambda n: final.get(n, n)) for op in b.ops), b.repeat)
                for name, b in zip(block_names, blocks, strict=True)
            ),
            values=values,
            constants=self._constants,
            states=tuple(self._states.values()),
        ), final


def _modules(path: str) -> tuple[str, ...]:
    return (path,) if path else ()
