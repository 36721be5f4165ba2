"""`search`: the cheapest precision that keeps what is asked for, found by greedy moves on measured networks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from compiler.attribution.switched import Switched
from compiler.quantize.precision import Precision
from hw_models.arguments import check_choice, check_count, check_path, check_real
from hw_models.chip import Chip
from hw_models.errors import InputError
from ltc2neuro.attribution.measuring import Bench as Measuring
from ltc2neuro.compilation.pipeline import compile
from ltc2neuro.inputs.arrays import Samples, Sequences
from ltc2neuro.inputs.held_back import halves
from ltc2neuro.inputs.layout import BATCH_FIRST
from ltc2neuro.inputs.several import Inlet
from ltc2neuro.metrics import Metric
from ltc2neuro.progressing import begin, shown_stages
from ltc2neuro.searching.deployment import best_deployment
from ltc2neuro.searching.moves import Move, moves
from ltc2neuro.searching.parallel_trials import check_pool
from ltc2neuro.searching.search_result import Point, Search, front_of
from ltc2neuro.searching.trials import COSTS, Trial, Trials
from ltc2neuro.verification.task_metric import Targets, check_limits, check_pair, task_metrics

if TYPE_CHECKING:
    import torch

MOST = 12
"""Networks of a front"""


def search(
    model: torch.nn.Module,
    x: Inlet,
    targets: Targets | None = None,
    metric: str | Metric | None = None,
    *,
    min_sqnr: float | None = None,
    max_metric_change: float | None = None,
    minimise: str = "time",
    most_cores: int | None = None,
    budget_s: float = 60.0,
    start: Precision | str | None = None,
    chip: str | Path | Chip = "loihi2",
    timespans: Samples | None = None,
    dt: float = 1.0,
    batch_first: bool | None = None,
    journal: str | Path | None = None,
    executor: Executor | None = None,
    seed: int = 0,
) -> Search:
    """The `Precision` with which the `model` costs least and keeps what is asked for, and all others that are worth
    having: the Pareto front of SQNR against cost, with its networks.

    `x` are sequences as for `compile`; a third of them, chosen by the `seed`, only judge, and the others calibrate.
    `min_sqnr` (dB) is of the worst channel of the outputs; without it, and without `max_metric_change`, nothing may be
    lost against the `start`. `max_metric_change`, with `targets` and a `metric`, is as for `verify`, on what is held
    back. `minimise` is "time", "energy", "cores", "instructions", "synapses" or "latency": see `net.cost`.

    Time, energy and latency are also those of the deployment, which changes no integer: neurons are spread over twice
    as many cores as long as this saves a quarter, up to `most_cores`, by default those of the chip; 1: on as few as it
    takes. Samples overlap more or less where that gains. It is chosen once, for the start: `deployment` of what is
    returned, and what it alone gained, and precision alone.

    Each setting that is tried is a network of its own, quantized, placed and run. After `budget_s` seconds no further
    one is; the order in which they are tried depends on the data and the `seed` alone. With a `journal`, a file, what
    was tried is known when the search is called again. `executor` is one of `concurrent.futures`, whose workers
    measure several settings at once; what comes of it is the same.

    Raises `InputError` for wrong arguments, a journal of another search, a metric that is not finite for the float
    network's own answers, and where the start does not keep what is asked for and no move leads there; else what
    `compile` raises.
    """
    check_choice(minimise, COSTS, "minimise")
    check_real(budget_s, "budget_s", above=0.0)
    check_count(seed, "seed", least=0)
    most_cores = None if most_cores is None else check_count(most_cores, "most_cores")
    path = None if journal is None else check_path(journal, "journal")
    check_pair(targets, metric)
    check_limits(metric, min_sqnr, max_metric_change)
    if executor is not None:
        check_pool(executor)
    began = time.monotonic()
    with shown_stages("search"):
        base = compile(model, x, timespans=timespans, chip=chip, precision=start, dt=dt, batch_first=batch_first)
        sequences = replace(base.parts.host.sequences(x, timespans), layout=BATCH_FIRST)
        if len(sequences.arrays) < 2:
            raise InputError(
                "search needs at least two sequences",
                advice="One is held back: it judges the settings that the others chose.",
            )
        looked_at, judging = halves(len(sequences.arrays), seed)
        tasks = [task.part(judging) for task in task_metrics(base, sequences, targets, metric)]
        parts = [Sequences(tuple(sequences.arrays[i] for i in p), sequences.ragged) for p in (looked_at, judging)]
        deployment = best_deployment(base.parts, minimise, COSTS[minimise], most_cores)
        bench = Trials(base, parts[0], parts[1], tasks, minimise, deployment, path)
        bench = bench if executor is None else bench.shared(executor)
        bench.scores  # noqa: B018  # where the metric is not finite, that is said now
        bench.read()
        found = _Greedy(bench, min_sqnr, max_metric_change, lambda: time.monotonic() - began > budget_s)
        return found.result()


@dataclass(eq=False)
class _Greedy:
    """Move after move, the one that seems best first."""

    bench: Trials
    min_sqnr: float | None
    max_change: float | None
    late: Callable[[], bool]
    gains: dict[Move, tuple[float, float]] = field(default_factory=dict)
    """by which factor a move changed the cost, and by how much the noise's share of the signal, when last tried"""

    def result(self) -> Search:
        start = self.bench.trial(self.bench.base.precision)
        if start is None:
            raise InputError("the model does not fit its chip at the start", where="start")
        if self.min_sqnr is None and self.max_change is None:
            self.min_sqnr = min(start.decibels, start.held_back)
        self._look(start)
        now, complete = start, False
        while not complete and not self.late():
            better = self._better(now)
            now, complete = (now, not self.late()) if better is None else (better, False)
        trials = [t for t in self.bench.known.values() if t is not None]
        keeping = [t for t in trials if self._keeps(t)]
        if not keeping:
            raise InputError(
                "no setting that was tried keeps what is asked for",
                numbers="; ".join(self._numbers(start, now, trials)),
                advice="Ask for less, give it more time, or start from precision 'accurate'.",
            )
        return self._told(start, min(keeping, key=lambda t: (t.cost, -t.decibels)), trials, complete=complete)

    def _numbers(self, start: Trial, now: Trial, trials: list[Trial]) -> Iterator[str]:
        """What is kept at most, of each limit."""
        if self.min_sqnr is not None:
            yield f"the best has {now.decibels:.1f} dB, {now.held_back:.1f} dB on what was held back"
        if self.max_change is not None:
            for task, score in zip(self.bench.tasks, self.bench.scores, strict=True):
                yield f"{task.name} is {score:.4g} of the float network"
            least = np.fmin.reduce([np.nan if t.change is None else t.change for t in trials])
            yield f"it changes by {start.change:.3g} at the start, by {least:.3g} at least"

    def _keeps(self, trial: Trial) -> bool:
        return trial.keeps(self.min_sqnr, self.max_change)

    def _look(self, start: Trial) -> None:
        """Each move from the start, those first at whose value least is lost: they have most room."""
        if self.late():
            return
        begin("sensitivities")
        net = self.bench.base
        lowered = net.proven.lowered
        assert lowered is not None
        switched = Switched(net.proven, lowered)
        measuring = Measuring(net.parts, switched, self.bench.looked_at)
        room = {
            s.value: measuring.one_step([o for o in switched.sites if o.value != s.value]).at(0) for s in switched.sites
        }
        possible = moves(lowered.near, net.chip, start.precision)
        ordered = sorted(possible, key=lambda m: -room.get(m.glob, 0.0) if m.glob != "*" else -np.inf)
        for number, move in enumerate(ordered):
            if self.late():
                return
            self.bench.expect(m.of(start.precision) for m in ordered[number:])
            self._try(start, move)

    def _try(self, now: Trial, move: Move) -> Trial | None:
        begin(str(move))
        found = self.bench.trial(move.of(now.precision))
        if found is not None:
            self.gains[move] = found.cost / now.cost, _noise(found) - _noise(now)
        else:
            self.gains.pop(move, None)
        return found

    def _better(self, now: Trial) -> Trial | None:
        """The first of the moves, by what they promise, that keeps what is asked for at less cost; where too little is
        kept, that keeps more; else one that costs nothing and makes room. None where no move helps."""
        kept = self._keeps(now)
        hopeful = [m for m, (factor, noise) in self.gains.items() if not kept or factor < 1 or noise < 0]
        ordered = sorted(hopeful, key=self._promise(now, kept=kept))
        for number, move in enumerate(ordered):
            if self.late():
                return None
            self.bench.expect(m.of(now.precision) for m in ordered[number:])
            found = self._try(now, move)
            if found is None or found.precision == now.precision:
                continue
            cheaper = found.cost < now.cost * (1 - 1e-9)
            cleaner = min(found.decibels, found.held_back) > min(now.decibels, now.held_back) + 1e-9
            keeps = self._keeps(found)
            if (keeps and (cheaper or (cleaner and found.cost <= now.cost))) if kept else (keeps or cleaner):
                return found
        return None

    def _promise(self, now: Trial, *, kept: bool) -> Callable[[Move], tuple[float, ...]]:
        """A key by which moves are tried, the least first."""
        allowed = np.inf if self.min_sqnr is None else 10 ** (-self.min_sqnr / 10)

        def key(move: Move) -> tuple[float, ...]:
            factor, noise = self.gains[move]
            if not kept:
                return (noise, factor)
            fits = _noise(now) + noise <= allowed
            return (0.0 if fits and factor < 1 else 1.0 if factor <= 1 and noise < 0 else 2.0, factor, noise)

        return key

    def _told(self, start: Trial, cheapest: Trial, trials: list[Trial], *, complete: bool) -> Search:
        bench = self.bench
        front = front_of(trials)
        if len(front) > MOST:
            front = [front[i] for i in np.linspace(0, len(front) - 1, MOST).astype(int)]
        front = sorted({id(t): t for t in (*front, cheapest)}.values(), key=lambda t: t.cost)
        points = tuple(Point(t, bench.network(t.precision), bench.deployment) for t in front)
        chosen = next(p for p in points if p.trial is cheapest)
        plain, narrowed = bench.placed(start), bench.placed(cheapest)
        return Search(plain, start, narrowed, chosen, points, bench.minimise, len(bench.known), complete)


def _noise(trial: Trial) -> float:
    return float(10 ** (-min(trial.decibels, trial.held_back) / 10))
