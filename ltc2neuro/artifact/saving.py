"""A network with microcode to a `.l2n` file and back: what `container` stores, in a network's terms."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from compiler.quantize.precision import Precision
from compiler.ranges.proven import prove
from hw_models.chip import Chip
from hw_models.json_dataclasses import Json
from ltc2neuro.artifact.header import Content, Header, header_of, stored_answer, tokens_of, write_network
from ltc2neuro.compiled.pickling import remade
from ltc2neuro.compiled.record import Record


@dataclass(frozen=True, kw_only=True)
class _NetworkHeader(Header):
    chip: Chip
    precision: Precision


def save(record: Record, path: str | Path) -> None:
    """Write `record` to `path`."""
    table: dict[str, Json] = {"chip": asdict(record.chip), "precision": asdict(record.precision)}
    write_network(record, path, Content(table, {"integer": record.graph}, {}))


def record_of(content: Content) -> Record:
    """The record in a file. Raises what Python does, or an error of ours, where there is none."""
    header = header_of(_NetworkHeader, content)
    return remade(
        Record,
        header,
        float_graph=content.graphs["float"],
        proven=prove(content.graphs["integer"], header.chip),
        known=stored_answer(content),
        tokens=tokens_of(content),
    )
