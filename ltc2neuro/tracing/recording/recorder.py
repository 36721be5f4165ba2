"""The recorder: what a model reads, answers, keeps in states and repeats while it runs on symbolic tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from compiler.graph import Graph, State
from compiler.graph.ops import Gather
from compiler.graph.origin import Origin
from compiler.ranges.observed import Interval
from compiler.steps.variables import StateBound, ValueElements, Variable
from hw_models.arrays import Floats, Integers
from ltc2neuro.inputs.tokens import Tokens
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.checkpoints import Checkpoints
from ltc2neuro.tracing.recording.constant_names import ConstantNames
from ltc2neuro.tracing.recording.extents import Decisions
from ltc2neuro.tracing.recording.lookups import TOKENS, Lookups
from ltc2neuro.tracing.recording.operands import groups, operand, sample_value, whole
from ltc2neuro.tracing.recording.over_time import OverTime
from ltc2neuro.tracing.recording.symbolic import Symbolic, plain, symbolic
from ltc2neuro.tracing.recording.tape import LoopBody, Tape
from ltc2neuro.tracing.recording.writer import Writer


@dataclass(frozen=True)
class Times:
    """Between what the time before a sample may be: 0 and infinity where that is not known."""

    shortest: float
    longest: float


@dataclass(frozen=True)
class Clock:
    """The time between two samples, and for a model that is called with time spans, what these may be."""

    dt: float
    timespans: Times | None = None


Dispatch = Callable[[Callable[..., object], tuple[object, ...], dict[str, object]], object]
"""What does one torch call that has a symbolic tensor among its arguments"""


class Recorder(Writer, Tape):
    """The module that is being executed, and what it has computed so far: a graph, with the lines it comes from.

    Torch calls on symbolic tensors go to `dispatch`; `modules` are paths by the modules' identities.
    """

    def __init__(self, dispatch: Dispatch, names: ConstantNames, modules: Mapping[int, str], clock: Clock) -> None:
        super().__init__(modules)
        self.names = names
        self.dt: float = clock.dt
        self.timespans: Times | None = clock.timespans
        """what the time spans may be that the model is called with"""
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
        self.standing: Callable[[object], object] = lambda value: value
        """what stands for a tensor that was written into"""
        self.layer_states: list[Symbolic] = []
        """what layers returned beside their answers"""
        self._overwritten: dict[str, str] = {}

    def dispatch(self, func: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        """Do one torch call that has a symbolic tensor among its arguments."""
        return self._dispatch(func, args, kwargs)

    def times(self, timespans: object) -> Times:
        """How long a recurrent layer's steps are that is given these `timespans`, or None.

        Of what the model computes itself, of the time spans or of its input, nothing is known.
        """
        if timespans is None:
            return Times(self.dt, self.dt)
        if self.timespans is not None and isinstance(timespans, Symbolic) and isinstance(self.given, Symbolic):
            if timespans.value == self.given.value:
                return self.timespans
        return Times(0.0, math.inf)

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
        value = self._graph.input(features + (elapsed is not None), Origin(self.path, "input", keeps_hint=True))
        self.lookups = None if tokens is None else Lookups(tokens, value, vocabulary)
        if tokens is not None and not tokens.numbers and elapsed is None:
            self._reaches[value] = Interval(*tokens.ends).common
        labels = axes.sequence_labels(time_first)
        codes = axes.encode(axes.spread_labels(labels, example.shape), torch.arange(count).reshape(example.shape[2:]))
        x = symbolic(self, example, codes, value if tokens is None else TOKENS)
        if elapsed is None:
            return x, None
        return x, symbolic(self, elapsed, axes.encode(labels, torch.full_like(labels, features)), value)

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
        labels = axes.spread_labels(axes.batch_labels(step), (axes.ROWS, *shape))
        codes = axes.encode(labels, torch.arange(size).reshape(1, *shape))
        return symbolic(self, like.new_zeros((axes.ROWS, *shape)), codes, self._read(state))

    def _read(self, state: str) -> str:
        return self._graph.read(state, self._origin(f"{state.rpartition('.')[2]}_read", keeps_hint=True))

    def write(self, state: str, tensor: torch.Tensor) -> None:
        """Let `tensor` be the state's next value; nothing to do where it is the state as just read."""
        assert isinstance(tensor, Symbolic)
        self._graph.write(state, sample_value(tensor))

    def is_state(self, tensor: Symbolic) -> bool:
        """Whether a tensor holds what states are set to or read as: their values, or elements gathered from them."""
        return tensor.value not in self.over_time.folded and self._graph.holds_states(tensor.value)

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
        bound: StateBound | None = None,
        *,
        grows: bool = False,
    ) -> None:
        """A variable of the model is now `after`; of a cell's state that was `before`."""
        now, then = (self._place(tensor) for tensor in (after, before))
        if now is not None:
            self.variables.append(Variable(name, now, then, bound, grows))

    def held(self, name: str, tensor: object, group: str) -> None:
        """A variable of a function that returns holds a tensor, or one in a list that is the `group`."""
        if (now := self._place(tensor)) is not None:
            self.variables.append(Variable(self.named(name), now, group=group and self.named(group)))

    def _place(self, tensor: object) -> ValueElements | None:
        if not isinstance(tensor, Symbolic) or not axes.starts_with(tensor.codes, axes.batch_labels(axes.NOW)):
            return None
        return ValueElements(tensor.value, axes.sample(tensor.codes, groups(tensor)))

    # --- the end -----------------------------------------------------------------------------------------

    def graph(self) -> tuple[Graph, dict[str, str]]:
        """The recorded graph, and the final name of each value by the name it had while recording."""
        return self._graph.graph()
