"""One run of a compiled network on one executor: `Run`, and how it comes about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from compiler.executors.execution import Execution
from compiler.mapping.options import Options, Overlap
from hw_models.arguments import check_choice, check_names, nearest, shown
from hw_models.errors import ChipError, InputError
from ltc2neuro.arguments import check_options
from ltc2neuro.arrays import Floats, Sequences
from ltc2neuro.compiled.clipped import Clipped
from ltc2neuro.compiled.clipped_states import clipped_in, may_clip
from ltc2neuro.compiled.given_states import GivenStates, as_integers, as_reals, as_rows, tell_clipped, words_of
from ltc2neuro.extras import LAVA

if TYPE_CHECKING:
    from ltc2neuro.network import Network

Integers: TypeAlias = npt.NDArray[np.int64]
States: TypeAlias = Mapping[str, np.ndarray]


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


Executor: TypeAlias = "Callable[[Network, Floats, States | None, Sequence[str], Options | None], Execution]"


def _floating(net: Network, x: Floats, state: States | None, record: Sequence[str], _: Options | None) -> Execution:
    """The integer graph, unrounded; `x` and states are in units of the last place."""
    return net.floating_program.run(x, state, record)


def _reference(net: Network, x: Floats, state: States | None, record: Sequence[str], _: Options | None) -> Execution:
    from compiler.executors.reference import run_prepared

    return run_prepared(net.reference_program, x, state, record)


def _lava(
    net: Network, x: Floats, state: States | None, _: Sequence[str], options: Options | None, fused: bool = False
) -> Execution:
    refuse_without_lava(net)
    LAVA.require()
    from compiler.lava.run import run_lava

    return run_lava(lambda reset: net.mapped(reset, options), x.astype(np.int64), state, fused=fused)


def _lava_fused(net: Network, x: Floats, state: States | None, record: Sequence[str], _: Options | None) -> Execution:
    """A sample a tick: there is nothing that could overlap."""
    return _lava(net, x, state, record, Options(Overlap.NONE, merged=False), fused=True)


def _loihi2(net: Network, x: Floats, state: States | None, record: Sequence[str], options: Options | None) -> Execution:
    """Outputs only: the chip keeps its states."""
    refuse_without_lava(net)
    LAVA.require()
    from compiler.lava.hardware import run_loihi2

    if state is not None:
        raise InputError("Loihi 2 starts from the initial states only", advice="Leave out state=.")
    if record:
        raise InputError("Loihi 2 shows outputs only", where=", ".join(record), advice=_ELSEWHERE)
    expected = _reference(net, x, None, (), None).outputs.astype(np.int64)
    return run_loihi2(lambda reset: net.mapped(reset, options), x.astype(np.int64), expected)


EXECUTORS: dict[str, Executor] = {
    "floating": _floating,
    "reference": _reference,
    "lava": _lava,
    "lava-fused": _lava_fused,
    "loihi2": _loihi2,
}
_MAPPED = ("lava", "loihi2")
"""The executors with a tick for what the chip does in one: options of the mapping make a difference."""


def refuse_without_lava(net: Network) -> None:
    """Raise `ChipError` where the chip's numbers do not travel over Lava's stock connections."""
    if not net.chip.lava:
        raise ChipError(
            f"Lava does not run networks for chip {net.chip.name!r}",
            numbers=f"Lava's stock connections carry 24-bit messages and 8-bit weights; {net.chip.name} has "
            f"{net.chip.message_bits}-bit messages and {net.chip.weight_bits}-bit weights",
            advice="Run it on 'reference' or 'floating', or compile for chip='loihi2'.",
        )


def run_network(
    net: Network,
    x: Sequences,
    on: str,
    state: GivenStates | None,
    record: Sequence[str],
    options: Options | None = None,
) -> Run:
    """Run `x` on the executor `on`, mapped as `options` say; sequences of equal length side by side."""
    check_choice(on, EXECUTORS, "executor")
    check_options(options)
    if not x.arrays and not x.ragged:
        raise InputError("x holds no sequence", advice="Give a batch of at least one sequence.")
    if options is not None and on not in _MAPPED:
        raise InputError(
            f"{on!r} runs nothing that is mapped", where="options", advice=f"Run it on {' or '.join(_MAPPED)}."
        )
    wanted = _expand(net, record)
    if on.startswith("lava"):
        _refuse_values(net, wanted)
    start, counts = (None, {}) if state is None else _started(net, state, len(x.arrays), on)
    parts: list[tuple[list[int], Execution]] = []
    entered: list[tuple[np.ndarray, States | None]] = []
    for group in x.groups():
        batch = np.stack([x.arrays[i] for i in group])
        if on == "floating":
            samples: np.ndarray = net.scaled(batch)
        else:
            samples, saturated = net.input_format.quantize(net.mapped_input(batch))
            if saturated:
                counts[net.input_name] = counts.get(net.input_name, 0) + saturated
        own = None if start is None else {n: s[group] for n, s in start.items()}
        execution = EXECUTORS[on](net, samples, own, net.recorded_values(wanted), options)  # type: ignore[arg-type]
        for name, count in execution.saturations.items():
            label = net.shown_name(name)
            counts[label] = counts.get(label, 0) + count
        parts.append((group, execution))
        entered.append((samples, own))
    clipped = clipped_in(net, x, [e for _, e in parts], on=on, entered=counts.get(net.input_name, 0))
    return replace(_assemble(net, x, on, parts, wanted, counts), clipped=clipped, entered=tuple(entered))


def clipped_of(net: Network, x: Sequences, run: Run, state: GivenStates | None) -> Clipped:
    """What `run` of `x` clipped.

    Lava's processes count nothing: the reference, which computes the same integers, tells what was clipped inside.
    """
    if run.on in ("reference", "floating") or not may_clip(net.graph):
        return run.clipped
    return run_network(net, x, "reference", state, ()).clipped


def _expand(net: Network, record: Sequence[str]) -> list[str]:
    """Names from names and globs."""
    known = net.names()
    globs = check_names(record, "record")
    found: list[str] = []
    for glob in globs:
        hits = [n for n in known if n == glob or fnmatchcase(n, glob)]
        if not hits:
            raise InputError(
                f"nothing to record by the name {shown(glob)}",
                advice=f"{nearest(glob, known)}net.names() lists what there is.",
            )
        found.extend(h for h in hits if h not in found)
    return found


def _refuse_values(net: Network, wanted: Sequence[str]) -> None:
    """Lava's processes show their states; other words of a neuron stay inside."""
    states = {s.name for s in net.graph.states}
    values = [name for name in wanted if name not in states]
    if values:
        raise InputError(
            "Lava records states only",
            where=", ".join(values),
            advice=f"Record {', '.join(sorted(states)) or 'nothing'} on Lava. {_ELSEWHERE}",
        )


_ELSEWHERE = "Record values on 'reference': it computes the same integers."


def _started(net: Network, state: GivenStates, batch: int, on: str) -> tuple[States, dict[str, int]]:
    """The state handed in, as the executor takes it, and how many of its values were clipped."""
    words = words_of(net.graph)
    rows = as_rows(state, words, batch)
    if on == "floating":
        return as_reals(rows, words), {}
    integers, clipped = as_integers(rows, words)
    tell_clipped(clipped, rows, words, stacklevel=5)
    return integers, clipped


def _assemble(
    net: Network,
    x: Sequences,
    on: str,
    parts: Sequence[tuple[list[int], Execution]],
    wanted: Sequence[str],
    counts: dict[str, int],
) -> Run:
    count = len(x.arrays)
    outputs: list[Floats] = [np.zeros(0)] * count
    integers: list[Integers] = [np.zeros(0, np.int64)] * count
    shown_states = [s for s in net.graph.states if all(s.name in execution.states for _, execution in parts)]
    states: dict[str, list[np.ndarray]] = {s.name: [np.zeros(0)] * count for s in shown_states}
    record: dict[str, list[Floats]] = {n: [np.zeros(0)] * count for n in wanted}
    final = {s.name: np.zeros((count, s.size), np.float64 if on == "floating" else np.int64) for s in shown_states}
    for group, execution in parts:
        real = net.dequantize(execution.outputs)
        shown = net.shown_record(execution, wanted, np.stack([x.arrays[i] for i in group]))
        for row, i in enumerate(group):
            outputs[i] = real[row]
            integers[i] = execution.outputs[row].astype(np.int64) if on != "floating" else integers[i]
            for name, values in execution.states.items():
                lsb = net.state_lsb(name)
                states[name][i] = values[row] * lsb if on == "floating" else values[row].astype(np.int64)
                final[name][i] = execution.final[name][row] * (net.state_lsb(name) if on == "floating" else 1)
            for name in wanted:
                record[name][i] = shown[name][row]

    def together(arrays: list) -> np.ndarray | list:  # type: ignore[type-arg]
        return arrays if x.ragged else x.layout.stacked(arrays)

    def answers(arrays: list) -> np.ndarray | list:  # type: ignore[type-arg]
        return arrays if x.ragged else x.layout.stacked_answers(arrays)

    return Run(
        on,
        answers(outputs),  # type: ignore[arg-type]
        None if on == "floating" else answers(integers),  # type: ignore[arg-type]
        {n: together(v) for n, v in states.items()},
        {n: together(v) for n, v in record.items()},  # type: ignore[misc]
        counts,
        final,
    )
