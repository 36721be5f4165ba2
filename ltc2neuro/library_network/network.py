"""Networks without microcode: Lava's library processes alone, for chips whose neurons cannot be programmed.

`ltc2neuro.compile(..., microcode=False)` makes a `LibraryNetwork`. `compare` puts its error and cost beside those of
the network with microcode. `docs/without-microcode.md` has the form, and measured numbers.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import ClassVar

from compiler.mapping.options import Options
from hw_models.arguments import check_count
from hw_models.chip import Chip, load_chip
from ltc2neuro.compiled.microcode import needs_microcode
from ltc2neuro.compiled.pickling import remade
from ltc2neuro.compiled.run import Run
from ltc2neuro.inputs.arguments import check_options
from ltc2neuro.library_network.cost import PLACED_BY_LAVA, LibraryCost, library_cost, require_fit
from ltc2neuro.library_network.file import save_library
from ltc2neuro.library_network.parts import LibraryParts
from ltc2neuro.library_network.record import LibraryRecord
from ltc2neuro.library_network.refusals import NeedsMicrocode
from ltc2neuro.library_network.sections import sections_of
from ltc2neuro.library_network.summary import library_summary
from ltc2neuro.report.writing import Sections
from ltc2neuro.report.written import WrittenNetwork

NO_GRAPH = "its integers are those of the processes, net.processes"
NO_PORTS = (
    "its source sends each sample again in every iteration, and constants with it, so that no port takes samples; "
    "net.run(x, on='lava') makes the graph and runs it"
)


class LibraryNetwork(WrittenNetwork, LibraryRecord):
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
        check_options(options)
        asked = {"counting a run's messages": run is not None, "a number of cores": check_count(cores, "cores") != 1}
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

    @property
    def _sections(self) -> Sections:
        """Those of its report."""
        return sections_of(self)

    graph: ClassVar[NeedsMicrocode] = NeedsMicrocode(NO_GRAPH)
    proven: ClassVar[NeedsMicrocode] = NeedsMicrocode(NO_GRAPH)
    input_format: ClassVar[NeedsMicrocode] = NeedsMicrocode(NO_GRAPH)
    precision: ClassVar[NeedsMicrocode] = NeedsMicrocode("net.form says how its integers are made")
    explain_precision: ClassVar[NeedsMicrocode] = NeedsMicrocode("net.form says how its integers are made")
    mapped: ClassVar[NeedsMicrocode] = NeedsMicrocode()
    placement: ClassVar[NeedsMicrocode] = NeedsMicrocode(PLACED_BY_LAVA)
    assembly: ClassVar[NeedsMicrocode] = NeedsMicrocode()
    assembly_json: ClassVar[NeedsMicrocode] = NeedsMicrocode()
    to_lava: ClassVar[NeedsMicrocode] = NeedsMicrocode(NO_PORTS)
    to_c: ClassVar[NeedsMicrocode] = NeedsMicrocode(NO_GRAPH)

    def __str__(self) -> str:
        return library_summary(self)

    def __repr__(self) -> str:
        states = ", ".join(f"{s.name} ({s.size})" for s in self.model_states)
        return f"LibraryNetwork({self.features} features -> {self.step_shape}, states {states}, chip {self.chip.name})"
