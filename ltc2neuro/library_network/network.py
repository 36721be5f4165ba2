"""Networks without microcode: Lava's library processes alone, for chips whose neurons cannot be programmed.

`ltc2neuro.compile(..., microcode=False)` makes a `LibraryNetwork`. `compare` puts its error and cost beside those of
the network with microcode. `docs/without-microcode.md` has the form, and measured numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.mapping.options import Options
from hw_models.chip import Chip, load_chip
from ltc2neuro.artifact.onnx_file import to_onnx
from ltc2neuro.compiled.microcode import needs_microcode
from ltc2neuro.compiled.network import BaseNetwork
from ltc2neuro.compiled.pickling import remade
from ltc2neuro.compiled.run import Run
from ltc2neuro.inputs.arrays import Samples
from ltc2neuro.inputs.several import Inlet
from ltc2neuro.library_network.cost import PLACED_BY_LAVA, LibraryCost, library_cost, require_fit
from ltc2neuro.library_network.file import save_library
from ltc2neuro.library_network.parts import LibraryParts
from ltc2neuro.library_network.record import LibraryRecord
from ltc2neuro.library_network.refusals import NeedsMicrocode
from ltc2neuro.library_network.sections import sections_of
from ltc2neuro.library_network.summary import library_summary
from ltc2neuro.metrics import Metric
from ltc2neuro.report.material import ReportData
from ltc2neuro.report.writing import report
from ltc2neuro.verification.task_metric import Targets

if TYPE_CHECKING:
    import torch

NO_GRAPH = "its integers are those of the processes, net.processes"
NO_PORTS = (
    "its source sends each sample again in every iteration, and constants with it, so that no port takes samples; "
    "net.run(x, on='lava') makes the graph and runs it"
)


class LibraryNetwork(BaseNetwork, LibraryRecord):
    """A liquid network as integers for Lava's library processes.

    Arrays are (batch, time, features), or as `layout` says. All executors return the same integers: "reference", NumPy
    for whole batches; "lava", Lava's own processes; and "loihi2", these on the chip. On Lava a run starts from silence.
    """

    @cached_property
    def parts(self) -> LibraryParts:
        """What the rest of the package works with: the record, the host's side, names, what is ready to run."""
        return LibraryParts.of(remade(LibraryRecord, self))

    def cost(
        self,
        run: Run | None = None,
        *,
        chip: Chip | str | Path | None = None,
        cores: int = 1,
        options: Options | None = None,
    ) -> LibraryCost:
        """Neurons, synapses, processes and ticks of a sample, on its own chip or another.

        Raises `ChipError` where that runs no library processes, `PlacementError` where it has no room for this network,
        `InputError` for a run, cores and options: they need a mapping, and only microcode has one.
        """
        asked = {"counting a run's messages": run is not None, "a number of cores": cores != 1}
        for what, given in {**asked, "choosing how it is mapped": options is not None}.items():
            if given:
                raise needs_microcode(what, PLACED_BY_LAVA)
        on = self.chip if chip is None else load_chip(chip)
        if chip is not None:
            require_fit(self, on)
        return library_cost(self, on)

    def save(self, path: str | Path) -> None:
        """Write a `.l2n` artifact; an existing file is replaced only when the new one is complete."""
        save_library(self, path)

    def to_onnx(self, path: str | Path, form: str = "sequence", *, graph: str = "integer", real: bool = True) -> None:
        """Write the model itself, as it was traced, as ONNX in float32, with `graph="float"`: see `Network.to_onnx`.

        Raises `InputError` for `graph="integer"`: there is none.
        """
        to_onnx(self, path, form, graph, real)

    def report(
        self,
        path: str | Path,
        model: torch.nn.Module | None = None,
        x: Inlet | None = None,
        targets: Targets | None = None,
        metric: str | Metric | None = None,
        *,
        timespans: Samples | None = None,
        on: Sequence[str] | None = None,
        calibration: Inlet | None = None,
    ) -> None:
        """Write one HTML file of its verdict, populations, states and answers over time: see `Network.report`.

        Raises `InputError` for a `calibration`, too: the error of library processes is not split by cause.
        """
        if calibration is not None:
            raise needs_microcode("splitting the error by cause", instead="leave calibration= out")
        report(self, path, ReportData(model, x, targets, metric, timespans, on), sections_of(self))

    graph = NeedsMicrocode(NO_GRAPH)
    proven = NeedsMicrocode(NO_GRAPH)
    input_format = NeedsMicrocode(NO_GRAPH)
    precision = NeedsMicrocode("net.form says how its integers are made")
    explain_precision = NeedsMicrocode("net.form says how its integers are made")
    mapped = NeedsMicrocode()
    placement = NeedsMicrocode(PLACED_BY_LAVA)
    assembly = NeedsMicrocode()
    assembly_json = NeedsMicrocode()
    to_lava = NeedsMicrocode(NO_PORTS)
    to_c = NeedsMicrocode(NO_GRAPH)

    def __str__(self) -> str:
        return library_summary(self)

    def __repr__(self) -> str:
        states = ", ".join(f"{s.name} ({s.size})" for s in self.model_states)
        return f"LibraryNetwork({self.features} features -> {self.step_shape}, states {states}, chip {self.chip.name})"
