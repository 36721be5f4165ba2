"""The recorder: the graph that grows while a model runs on symbolic tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from compiler.graph import Graph, Op, State
from compiler.graph.builder import GraphBuilder
from compiler.graph.ops import Apply, Gather, Input, StateRead
from compiler.graph.origin import Origin
from compiler.ranges.observed import Interval
from compiler.steps.variables import Bound, Place, Variable
from hw_models.arrays import Floats, Integers
from hw_models.errors import TraceError
from ltc2neuro.inputs.tokens import Tokens
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.checkpoints import Checkpoints
from ltc2neuro.tracing.recording.constant_names import ConstantNames, function_name
from ltc2neuro.tracing.recording.extents import Decisions
from ltc2neuro.tracing.recording.hidden import ADVICE, HiddenLayerError, hidden_layer
from ltc2neuro.tracing.recording.lookups import TOKENS, Lookups
from ltc2neuro.tracing.recording.operands import groups, operand, sample, whole
from ltc2neuro.tracing.recording.over_time import OverTime
from ltc2neuro.tracing.recording.source import code_line, user_line
from ltc2neuro.tracing.recording.symbolic import Symbolic, plain, symbolic
from ltc2neuro.tracing.recording.tape import LoopBody, Tape
from ltc2neuro.tracing.recording.whole_numbers import reach


@dataclass(frozen=True)
class Times:
    """Between what the time before a sample may be: 0 and infinity where that is not known."""

    shortest: float
    longest: float


@dataclass(frozen=True)
class Clock:
    """The time between two samples, and for a model that is called with time spans, what these may be."""

    dt: float
    spans: Times | None = None


Dispatch = Callable[[Callable[..., object], tuple[object, ...], dict[str, object]], object]
"""What does one torch call that has a symbolic tensor among its arguments"""


_ENDLESS = (
    "Nothing on the chip is infinite: leave out an infinite limit, and before a softmax mask with a number some 30 "
    "below all others. If the model computes it:"
)
_OF_TOKENS = Interval(np.zeros(1), np.full(1, 2.0**31 - 1))
"""The host checks that tokens are in their vocabulary"""
_DIVERGED = "Look for a training that diverged, or a division by zero in the model."


class Recorder(Tape):
    """The module that is being executed, and what it has computed so far: a graph, with the lines it comes from.

    Torch calls on symbolic tensors go to `dispatch`; `modules` are paths by the modules' identities.
    """

    def __init__(self, dispatch: Dispatch, names: ConstantNames, modules: Mapping[int, str], clock: Clock) -> None:
        self.names = names
        self.dt: float = clock.dt
        self._spans = clock.spans
        self._dispatch = dispatch
        self.given: torch.Tensor | None = None
        """the time spans that the model is given"""
        self.checkpoints: Checkpoints = Checkpoints()
        self.growing: list[str] = []
        """states that may grow without bound"""
        self.variables: list[Variable] = []
        """of a model whose sequence is one sample: where they are at each step"""
        self.narrowed = False
        self.all_at_once = False
        """whether the model's sequence is one sample of what is recorded"""
        self.lookups: Lookups | None = None
        self.over_time: OverTime = OverTime()
        self.decisions: Decisions = Decisions()
        self._modules = modules
        self._graph = GraphBuilder()
        self._reaches: dict[str, Interval] = {}
        self._overwritten: dict[str, str] = {}
        self._paths: list[str] = [""]
        self._doing: list[str] = []

    def dispatch(self, func: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        """Do one torch call that has a symbolic tensor among its arguments."""
        return self._dispatch(func, args, kwargs)

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
        """The path of the module that is being executed, `#2` after it at its second call."""
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
        """`name` after the path of the module that is being executed."""
        return f"{self.path}.{name}" if self.path else name

    def refusal(self, what: str, advice: str, numbers: str = "") -> TraceError:
        """The error for something at the user's current line, or for a layer that torch does not know of."""
        hidden = hidden_layer(self._modules)
        if hidden is not None:
            what, advice = f"{hidden} is not part of the model as torch knows it: {what}", ADVICE
        kind = TraceError if hidden is None else HiddenLayerError
        line = user_line()
        module = f"module {self.path!r}" if self.path else "the model"
        return kind(what, where=f"{module}, {line}" if line else module, numbers=numbers, advice=advice)

    # --- values and constants ----------------------------------------------------------------------------

    def emit(self, make: Callable[[str], Op], size: int, hint: str = "") -> str:
        """Append the op that `make` gives for the name of its result; an equal op that is in sight is used again."""
        op = make("")
        hint = hint or (op.function if isinstance(op, Apply) else type(op).__name__.lower())
        keeps_hint = isinstance(op, (Input, StateRead, Gather))
        return self._graph.known(op) or self._graph.append(make, size, self._origin(hint, keeps_hint=keeps_hint))

    def _origin(self, hint: str, *, keeps_hint: bool) -> Origin:
        return Origin(self.path, hint, user_line(), code_line(), keeps_hint)

    def constant(self, array: Floats, name: str) -> str:
        """A constant of that name, or a numbered one where the name already has another content."""
        missing = self.operation.endswith(" where") and bool(np.isnan(array).all())  # see ltc2neuro.nn.Missing
        if not missing and not np.all(np.isfinite(array)):
            raise self.refusal(
                f"the constant {name} is not finite",
                _DIVERGED if np.isnan(array).any() else f"{_ENDLESS} {_DIVERGED}",
                f"{int(np.sum(~np.isfinite(array)))} of {array.size} elements",
            )
        return self._graph.constant(np.asarray(array, np.float64), name)

    def index(self, array: Integers, hint: str) -> str:
        """The constant that holds an index or segment array."""
        return self._graph.index(array, hint)

    def size(self, name: str) -> int:
        """The size of a value or constant."""
        return self._graph.size(name)

    def in_sight(self, value: str) -> bool:
        """Whether the ops that follow may read a value."""
        return self._graph.in_sight(value)

    def reach(self, name: str) -> Interval:
        """The interval that a value or constant never leaves, whatever the input; infinite where it is not known."""
        return _OF_TOKENS if name == TOKENS else reach(name, self._graph, self._reaches)

    # --- blocks and states -------------------------------------------------------------------------------

    def input(
        self,
        example: torch.Tensor,
        time_first: bool,
        elapsed: torch.Tensor | None,
        tokens: Tokens | None,
        vocabulary: int = 0,
    ) -> tuple[Symbolic, Symbolic | None]:
        """The model's input, and the time `elapsed` before each sample, which is one channel more of the graph's.

        Of `tokens` the graph's input is the rows that they select, from tables of up to `vocabulary` rows.
        """
        count = example[0, 0].numel()
        features = count if tokens is None else tokens.features
        value = self._graph.input(features + (elapsed is not None), self._origin("input", keeps_hint=True))
        self.lookups = None if tokens is None else Lookups(tokens, value, vocabulary)
        if tokens is not None and not tokens.numbers and elapsed is None:
            self._reaches[value] = Interval(*tokens.ends).common
        labels = axes.sequence_labels(time_first)
        codes = axes.encode(axes.spread(labels, example.shape), torch.arange(count).reshape(example.shape[2:]))
        x = symbolic(self, example, codes, value if tokens is None else TOKENS)
        if elapsed is None:
            return x, None
        return x, symbolic(self, elapsed, axes.encode(labels, torch.full_like(labels, features)), value)

    def numbers(self, example: torch.Tensor, time_first: bool) -> Symbolic:
        """The input of which some channels are tokens, for the others."""
        assert self.lookups is not None
        tokens = self.lookups.tokens
        places = torch.zeros(tokens.count, dtype=torch.int64)
        places[list(tokens.numbers)] = tokens.selected + torch.arange(len(tokens.numbers))
        labels = axes.spread(axes.sequence_labels(time_first), example.shape)
        return symbolic(self, example, axes.encode(labels, places.expand(example.shape)), self.lookups.value)

    def output(self, answers: Sequence[Symbolic]) -> None:
        """The model's answers, side by side."""
        elements = [axes.answer(tensor.codes) for tensor in answers]
        if len(answers) == 1:
            self._graph.output(operand(answers[0], elements[0]))
            return
        offsets: dict[str, int] = {}
        parts: list[Integers] = []
        for tensor, own in zip(answers, elements, strict=True):
            name = whole(tensor)
            offsets.setdefault(name, sum(map(self.size, offsets)))
            parts.append(own + offsets[name])
        index = self.index(np.concatenate(parts), "answers.index")
        size = sum(own.size for own in parts)
        self._graph.output(self.emit(lambda out: Gather(out, tuple(offsets), index), size, "answers"))

    def add_state(self, name: str, initial: Floats, low: Floats | None = None, high: Floats | None = None) -> str:
        """A new state; returns its name."""
        name = self._graph.state_name(name)
        lowest = None if low is None else self.constant(low, f"{name}.low")
        highest = None if high is None else self.constant(high, f"{name}.high")
        start = self.constant(initial, f"{name}.initial")
        modules = (self.path,) if self.path else ()
        self._graph.add_state(State(name, initial.size, start, lowest, highest, modules))
        return name

    def read(self, state: str, shape: Sequence[int], like: torch.Tensor, step: int = axes.NOW) -> Symbolic:
        """The state as a tensor (rows, *shape)."""
        size = self._graph.state_size(state)
        labels = axes.spread(axes.batch_labels(step), (axes.ROWS, *shape))
        codes = axes.encode(labels, torch.arange(size).reshape(1, *shape))
        return symbolic(self, like.new_zeros((axes.ROWS, *shape)), codes, self._read(state))

    def _read(self, state: str) -> str:
        return self._graph.read(state, self._origin(f"{state.rpartition('.')[2]}_read", keeps_hint=True))

    def write(self, state: str, tensor: torch.Tensor) -> None:
        """Let `tensor` be the state's next value; nothing to do where it is the state as just read."""
        assert isinstance(tensor, Symbolic)
        self._graph.write(state, sample(tensor))

    def is_state(self, tensor: Symbolic) -> bool:
        """Whether a tensor holds what states are set to or read as: their values, or elements gathered from them."""
        return self._graph.holds_states(tensor.value)

    def overwrite(self, old: torch.Tensor, new: torch.Tensor) -> None:
        """Let the state that `old` was read from be the one of a solver that starts from `new`."""
        if isinstance(old, Symbolic) and isinstance(new, Symbolic):
            for state in self._graph.states_read_as(old.value):
                self._overwritten[new.value] = state

    def started(self, tensor: torch.Tensor) -> torch.Tensor:
        """What the first of all steps repeats from: a new state, where that is a constant with equal rows."""
        if isinstance(tensor, Symbolic) or tensor.dim() == 0 or len(tensor) != axes.ROWS or not torch.equal(*tensor):
            return tensor
        name = self.add_state(self.named("loop"), tensor[0].detach().reshape(-1).double().numpy())
        return self.read(name, tensor.shape[1:], tensor)

    def repeat(self, step: LoopBody, state: Sequence[torch.Tensor], times: int) -> tuple[torch.Tensor, ...]:
        """One block that runs `times` times: the tensors in `state` become its states."""
        if self._graph.repeats:
            raise self.refusal("a repeated step repeats inside", "Unroll the inner loop by hand.")
        before = [t for t in state if isinstance(t, Symbolic)]
        if len(before) < len(state):
            raise self.refusal(
                "a repeated step starts from a constant", "Let it start from what depends on the input or on a state."
            )
        names = self._loop_states(before)
        self._graph.begin_block(self.path or "repeat", times)
        inner = tuple(self._reread(n, s) for n, s in zip(names, before, strict=True))
        after = tuple(step(inner))
        if [plain(t).shape for t in after] != [plain(s).shape for s in before]:
            raise self.refusal(
                "a repeated step changes the shape of its state",
                "Return a state of the same shape.",
                f"{[tuple(s.shape) for s in before]} before, {[tuple(t.shape) for t in after]} after",
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
        self._graph.begin_block(f"after {self.path}" if self.path else "output")
        return tuple(self._reread(n, s) for n, s in zip(names, before, strict=True))

    def _reread(self, state: str, like: Symbolic) -> Symbolic:
        labels = axes.labels_of(like.codes)
        ranks = groups(like).ranks(labels.shape)
        return symbolic(self, like.example, axes.encode(labels, ranks), self._read(state))

    def _loop_states(self, tensors: Sequence[Symbolic]) -> list[str]:
        """For each tensor the state it was just read from or that it overwrites, or a new state that is set to it."""
        names: list[str] = []
        for tensor in tensors:
            elements = axes.sample(tensor.codes, groups(tensor))
            whole = np.array_equal(elements, np.arange(self.size(tensor.value)))
            read = next((s for s in self._graph.states_read_as(tensor.value) if s not in names), None)
            if read is None or not whole:
                read = self._overwritten.get(tensor.value) if whole else None
                read = read or self.add_state(self.named("loop"), np.zeros(elements.size))
                self.write(read, tensor)
            names.append(read)
        return names

    def variable(
        self,
        name: str,
        after: object,
        before: object = None,
        bound: Bound | None = None,
        *,
        grows: bool = False,
    ) -> None:
        """A variable of the model is now `after`; of a cell's state that was `before`."""
        now, then = (self._place(tensor) for tensor in (after, before))
        if now is not None:
            self.variables.append(Variable(name, now, then, bound, grows))

    def _place(self, tensor: object) -> Place | None:
        if not isinstance(tensor, Symbolic) or not axes.starts_with(tensor.codes, axes.batch_labels(axes.NOW)):
            return None
        return Place(tensor.value, axes.sample(tensor.codes, groups(tensor)))

    # --- the end -----------------------------------------------------------------------------------------

    def graph(self) -> tuple[Graph, dict[str, str]]:
        """The recorded graph, and the final name of each value by the name it had while recording."""
        return self._graph.graph()
