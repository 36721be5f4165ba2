"""Networks without microcode: Lava's library processes alone, for a chip whose neurons one cannot program.

`ltc2neuro.compile(..., microcode=False)` makes a `LibraryNetwork`. `compare` puts its error and cost beside those of
the network with microcode. `docs/without-microcode.md` has the form, and measured numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from compiler.executors.execution import Execution
from compiler.executors.float64 import output_map
from compiler.graph.ops import Input
from compiler.running.executor import States
from compiler.stock.network import Integers, ProcessGraph
from compiler.stock.proof import Bounds, reached
from hw_models.arguments import check_choice, check_flag
from hw_models.errors import InputError
from ltc2neuro.compiled.answers import answer, shaped
from ltc2neuro.compiled.clipped import Clipped, Tally, beyond, input_tallies, tell, user_ends
from ltc2neuro.compiled.given_states import GivenStates, StateWord, as_integers, as_rows, is_real, tell_clipped
from ltc2neuro.compiled.runs import Run
from ltc2neuro.extras import LAVA
from ltc2neuro.inputs.arrays import (
    ArrayOrTensor,
    Floats,
    Samples,
    Sequences,
    as_array,
    as_sequences,
    check_last,
    check_numbers,
    with_timespans,
)
from ltc2neuro.stock.file import save_library
from ltc2neuro.stock.record import LibraryRecord
from ltc2neuro.stock.summary import summary

Executor: TypeAlias = "Callable[[ProcessGraph, Integers, States | None], Execution]"


def _reference(processes: ProcessGraph, x: Integers, state: States | None) -> Execution:
    from compiler.stock.reference import run_reference

    return run_reference(processes, x, state)


def _lava(processes: ProcessGraph, x: Integers, state: States | None) -> Execution:
    _refuse_state(state)
    LAVA.require()
    from compiler.lava.stock import run_library

    return run_library(processes, x)


def _loihi2(processes: ProcessGraph, x: Integers, state: States | None) -> Execution:
    _refuse_state(state)
    LAVA.require()
    from compiler.lava.stock_hardware import run_library_loihi2

    expected = _reference(processes, x, None)
    received = np.concatenate([expected.outputs, *(expected.states[name] for name in processes.states)], axis=2)
    return run_library_loihi2(processes, x, received.astype(np.int64))


def _refuse_state(state: States | None) -> None:
    if state is not None:
        raise InputError(
            "Lava's library processes start from silence",
            where="state",
            advice="Leave the state out, or run on 'reference': it computes the same integers.",
        )


EXECUTORS: dict[str, Executor] = {"reference": _reference, "lava": _lava, "loihi2": _loihi2}


class LibraryNetwork(LibraryRecord):
    """A liquid network as integers for Lava's library processes.

    Arrays are (batch, time, features), or as `layout` says. All executors return the same integers: "reference", NumPy
    for whole batches; "lava", Lava's own processes; and "loihi2", these on the chip.
    """

    def __call__(self, x: Samples, timespans: Samples | None = None) -> Floats | list[Floats]:
        """What `model(x)` returns, as float64, from the reference. See `Network.__call__`."""
        outputs = self._told(x, "reference", None, timespans, strict=False).outputs
        return answer(outputs, self.readout, self.step_shape, self.layout)

    def run(
        self,
        x: Samples,
        on: str = "reference",
        state: GivenStates | None = None,
        *,
        timespans: Samples | None = None,
        strict: bool = False,
    ) -> Run:
        """Run `x` on "reference", "lava" or "loihi2"; `state`, on the reference only, is as for `Network.run`.

        Each state is returned after every sample, as integers; `state_lsb` gives their units. What enters out of range
        is clipped and counted; so is a state that a sample leaves beyond its range: it is read as the range's end. One
        warning names that of which more than a thousandth was; `strict` makes an `InputError` of it. Raises
        `InputError` for wrong arguments, `LavaError` for a failed graph.
        """
        return self._told(x, on, state, timespans, strict=strict)

    def _told(self, x: Samples, on: str, state: GivenStates | None, timespans: Samples | None, *, strict: bool) -> Run:
        """A run, and what it clipped said at the line of the user, two calls up."""
        check_choice(on, EXECUTORS, "executor")
        check_flag(strict, "strict")
        sequences = with_timespans(as_sequences(x, self.features, layout=self.layout), timespans, self.shortest_span)
        if not sequences.arrays and not sequences.ragged:
            raise InputError("x holds no sequence", advice="Give a batch of at least one sequence.")
        run = self.run_channels(sequences, on, state)
        tell(run.clipped, strict=strict, stacklevel=3)
        return run

    def run_channels(self, sequences: Sequences, on: str = "reference", state: GivenStates | None = None) -> Run:
        """`run` of sequences (time, channels), whose last channel is the time span where there are any."""
        count, graph = len(sequences.arrays), self.processes
        start, clipped = None, {}
        if state is not None:
            rows = as_rows(state, self._words, count)
            start, clipped = self._begun(rows)
            tell_clipped(clipped, rows, self._words, stacklevel=4)
        outputs: list[Floats] = [np.zeros((0, graph.outputs))] * count
        integers: list[Integers] = [np.zeros((0, graph.outputs), np.int64)] * count
        states: dict[str, list[np.ndarray]] = {n: [np.zeros(0)] * count for n in graph.states}
        final = {n: np.zeros((count, p.stop - p.start), np.int64) for n, p in graph.states.items()}
        counts: Counter[str] = Counter(clipped)
        beyond_ranges = Clipped()
        for group in sequences.groups():
            samples, beyond = self._rounded(np.stack([sequences.arrays[i] for i in group]))
            counts["input"] += beyond
            own = None if start is None else {n: s[group] for n, s in start.items()}
            execution = EXECUTORS[on](graph, samples, own)
            for name, place in graph.states.items():
                values = execution.states[name]
                counts[name] += int(np.count_nonzero((values < place.low) | (values > place.high)))
            beyond_ranges = beyond_ranges.joined(self._clipped([sequences.arrays[i] for i in group], execution, beyond))
            real = self.dequantize(execution.outputs)
            for row, i in enumerate(group):
                outputs[i], integers[i] = real[row], execution.outputs[row]
                for name in graph.states:
                    states[name][i] = execution.states[name][row]
                    final[name][i] = execution.final[name][row]

        def together(arrays: list[np.ndarray]) -> np.ndarray | list[np.ndarray]:
            return arrays if sequences.ragged else sequences.layout.stacked(arrays)

        def answers(arrays: list[np.ndarray]) -> np.ndarray | list[np.ndarray]:
            return arrays if sequences.ragged else sequences.layout.stacked_answers(arrays)

        return Run(
            on,
            answers(outputs),
            answers(integers),
            {n: together(s) for n, s in states.items()},
            {},
            {name: count for name, count in counts.items() if count},
            final,
            beyond_ranges,
        )

    def _clipped(self, arrays: Sequence[Floats], execution: Execution, entered: int) -> Clipped:
        """What a run of sequences of one length clipped; of the input, `entered` values."""
        op = next(op for _, op in self.float_graph.ops() if isinstance(op, Input))
        scale, offset = self.float_graph.constants[op.scale], self.float_graph.constants[op.offset]
        limit, lsb = self.processes.input_limit, self.processes.input_lsb
        counts = np.zeros(self.processes.features, np.int64)
        if entered:
            counts += sum(beyond(np.rint((a * scale + offset) / lsb), -limit, limit) for a in arrays)
        ends = user_ends(-limit * lsb, limit * lsb, scale, offset)
        tallies = list(input_tallies(arrays, counts, ends, self.shortest_span))
        for name, place in self.processes.states.items():
            values = execution.states[name]
            found = beyond(values, place.low, place.high)
            if found.any():
                low, high = (end(values, axis=(0, 1)) * place.lsb for end in (np.min, np.max))
                name = f"state {name}, element"
                tallies.append(Tally(name, found, low, high, place.low * place.lsb, place.high * place.lsb))
        return Clipped(sum(len(a) for a in arrays), tuple(tallies))

    def shaped(self, outputs: Floats) -> Floats:
        """Flat outputs (..., time, outputs), batch first, in the shape of the model's answer."""
        array = as_array(outputs)
        check_last(array, self.processes.outputs, "outputs")
        check_numbers(array, "outputs")
        return shaped(array, self.readout, self.step_shape)

    def quantize(self, x: ArrayOrTensor) -> Integers:
        """Samples (..., features) as the integers that the source sends; out of range is clipped."""
        array = as_array(x)
        check_last(array, self.processes.features, "x")
        check_numbers(array, "x")
        return self._rounded(array.astype(np.float64))[0]

    def dequantize(self, integers: npt.ArrayLike) -> Floats:
        """Integers that the sink receives (..., outputs), in the model's units."""
        scale, offset = output_map(self.float_graph)
        array = as_array(integers)
        check_last(array, self.processes.outputs, "integers")
        check_numbers(array, "integers")
        return array.astype(np.float64) * self.processes.output_lsb * scale + offset

    def quantize_state(self, state: GivenStates) -> dict[str, Integers]:
        """States as integers of this network, to start from. See `Network.quantize_state`."""
        rows = as_rows(state, self._words, None)
        integers, clipped = self._begun(rows)
        tell_clipped(clipped, rows, self._words, stacklevel=2)
        return integers

    def state_lsb(self, name: str) -> Floats:
        """The real weight of a state's LSB, neuron by neuron."""
        return self.processes.states[check_choice(name, self.processes.states, "state")].lsb

    def save(self, path: str | Path) -> None:
        """Write a file that `ltc2neuro.load_library` reads."""
        save_library(self, path)

    def __str__(self) -> str:
        return summary(self)

    def __repr__(self) -> str:
        states = ", ".join(f"{n} ({p.stop - p.start})" for n, p in self.processes.states.items())
        return f"LibraryNetwork({self.features} features -> {self.step_shape}, states {states})"

    def _rounded(self, x: Floats) -> tuple[Integers, int]:
        """The source's integers, and how many were clipped."""
        op = next(op for _, op in self.float_graph.ops() if isinstance(op, Input))
        constants, limit = self.float_graph.constants, self.processes.input_limit
        exact = np.rint((x * constants[op.scale] + constants[op.offset]) / self.processes.input_lsb)
        return np.clip(exact, -limit, limit).astype(np.int64), int(np.count_nonzero(np.abs(exact) > limit))

    @cached_property
    def _reached(self) -> dict[str, Bounds]:
        """What its populations can send, by the proof."""
        return reached(self.processes)

    @property
    def _words(self) -> dict[str, StateWord]:
        """Its states, between what they are read."""
        return {n: StateWord(np.asarray(p.lsb), p.low, p.high) for n, p in self.processes.states.items()}

    def _begun(self, rows: Mapping[str, np.ndarray]) -> tuple[dict[str, Integers], dict[str, int]]:
        """States as integers, and how many values were clipped; integers may be all that it reaches."""
        words = self._words
        real = {n: a for n, a in rows.items() if is_real(a)}
        integers, clipped = as_integers(real, words)
        for name in rows.keys() - real.keys():
            integers[name] = self._reachable(name, rows[name])
        return integers, clipped

    def _reachable(self, name: str, array: np.ndarray) -> Integers:
        place = self.processes.states[name]
        bounds, own = self._reached[place.population], slice(place.start, place.stop)
        beyond = (array < bounds.low[own]) | (array > bounds.high[own])
        if np.any(beyond):
            row, element = np.argwhere(beyond)[0]
            raise InputError(
                "a state handed in is none that this network reaches: its sums could leave their widths",
                where=f"{name}, element {element}",
                numbers=f"{array[row, element]}, proven {bounds.low[own][element]:.0f} to "
                f"{bounds.high[own][element]:.0f}",
                advice="Give the final_state of a run of this network; real values have a type of floats.",
            )
        return array.astype(np.int64)
