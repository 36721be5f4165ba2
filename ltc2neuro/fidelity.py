"""How far the integers are from the float network: SQNR of outputs and states, by cause, and the time constants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compiler.backends.execution import Execution, prepare
from compiler.backends.float_graph import KERNELS, output_map
from hw_models.errors import InputError
from ltc2neuro import metrics
from ltc2neuro.arrays import Floats, Sequences
from ltc2neuro.network import Network
from ltc2neuro.runs import Run, run_network
from ltc2neuro.time_constants import holdable, tau, tau_name
from ltc2neuro.verdict import Row

if TYPE_CHECKING:
    import torch

AGREEMENT = 1e-3
"""What torch and the stored float graph may differ by, times max(1, largest |output|): more than float32 rounds, even
over long sequences, and less than another model or other weights cause."""


@dataclass(frozen=True)
class Truth:
    """What the float network does on the user's sequences, one element a sequence."""

    executions: list[Execution]
    """the stored float graph's, batches of one"""
    graph_outputs: list[Floats]
    """the stored float graph's answers in the model's shape"""
    answers: list[Floats]
    """torch's answers in the model's shape; the float graph's where there is no model"""


def find_truth(net: Network, model: torch.nn.Module | None, x: Sequences) -> Truth:
    """Run the float network. Raises `InputError` where `model` answers in another shape than the one compiled."""
    executions = _run_float(net, x)
    scale, offset = output_map(net.float_graph)
    answers = [net.shaped(e.outputs[0] * scale + offset) for e in executions]
    return Truth(executions, answers, answers if model is None else _torch_answers(net, model, x))


def _torch_answers(net: Network, model: torch.nn.Module, x: Sequences) -> list[Floats]:
    from ltc2neuro.tracing import run_torch

    samples = [a[:, : net.features] for a in x.arrays]
    spans = [a[:, -1] for a in x.arrays] if net.timed else None
    answers = [np.asarray(y, np.float64) for y in run_torch(model, samples, dt=net.dt, timespans=spans)]
    for samples, y in zip(x.arrays, answers, strict=True):
        expected = (*((len(samples),) if net.readout == "every" else ()), *net.step_shape)
        if y.shape != expected:
            raise InputError(
                "the model does not answer as the one that was compiled",
                numbers=f"shape {y.shape} for a sequence of {len(samples)} samples, the network {expected}",
                advice="Give the model that this network was compiled from.",
            )
    return answers


def _run_float(net: Network, x: Sequences) -> list[Execution]:
    """The stored float graph over each sequence; those of equal length run side by side."""
    program = prepare(net.float_graph, KERNELS)
    marks = [n for t in net.float_graph.time_constants for n in (t.total, t.keep) if n in net.float_graph.values]
    found: dict[int, Execution] = {}
    for group in x.groups():
        whole = program.run(np.stack([x.arrays[i] for i in group]), record=marks)
        for row, i in enumerate(group):
            part = slice(row, row + 1)
            tables = (whole.states, whole.record, whole.final)
            states, record, final = ({n: a[part] for n, a in table.items()} for table in tables)
            found[i] = Execution(whole.outputs[part], states, record, {}, final)
    return [found[i] for i in range(len(x.arrays))]


def agreement(truth: Truth) -> Row:
    """Whether torch still computes what was compiled."""
    errors = [np.abs(g - t) for g, t in zip(truth.graph_outputs, truth.answers, strict=True)]
    worst = float(np.max([np.max(e, initial=0.0) for e in errors]))
    limit = AGREEMENT * max(1.0, *(float(np.max(np.abs(t), initial=0.0)) for t in truth.answers))
    held = bool(worst <= limit)
    note = "largest difference"
    if not held:
        sequence = next(i for i, e in enumerate(errors) if not np.all(e <= limit))
        place = ", ".join(str(n) for n in np.argwhere(~(errors[sequence] <= limit))[0])
        note += f", first at sequence {sequence}, element [{place}]: was it trained further, or changed?"
    return Row("float graph against torch", "outputs", "float graph", worst, "", limit, held, note)


def fidelity(net: Network, truth: Truth, x: Sequences, reference: Run, min_sqnr: float | None) -> list[Row]:
    """SQNR of outputs and states, whole and by cause; and of one sample alone."""
    floating = run_network(net, x, "floating", None, ())
    rows: list[Row] = []
    named = [("outputs", truth.answers, _answers(net, reference), _answers(net, floating), 0.0)]
    for state in net.graph.states:
        lsb = net.state_lsb(state.name)
        exact = [e.states[state.name][0] for e in truth.executions]
        integer = [np.asarray(s) * lsb for s in reference.states[state.name]]
        named.append((state.name, exact, integer, [np.asarray(s) for s in floating.states[state.name]], lsb))
    for name, exact, integer, real, lsb in named:
        value = metrics.sqnr(exact, integer)
        held = None if min_sqnr is None else bool(value >= min_sqnr)
        error = max(float(np.max(np.abs(e - i), initial=0.0)) for e, i in zip(exact, integer, strict=True))
        size = f" ({error / lsb:.0f} LSB)" if lsb else ""
        causes = f"parameters and approximation alone {metrics.sqnr(exact, real):.1f} dB, "
        causes += f"rounding alone {metrics.sqnr(real, integer):.1f} dB"
        note = f"largest error {error:.3g}{size}; {causes}"
        rows.append(Row("integers against float, SQNR", name, "reference", value, "dB", min_sqnr, held, note))
    return rows + _one_sample(net, x, truth.executions)


def _answers(net: Network, run: Run) -> list[Floats]:
    return [net.shaped(np.asarray(y)) for y in run.outputs]


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
        note = "each sample starts from the float state, so that no error is carried on"
        rows.append(Row("one sample alone, SQNR", name, "reference", value, "dB", note=note))
    return rows


def time_constants(net: Network, x: Sequences, truth: Truth) -> list[Row]:
    """The liquid time constants of each neuron that occurred, float and integer, and what the format can hold."""
    rows = []
    check = f"liquid time constants tau, in units of {'the time spans' if net.timed else f'dt = {net.dt:g}'}"
    marks = {t.state: t for t in net.float_graph.time_constants}
    for mark in net.graph.time_constants:
        exact = marks[mark.state]
        name = tau_name(mark.state)
        run = run_network(net, x, "reference", None, [name])
        integer = np.concatenate([np.asarray(v) for v in run.record[name]])
        parts = [
            tau(net.float_graph, exact, e, net.elapsed(a[None]))[0]
            for e, a in zip(truth.executions, x.arrays, strict=True)
        ]
        real = np.concatenate(parts)
        for i in range(integer.shape[1]):
            note = f"float {_range(real[:, i])}, integer {_range(integer[:, i])}"
            if not net.timed:
                least, most = np.broadcast_arrays(*holdable(net.graph, mark, net.dt), integer[0])[:2]
                note += f"; the format holds {least[i]:.3g} .. {most[i]:.3g}"
            rows.append(Row(check, f"{name}[{i}]", "reference", note=note))
    return rows


def _range(values: Floats) -> str:
    return f"{values.min():.4g} .. {values.max():.4g}"
