"""A network to a `.l2n` file and back: what `artifact` stores, in a network's terms."""

from __future__ import annotations

from dataclasses import asdict, fields
from math import prod
from pathlib import Path

import numpy as np

from compiler.executors.float64 import output_map
from compiler.graph.serialize import Json
from compiler.quantize.precision import Precision
from compiler.ranges.proven import prove
from compiler.rewrite.runner import PassRecord
from hw_models.chip import chip_from_plain
from hw_models.errors import ArtifactError, ChipError, GraphError, InputError
from ltc2neuro.artifact import container as artifact
from ltc2neuro.compiled.evidence import from_plain
from ltc2neuro.compiled.known_answer import problem_of
from ltc2neuro.compiled.record import KnownAnswer, Record
from ltc2neuro.inputs.layout import layout_from_plain


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
    header, graphs, arrays = artifact.read(path)
    if "library" in header:
        raise ArtifactError(
            "this network has no microcode", where=str(path), advice="Load it in Python, with ltc2neuro.load_library."
        )
    try:
        chip = chip_from_plain(header["chip"])
        states = {n[len("known/states/") :]: a for n, a in arrays.items() if n.startswith("known/states/")}
        net = Record(
            graphs["float"],
            prove(graphs["integer"], chip).graph,
            chip,
            Precision(**header["precision"]),  # type: ignore[arg-type]
            str(header["readout"]),
            tuple(header["step_shape"]),  # type: ignore[arg-type]
            float(header["dt"]),  # type: ignore[arg-type]
            tuple(PassRecord(**p) for p in header["passes"]),  # type: ignore[arg-type, union-attr]
            KnownAnswer(arrays["known/x"], arrays["known/integers"], states),  # type: ignore[arg-type]
            None if header["shortest_span"] is None else float(header["shortest_span"]),  # type: ignore[arg-type]
            from_plain(header.get("evidence")),
            layout_from_plain(header.get("layout")),
        )
        problem = _problem(net)
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
    if problem:
        raise artifact.not_a_network(problem, path)
    return net


def _problem(net: Record) -> str:
    """What does not fit together in a network that was read, empty where all does."""
    outputs = output_map(net.graph)[0].size
    if prod(net.step_shape) != outputs:
        return f"its answer of {outputs} numbers has the shape {net.step_shape}"
    if net.readout not in ("every", "last"):
        return f"it answers {net.readout!r}"
    if not (np.isfinite(net.dt) and net.dt > 0):
        return f"dt is {net.dt}"
    states = {s.name: s.size for s in net.graph.states}
    return problem_of(net.known, net.features + net.timed, outputs, states)
