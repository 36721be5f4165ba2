"""A network without microcode to a file and back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from compiler.executors.float64 import output_map
from compiler.graph.ops import Input
from compiler.stock.form import LibraryForm
from compiler.stock.serialize import from_plain, to_plain
from hw_models.errors import ArtifactError, InputError
from hw_models.plain import Json
from ltc2neuro.artifact import container as artifact
from ltc2neuro.artifact.header import Header, header_of, known_answer, problem
from ltc2neuro.stock.record import LibraryRecord


@dataclass(frozen=True, kw_only=True)
class _Header(Header):
    form: LibraryForm


def save_library(net: LibraryRecord, path: str | Path) -> None:
    """Write `net` to `path`; an existing file is replaced only when the new one is complete."""
    table, arrays = to_plain(net.processes)
    header: dict[str, Json] = {
        "library": table,
        "form": {**asdict(net.form), "reciprocal": net.form.reciprocal.name},
        "readout": net.readout,
        "step_shape": list(net.step_shape),
        "dt": net.dt,
        "shortest_span": net.shortest_span,
        "layout": asdict(net.layout),
        "evidence": None if net.evidence is None else net.evidence.plain(),
    }
    stored = {f"library/{n}": a for n, a in arrays.items()}
    stored |= {"known/x": net.known.x, "known/integers": net.known.integers}
    stored |= {f"known/states/{n}": s for n, s in net.known.states.items()}
    artifact.write(path, header, {"float": net.float_graph}, stored)


def read_library(path: str | Path) -> LibraryRecord:
    """What `LibraryNetwork.save` wrote. Raises `ArtifactError` where it is damaged, or not such a file."""
    table, graphs, arrays = artifact.read(path)
    if "library" not in table:
        raise ArtifactError("this network has microcode", where=str(path), advice="Load it with ltc2neuro.load.")

    try:
        header = header_of(_Header, table)
        processes, real = from_plain(table["library"], artifact.below("library/", arrays)), graphs["float"]
        net = LibraryRecord(
            real,
            processes,
            header.form,
            header.readout,
            header.step_shape,
            header.dt,
            known_answer(arrays),
            header.shortest_span,
            header.layout,
            header.evidence,
        )
        states = {name: place.stop - place.start for name, place in processes.states.items()}
        found = problem(header, net.known, real, processes.features, states)
        inputs = [real.size(op.out) for _, op in real.ops() if isinstance(op, Input)]
        if inputs != [processes.features] or output_map(real)[0].size != processes.outputs:
            found = "its processes and its graph take or give different numbers"
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        StopIteration,
        InputError,
        ArtifactError,
    ) as error:
        raise artifact.not_a_network(f"{type(error).__name__}: {error}", path) from error
    if found:
        raise artifact.not_a_network(found, path)
    return net
