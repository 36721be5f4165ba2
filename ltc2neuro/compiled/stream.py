"""`Stream`: a network sample by sample, for closed loops."""

from __future__ import annotations

import numpy as np

from compiler.running.executor import States
from hw_models.arguments import check_count, check_flag
from hw_models.arrays import Floats
from hw_models.errors import InputError
from hw_models.notebook_repr import Shown
from ltc2neuro.compiled.answers import Answered
from ltc2neuro.compiled.clipped import Clipped, tell
from ltc2neuro.compiled.default_executor import fastest
from ltc2neuro.compiled.initial_states import GivenStates
from ltc2neuro.compiled.quick_steps import QuickSteps, quick_steps
from ltc2neuro.compiled.runs import AnyParts, clipped_of, run_network
from ltc2neuro.inputs.arrays import ArrayOrTensor, as_array
from ltc2neuro.inputs.layout import BATCH_FIRST
from ltc2neuro.inputs.several import Inlet


class Stream(Shown):
    """Keeps the state between samples; the integers are those of one long run.

    `state` is that after the latest sample, (batch, size) by name, to start a run or another stream from; None before
    the first one. `on` is the executor that computes it. What more than a thousandth of so far was clipped is warned
    of once, when it begins, or is an error where the stream is `strict`: see `BaseNetwork.run`.
    """

    def __init__(
        self,
        parts: AnyParts,
        batch: int | None,
        state: GivenStates | None = None,
        *,
        on: str | None = None,
        strict: bool = False,
    ) -> None:
        on = fastest(parts) if on is None else on
        if not parts.executor(on).starts:
            able = [e.name for e in parts.executors.values() if e.starts]
            raise InputError(
                f"{on!r} starts from the initial states only, a stream from those of its latest sample",
                where="on",
                advice=f"Stream on {' or '.join(able)}: all compute the same integers.",
            )
        self.on = on
        if batch is not None:
            check_count(batch, "batch")
        self._net, self._record = parts, parts.record
        self._batch = batch
        self._strict = check_flag(strict, "strict")
        self._clipped = Clipped()
        self._told: frozenset[str] = frozenset()
        self._state: States | None = None
        self._quick: QuickSteps | None = None
        self._began = False
        self._answers = parts.record.answers
        self._several = self._answers.several
        self._folds = any(a.readout not in ("every", "last") for a in self._answers.each)
        self._so_far: list[Floats] = []
        self._steps = 0
        self._quickly = 0
        """samples that it took since the states were last known here"""
        self.reset(state)

    @property
    def state(self) -> States | None:
        """After the latest sample, (batch, size) by name; None before the first one."""
        known = self._known()
        return None if known is None else {name: array.copy() for name, array in known.items()}

    def _known(self) -> States | None:
        if self._quick is not None and self._quickly:
            self._clipped = self._clipped.joined(Clipped(self._quickly * (self._batch or 1)))
            self._state, self._quickly = self._quick.states(), 0
        return self._state

    def __repr__(self) -> str:
        rows = "one sequence" if self._batch is None else f"{self._batch} sequences"
        return f"Stream(on {self.on}, {rows}, {self._record.signature})"

    def __getstate__(self) -> dict[str, object]:
        known = self._known()  # the short way keeps its own, in arrays that no copy shares
        return {**vars(self), "_state": known, "_quick": None, "_began": False}

    def step(self, x: Inlet, timespan: ArrayOrTensor | None = None) -> Answered:
        """One sample: x (*sample_shape) -> step_shape, or x (batch, *sample_shape) -> (batch, *step_shape). Of several
        inputs x is a tuple or dict, with those that are held, too; of several answers the result is one, as in the
        model, with those that it gives at the last step, or over all steps, as if this were the last.

        `timespan` is the time before the sample, one number or (batch,), for a network compiled with time spans.
        """
        if self._quick is not None:
            each = self._quick.step(x, timespan)
            if each is not None:
                self._quickly += 1
                each = self._going_on(each) if self._folds else each
                return self._answers.gathered(each) if self._several else each[0]
        return self._step(x, timespan)

    def _step(self, x: Inlet, timespan: ArrayOrTensor | None) -> Answered:
        """The same for all that can be given, and with all that may have to be told."""
        rows = self._net.host.sample(x, self._batch)
        timespans = None if timespan is None else _timespans(timespan, self._batch or 1)
        samples = self._net.host.sequences(rows, timespans, BATCH_FIRST)
        before = self._known()
        run = run_network(self._net, samples, self.on, before)
        clipped = clipped_of(self._net, samples, run, before)
        self._clipped = self._clipped.joined(clipped)
        if clipped.tallies:
            news = self._clipped.without(self._told)
            self._told |= news.names()
            tell(news.titled(self._net.titles), strict=self._strict, stacklevel=3)
        if not self._began:
            self._quick, self._began = quick_steps(self._net, self.on, self._batch), True
        self._begin(run.final_state)
        flat, answers = np.asarray(run.outputs)[:, 0], self._answers
        each = [y.reshape(-1, *a.step_shape) for y, a in zip(answers.apart(flat), answers.each, strict=True)]
        return answers.gathered(self._going_on([y[0] for y in each] if self._batch is None else each))

    def _going_on(self, each: list[Floats]) -> list[Floats]:
        """The answers to all samples since the stream began, of those to the latest."""
        parts, before = self._answers.each, self._so_far
        self._steps += 1
        lead = () if self._batch is None else (self._batch,)
        flat = [y.reshape(*lead, a.size) for a, y in zip(parts, each, strict=True)]
        self._so_far = [
            a.over.kept(before[n] if before else None, y, self._steps)
            for n, (a, y) in enumerate(zip(parts, flat, strict=True))
        ]
        found = [a.whole(a.over.after(y, self._steps)) for a, y in zip(parts, self._so_far, strict=True)]
        return [y.reshape((*y.shape[:-1], *a.step_shape)) for a, y in zip(parts, found, strict=True)]

    def reset(self, state: GivenStates | None = None) -> None:
        """Start a new sequence: from the initial states, or from `state` as `Network.run` takes it.

        A stream of single samples takes (size,), too.
        """
        states = None if state is None else self._own(state)
        self._clipped, self._told, self._quickly = Clipped(), frozenset(), 0
        self._so_far, self._steps = [], 0
        self._begin(states)

    def _own(self, state: GivenStates) -> States:
        """States to start from, in arrays that nobody else writes to."""
        if self._batch is None and isinstance(state, dict):
            state = {name: _row(array) for name, array in state.items()}
        states = self._net.host.quantize_state(state, stacklevel=4)
        rows = {len(array) for array in states.values()}
        if rows - {self._batch or 1}:
            raise InputError(
                "state has the wrong shape", numbers=f"{rows.pop()} rows, the stream has {self._batch or 1}"
            )
        return {name: array.copy() for name, array in states.items()}

    def _begin(self, states: States | None) -> None:
        self._state = states
        if self._quick is not None:
            self._quick.begin(states)


def _timespans(timespan: ArrayOrTensor, rows: int) -> np.ndarray:
    """The time before a sample, for each row."""
    array = as_array(timespan)
    if array.shape not in ((), (1,), (rows,), (rows, 1)):
        raise InputError(
            "timespan has the wrong shape", numbers=f"{array.shape}", advice=f"Give one number, or {rows} of them."
        )
    return np.broadcast_to(np.reshape(array, (-1, 1)), (rows, 1))


def _row(array: ArrayOrTensor) -> np.ndarray:
    found = as_array(array)
    return found[None] if found.ndim == 1 else found
