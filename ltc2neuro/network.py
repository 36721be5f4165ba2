"""`Network`: a compiled network, what a user holds in the hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from compiler.executors.execution import Execution, Program
from compiler.graph.graph import Graph, State, TimeConstant
from compiler.graph.names import plain_name
from compiler.graph.ops import Input, Output, StateRead
from compiler.quantize.precision import Precision
from compiler.rewrite.runner import PassRecord
from hw_models.arguments import check_choice, check_count, check_flag
from hw_models.chip import Chip
from hw_models.fixed_point import Format
from ltc2neuro.arguments import check_options
from ltc2neuro.arrays import (
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
from ltc2neuro.compiled.answers import answer, shaped
from ltc2neuro.compiled.clipped import tell, user_ends
from ltc2neuro.compiled.given_states import GivenStates, as_integers, as_rows, tell_clipped, words_of
from ltc2neuro.compiled.pickling import made_of
from ltc2neuro.compiled.runs import Run, clipped_of, run_network
from ltc2neuro.compiled.stream import Stream
from ltc2neuro.evidence import Evidence
from ltc2neuro.layout import BATCH_FIRST, Layout
from ltc2neuro.verification.time_constants import tau, tau_name

if TYPE_CHECKING:
    from lava.magma.core.process.process import AbstractProcess

    from compiler.assembly.json_reader import Json as AssemblyJson
    from compiler.mapping.network import MappedNetwork
    from compiler.mapping.options import Options
    from compiler.placement.placement import Placement
    from ltc2neuro.cost.report import Cost


_KEPT_MAPPINGS = 4
"""How many mappings a network remembers"""


@dataclass(frozen=True)
class KnownAnswer:
    """A sequence and the integers that every executor must return for it."""

    x: Floats
    """(1, time, channels), in the user's units; the last channel of a timed network is the time before each sample"""
    integers: npt.NDArray[np.int64]
    states: dict[str, npt.NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class Network:
    """A liquid network as integers for one chip.

    Made by `ltc2neuro.compile` or `ltc2neuro.load`. Arrays are (batch, time, features), or lie as `compile` was told
    with `batch_first=False`: (time, batch, features), of inputs, outputs, states and records. Time is in samples, each
    `dt` long. All executors return the same integers, except "floating", which computes the same ops on the same
    rounded weights and constants without rounding: what differs from torch there are approximations and weights.
    """

    float_graph: Graph
    graph: Graph
    chip: Chip
    precision: Precision
    readout: str
    """"every" or "last": whether the model answers at each step or at the last one"""
    step_shape: tuple[int, ...]
    """shape of the answer of one sample"""
    dt: float
    passes: tuple[PassRecord, ...]
    known: KnownAnswer
    shortest_span: float | None = None
    """the shortest time before a sample that it may be given, where it is compiled with time spans"""
    evidence: Evidence | None = None
    """what the proof against torch rests on; None in files of version 0.2"""
    layout: Layout = BATCH_FIRST
    """whether arrays have batch or time first, in and out"""

    @property
    def timed(self) -> bool:
        """Whether the time before each sample is given with it."""
        return self.shortest_span is not None

    @property
    def model_states(self) -> tuple[State, ...]:
        """The states that the model has, too: not those that carry on what rounding takes off a step."""
        known = {s.name for s in self.float_graph.states}
        return tuple(s for s in self.graph.states if s.name in known)

    # --- running -------------------------------------------------------------------------------------------

    def __call__(self, x: Samples, timespans: Samples | None = None) -> Floats | list[Floats]:
        """What `model(x)` returns, as float64, from the reference.

        `x` is (batch, time, features), or a list of (time, features); the result is
        (batch, time, *step_shape) or, when the model answers at the last step, (batch, *step_shape). Where `layout` has
        time first, time and batch change places.
        """
        outputs = self._told(x, "reference", None, (), timespans, None, strict=False).outputs
        return answer(outputs, self.readout, self.step_shape, self.layout)

    def run(
        self,
        x: Samples,
        on: str = "reference",
        state: GivenStates | None = None,
        record: Sequence[str] = (),
        *,
        timespans: Samples | None = None,
        options: Options | None = None,
        strict: bool = False,
    ) -> Run:
        """Run `x` on an executor: "floating", "reference", "lava", "lava-fused", or "loihi2" where there is a chip.

        `state` is the `final_state` of an earlier run, or torch's own `hx`: see `quantize_state`. `record` are names or
        globs of `names()`; `timespans`, (batch, time) or a list of (time,), is the time before each sample, for a
        network compiled with time spans. `options` say how it is mapped on "lava": `Options(Overlap.LAYERS)` pipelines
        the layers. The integers are the same. One warning names the channels, time spans and states of which more than
        a thousandth was beyond the calibrated range and was clipped; `strict` makes an `InputError` of it. Raises
        `InputError` for a wrong shape, name or state.
        """
        return self._told(x, on, state, record, timespans, options, strict=strict)

    def _told(
        self,
        x: Samples,
        on: str,
        state: GivenStates | None,
        record: Sequence[str],
        timespans: Samples | None,
        options: Options | None,
        *,
        strict: bool,
    ) -> Run:
        """A run, and what it clipped said at the line of the user, two calls up."""
        check_flag(strict, "strict")
        sequences = self.sequences(x, timespans)
        run = run_network(self, sequences, on, state, record, options)
        tell(clipped_of(self, sequences, run, state), strict=strict, stacklevel=3)
        return run

    def sequences(self, x: Samples, timespans: Samples | None = None) -> Sequences:
        """`x` as what a run takes, the time before each sample its last channel. Raises `InputError`."""
        return with_timespans(as_sequences(x, self.features, layout=self.layout), timespans, self.shortest_span)

    def stream(self, batch: int | None = None, state: GivenStates | None = None, *, strict: bool = False) -> Stream:
        """Sample by sample, for closed loops: `.step(x)` with x (features,) or (batch, features).

        `state`, as for `run`, is where it starts. What is clipped is warned of once; `strict` makes an `InputError` of
        it.
        """
        return Stream(self, batch, state, strict=strict)

    def shaped(self, outputs: Floats) -> Floats:
        """Flat outputs (..., time, outputs), batch first, in the shape of the model's answer."""
        array = as_array(outputs)
        check_last(array, self.graph.size(self._output.x), "outputs")
        check_numbers(array, "outputs")
        return shaped(array, self.readout, self.step_shape)

    # --- names ---------------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """What `run(record=...)` takes: states, their time constants, and the values of the float graph that the chip
        computes in the model's own units."""
        taus = [tau_name(t.state) for t in self.graph.time_constants]
        reads = {op.out for _, op in self.graph.ops() if isinstance(op, StateRead)}  # these are the states
        values = [v.represents for n, v in self.graph.values.items() if v.represents is not None and n not in reads]
        return list(dict.fromkeys([*(s.name for s in self.graph.states), *taus, *values]))

    def recorded_values(self, wanted: Sequence[str]) -> list[str]:
        """The integer graph's values behind the names `wanted`."""
        found: list[str] = []
        for name in wanted:
            if name in self._totals:
                found += [self._totals[name].total, self._totals[name].keep]
            elif name in self._values:
                found.append(self._values[name])
        return [n for n in dict.fromkeys(found) if n in self.graph.values]

    def shown_record(self, execution: Execution, wanted: Sequence[str], x: Floats) -> dict[str, Floats]:
        """What was recorded over `x` (batch, time, channels), in real values; the arrays are (batch, time, size)."""
        shown: dict[str, Floats] = {}
        for name in wanted:
            if name in execution.states:
                shown[name] = execution.states[name] * self.state_lsb(name)
            elif name in self._totals:
                shown[name] = tau(self.graph, self._totals[name], execution, self.elapsed(x))
            else:
                form = self.graph.values[self._values[name]].format
                assert form is not None  # an integer graph's
                shown[name] = execution.record[self._values[name]] * form.lsb
        return shown

    def shown_name(self, name: str) -> str:
        """The name of an integer value in the user's words."""
        value = self.graph.values.get(name)
        return (value.represents or plain_name(name)) if value is not None else name

    @cached_property
    def _totals(self) -> dict[str, TimeConstant]:
        return {tau_name(t.state): t for t in self.graph.time_constants}

    @cached_property
    def _values(self) -> dict[str, str]:
        return {v.represents: v.name for v in self.graph.values.values() if v.represents is not None}

    # --- the host's side -----------------------------------------------------------------------------------

    @cached_property
    def _input(self) -> Input:
        return next(op for _, op in self.graph.ops() if isinstance(op, Input))

    @cached_property
    def _output(self) -> Output:
        return next(op for _, op in self.graph.ops() if isinstance(op, Output))

    @property
    def features(self) -> int:
        """Features of one sample, the time before it not counted."""
        return self.graph.size(self._input.out) - self.timed

    def elapsed(self, x: Floats) -> Floats | float:
        """The time that each sample of `x` (..., time, channels) stands for."""
        return x[..., -1:] if self.timed else self.dt

    @property
    def input_name(self) -> str:
        """Under which saturations of the input are counted."""
        return "input"

    @cached_property
    def input_format(self) -> Format:
        """The format of the samples that enter the chip."""
        form = self.graph.values[self._input.out].format
        assert form is not None  # an integer graph's
        return form

    def mapped_input(self, x: Floats) -> Floats:
        """The host's map of the input: a scale and an offset per channel."""
        return x * self.graph.constants[self._input.scale] + self.graph.constants[self._input.offset]

    def scaled(self, x: Floats) -> Floats:
        """The input in units of the chip's last place, unrounded."""
        return self.mapped_input(x) / self.input_format.lsb

    @property
    def user_range(self) -> tuple[Floats, Floats]:
        """From where to where each channel of the input is not clipped, in the user's units, the time span's last."""
        form, scale, offset = self.input_format, self.graph.constants[self._input.scale], self._input.offset
        return user_ends(form.real_low, form.real_high, scale, self.graph.constants[offset])

    def quantize(self, x: ArrayOrTensor) -> npt.NDArray[np.int64]:
        """Samples (..., features) as the integers that enter the chip; out of range saturates.

        Raises `InputError` for other features and for what is no finite number.
        """
        array = as_array(x)
        check_last(array, self.features + self.timed, "x")
        check_numbers(array, "x")
        return self.input_format.quantize(self.mapped_input(array.astype(np.float64)))[0]

    def dequantize(self, integers: npt.ArrayLike) -> Floats:
        """Integers that leave the chip (..., outputs), in the model's units. Raises `InputError` for other outputs."""
        x = self._output.x
        array = as_array(integers)
        check_last(array, self.graph.size(x), "integers")
        check_numbers(array, "integers")
        real = array.astype(np.float64) * 2.0**-self.output_fraction
        return real * self.graph.constants[self._output.scale] + self.graph.constants[self._output.offset]

    @property
    def output_fraction(self) -> int:
        """The integer q that leaves the chip stands for q * 2^-output_fraction, before the host's map."""
        x = self._output.x
        if x not in self.graph.values:
            return self.graph.fractions[x]
        form = self.graph.values[x].format
        assert form is not None  # an integer graph's
        return form.fraction

    def quantize_state(self, state: GivenStates) -> dict[str, npt.NDArray[np.int64]]:
        """States as integers of this network, (batch, size) by the names of `graph.states`, such as `run` starts from.

        The type of an array tells what it holds: floats are real values, torch's own `hx`, and are rounded to the
        state's last place; what lies beyond its range is clipped, with one warning. Integers are those of a
        `final_state` and stay as they are. An `nn.LSTM` returns two: `{"h": h, "c": c}`; docs/arrays.md has the names
        of each layer. Raises `InputError` for other names and shapes, for integers that the network cannot hold, and
        for floats that are integers by mistake.
        """
        words = words_of(self.graph)
        rows = as_rows(state, words, None)
        integers, clipped = as_integers(rows, words)
        tell_clipped(clipped, rows, words, stacklevel=2)
        return integers

    def state_lsb(self, name: str) -> float:
        """The real weight of a state's last place."""
        form = self.graph.state(check_choice(name, [s.name for s in self.graph.states], "state")).format
        assert form is not None  # an integer graph's
        return form.lsb

    # --- executors -----------------------------------------------------------------------------------------

    @cached_property
    def reference_program(self) -> Program:
        """The reference, ready to run."""
        from compiler.executors.reference import prepare_reference

        return prepare_reference(self.graph, narrow=self.chip.product_bits <= 31)

    @cached_property
    def floating_program(self) -> Program:
        """The unrounded executor, ready to run."""
        from compiler.executors.execution import prepare
        from compiler.executors.unrounded import KERNELS

        return prepare(self.graph, KERNELS)

    def mapped(self, reset_interval: int | None = None, options: Options | None = None) -> MappedNetwork:
        """Populations, connections and ticks; states start anew every `reset_interval` samples.

        `options` say, for one, how far samples overlap.
        """
        from compiler.mapping.mapper import map_network

        check_options(options)
        if reset_interval is not None:
            reset_interval = check_count(reset_interval, "reset_interval")
        key = (reset_interval, options)
        if key not in self._mappings:
            while len(self._mappings) >= _KEPT_MAPPINGS:
                del self._mappings[next(iter(self._mappings))]
            self._mappings[key] = map_network(self.graph, self.chip, reset_interval, options)
        return self._mappings[key]

    @cached_property
    def _mappings(self) -> dict[tuple[int | None, Options | None], MappedNetwork]:
        """The latest mappings: print, placement, cost and runs ask for the same ones."""
        return {}

    @cached_property
    def placement(self) -> Placement:
        """Which core holds which neurons; `print` it. Raises `ChipError` where the network does not fit its chip."""
        from ltc2neuro.cost.costing import placed

        return placed(self, self.chip)

    def cost(
        self,
        run: Run | None = None,
        *,
        chip: Chip | str | Path | None = None,
        cores: int = 1,
        options: Options | None = None,
    ) -> Cost:
        """Cores, ticks, time and energy of a sample: worst case, or with the messages that `run` sends.

        `chip` is another one than the network's own, or that with more chips (`load_chip`); `cores`: spread the
        neurons over at least so many; `options`: mapped otherwise. The run is repeated tick by tick to count its
        messages. Raises `PlacementError` where the network does not fit, `ChipError` where the chip's file does not
        tell its memory, times and energies.
        """
        from ltc2neuro.cost.costing import cost

        return cost(self, run, chip, cores, options)

    def to_lava(
        self,
        mode: str = "mapped",
        reset_interval: int | None = None,
        lanes: int = 1,
        options: Options | None = None,
        *,
        after: AbstractProcess | None = None,
        name: str = "network",
    ) -> AbstractProcess:
        """A Lava process with ports `inp` and `out`, to wire into a graph of your own.

        "mapped": one process a population, real ticks; `inp` is read at ticks k * ticks_per_sample, `out` carries
        sample k at tick latency + k * ticks_per_sample and 0 elsewhere. "fused": all in one process, a tick a
        sample, `lanes` sequences side by side, ports flat: element i of lane l is at i * lanes + l. Every
        `reset_interval` samples the states start again. The process tells `ticks_per_sample`, `latency`,
        `steps(samples)`, in `state_vars` where each state lies, and in `state_ticks` when: a state is that after
        sample k when tick state_ticks[name] + k * ticks_per_sample has run.

        Of "mapped", samples overlap as `options` say. To set states between samples, or to feed a result back as the
        next sample, take `options=Options(Overlap.NONE)`.

        `after` is the process of another network whose results this one is to take, sample by sample: it is wired
        here, starts when the first result is out, and takes `net.quantize(other.dequantize(result))`, as between
        two runs.

        Integers travel: see `quantize` and `dequantize`. What you send to `inp` must be whole numbers within
        `input_format`, in integers or in floats: anything else, and any process of the graph that fails, ends your
        run in a `LavaError`. Run it under `Loihi2SimCfg` or `Loihi1SimCfg`, with any tag or none: docs/lava.md.

        Raises `InputError` for wrong arguments, `ChipError` where Lava does not run the chip's networks.
        """
        from ltc2neuro.lava import to_lava

        return to_lava(self, mode, reset_interval, lanes, options, after, name)

    # --- texts and files -----------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write a `.l2n` artifact; an existing file is replaced only when the new one is complete."""
        from ltc2neuro.artifact.saving import save

        save(self, path)

    def assembly(self, options: Options | None = None) -> str:
        """Every population's program, words and ports as text; `compiler.assembly.parse` reads it back."""
        from ltc2neuro.compiled.assembling import assembly

        return assembly(self, options)

    def assembly_json(
        self, options: Options | None = None, reset_interval: int | None = None
    ) -> dict[str, AssemblyJson]:
        """Programs, words, ports, connections, ticks, and the host's maps, for the tools of the chip's maker.

        Ready for `json.dumps`; docs/instruction-set.md has the schema.
        """
        from ltc2neuro.compiled.assembling import assembly_json

        return assembly_json(self, options, reset_interval)

    def explain_precision(self) -> str:
        """What precision holds for each value, and its format."""
        from ltc2neuro.compiled.summary import explain_precision

        return explain_precision(self)

    def __getstate__(self) -> dict[str, object]:
        return made_of(self)

    def __str__(self) -> str:
        from ltc2neuro.compiled.summary import summary

        return summary(self)

    def __repr__(self) -> str:
        states = ", ".join(f"{s.name} ({s.size})" for s in self.graph.states)
        return f"Network({self.features} features -> {self.step_shape}, states {states}, chip {self.chip.name})"
