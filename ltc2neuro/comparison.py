"""`compare`: a network of library processes beside the one with microcode: error and cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.interpreters.float64 import run_float
from compiler.library_processes.process_graph import ProcessGraph
from compiler.mapping.mapped_network import MappedNetwork
from hw_models.errors import InputError
from hw_models.notebook_repr import Shown
from ltc2neuro import metrics
from ltc2neuro.compiled.record import BaseRecord
from ltc2neuro.compiled.runs import run_reference
from ltc2neuro.inputs.arrays import Samples, Sequences
from ltc2neuro.inputs.several import Inlet
from ltc2neuro.library_network.network import LibraryNetwork
from ltc2neuro.metrics import Metric
from ltc2neuro.network import Network
from ltc2neuro.verification.task_metric import Targets, task_metrics


@dataclass(frozen=True)
class Column:
    """One network's error on the samples, and its cost. SQNR is the worst channel's, against the float network."""

    outputs_db: float
    states_db: dict[str, float]
    metric: float | None
    neurons: int
    synapses: int
    processes: int
    ticks_per_sample: int


@dataclass(frozen=True, repr=False)
class Comparison(Shown):
    """Two networks of one model side by side; `print` it."""

    default: Column
    library: Column
    metric_name: str | None
    metric_float: float | None

    def __str__(self) -> str:
        one, two = self.default, self.library
        rows = [("", "microcode", "library processes")]
        rows.append(("outputs, SQNR in dB", f"{one.outputs_db:.1f}", f"{two.outputs_db:.1f}"))
        for name in one.states_db:
            rows.append((f"{name}, SQNR in dB", f"{one.states_db[name]:.1f}", f"{two.states_db[name]:.1f}"))
        if self.metric_name is not None and self.metric_float is not None:
            label = f"{self.metric_name} (float {self.metric_float:.4g})"
            rows.append((label, f"{one.metric:.4g}", f"{two.metric:.4g}"))
        for name in ("neurons", "synapses", "processes", "ticks_per_sample"):
            label = name.replace("_", " ")
            rows.append((label, f"{getattr(one, name):,}", f"{getattr(two, name):,}"))
        return table(rows)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns of text, the first to the left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def compare(
    default: Network,
    library: LibraryNetwork,
    x: Inlet,
    targets: Targets | None = None,
    metric: str | Metric | None = None,
    *,
    timespans: Samples | None = None,
) -> Comparison:
    """Run `x` (batch, time, features) on the references of both networks of one model, and on the float network.

    `metric` and `targets` as for `verify`. Synapses count each half of a split weight and each bias; processes are
    Lava's, the host's two ends included.
    """
    _check(default, library)
    given = library.parts.host.sequences(x, timespans)
    sequences = Sequences(given.arrays, given.ragged)
    if sequences.ragged or not sequences.arrays:
        raise InputError(
            "x must be one batch", advice=f"Give one array, {library.layout.shape(*library.sample_shape)}."
        )
    tasks = task_metrics(library, sequences, targets, metric)
    if tasks[1:]:
        raise InputError(
            "compare measures one answer",
            numbers=f"targets of {', '.join(t.of for t in tasks)}",
            advice=f"Give targets={{{tasks[0].of!r}: ...}} alone.",
        )
    task = tasks[0] if tasks else None
    truth = run_float(library.float_graph, library.entering(np.stack(sequences.arrays)))

    def score(outputs: np.ndarray) -> float | None:
        return None if task is None else task.score(library.parts.host.answers(outputs))

    def column(net: Network | LibraryNetwork, made: MappedNetwork | ProcessGraph) -> Column:
        run = run_reference(net.parts, sequences)
        states = {
            name: metrics.sqnr([truth.states[name]], [np.asarray(s) * net.state_lsb(name)])
            for name, s in run.states.items()
            if name in truth.states
        }
        outputs = np.asarray(run.outputs)
        level, size = metrics.sqnr([truth.outputs], [outputs]), (made.neurons, made.synapses, made.processes)
        return Column(level, states, score(outputs), *size, made.ticks_per_sample)

    columns = column(default, default.mapped()), column(library, library.processes)
    return Comparison(*columns, task and task.name, score(truth.outputs))


def _check(default: Network, library: LibraryNetwork) -> None:
    """Raise `InputError` where these are not two networks of one model."""
    if not isinstance(default, Network) or not isinstance(library, LibraryNetwork):
        raise InputError(
            "compare takes a network with microcode, then one without",
            numbers=f"got {type(default).__name__}, {type(library).__name__}",
            advice="Compile the model with microcode=True and with microcode=False, and give them in that order.",
        )
    if _kind(default) != _kind(library):
        raise InputError(
            "the networks are not of the same model",
            numbers=f"{_kind(default)} and {_kind(library)}: samples, answer, dt, time spans, layout",
            advice="Compile the same model twice, with microcode=True and with microcode=False.",
        )


def _kind(record: BaseRecord) -> tuple[object, ...]:
    """What networks of one model have in common."""
    return record.sample_shape, record.inputs, record.answers, record.dt, record.timed, record.layout
