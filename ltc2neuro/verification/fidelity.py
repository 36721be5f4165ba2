"""How far the integers are from the float network: SQNR of outputs and states, by cause, and the time constants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compiler.interpreters.execution import Execution
from compiler.interpreters.float64 import run_each
from compiler.running.interpreted import FLOATING, REFERENCE
from hw_models.arrays import Floats
from hw_models.errors import InputError
from ltc2neuro import metrics
from ltc2neuro.compiled.record import BaseRecord
from ltc2neuro.compiled.run import Run
from ltc2neuro.compiled.runs import AnyParts, run_network, run_reference
from ltc2neuro.compiled.time_constants import tau, tau_name
from ltc2neuro.inputs.arrays import Sequences
from ltc2neuro.verification.verdict import Row

if TYPE_CHECKING:
    import torch

    from ltc2neuro.tracing.calling.call_convention import Calling


@dataclass(frozen=True)
class Truth:
    """What the float network does on the user's sequences, one element a sequence."""

    executions: list[Execution]
    """the stored float graph's, batches of one"""
    answers: list[list[Floats]]
    """torch's answers, each in the model's shape; the float graph's where there is no model"""
    calling: Calling | None = None
    """how the model is called, where there is one"""


def find_truth(parts: AnyParts, model: torch.nn.Module | None, x: Sequences) -> Truth:
    """Run the float network. Raises `InputError` where `model` answers in another shape than the one compiled."""
    graph = parts.record.float_graph
    marks = [n for t in graph.time_constants for n in (t.total, t.keep) if n in graph.values]
    executions = run_each(graph, [parts.record.entering(a) for a in x.arrays], marks)
    if model is None:
        return Truth(executions, parts.host.answers(e.outputs[0] for e in executions))
    from ltc2neuro.tracing.model import calling_like

    calling = calling_like(parts.record, model, x.arrays)
    return Truth(executions, _torch_answers(parts.record, model, x, calling), calling)


def _torch_answers(record: BaseRecord, model: torch.nn.Module, x: Sequences, calling: Calling) -> list[list[Floats]]:
    import torch

    from ltc2neuro.tracing.calling.dtype import model_dtype
    from ltc2neuro.tracing.torch_run import answers_of

    own = "float64" if model_dtype(model) == torch.float64 else "float32"
    torchs = answers_of(model, x.arrays, calling)
    answers = [[np.asarray(y, own) for y in each] for each in torchs]  # float32 as float32
    for samples, each in zip(x.arrays, answers, strict=True):
        shapes = [(*a.steps(len(samples)), *a.step_shape) for a in record.answers.each]
        found, expected = (", ".join(map(str, side)) for side in ([y.shape for y in each], shapes))
        if found != expected:
            raise InputError(
                "the model does not answer as the one that was compiled",
                numbers=f"shape {found} for a sequence of {len(samples)} samples, the network {expected}",
                advice="Give the model that this network was compiled from.",
            )
    return answers


def agreement(record: BaseRecord, model: torch.nn.Module, x: Sequences, calling: Calling) -> Row:
    """Whether torch still computes what was compiled, as closely as the proof at compile: see `docs/proof.md`."""
    from ltc2neuro.tracing import agree

    found = agree(model, record, x.arrays, calling)
    note = f"largest difference in {found.arithmetic}, relative to the channel's largest value"
    if found.apart:
        note = f"{found.apart}: was it trained further, or changed?"
    elif found.amplified:
        note += f"; more where rounding is amplified, below {found.amplified:.0e}"
    held = not found.apart
    return Row("float graph against torch", "outputs", "float graph", found.largest, "", found.allowed, held, note)


@dataclass(frozen=True)
class _ComparedVector:
    """A vector's exact values, those of the integers, and those of the same ops without rounding, by sequence."""

    name: str
    exact: list[np.ndarray]
    integer: list[np.ndarray]
    real: list[np.ndarray]
    """empty where no executor leaves out rounding alone"""
    shape: tuple[int, ...]
    """of its channels"""
    lsb: Floats | None = None


def fidelity(parts: AnyParts, truth: Truth, x: Sequences, reference: Run, min_sqnr: float | None) -> list[Row]:
    """SQNR of outputs and states, whole and by cause, each that of its worst channel; and of one sample alone."""
    record, there = parts.record, FLOATING.name in parts.executors
    floating = run_network(parts, x, FLOATING.name) if there else None
    outputs = parts.host.answers(reference.outputs), parts.host.answers(floating.outputs if floating else [])
    exact, integer, real = (record.answers.by_channel(ys) for ys in (truth.answers, *outputs))
    measured = [
        _ComparedVector(a.row, exact[n], integer[n], real[n], a.step_shape) for n, a in enumerate(record.answers.each)
    ]
    for state in record.model_states:
        lsb = parts.host.state_lsb(state.name)
        exacts = [e.states[state.name][0] for e in truth.executions]
        integers = [np.asarray(s) * lsb for s in reference.states[state.name]]
        reals = [np.asarray(s) for s in floating.states[state.name]] if floating else []
        measured.append(_ComparedVector(state.name, exacts, integers, reals, (state.size,), lsb))
    return [_level(m, min_sqnr) for m in measured] + _one_sample(parts, x, truth.executions)


def _level(m: _ComparedVector, min_sqnr: float | None) -> Row:
    """The SQNR of the worst channel, what of it comes from where, and the largest error of any channel."""
    check = "integers against float, SQNR of the worst channel"
    worst = metrics.worst_channel(metrics.channel_sqnr(m.exact, m.integer))
    errors = [np.abs(e - i) for e, i in zip(m.exact, m.integer, strict=True)]
    error = max(float(np.max(e, initial=0.0)) for e in errors)
    size = "" if m.lsb is None else f" ({max(float(np.max(e / m.lsb, initial=0.0)) for e in errors):.0f} LSB)"
    largest = f"largest error {error:.3g}{size}"
    if worst.channel is None:
        return Row(check, m.name, REFERENCE.name, note=f"no channel has a signal here; {largest}")
    exact, integer, real = ([v[..., [worst.channel]] for v in values] for values in (m.exact, m.integer, m.real))
    causes = f"parameters and approximation alone {metrics.sqnr(exact, real):.1f} dB, " if real else ""
    causes += f"rounding alone {metrics.sqnr(real, integer):.1f} dB; " if real else ""
    held = None if min_sqnr is None else bool(worst.decibels >= min_sqnr)
    note = f"channel {_place(worst.channel, m.shape)}: {causes}{largest}"
    return Row(check, m.name, REFERENCE.name, worst.decibels, "dB", min_sqnr, held, note)


def _place(channel: int, shape: tuple[int, ...]) -> str:
    """The channel's index in an answer of that shape."""
    return "[" + ", ".join(str(int(i)) for i in np.unravel_index(channel, shape)) + "]"


def _one_sample(parts: AnyParts, x: Sequences, executions: Sequence[Execution]) -> list[Row]:
    """Teacher-forced: every sample starts from the float state, so that only one sample's error is seen."""
    record, graph = parts.record, parts.record.float_graph
    before: dict[str, list[Floats]] = {s.name: [] for s in record.model_states}
    after: dict[str, list[Floats]] = {s.name: [] for s in record.model_states}
    for execution in executions:
        for state in graph.states:
            track = execution.states[state.name][0].astype(np.float64)
            initial = graph.constants[state.initial].astype(np.float64)
            before[state.name].append(np.concatenate([initial[None], track[:-1]]))
            after[state.name].append(track)
    if not before:
        return []
    samples = Sequences(tuple(a[t : t + 1] for a in x.arrays for t in range(len(a))), ragged=False)
    start = {name: record.state_words[name].quantize(np.concatenate(tracks))[0] for name, tracks in before.items()}
    run = run_reference(parts, samples, start)
    rows = []
    for name, tracks in after.items():
        got = run.final_state[name] * parts.host.state_lsb(name)
        worst = metrics.worst_channel(metrics.channel_sqnr([np.concatenate(tracks)], [got]))
        if worst.channel is None:
            continue
        note = f"channel [{worst.channel}]: each sample starts from the float state, so that no error is carried on"
        check = "one sample alone, SQNR of the worst channel"
        rows.append(Row(check, name, REFERENCE.name, worst.decibels, "dB", note=note))
    return rows


def time_constants(record: BaseRecord, x: Sequences, truth: Truth, reference: Run) -> list[Row]:
    """The liquid time constants of each neuron that occurred, float and integer, and what the format can hold; the
    reference has recorded the latter."""
    rows = []
    check = f"liquid time constants tau, in units of {'the time spans' if record.timed else f'dt = {record.dt:g}'}"
    marks = {t.state: t for t in record.float_graph.time_constants}
    for state, held in record.held_time_constants.items():
        name = tau_name(state)
        integer = np.concatenate([np.asarray(v) for v in reference.record[name]])
        parts = [
            tau(record.float_graph, marks[state], e, record.elapsed(a[None]))[0]
            for e, a in zip(truth.executions, x.arrays, strict=True)
        ]
        real = np.concatenate(parts)
        rows.append(Row(check, name, REFERENCE.name, note=_all_neurons(real, integer, held)))
        for i in range(integer.shape[1]):
            note = f"float {_range(real[:, i])}, integer {_range(integer[:, i])}"
            if held is not None:
                least, most = np.broadcast_arrays(*held, integer[0])[:2]
                note += f"; the format holds {least[i]:.3g} .. {most[i]:.3g}"
            rows.append(Row(check, f"{name}[{i}]", REFERENCE.name, note=note, folded=True))
    return rows


def _all_neurons(real: Floats, integer: Floats, held: tuple[Floats, Floats] | None) -> str:
    """Of all neurons, in one line; `rows` have each."""
    note = f"{integer.shape[1]} neurons: float {_range(real)}, integer {_range(integer)}"
    if held is None:
        return note
    inside = np.all((real >= held[0]) & (real <= held[1]), axis=0)
    return f"{note}; {int(np.sum(inside))} of them stay within what their formats hold"


def _range(values: Floats) -> str:
    return f"{values.min():.4g} .. {values.max():.4g}"
