"""Trials: a network of another precision, measured; kept in a file where one is named."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from compiler.interpreters.float64 import run_each
from compiler.placement.events import count_events
from compiler.quantize.precision import Precision
from hw_models.arguments import is_file
from hw_models.errors import InputError, PlacementError, QuantizeError
from ltc2neuro import metrics
from ltc2neuro.compilation.acceptance import known_answer
from ltc2neuro.compiled.requantized import requantized
from ltc2neuro.compiled.runs import run_network
from ltc2neuro.cost.sample_cost import Cost
from ltc2neuro.inputs.arrays import Sequences
from ltc2neuro.network import Network
from ltc2neuro.searching.deployment import Deployment
from ltc2neuro.searching.parallel_trials import ParallelTrials
from ltc2neuro.verification.task_metric import TaskMetric
from ltc2neuro.version import __version__

COSTS: Mapping[str, Callable[[Cost], float]] = {
    "time": lambda of: of.sample.default,
    "energy": lambda of: of.energy.default,
    "cores": lambda of: float(of.placement.count),
    "instructions": lambda of: count_events(of.placement).totals()["instructions"],
    "synapses": lambda of: float(of.placement.network.synapses),
    "latency": lambda of: of.latency.default,
}
"""What can be minimised: of a sample, at the cost model's default, each message sent"""
UNITS = {"time": "s", "energy": "J", "latency": "s"}
COUNTED = ("cores", "instructions", "synapses")
OF_NETWORK = ("cores", "synapses")
"""What a network has, not a sample"""


@dataclass(frozen=True)
class Trial:
    """What a precision costs and keeps."""

    precision: Precision
    cost: float
    cores: int
    """on which it lies at that cost"""
    decibels: float
    """SQNR of the worst channel of the outputs, on what the search looks at"""
    held_back: float
    """the same on the part that only judges"""
    change: float | None = None
    """of the task metric there, as `verify` tells it"""

    def keeps(self, min_sqnr: float | None, max_change: float | None) -> bool:
        """Whether both parts keep what is asked for."""
        enough = min_sqnr is None or min(self.decibels, self.held_back) >= min_sqnr
        return enough and (max_change is None or (self.change is not None and self.change <= max_change))


@dataclass(frozen=True, eq=False)
class Trials:
    """A compiled model, the sequences that the search looks at, and those that judge."""

    base: Network
    looked_at: Sequences
    judging: Sequences
    tasks: Sequence[TaskMetric]
    """over the judging part"""
    minimise: str
    deployment: Deployment
    journal: Path | None = None
    known: dict[str, Trial | None] = field(default_factory=dict)
    workers: ParallelTrials[Trial | None] | None = None

    @cached_property
    def truth(self) -> list[list[list[np.ndarray]]]:
        """The float network's answers: on what is looked at, and on what judges."""
        record = self.base
        runs = [run_each(record.float_graph, [record.entering(a) for a in part.arrays]) for part in self._parts]
        return [record.parts.host.answers(e.outputs[0] for e in part) for part in runs]

    @cached_property
    def scores(self) -> list[float]:
        """The metric of the float network's answers, task by task. Raises `InputError` where it is not finite."""
        found = [task.score(self.truth[1]) for task in self.tasks]
        for task, score in zip(self.tasks, found, strict=True):
            if not np.isfinite(score):
                raise InputError(
                    "the metric of the float network's own answers is not finite",
                    where=task.name,
                    numbers=f"{score} on what is held back",
                    advice="No change of it can be told. Give another metric, or targets that it is defined for.",
                )
        return found

    @property
    def _parts(self) -> tuple[Sequences, Sequences]:
        return self.looked_at, self.judging

    def trial(self, precision: Precision) -> Trial | None:
        """Measured, or as it is known; None where the model does not fit the chip that way."""
        key = _key(precision)
        if key not in self.known:
            workers = self.workers
            self.known[key] = self.measured(precision) if workers is None else workers.result(key, precision)
            self._write(key, self.known[key])
        return self.known[key]

    def expect(self, wanted: Iterable[Precision]) -> None:
        """Tell the workers, if there are some, what is wanted next."""
        if self.workers is not None:
            keys = ((_key(precision), precision) for precision in wanted)
            self.workers.expect([(key, precision) for key, precision in keys if key not in self.known])

    def shared(self, pool: Executor) -> Trials:
        """The same, measured by the workers of a pool."""
        return replace(self, workers=ParallelTrials(replace(self, journal=None, known={}).measured, pool))

    def network(self, precision: Precision) -> Network:
        """The network of that precision. Raises `QuantizeError` and other errors of `compile`."""
        net = requantized(self.base, self.looked_at, precision)
        return Network.of(net.parts, known_answer(net.parts))

    def measured(self, precision: Precision) -> Trial | None:
        """Measured here; None where the model does not fit the chip that way."""
        try:
            net = requantized(self.base, self.looked_at, precision)
            placed = self.deployment.of(net.parts)
            runs = [run_network(net.parts, part) for part in self._parts]
        except (QuantizeError, PlacementError):
            return None
        answers = [net.parts.host.answers(run.outputs) for run in runs]
        seen, held_back = (
            metrics.worst_channel(net.answers.channel_sqnr(exact, own)).decibels
            for exact, own in zip(self.truth, answers, strict=True)
        )
        changes = [
            metrics.change(task.metric, score, task.score(answers[1]))
            for task, score in zip(self.tasks, self.scores, strict=True)
        ]
        spent, cores = COSTS[self.minimise](placed), placed.placement.count
        return Trial(precision, spent, cores, seen, held_back, float(np.max(changes)) if changes else None)

    def placed(self, trial: Trial) -> Trial:
        """The trial with what its network costs as `compile` places it."""
        if self.deployment == Deployment():
            return trial
        plain = Deployment().of(requantized(self.base, self.looked_at, trial.precision).parts)
        return replace(trial, cost=COSTS[self.minimise](plain), cores=plain.placement.count)

    # --- the journal ---------------------------------------------------------------------------------------

    @cached_property
    def identity(self) -> str:
        """Of all that a trial's numbers depend on: the model, its data, the metric and its targets, the chip, what is
        minimised, the deployment, and this version.

        A metric is told by what it says of the float network, too.
        """
        known, chip = self.base.known, self.base.chip
        told = [__version__, repr(chip)]
        for task, score in zip(self.tasks, self.scores, strict=True):
            told.append(f"{task.number} {metrics.identity_of(task.metric, score)}")
        digest = hashlib.sha256("\n".join(told).encode())
        for arrays in (*(p.arrays for p in self._parts), known.x, [known.integers], *(t.targets for t in self.tasks)):
            for array in arrays:
                digest.update(f"{array.dtype} {array.shape}".encode())
                digest.update(array.tobytes())
        return f"{digest.hexdigest()} {chip.name} {self.minimise} {self.deployment}".rstrip()

    def read(self) -> None:
        """Know what the journal knows; of a last line that was broken off, nothing. Raises `InputError` for one of
        another search."""
        if self.journal is None or not is_file(self.journal):
            return
        try:
            content = self.journal.read_bytes()
            whole = content.rfind(b"\n") + 1
            if not whole and self.identity.encode().startswith(content):  # broken off in its first line
                self.journal.unlink()
                return
            first, *lines = content[:whole].decode("utf-8").splitlines()
            found = [json.loads(line) for line in lines]
            trials = {key: None if t is None else Trial(Precision(**t.pop("precision")), **t) for key, t in found}
        except (ValueError, TypeError, OSError) as error:
            raise InputError(
                "this is not the journal of a search", where=str(self.journal), numbers=str(error)
            ) from error
        if first != self.identity:
            raise InputError(
                "this journal is of another search",
                where=str(self.journal),
                advice="Give the model, data, metric and goal that it was written with, or another file.",
            )
        if whole < len(content):
            try:
                os.truncate(self.journal, whole)
            except OSError as error:
                raise self._unwritten(error) from error
        self.known.update(trials)

    def _write(self, key: str, trial: Trial | None) -> None:
        if self.journal is None:
            return
        new = not is_file(self.journal)
        line = json.dumps([key, None if trial is None else asdict(trial)])
        try:
            with self.journal.open("a", encoding="utf-8") as file:
                file.write(f"{self.identity}\n{line}\n" if new else f"{line}\n")
        except OSError as error:
            raise self._unwritten(error) from error

    def _unwritten(self, error: OSError) -> InputError:
        what = f"cannot write the journal: {error.strerror}"
        return InputError(what, where=str(self.journal), advice="Name another file.")


def _key(precision: Precision) -> str:
    return json.dumps(asdict(precision), sort_keys=True)
