"""`verify`: does the compiled network still do its job, do all executors agree, and where does the error come from?

It passes when every executor returns the reference's integers and the user's limits hold. Everything else in
its rows is there to be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from compiler.backends.execution import Execution, prepare
from compiler.backends.float_graph import KERNELS, output_map
from hw_models.errors import InputError
from ltc2neuro import metrics
from ltc2neuro.arrays import ArrayOrTensor, Floats, Samples, Sequences, as_array, as_sequences
from ltc2neuro.extras import LAVA
from ltc2neuro.metrics import Metric
from ltc2neuro.network import Network
from ltc2neuro.runs import Run, run_network

if TYPE_CHECKING:
    import torch

INTEGER_EXECUTORS = ("reference", "lava", "lava-fused")
MAPPED_SAMPLES = 64
"""Mapped Lava takes real ticks, so `verify` runs it on as many sequences as make up about this many samples."""

Values: TypeAlias = "list[np.ndarray]"


@dataclass(frozen=True)
class Row:
    """One thing that was checked or measured.

    `held` is None for what is only reported; `value` and `limit` are in `unit`.
    """

    check: str
    name: str
    on: str
    value: float | None = None
    unit: str = ""
    limit: float | None = None
    held: bool | None = None
    note: str = ""


@dataclass(frozen=True)
class Verification:
    """The result of `verify`: `passed`, the `rows`, and a text by `print`."""

    passed: bool
    rows: tuple[Row, ...]

    def __str__(self) -> str:
        lines = []
        check = ""
        for row in self.rows:
            if row.check != check:
                check = row.check
                lines.append(check)
            lines.append("  " + _line(row))
        lines.append("passed" if self.passed else "NOT PASSED")
        return "\n".join(lines)


def _line(row: Row) -> str:
    mark = {None: "     ", True: "ok   ", False: "MISS "}[row.held]
    value = "" if row.value is None else f"{row.value:.6g}{' ' + row.unit if row.unit else ''}"
    limit = "" if row.limit is None else f" (limit {row.limit:g}{' ' + row.unit if row.unit else ''})"
    return f"{mark}{row.name:28} {row.on:12} {value}{limit} {row.note}".rstrip()


def verify(
    net: Network,
    model: torch.nn.Module | None,
    x: Samples | None = None,
    targets: ArrayOrTensor | Sequence[ArrayOrTensor] | None = None,
    metric: str | Metric | None = None,
    on: Sequence[str] | None = None,
    min_sqnr: float | None = None,
    max_metric_change: float | None = None,
) -> Verification:
    """Compare torch, the float graph, the reference and every other executor on the user's data.

    `x` is (batch, time, features) or a list of (time, features); None replays the stored known-answer sequence.
    `model` None compares with the stored float graph. `on` None takes every executor installed, and names those that
    are missing. `metric` is "accuracy", "mse", "mae" or a function of outputs and targets in the model's shape.
    `min_sqnr` (dB) holds for the outputs and every state, `max_metric_change` is a fraction: relative for mse and mae,
    absolute for accuracy and for a function of your own.
    """
    _check_arguments(targets, metric, max_metric_change)
    rows: list[Row] = []
    sequences = as_sequences(net.known.x if x is None else x, net.features)
    if not sequences.arrays or any(not len(a) for a in sequences.arrays):
        raise InputError("there is nothing to verify on", advice="Give at least one sequence with one sample.")
    reference = run_network(net, sequences, "reference", None, ())
    if x is None:
        rows += _known_answer(net, reference)
    rows += _executors(net, sequences, reference, on)
    rows += _fidelity(net, model, sequences, reference, min_sqnr)
    if metric is not None and targets is not None:
        float_outputs = _float_outputs(net, model, sequences)
        rows += _metric(net, sequences, float_outputs, reference, targets, metric, max_metric_change)
    rows += [Row("saturations", name, "reference", count) for name, count in reference.saturations.items()]
    rows += _time_constants(net, sequences)
    return Verification(all(row.held is not False for row in rows), tuple(rows))


def _check_arguments(targets: object, metric: object, change: float | None) -> None:
    if (targets is None) != (metric is None):
        raise InputError("targets and metric go together", advice="Give both, or neither.")
    if change is not None and metric is None:
        raise InputError("max_metric_change needs a metric and targets", numbers=f"max_metric_change = {change}")


# --- do the executors agree? -----------------------------------------------------------------------------


def _known_answer(net: Network, reference: Run) -> list[Row]:
    """The reference against the integers in the artifact."""
    known = [("outputs", reference.integers, net.known.integers)]
    known += [(n, reference.states[n], s) for n, s in net.known.states.items()]
    return [
        _equal_row("known answer", name, "reference", _listed(got), _listed(stored), "")
        for name, got, stored in known
    ]


def _executors(net: Network, x: Sequences, reference: Run, on: Sequence[str] | None) -> list[Row]:
    """Every integer executor against the reference."""
    rows: list[Row] = []
    wanted = [on] if isinstance(on, str) else on
    for name in wanted if wanted is not None else INTEGER_EXECUTORS:
        if name in ("reference", "floating"):
            continue
        missing = _missing(net, name)
        if missing and wanted is None:
            rows.append(Row("executors return the reference's integers", name, name, note=f"not run: {missing}"))
            continue
        count = len(x.arrays) if name != "lava" else _few(x)
        part = Sequences(x.arrays[:count], x.ragged)
        run = run_network(net, part, name, None, ())
        note = f"on the first {count} of {len(x.arrays)} sequences" if count < len(x.arrays) else ""
        pairs = [("outputs", run.integers, reference.integers)]
        pairs += [(n, run.states[n], reference.states[n]) for n in run.states]
        for what, got, expected in pairs:
            check = "executors return the reference's integers"
            rows.append(_equal_row(check, what, name, _listed(got), _listed(expected)[:count], note))
    return rows


def _missing(net: Network, name: str) -> str:
    if name not in ("lava", "lava-fused"):
        return ""
    if not net.chip.lava:
        return f"Lava does not run networks for {net.chip.name}"
    return f"{', '.join(LAVA.missing())} not installed; run: {LAVA.command}" if LAVA.missing() else ""


def _few(x: Sequences) -> int:
    """How many sequences mapped Lava takes."""
    samples = np.cumsum([len(a) for a in x.arrays])
    return int(min(len(x.arrays), np.searchsorted(samples, MAPPED_SAMPLES) + 1))


def _equal_row(check: str, name: str, on: str, got: Values, expected: Values, note: str) -> Row:
    for i, (g, e) in enumerate(zip(got, expected, strict=True)):
        if g.shape != e.shape:
            return Row(check, name, on, held=False, note=f"sequence {i}: shape {g.shape}, not {e.shape}")
        if not np.array_equal(g, e):
            time, element = np.argwhere(g != e)[0]
            first = f"sequence {i}, time {time}, element {element}: {g[time, element]}, not {e[time, element]}"
            return Row(check, name, on, held=False, note=f"first difference at {first}")
    return Row(check, name, on, held=True, note=f"equal {note}".strip())


def _listed(values: object) -> Values:
    """One array a sequence."""
    return [np.asarray(v) for v in values]  # type: ignore[attr-defined]


# --- how far from float? ---------------------------------------------------------------------------------


def _fidelity(
    net: Network, model: torch.nn.Module | None, x: Sequences, reference: Run, min_sqnr: float | None
) -> list[Row]:
    """SQNR of outputs and states, whole and by cause."""
    executions = _run_float(net, x)
    floating = run_network(net, x, "floating", None, ())
    rows: list[Row] = []
    graph_outputs = [_host_outputs(net, e) for e in executions]
    truth = graph_outputs
    if model is not None:
        truth = _flat_outputs(net, _torch_outputs(net, model, x))
        compared = [o if net.readout == "every" else o[-1:] for o in graph_outputs]
        worst = max(float(np.max(np.abs(t - g), initial=0.0)) for t, g in zip(truth, compared, strict=True))
        rows.append(Row("float graph against torch", "outputs", "float graph", worst, "largest difference"))
    check = "integers against float (SQNR)"
    last = net.readout == "last" and model is not None
    outputs = [np.asarray(o)[-1:] if last else np.asarray(o) for o in _listed(reference.outputs)]
    unrounded = [o[-1:] if last else o for o in _listed(floating.outputs)]
    named = [("outputs", truth, outputs, unrounded, 0.0)]
    for state in net.graph.states:
        lsb = net.state_lsb(state.name)
        exact = [e.states[state.name][0] for e in executions]
        integer = [s * lsb for s in _listed(reference.states[state.name])]
        named.append((state.name, exact, integer, _listed(floating.states[state.name]), lsb))
    for name, exact, integer, real, lsb in named:
        value = metrics.sqnr(exact, integer)
        held = None if min_sqnr is None else bool(value >= min_sqnr)
        error = max(float(np.max(np.abs(e - i), initial=0.0)) for e, i in zip(exact, integer, strict=True))
        size = f", {error / lsb:.0f} LSB" if lsb else ""
        causes = f"approximation and parameters {metrics.sqnr(exact, real):.1f} dB, "
        causes += f"rounding {metrics.sqnr(real, integer):.1f} dB"
        note = f"largest error {error:.3g}{size}; {causes}"
        rows.append(Row(check, name, "reference", value, "dB", min_sqnr, held, note))
    rows += _one_sample(net, x, executions)
    return rows


def _one_sample(net: Network, x: Sequences, executions: Sequence[Execution]) -> list[Row]:
    """Teacher-forced: every sample starts from the float state, so that only one sample's error is seen."""
    before: dict[str, list[Floats]] = {s.name: [] for s in net.graph.states}
    after: dict[str, list[Floats]] = {s.name: [] for s in net.graph.states}
    for execution in executions:
        for state in net.float_graph.states:
            track = execution.states[state.name][0].astype(np.float64)
            initial = net.float_graph.constants[state.initial].astype(np.float64)
            before[state.name].append(np.concatenate([initial[None], track[:-1]]))
            after[state.name].append(track)
    if not before:
        return []
    start = {}
    for state in net.graph.states:
        assert state.format is not None  # an integer graph's
        start[state.name] = state.format.quantize(np.concatenate(before[state.name]))[0]
    samples = Sequences(tuple(a[t : t + 1] for a in x.arrays for t in range(len(a))), ragged=False)
    run = run_network(net, samples, "reference", start, ())
    rows = []
    for name, tracks in after.items():
        got = np.asarray(run.final_state[name]) * net.state_lsb(name)
        value = metrics.sqnr([np.concatenate(tracks)], [got])
        note = "each sample from the float state: the error of one sample alone"
        rows.append(Row("one sample alone (SQNR)", name, "reference", value, "dB", note=note))
    return rows


def _run_float(net: Network, x: Sequences) -> list[Execution]:
    """The stored float graph over each sequence; those of equal length run side by side. Batches of one."""
    program = prepare(net.float_graph, KERNELS)
    found: dict[int, Execution] = {}
    for group in x.groups():
        whole = program.run(np.stack([x.arrays[i] for i in group]))
        for row, i in enumerate(group):
            part = slice(row, row + 1)
            states = {n: s[part] for n, s in whole.states.items()}
            found[i] = Execution(whole.outputs[part], states, {}, {}, {n: s[part] for n, s in whole.final.items()})
    return [found[i] for i in range(len(x.arrays))]


def _host_outputs(net: Network, execution: Execution) -> Floats:
    """(time, outputs) of the float graph in the user's units."""
    scale, offset = output_map(net.float_graph)
    return execution.outputs[0] * scale + offset


def _torch_outputs(net: Network, model: torch.nn.Module, x: Sequences) -> list[Floats]:
    """What torch answers, one array a sequence, in the model's shape."""
    from ltc2neuro.tracing import run_torch

    return [np.asarray(y, np.float64) for y in run_torch(model, list(x.arrays), dt=net.dt)]


def _flat_outputs(net: Network, outputs: Sequence[Floats]) -> list[Floats]:
    """(time or 1, outputs) a sequence."""
    return [y.reshape(-1, int(np.prod(net.step_shape))) for y in outputs]


def _float_outputs(net: Network, model: torch.nn.Module | None, x: Sequences) -> list[Floats]:
    """The float network's answers in the model's shape, from torch where it is given."""
    if model is not None:
        return _torch_outputs(net, model, x)
    return [net.shaped(_host_outputs(net, e)) for e in _run_float(net, x)]


# --- does it still do its task? --------------------------------------------------------------------------


def _metric(
    net: Network,
    x: Sequences,
    float_outputs: list[Floats],
    reference: Run,
    targets: ArrayOrTensor | Sequence[ArrayOrTensor],
    metric: str | Metric,
    limit: float | None,
) -> list[Row]:
    integer_outputs = [net.shaped(np.asarray(o)) for o in _listed(reference.outputs)]
    wanted = [as_array(t) for t in targets] if x.ragged else list(as_array(targets))  # type: ignore[arg-type, union-attr]
    if len(wanted) != len(x.arrays):
        raise InputError(
            "targets do not fit the samples", numbers=f"{len(wanted)} targets for {len(x.arrays)} sequences"
        )
    label = metric if isinstance(metric, str) else getattr(metric, "__name__", "metric")
    before, after = (metrics.measure(metric, o, wanted, x.ragged) for o in (float_outputs, integer_outputs))
    change = metrics.change(metric, before, after)
    held = None if limit is None else bool(change <= limit)
    return [
        Row("task metric", f"{label}, float", "float", before),
        Row("task metric", f"{label}, integer", "reference", after),
        Row("task metric", f"change of {label}", "reference", change, "", limit, held),
    ]


def _time_constants(net: Network, x: Sequences) -> list[Row]:
    """The liquid time constants that occur, float and integer."""
    names = [n for n in net.names() if n == "tau" or n.endswith(".tau")]
    names = [n for n in names if n not in {s.name for s in net.graph.states}]
    if not names:
        return []
    rows = []
    check = f"liquid time constants (smallest and largest seen, in units of dt = {net.dt:g})"
    for on in ("floating", "reference"):
        run = run_network(net, x, on, None, names)
        for name in names:
            seen = np.concatenate([v.reshape(-1) for v in _listed(run.record[name])])
            rows.append(Row(check, name, on, note=f"{seen.min():.4g} .. {seen.max():.4g}"))
    return rows


