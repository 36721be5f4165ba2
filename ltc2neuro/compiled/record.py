"""What a compiled network is made of, and what a file of it holds: with microcode a `Record`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from functools import cached_property

import numpy as np

from compiler.graph.graph import Graph, State
from compiler.graph.integers import IntegerGraph
from compiler.library_processes.options import LibraryForm
from compiler.quantize.precision import Precision
from compiler.ranges.proven import Proven
from compiler.rewrite.runner import PassRecord
from compiler.running.executor import Ends
from hw_models.arrays import Floats, Integers
from hw_models.chip import Chip
from ltc2neuro.compiled.answers import Answers, alone
from ltc2neuro.compiled.endpoints import InputEnd, OutputEnd
from ltc2neuro.compiled.evidence import Evidence
from ltc2neuro.compiled.initial_states import StateWord, state_words_of
from ltc2neuro.compiled.pickling import made_of
from ltc2neuro.compiled.time_constants import holdable
from ltc2neuro.inputs.layout import BATCH_FIRST, Layout
from ltc2neuro.inputs.model_input import ModelInput
from ltc2neuro.inputs.several import Inputs
from ltc2neuro.inputs.tokens import Tokens


@dataclass(frozen=True)
class KnownAnswer:
    """A sequence and the integers that every executor must return for it."""

    x: Floats
    """(1, time, channels), in the user's units; the last channel of a timed network is the time before each sample"""
    integers: Integers
    states: dict[str, Integers]

    @staticmethod
    def unanswered(x: Floats) -> KnownAnswer:
        """The sequence of a network that has not been asked yet: no executor is held to an answer."""
        return KnownAnswer(x, np.zeros((0, 0, 0), np.int64), {})


@dataclass(frozen=True, eq=False)
class BaseRecord(ModelInput, ABC):
    """A liquid network as integers, and what is known of it. Time is in samples, each `dt` long."""

    float_graph: Graph
    chip: Chip
    readout: str
    """whether the model answers at "every" step, at the "last", or with what `READOUTS` has: a mean, a sum ..."""
    step_shape: tuple[int, ...]
    """shape of the answer of one sample"""
    dt: float
    known: KnownAnswer
    _: KW_ONLY
    shortest_span: float | None = None
    """the shortest time before a sample that it may be given, where it is compiled with time spans"""
    evidence: Evidence | None = None
    """what the proof against torch rests on; None in files of version 0.2"""
    passes: tuple[PassRecord, ...] = ()
    """what each pass over the float graph did; of networks without microcode, files of version 0.2 do not tell"""
    layout: Layout = BATCH_FIRST
    """whether arrays have batch or time first, in and out"""
    own_shape: tuple[int, ...] | None = None
    """shape of one sample as the model takes it, where that is not (features,)"""
    inputs: Inputs | None = None
    """its inputs, where the model takes a tuple or dict of them: `features` counts the channels of all"""
    several: Answers | None = None
    """its answers, where the model returns a tuple or dict of them: then `step_shape` is that of their vector; or
    where there is more to one than readout and shape"""
    tokens: Tokens | None = None
    """where samples are tokens, the rows that they select on the host"""

    @property
    def answers(self) -> Answers:
        """What the model returns: each answer's name, shape and place in the vector that leaves."""
        layout = self.layout
        return self.several or alone(self.readout, self.step_shape, layout.drops_row, layout.drops_step)

    @cached_property
    @abstractmethod
    def enters(self) -> InputEnd:
        """How samples become its integers, the time before each in the last channel."""

    @cached_property
    @abstractmethod
    def leaves(self) -> OutputEnd:
        """What the integers of its answer mean."""

    @cached_property
    def ends(self) -> Ends | None:
        """Both, for executors that do as the host does; None where halves are rounded otherwise."""
        if not self.enters.half_up:
            return None
        enters, leaves = self.enters, self.leaves
        # an LSB is a power of 2, so that it may be taken into the map before it, or after
        scale, offset = enters.host.scale / enters.lsb, enters.host.offset / enters.lsb
        most = float(min(-enters.low, enters.high))
        return Ends(scale, offset, most, leaves.host.scale * leaves.lsb, leaves.host.offset * 1.0)

    @property
    @abstractmethod
    def settings(self) -> Precision | LibraryForm:
        """What the user chose of its integers."""

    @property
    @abstractmethod
    def answer_span(self) -> tuple[Integers, Integers]:
        """The least and the most that the integers of its answer can be, element by element, or of all."""

    @cached_property
    @abstractmethod
    def state_words(self) -> Mapping[str, StateWord]:
        """Its states as integers."""

    @cached_property
    def given(self) -> Mapping[str, StateWord]:
        """The same, between what they may be handed in."""
        return self.state_words

    @property
    def timed(self) -> bool:
        """Whether the time before each sample is given with it."""
        return self.shortest_span is not None

    @property
    def features(self) -> int:
        """Features of one sample, the time before it not counted."""
        return self.enters.host.scale.size - self.timed

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one sample as the model takes it; the chip gets its features flat."""
        return (self.features,) if self.own_shape is None else self.own_shape

    @property
    def channels(self) -> int:
        """Channels of a sample as it is given, the time before it counted."""
        return (self.features if self.tokens is None else self.tokens.count) + self.timed

    def samples(self, sequence: Floats) -> np.ndarray:
        """The samples of a sequence (time, channels) as the model takes them, (time, *sample_shape)."""
        kind = np.float64 if self.tokens is None or self.tokens.numbers else np.int64
        count = self.channels - self.timed
        return sequence[:, :count].astype(kind, copy=False).reshape(len(sequence), *self.sample_shape)

    @property
    def arrays(self) -> str:
        """How arrays of samples lie, in words."""
        alike = self.own_shape is None or self.inputs is not None
        return self.layout.described(*("features",) if alike else self.sample_shape)

    @property
    def signature(self) -> str:
        """What goes in and what comes out: `5 features -> (2,) at every step`."""
        features = f"{self.features} features" if self.own_shape is None else f"{self.own_shape or 'a number'}"
        features = features if self.inputs is None else str(self.inputs)
        if self.tokens is not None and self.inputs is None:
            features = f"{self.tokens.count} of {max(self.tokens.vocabulary)} tokens"
        before = " and the time before each sample" if self.timed else ""
        return f"{features}{before} -> {self.answers}"

    @property
    def model_states(self) -> tuple[State, ...]:
        """The states that the model has as well, without carries."""
        known = {s.name: s for s in self.float_graph.states}
        return tuple(known[name] for name in self.state_words if name in known)

    @property
    def held_time_constants(self) -> Mapping[str, tuple[Floats, Floats] | None]:
        """The least and the most of each neuron's liquid time constant that its integers can hold, by state.

        None where these depend on the time before a sample, or on what a gate keeps. Without microcode they have no
        integers of their own.
        """
        return {}

    def elapsed(self, x: Floats) -> Floats | float:
        """The time that each sample of `x` (..., time, channels) stands for."""
        return x[..., -1:] if self.timed else self.dt

    def __getstate__(self) -> dict[str, object]:
        return made_of(self)


@dataclass(frozen=True, eq=False, kw_only=True)
class Record(BaseRecord):
    """A network of neurons with programs of their own, for one chip."""

    proven: Proven
    """the integer graph, and all that its proof knows: spans, bits of products and sums, where it can clip"""
    precision: Precision

    @property
    def graph(self) -> IntegerGraph:
        """The integer graph."""
        return self.proven.graph

    @property
    def settings(self) -> Precision:
        """What the user chose of its integers."""
        return self.precision

    @cached_property
    def enters(self) -> InputEnd:
        """How samples become its integers."""
        form = self.graph.input_format
        return InputEnd(self.graph.input_map, form.lsb, form.low, form.high)

    @cached_property
    def leaves(self) -> OutputEnd:
        """What the integers of its answer mean."""
        return OutputEnd(self.graph.output_map, 2.0**-self.graph.output_fraction)

    @property
    def answer_span(self) -> tuple[Integers, Integers]:
        """The least and the most that the integers of its answer can be."""
        span = self.proven.spans[self.graph.answer.x]
        return span.low, span.high

    @cached_property
    def state_words(self) -> Mapping[str, StateWord]:
        """Its states as integers."""
        return state_words_of(self.graph)

    @property
    def held_time_constants(self) -> Mapping[str, tuple[Floats, Floats] | None]:
        """The least and the most of each neuron's liquid time constant that its integers can hold, by state."""
        marks = self.graph.time_constants
        fixed = {t.state for t in marks if t.keep in self.graph.constants and not self.timed}
        return {t.state: holdable(self.graph, t, self.dt) if t.state in fixed else None for t in marks}
