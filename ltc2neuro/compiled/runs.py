"""One run of a compiled network on one executor: `Run`, and how it comes about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from compiler.executors.execution import Execution
from compiler.mapping.options import Options
from compiler.running.executor import Executor, Job, Shows, States
from hw_models.errors import InputError
from ltc2neuro.compiled.clipped import Clipped
from ltc2neuro.compiled.clipped_states import clipped_in, may_clip
from ltc2neuro.compiled.executors import EXECUTORS, executor_of
from ltc2neuro.compiled.given_states import GivenStates, as_integers, as_reals, as_rows, tell_clipped, words_of
from ltc2neuro.compiled.host import INPUT
from ltc2neuro.compiled.parts import Parts
from ltc2neuro.compiled.record import Record
from ltc2neuro.inputs.arguments import check_options
from ltc2neuro.inputs.arrays import Floats, Sequences

Integers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Run:
    """What a run returns. Arrays are (batch, time, size), or as the network's `layout` says; for a list of sequences,
    lists of (time, size).

    `outputs` are in the model's units, `integers` the same as integers (None on "floating"). `states` hold each
    state after every sample: integers, or real values on "floating". `record` holds what was asked for, in real
    values; `saturations` how often a value was clipped, by its name: on Lava those of the input only, for its processes
    count none ("reference" computes the same integers and counts all). `final_state` is (batch, size) by name, in the
    same, to be given to the next run. "loihi2" shows outputs only: it has no states.
    """

    on: str
    outputs: Floats | list[Floats]
    integers: Integers | list[Integers] | None
    states: dict[str, np.ndarray | list[np.ndarray]]
    record: dict[str, Floats | list[Floats]]
    saturations: dict[str, int]
    final_state: dict[str, np.ndarray]
    clipped: Clipped = field(default=Clipped(), repr=False)
    """how often and how far channels, time spans and states were beyond their ranges"""
    entered: tuple[tuple[np.ndarray, States | None], ...] = field(default=(), repr=False)
    """what the chip was given: batches (batch, time, features) as integers, and the states they started from"""

    def __repr__(self) -> str:
        count = len(self.outputs)
        shape = f"{count} sequences" if isinstance(self.outputs, list) else f"outputs {self.outputs.shape}"
        clipped = sum(self.saturations.values())
        return f"Run(on {self.on}, {shape}, states {', '.join(self.states)}, {clipped} saturations)"


def run_network(
    net: Parts,
    x: Sequences,
    on: str,
    state: GivenStates | None,
    record: Sequence[str],
    options: Options | None = None,
) -> Run:
    """Run `x` on the executor `on`, mapped as `options` say; sequences of equal length side by side."""
    executor = executor_of(on)
    check_options(options)
    if not x.arrays and not x.ragged:
        raise InputError("x holds no sequence", advice="Give a batch of at least one sequence.")
    if options is not None and not executor.mapped:
        mapped = [e.name for e in EXECUTORS.values() if e.mapped]
        raise InputError(
            f"{on!r} runs nothing that is mapped", where="options", advice=f"Run it on {' or '.join(mapped)}."
        )
    wanted = net.names.matching(record)
    _refuse(net.record, executor, wanted, state)
    run = net.prepared.on(executor)
    start, counts = (None, {}) if state is None else _started(net.record, state, len(x.arrays), executor)
    parts: list[tuple[list[int], Execution]] = []
    entered: list[tuple[np.ndarray, States | None]] = []
    values = net.names.recorded_values(wanted) if executor.shows is Shows.VALUES else ()
    for group in x.groups():
        batch = np.stack([x.arrays[i] for i in group])
        if executor.integers:
            samples, saturated = net.host.input_format.quantize(net.host.mapped_input(batch))
            if saturated:
                counts[INPUT] = counts.get(INPUT, 0) + saturated
        else:
            samples = net.host.scaled(batch)
        own = None if start is None else {n: s[group] for n, s in start.items()}
        execution = run(Job(samples, own, values, options))
        for name, count in execution.saturations.items():
            label = net.names.shown_name(name)
            counts[label] = counts.get(label, 0) + count
        parts.append((group, execution))
        entered.append((samples, own))
    clipped = clipped_in(net.host, x, [e for _, e in parts], integers=executor.integers, entered=counts.get(INPUT, 0))
    return replace(_assemble(net, x, executor, parts, wanted, counts), clipped=clipped, entered=tuple(entered))


def clipped_of(net: Parts, x: Sequences, run: Run, state: GivenStates | None) -> Clipped:
    """What `run` of `x` clipped.

    Where the executor counts nothing inside, the reference tells, which computes the same integers.
    """
    if executor_of(run.on).counts or not may_clip(net.record.graph):
        return run.clipped
    return run_network(net, x, "reference", state, ()).clipped


def _refuse(record: Record, executor: Executor, wanted: Sequence[str], state: GivenStates | None) -> None:
    """Raise `InputError` for what an executor cannot show, or start from."""
    elsewhere = "Record values on 'reference': it computes the same integers."
    if state is not None and not executor.starts:
        raise InputError(f"{executor.name!r} starts from the initial states only", advice="Leave out state=.")
    if wanted and executor.shows is Shows.NOTHING:
        raise InputError(f"{executor.name!r} shows outputs only", where=", ".join(wanted), advice=elsewhere)
    states = {s.name for s in record.graph.states}
    values = [name for name in wanted if name not in states]
    if values and executor.shows is Shows.STATES:
        raise InputError(
            f"{executor.name!r} records states only",
            where=", ".join(values),
            advice=f"Record {', '.join(sorted(states)) or 'nothing'} on {executor.name!r}. {elsewhere}",
        )


def _started(
    record: Record, state: GivenStates, batch: int, executor: Executor
) -> tuple[States, dict[str, int]]:
    """The state handed in, as the executor takes it, and how many of its values were clipped."""
    words = words_of(record.graph)
    rows = as_rows(state, words, batch)
    if not executor.integers:
        return as_reals(rows, words), {}
    integers, clipped = as_integers(rows, words)
    tell_clipped(clipped, rows, words, stacklevel=5)
    return integers, clipped


def _assemble(
    net: Parts,
    x: Sequences,
    executor: Executor,
    parts: Sequence[tuple[list[int], Execution]],
    wanted: Sequence[str],
    counts: dict[str, int],
) -> Run:
    count = len(x.arrays)
    outputs: list[Floats] = [np.zeros(0)] * count
    integers: list[Integers] = [np.zeros(0, np.int64)] * count
    shown_states = [s for s in net.record.graph.states if all(s.name in execution.states for _, execution in parts)]
    states: dict[str, list[np.ndarray]] = {s.name: [np.zeros(0)] * count for s in shown_states}
    record: dict[str, list[Floats]] = {n: [np.zeros(0)] * count for n in wanted}
    final = {s.name: np.zeros((count, s.size), np.int64 if executor.integers else np.float64) for s in shown_states}
    for group, execution in parts:
        real = net.host.dequantize(execution.outputs)
        shown = net.names.shown_record(execution, wanted, np.stack([x.arrays[i] for i in group]))
        for row, i in enumerate(group):
            outputs[i] = real[row]
            integers[i] = execution.outputs[row].astype(np.int64) if executor.integers else integers[i]
            for name, values in execution.states.items():
                lsb = 1.0 if executor.integers else net.host.state_lsb(name)
                states[name][i] = values[row].astype(np.int64) if executor.integers else values[row] * lsb
                final[name][i] = execution.final[name][row] * lsb
            for name in wanted:
                record[name][i] = shown[name][row]

    def together(arrays: list) -> np.ndarray | list:
        return arrays if x.ragged else x.layout.stacked(arrays)

    def answers(arrays: list) -> np.ndarray | list:
        return arrays if x.ragged else x.layout.stacked_answers(arrays)

    return Run(
        executor.name,
        answers(outputs),
        answers(integers) if executor.integers else None,
        {n: together(v) for n, v in states.items()},
        {n: together(v) for n, v in record.items()},
        counts,
        final,
    )
