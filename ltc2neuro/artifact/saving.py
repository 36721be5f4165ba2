"""A network to a `.l2n` file and back: what `artifact` stores, in a network's terms."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path

from compiler.quantize.precision import Precision
from compiler.ranges.proven import prove
from compiler.rewrite.runner import PassRecord
from hw_models.chip import Chip
from hw_models.errors import ArtifactError, ChipError, GraphError, InputError
from hw_models.plain import Json
from ltc2neuro.artifact import container as artifact
from ltc2neuro.artifact.header import Header, header_of, known_answer, problem
from ltc2neuro.compiled.record import Record


@dataclass(frozen=True, kw_only=True)
class _Header(Header):
    chip: Chip
    precision: Precision
    passes: tuple[PassRecord, ...]


def save(net: Record, path: str | Path) -> None:
    """Write `net` to `path`."""
    precision = {f.name: getattr(net.precision, f.name) for f in fields(net.precision)}
    precision["overrides"] = {glob: dict(changes) for glob, changes in net.precision.overrides.items()}
    header: dict[str, Json] = {
        "chip": asdict(net.chip),
        "precision": precision,
        "readout": net.readout,
        "step_shape": list(net.step_shape),
        "dt": net.dt,
        "shortest_span": net.shortest_span,
        "layout": asdict(net.layout),
        "passes": [asdict(p) for p in net.passes],
        "evidence": None if net.evidence is None else net.evidence.plain(),
    }
    arrays = {"known/x": net.known.x, "known/integers": net.known.integers}
    arrays |= {f"known/states/{name}": s for name, s in net.known.states.items()}
    artifact.write(path, header, {"float": net.float_graph, "integer": net.graph}, arrays)


def read(path: str | Path) -> Record:
    """The record in a `.l2n` file. Raises `ArtifactError` where it is damaged, or its versions are not ours."""
    table, graphs, arrays = artifact.read(path)
    if "library" in table:
        raise ArtifactError(
            "this network has no microcode", where=str(path), advice="Load it in Python, with ltc2neuro.load_library."
        )
    try:
        header = header_of(_Header, table)
        net = Record(
            graphs["float"],
            prove(graphs["integer"], header.chip).graph,
            header.chip,
            header.precision,
            header.readout,
            header.step_shape,
            header.dt,
            header.passes,
            known_answer(arrays),
            header.shortest_span,
            header.evidence,
            header.layout,
        )
        states = {s.name: s.size for s in net.graph.states}
        found = problem(header, net.known, net.graph, net.features + net.timed, states)
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        StopIteration,
        ChipError,
        GraphError,
        InputError,
    ) as error:
        raise artifact.not_a_network(f"{type(error).__name__}: {error}", path) from error
    if found:
        raise artifact.not_a_network(found, path)
    return net
