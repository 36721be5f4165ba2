"""Networks without microcode: Lava's library processes alone, for chips whose neurons cannot be programmed.

`ltc2neuro.compile(..., microcode=False)` makes a `LibraryNetwork`. `compare` puts its error and cost beside those of
the network with microcode. `docs/without-microcode.md` has the form, and measured numbers.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import ClassVar, NoReturn

from compiler.mapping.options import Options
from compiler.running.runners import Runners
from hw_models.chip import Chip
from ltc2neuro.compiled.network import BaseNetwork
from ltc2neuro.compiled.pickling import remade
from ltc2neuro.compiled.run import Run
from ltc2neuro.library_network.cost import LibraryCost, Refuses, library_cost, needs_microcode
from ltc2neuro.library_network.file import save_library
from ltc2neuro.library_network.parts import LibraryParts
from ltc2neuro.library_network.record import LibraryRecord
from ltc2neuro.library_network.summary import library_summary


class LibraryNetwork(BaseNetwork, LibraryRecord):
    """A liquid network as integers for Lava's library processes.

    Arrays are (batch, time, features), or as `layout` says. All executors return the same integers: "reference", NumPy
    for whole batches; "lava", Lava's own processes; and "loihi2", these on the chip. On Lava a run starts from silence.
    """

    @cached_property
    def parts(self) -> LibraryParts:
        """What the rest of the package works with: the record, the host's side, names, what is ready to run."""
        return LibraryParts(remade(LibraryRecord, self), Runners(self.processes, self.chip))

    def cost(
        self,
        run: Run | None = None,
        *,
        chip: Chip | str | Path | None = None,
        cores: int = 1,
        options: Options | None = None,
    ) -> LibraryCost:
        """Neurons, synapses, processes and ticks of a sample.

        Raises `InputError` for a run, chip, cores and options: they need a mapping, and only microcode has one.
        """
        return (
            library_cost(self.processes) if (run, chip, cores, options) == (None, None, 1, None) else needs_microcode()
        )

    def save(self, path: str | Path) -> None:
        """Write a `.l2n` artifact; an existing file is replaced only when the new one is complete."""
        save_library(self, path)

    mapped: ClassVar[Refuses] = needs_microcode
    to_lava: ClassVar[Refuses] = needs_microcode
    assembly: ClassVar[Refuses] = needs_microcode
    assembly_json: ClassVar[Refuses] = needs_microcode
    to_onnx: ClassVar[Refuses] = needs_microcode
    to_c: ClassVar[Refuses] = needs_microcode
    report: ClassVar[Refuses] = needs_microcode
    explain_precision: ClassVar[Refuses] = needs_microcode

    @property
    def placement(self) -> NoReturn:
        """Raises `InputError`: it needs microcode."""
        needs_microcode()

    def __str__(self) -> str:
        return library_summary(self)

    def __repr__(self) -> str:
        states = ", ".join(f"{s.name} ({s.size})" for s in self.model_states)
        return f"LibraryNetwork({self.features} features -> {self.step_shape}, states {states})"
