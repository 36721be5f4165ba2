"""A network without microcode to a file and back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from compiler.graph.ops import Input
from compiler.library_processes.options import LibraryForm
from compiler.library_processes.serialize import from_plain, to_plain
from compiler.rewrite.runner import PassRecord
from hw_models.chip import Chip, load_chip
from hw_models.json_dataclasses import Json
from ltc2neuro.artifact.container import below
from ltc2neuro.artifact.header import Content, Header, header_of, stored_answer, tokens_of, write_network
from ltc2neuro.compiled.pickling import remade
from ltc2neuro.library_network.record import LibraryRecord


def _usual() -> Chip:
    return load_chip("loihi2")


@dataclass(frozen=True, kw_only=True)
class _LibraryHeader(Header):
    form: LibraryForm
    passes: tuple[PassRecord, ...] = ()
    """files of version 0.2 do not tell"""
    chip: Chip = field(default_factory=_usual)
    """a file that names none is for the usual one"""


def save_library(record: LibraryRecord, path: str | Path) -> None:
    """Write `record` to `path`; an existing file is replaced only when the new one is complete."""
    processes, arrays = to_plain(record.processes)
    table: dict[str, Json] = {
        "library": processes,
        "form": {**asdict(record.form), "reciprocal": record.form.reciprocal.name},
        **({} if record.chip == _usual() else {"chip": asdict(record.chip)}),
    }
    write_network(record, path, Content(table, {}, {f"library/{n}": a for n, a in arrays.items()}))


def is_library(content: Content) -> bool:
    """Whether a file holds a network without microcode."""
    return "library" in content.table


def library_of(content: Content) -> LibraryRecord:
    """The record in a file. Raises what Python does, or an error of ours, where there is none that keeps its widths."""
    net = remade(
        LibraryRecord,
        header_of(_LibraryHeader, content),
        float_graph=content.graphs["float"],
        processes=from_plain(content.table["library"], below("library/", content.arrays)),
        known=stored_answer(content),
        tokens=tokens_of(content),
    )
    inputs = [net.float_graph.size(op.out) for _, op in net.float_graph.ops() if isinstance(op, Input)]
    if inputs != [net.processes.features] or net.leaves.size != net.processes.outputs:
        raise ValueError("its processes and its graph take or give different numbers")
    return net
