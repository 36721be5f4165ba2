"""A network without microcode to a file and back."""

from __future__ import annotations

from dataclasses import asdict
from math import prod
from pathlib import Path

import numpy as np

from compiler.backends.float_graph import output_map
from compiler.graph.ops import Input
from compiler.graph.serialize import Json
from compiler.library.form import LibraryForm, Reciprocal
from compiler.library.serialize import from_plain, to_plain
from hw_models.errors import ArtifactError, InputError
from ltc2neuro import artifact
from ltc2neuro.evidence import from_plain as evidence_from_plain
from ltc2neuro.known_answer import problem_of
from ltc2neuro.layout import layout_from_plain
from ltc2neuro.library.network import LibraryNetwork
from ltc2neuro.network import KnownAnswer


def save_library(net: LibraryNetwork, path: str | Path) -> None:
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


def load_library(path: str | Path) -> LibraryNetwork:
    """The network that `LibraryNetwork.save` wrote. Raises `ArtifactError` where it is damaged, or not such a one."""
    header, graphs, arrays = artifact.read(path)
    if "library" not in header:
        raise ArtifactError("this network has microcode", where=str(path), advice="Load it with ltc2neuro.load.")

    def below(prefix: str) -> dict[str, np.ndarray]:
        return {n[len(prefix) :]: a for n, a in arrays.items() if n.startswith(prefix)}

    try:
        form = dict(header["form"])  # type: ignore[arg-type]
        form["reciprocal"] = Reciprocal[str(form["reciprocal"])]  # type: ignore[assignment]
        span = header["shortest_span"]
        net = LibraryNetwork(
            graphs["float"],
            from_plain(header["library"], below("library/")),
            LibraryForm(**form),  # type: ignore[arg-type]
            str(header["readout"]),
            tuple(int(n) for n in header["step_shape"]),  # type: ignore[union-attr, arg-type]
            float(header["dt"]),  # type: ignore[arg-type]
            KnownAnswer(arrays["known/x"], arrays["known/integers"], below("known/states/")),  # type: ignore[arg-type]
            None if span is None else float(span),  # type: ignore[arg-type]
            layout_from_plain(header.get("layout")),
            evidence_from_plain(header.get("evidence")),
        )
        problem = _problem(net)
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
    if problem:
        raise artifact.not_a_network(problem, path)
    return net


def _problem(net: LibraryNetwork) -> str:
    """What does not fit together in a network that was read, empty where all does."""
    processes, real = net.processes, net.float_graph
    inputs = [real.size(op.out) for _, op in real.ops() if isinstance(op, Input)]
    if inputs != [processes.features] or output_map(real)[0].size != processes.outputs:
        return "its processes and its graph take or give different numbers"
    if prod(net.step_shape) != processes.outputs:
        return f"its answer of {processes.outputs} numbers has the shape {net.step_shape}"
    if net.readout not in ("every", "last"):
        return f"it answers {net.readout!r}"
    if not (np.isfinite(net.dt) and net.dt > 0):
        return f"dt is {net.dt}"
    states = {name: place.stop - place.start for name, place in processes.states.items()}
    return problem_of(net.known, processes.features, processes.outputs, states)
