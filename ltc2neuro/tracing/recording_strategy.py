"""Which way a model is recorded: batch or time first, as one step, as a program in time, or at its first step."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod

import numpy as np
import torch

from compiler.steps.orbits import UnsteadyError
from hw_models.arrays import Floats
from hw_models.errors import InputError, TraceError
from ltc2neuro.inputs.several import Inputs
from ltc2neuro.inputs.tokens import Tokens
from ltc2neuro.tracing.all_at_once import FailsAnywayError
from ltc2neuro.tracing.axis_order import FailsInTorchError, Told, recorded_in_order
from ltc2neuro.tracing.calling.answering import NotRecordedError
from ltc2neuro.tracing.calling.dtype import model_dtype
from ltc2neuro.tracing.calling.forward import forward, with_time
from ltc2neuro.tracing.calling.model_inputs import ModelInputs
from ltc2neuro.tracing.calling.modules import instrumented, vocabularies
from ltc2neuro.tracing.ops.mixing import ATTENDS, MixedStepsError
from ltc2neuro.tracing.ops.shape_ops import TakenApartError
from ltc2neuro.tracing.proof.failures import AT_EVERY_STEP
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.over_time import OverTime
from ltc2neuro.tracing.recording.recorder import Clock, Times
from ltc2neuro.tracing.time_along import along_another_axis
from ltc2neuro.tracing.traced import Reads, Traced, record
from ltc2neuro.tracing.unrolled import TooFarError, record_unrolled
from ltc2neuro.tracing.zero_timespans import refuse_zero, undefined_at_zero

_SHORTER, _LONGER = 0.25, 2.0
"""How much shorter and longer than in the calibration time spans may be; a range has room for no longer ones"""


@dataclass(frozen=True)
class ModelSource:
    """A model, and what it is recorded for: arrays of this `shape`, (batch, time, *sample_shape)."""

    model: torch.nn.Module
    shape: tuple[int, ...]
    dt: float
    batch_first: bool | None = True
    inputs: Inputs | None = None
    """of a model that takes several, which samples are put together from"""
    tokens: bool = False

    @property
    def own(self) -> torch.dtype:
        """The type that the model is in."""
        return model_dtype(self.model)

    def recorded(self, timespans: Times | None, dtype: torch.dtype) -> Traced:
        """Recorded with the batch first; where a recurrent layer wants it so, with time first.

        `timespans` are the shortest and longest time before a sample, for a model that is called with `timespans`.
        """
        if not self.dt > 0 or not np.isfinite(self.dt):
            raise InputError("dt must be positive and finite", numbers=f"dt = {self.dt}", advice="The default is 1.0.")
        clock, size = Clock(self.dt, timespans), prod(self.shape[2:])
        tokens = Tokens(size, numbers=self.inputs.numbers if self.inputs else ()) if self.tokens else None
        alone, second = timespans is None and self.inputs is None, list[TraceError]()

        def in_one_order(time_first: bool) -> Traced:
            return record(self.model, Reads(self.shape[2:], dtype, time_first, self.inputs, tokens), clock)

        def unrolled(time_first: bool) -> Traced:
            try:
                known = min(vocabularies(self.model)) if self.tokens else 0
                given = ModelInputs(self.shape[2:], dtype, self.inputs, timespans, known)
                return record_unrolled(self.model, given, self.dt, time_first=time_first)
            except UnsteadyError:
                raise
            except TraceError as why:
                if time_first == (self.batch_first is False):
                    raise
                second.append(why)
                raise TakenApartError(why.what) from why  # that of the other order is told

        try:
            return recorded_in_order(in_one_order, self.model, self.batch_first, self.shape)
        except FailsInTorchError as error:
            raise (along_another_axis(self.model, self.shape, error) if alone else None) or error from None
        except NotRecordedError:
            with suppress(TraceError):  # of so few steps none may read a sample
                return recorded_in_order(unrolled, self.model, self.batch_first, self.shape)
            raise
        except MixedStepsError as error:
            first = self._of_the_first_step(clock, dtype, tokens) if alone else None
            if first is not None:
                return first
            try:
                return recorded_in_order(unrolled, self.model, self.batch_first, self.shape)
            except TraceError as why:
                other = along_another_axis(self.model, self.shape, error) if alone else None
                if other is None and axes.SINGLE_ROWS in error.what:  # as of a model that reads time first
                    why = next((e for e in second if not isinstance(e, (Told, FailsAnywayError))), why)
                raise other or (error if isinstance(why, TakenApartError) else _first(why, error)) from None

    def _of_the_first_step(self, clock: Clock, dtype: torch.dtype, tokens: Tokens | None) -> Traced | None:
        """A model that answers at the first step; None of another."""
        turned = self.batch_first is False  # y[0] of a model that reads time first is its first step only if it is said
        try:
            reads = Reads(self.shape[2:], dtype, turned, tokens=tokens)
            found = record(self.model, reads, clock, OverTime(first=True))
        except TraceError:
            return None
        return found if any(answer.readout == "first" for answer in found.answers.each) else None

    def precisely(self, timespans: Times | None) -> tuple[Traced, torch.dtype]:
        """Recorded in float64 where the model runs in it, else in its own type; with the type.

        Errors are those of the model in its own type; what it does at each step does not depend on that.
        """
        if self.own != torch.float64:
            try:
                traced = self.recorded(timespans, torch.float64)
                if not traced.narrowed:
                    clone = instrumented(self.model, with_time(self.model, self.dt), torch.float64)
                    ones = np.full((1, axes.STEPS, prod(self.shape[2:]) + traced.timed), 0.0 if self.tokens else 1.0)
                    forward(clone, ones, torch.float64, traced)
                    return traced, torch.float64
            except UnsteadyError:
                raise
            except Exception:  # a tensor of its own is float32: the proof says which arithmetic it is in
                pass
        return self.recorded(timespans, self.own), self.own

    def held(self, sequences: Sequence[Floats]) -> Times:
        """What time spans, the last channel, a network is recorded for: down to 0 where the model is defined, and its
        states bounded, there."""
        timespans = times_of(sequences)
        free = self.recorded(Times(0.0, timespans.longest), self.own)
        undefined = undefined_at_zero(free.graph, free.entering(sequences[0]))
        if timespans.shortest == 0:
            if undefined is not None:
                raise refuse_zero(free.graph, undefined, sequences)
            return timespans
        if undefined is None and _unbounded(free):
            kept = self.recorded(timespans, self.own)
            return timespans if _unbounded(kept) < _unbounded(free) else Times(0.0, timespans.longest)
        return timespans if undefined is not None else Times(0.0, timespans.longest)


_ATTENTION = "attention over time: what a step answers is weighed over all other samples"


def _first(why: TraceError, error: MixedStepsError) -> TraceError:
    """Why a model is no program in time, before why it is not recorded as one step."""
    unsteady = isinstance(why, UnsteadyError) and not isinstance(why, TooFarError)
    kind = UnsteadyError if unsteady else type(error)  # it is so in any type of numbers
    if any(f"{function} mixes" in error.what for function in ("softmax", "matmul", "bmm", "baddbmm", "einsum")):
        return kind(_ATTENTION, where=error.where, numbers=why.what, advice=ATTENDS)
    advice = why.advice
    if advice != AT_EVERY_STEP:
        advice += f" It was looked at over many steps, since {error.what}."
    if ", line " in why.where:  # the line that cannot be, over however many steps
        return kind(why.what, where=why.where, numbers=why.numbers, advice=advice)
    name, _, line = why.where.rpartition(", ")[2].rpartition(":")
    there = "" if name and f"{name}, line {line}:" in error.where else why.where  # a value's line, or of its call
    numbers = "; ".join(part for part in (why.numbers, there) if part)
    return kind(why.what, where=error.where, numbers=numbers, advice=advice)


def _unbounded(traced: Traced) -> int:
    return sum(state.low is None for state in traced.graph.states)


def times_of(sequences: Sequence[Floats]) -> Times:
    """The time spans that a network is recorded for, of calibration sequences whose last channel they are."""
    shortest = min(float(s[:, -1].min()) for s in sequences)
    longest = max(float(s[:, -1].max()) for s in sequences)
    return Times(shortest * _SHORTER, longest * _LONGER)
