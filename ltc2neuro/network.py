"""`Network`: a compiled network, as users see it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.mapping.mapped_network import MappedNetwork
from compiler.mapping.options import Options
from compiler.placement.activity import Sent
from compiler.placement.placement import Placement
from hw_models.arguments import check_count
from hw_models.chip import Chip
from hw_models.fixed_point import Format
from hw_models.json_dataclasses import Json
from ltc2neuro.artifact.c_file import to_c
from ltc2neuro.artifact.saving import save
from ltc2neuro.compiled.assembling import assembly, assembly_json
from ltc2neuro.compiled.lava_process import ProcessRequest, to_lava
from ltc2neuro.compiled.parts import Parts
from ltc2neuro.compiled.pickling import remade
from ltc2neuro.compiled.record import Record
from ltc2neuro.compiled.run import Run
from ltc2neuro.compiled.summary import explain_precision, summary
from ltc2neuro.cost.costing import cost
from ltc2neuro.cost.sample_cost import Cost
from ltc2neuro.inputs.arguments import check_options
from ltc2neuro.report.writing import SECTIONS, Sections
from ltc2neuro.report.written import WrittenNetwork

if TYPE_CHECKING:
    from lava.magma.core.process.process import AbstractProcess


class Network(WrittenNetwork, Record):
    """A liquid network as integers for one chip: a `Record`, and what one does with it.

    Made by `ltc2neuro.compile` or `ltc2neuro.load`. Arrays are (batch, time, features), or lie as `compile` was told
    with `batch_first=False`: (time, batch, features), of inputs, outputs, states and records. All executors return the
    same integers, except "floating", which computes the same ops on the same rounded weights and constants without
    rounding: what differs from torch there are approximations and weights.
    """

    @cached_property
    def parts(self) -> Parts:
        """What the rest of the package works with: the record, the host's side, names, mappings and runners."""
        return Parts.of(remade(Record, self))

    # --- the host's side -----------------------------------------------------------------------------------

    @property
    def input_format(self) -> Format:
        """The format of the samples that enter the chip."""
        return self.graph.input_format

    @property
    def _sections(self) -> Sections:
        """Those of its report."""
        return SECTIONS

    # --- on the chip ---------------------------------------------------------------------------------------

    def mapped(self, reset_interval: int | None = None, options: Options | None = None) -> MappedNetwork:
        """Populations, connections and ticks; states start again every `reset_interval` samples.

        `options` say, for one, how far samples overlap.
        """
        check_options(options)
        if reset_interval is not None:
            reset_interval = check_count(reset_interval, "reset_interval")
        return self.parts.prepared.mapped(reset_interval, options)

    @property
    def placement(self) -> Placement:
        """Which core holds which neurons; `print` it. Raises `ChipError` where the network does not fit its chip."""
        return self.parts.prepared.placed()

    def cost(
        self,
        run: Run | Sent | None = None,
        *,
        chip: Chip | str | Path | None = None,
        cores: int = 1,
        options: Options | None = None,
    ) -> Cost:
        """Cores, ticks, time and energy of a sample: worst case, or with the messages that `run` sends, or those that
        `evaluate(..., activity=True)` counted.

        `chip` may be another than the network's own, or the same with more chips (`load_chip`); `cores`: spread the
        neurons over at least this many; `options`: mapped otherwise. The run is repeated tick by tick to count its
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
        sample, `lanes` sequences side by side, ports flat: element i of lane l is at i * lanes + l; machine code where
        llvmlite is installed. Of several answers each has a port of its own besides, `outs["pose"]`. Every
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
        return to_lava(self.parts, ProcessRequest(mode, reset_interval, lanes, options, after, name))

    # --- texts and files -----------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write a `.l2n` artifact; an existing file is replaced only when the new one is complete."""
        save(self, path)

    def to_c(self, path: str | Path) -> None:
        """Write one self-contained C99 file that computes the integers of this network: docs/c.md.

        `reset()`, `step(in, out)` for a sample, `states()`; static arrays, no allocation, integers alone in a step;
        `quantize` and `dequantize` are the host's maps, in double. Raises `ArtifactError` where it cannot be written.
        """
        to_c(self, path)

    def assembly(self, options: Options | None = None) -> str:
        """Every population's program, words and ports as text; `compiler.assembly.parse` reads it back."""
        return assembly(self.chip, self.mapped(options=options))

    def assembly_json(self, options: Options | None = None, reset_interval: int | None = None) -> dict[str, Json]:
        """Programs, words, ports, connections, ticks, and the host's maps, for the tools of the chip's maker.

        Ready for `json.dumps`; docs/instruction-set.md has the schema.
        """
        return assembly_json(self, self.mapped(reset_interval, options))

    def explain_precision(self) -> str:
        """What precision holds for each value, and its format."""
        return explain_precision(self.parts)

    def __str__(self) -> str:
        return summary(self.parts)

    def __repr__(self) -> str:
        states = ", ".join(f"{s.name} ({s.size})" for s in self.graph.states)
        return f"Network({self.features} features -> {self.step_shape}, states {states}, chip {self.chip.name})"
