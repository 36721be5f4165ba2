"""`Network`: a compiled network, what a user holds in the hand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from compiler.mapping.network import MappedNetwork
from compiler.mapping.options import Options
from compiler.placement.placement import Placement
from hw_models.arguments import check_count, check_flag
from hw_models.chip import Chip
from hw_models.fixed_point import Format
from hw_models.plain import Json
from ltc2neuro.artifact.saving import save
from ltc2neuro.compiled.answers import answer
from ltc2neuro.compiled.assembling import assembly, assembly_json
from ltc2neuro.compiled.clipped import tell
from ltc2neuro.compiled.given_states import GivenStates
from ltc2neuro.compiled.parts import Parts
from ltc2neuro.compiled.record import Record
from ltc2neuro.compiled.runs import Run, clipped_of, run_network
from ltc2neuro.compiled.stream import Stream
from ltc2neuro.compiled.summary import explain_precision, summary
from ltc2neuro.compiled.wiring import to_lava
from ltc2neuro.cost.costing import cost
from ltc2neuro.cost.report import Cost
from ltc2neuro.inputs.arguments import check_options
from ltc2neuro.inputs.arrays import ArrayOrTensor, Floats, Samples

if TYPE_CHECKING:
    from lava.magma.core.process.process import AbstractProcess


class Network(Record):
    """A liquid network as integers for one chip: a `Record`, and what one does with it.

    Made by `ltc2neuro.compile` or `ltc2neuro.load`. Arrays are (batch, time, features), or lie as `compile` was told
    with `batch_first=False`: (time, batch, features), of inputs, outputs, states and records. All executors return the
    same integers, except "floating", which computes the same ops on the same rounded weights and constants without
    rounding: what differs from torch there are approximations and weights.
    """

    @cached_property
    def parts(self) -> Parts:
        """What the rest of the package works with: the record, the host's side, names, mappings and runners."""
        return Parts(self)

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
        """Run `x` on an executor: docs/executors.md has them all.

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
        strict = check_flag(strict, "strict")
        sequences = self.parts.host.sequences(x, timespans)
        run = run_network(self.parts, sequences, on, state, record, options)
        tell(clipped_of(self.parts, sequences, run, state), strict=strict, stacklevel=3)
        return run

    def stream(self, batch: int | None = None, state: GivenStates | None = None, *, strict: bool = False) -> Stream:
        """Sample by sample, for closed loops: `.step(x)` with x (features,) or (batch, features).

        `state`, as for `run`, is where it starts. What is clipped is warned of once; `strict` makes an `InputError` of
        it.
        """
        return Stream(self.parts, batch, state, strict=strict)

    def names(self) -> list[str]:
        """What `run(record=...)` takes: states, their time constants, and the values of the float graph that the chip
        computes in the model's own units."""
        return self.parts.names.all()

    # --- the host's side -----------------------------------------------------------------------------------

    @property
    def input_format(self) -> Format:
        """The format of the samples that enter the chip."""
        return self.parts.host.input_format

    def quantize(self, x: ArrayOrTensor) -> npt.NDArray[np.int64]:
        """Samples (..., features) as the integers that enter the chip; out of range saturates.

        Raises `InputError` for other features and for what is no finite number.
        """
        return self.parts.host.quantize(x)

    def dequantize(self, integers: npt.ArrayLike) -> Floats:
        """Integers that leave the chip (..., outputs), in the model's units. Raises `InputError` for other outputs."""
        return self.parts.host.dequantize(integers)

    def shaped(self, outputs: Floats) -> Floats:
        """Flat outputs (..., time, outputs), batch first, in the shape of the model's answer."""
        return self.parts.host.shaped(outputs)

    def quantize_state(self, state: GivenStates) -> dict[str, npt.NDArray[np.int64]]:
        """States as integers of this network, (batch, size) by the names of `graph.states`, such as `run` starts from.

        The type of an array tells what it holds: floats are real values, torch's own `hx`, and are rounded to the
        state's LSB; what lies beyond its range is clipped, with one warning. Integers are those of a
        `final_state` and stay as they are. An `nn.LSTM` returns two: `{"h": h, "c": c}`; docs/arrays.md has the names
        of each layer. Raises `InputError` for other names and shapes, for integers that the network cannot hold, and
        for floats that are integers by mistake.
        """
        return self.parts.host.quantize_state(state, stacklevel=3)

    def state_lsb(self, name: str) -> float:
        """The real weight of a state's LSB."""
        return self.parts.host.state_lsb(name)

    # --- on the chip ---------------------------------------------------------------------------------------

    def mapped(self, reset_interval: int | None = None, options: Options | None = None) -> MappedNetwork:
        """Populations, connections and ticks; states start anew every `reset_interval` samples.

        `options` say, for one, how far samples overlap.
        """
        check_options(options)
        if reset_interval is not None:
            reset_interval = check_count(reset_interval, "reset_interval")
        return self.parts.prepared.mapped(reset_interval, options)

    @property
    def placement(self) -> Placement:
        """Which core holds which neurons; `print` it. Raises `ChipError` where the network does not fit its chip."""
        return self.parts.placement

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
        return cost(self.parts, run, chip, cores, options)

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
        return to_lava(self.parts, mode, reset_interval, lanes, options, after, name)

    # --- texts and files -----------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write a `.l2n` artifact; an existing file is replaced only when the new one is complete."""
        save(self, path)

    def assembly(self, options: Options | None = None) -> str:
        """Every population's program, words and ports as text; `compiler.assembly.parse` reads it back."""
        return assembly(self.chip, self.mapped(options=options))

    def assembly_json(self, options: Options | None = None, reset_interval: int | None = None) -> dict[str, Json]:
        """Programs, words, ports, connections, ticks, and the host's maps, for the tools of the chip's maker.

        Ready for `json.dumps`; docs/instruction-set.md has the schema.
        """
        return assembly_json(self.parts.host, self.mapped(reset_interval, options))

    def explain_precision(self) -> str:
        """What precision holds for each value, and its format."""
        return explain_precision(self)

    def __str__(self) -> str:
        return summary(self.parts)

    def __repr__(self) -> str:
        states = ", ".join(f"{s.name} ({s.size})" for s in self.graph.states)
        return f"Network({self.features} features -> {self.step_shape}, states {states}, chip {self.chip.name})"
