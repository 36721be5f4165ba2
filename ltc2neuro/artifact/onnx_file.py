"""A compiled network as an ONNX file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from compiler.graph.graph import Graph
from compiler.running.extra import ONNX_FILES
from hw_models.arguments import check_choice, check_flag, check_path
from hw_models.errors import InputError
from hw_models.fixed_point import SEMANTICS_VERSION
from ltc2neuro.artifact.atomic_write import write_whole
from ltc2neuro.compiled.assembling import host_maps
from ltc2neuro.compiled.microcode import with_microcode
from ltc2neuro.compiled.network import BaseNetwork
from ltc2neuro.compiled.record import BaseRecord, Record
from ltc2neuro.inputs.layout import HOW
from ltc2neuro.version import __version__

if TYPE_CHECKING:
    from compiler.onnx.shapes import TensorShape

FORMS = ("sequence", "step")
GRAPHS = ("integer", "float")
FLOATS = "write the model itself with graph='float'"


def to_onnx(net: BaseNetwork, path: str | Path, form: str, graph: str, real: bool) -> None:
    """Write `net` to `path`: see `WrittenNetwork.to_onnx`. Raises `InputError` where there is no integer graph."""
    path, real = check_path(path), check_flag(real, "real")
    form, graph = check_choice(form, FORMS, "form"), check_choice(graph, GRAPHS, "graph")
    layout, own = net.layout, None if graph == "float" else with_microcode(net, "a file of its integers", FLOATS).record
    if graph == "float" and not real:
        raise InputError("a float graph has no integers", where="real", advice="Leave real=False out.")
    if real and layout.time_first is None:
        raise InputError(
            "it was not said whether arrays of this network have batch or time first",
            advice=f"Compile it with batch_first=, or write it with real=False. {HOW}",
        )
    ONNX_FILES.require()
    from compiler.onnx.exports import FLOAT32, FloatExport, IntegerExport
    from compiler.onnx.shapes import Shapes, TensorShape

    shapes = Shapes(
        _inputs(net),
        tuple(
            TensorShape(
                a.name if net.answers.several else "y",
                a.step_shape,
                not a.every,
                over="" if a.over.apart else a.readout.partition(" of ")[0],
                latest=a.over.latest,
                added=a.added,
            )
            for a in net.answers.each
        ),
        timed=net.timed,
        time_first=bool(layout.time_first),
        answers_time_first=layout.answers_time_first,
        order=_order(net),
    )
    if own is None:
        shapes = replace(shapes, reals=FLOAT32)
        program = FloatExport(real=net.float_graph, shapes=shapes, metadata=_of_both(net, net.float_graph))
    else:
        program = IntegerExport(
            proven=own.proven,
            shapes=shapes if real else None,
            metadata=_of_both(net, own.graph) | _of_integers(own),
        )
    model = program.step() if form == "step" else program.sequence()
    write_whole(path, lambda part: part.write_bytes(model.SerializeToString(deterministic=True)))


def _inputs(record: BaseRecord) -> tuple[TensorShape, ...]:
    """The inputs, by the names in the model; x where there is one."""
    from compiler.onnx.shapes import TensorShape

    if record.inputs is None:
        tables = None if record.tokens is None else tuple((t.places, t.rows) for t in record.tokens.tables)
        return (TensorShape("x", record.sample_shape, tables=tables),)
    tables = () if record.tokens is None else record.tokens.tables
    parts = []
    for one in record.inputs.each:
        own = range(record.inputs.size)[record.inputs.where[one.name]]
        found = [(tuple(p - own.start for p in t.places), t.rows) for t in tables if t.places[0] in own]
        parts.append(TensorShape(one.name, one.shape, one.held, tuple(found) if one.tokens else None))
    return tuple(parts)


def _order(record: BaseRecord) -> tuple[int, ...]:
    """Which of the inputs' channels, tokens looked up, each of the graph's is; empty where they lie alike."""
    if record.tokens is None or record.inputs is None:
        return ()
    starts = np.cumsum([0, *(t.size for t in record.tokens.tables)])
    number = {n: record.tokens.selected + i for i, n in enumerate(record.tokens.numbers)}
    lies: list[int] = []
    for own in record.inputs.where.values():
        channels = range(record.inputs.size)[own]
        for start, t in zip(starts, record.tokens.tables, strict=False):
            lies += range(start, start + t.size) if t.places[0] in channels else ()
        lies += [number[n] for n in channels if n in number]
    order = tuple(int(n) for n in np.argsort(lies))
    return () if order == tuple(range(len(order))) else order


def _of_both(record: BaseRecord, graph: Graph) -> dict[str, str]:
    """What a file says of the network: texts by their keys."""
    initial = {s.name: np.broadcast_to(graph.constants[s.initial], s.size).tolist() for s in graph.states}
    return {
        "ltc2neuro": __version__,
        "model": f"{record.signature}, dt {record.dt:g}",
        "proof": "" if record.evidence is None else record.evidence.headline(),
        "initial": json.dumps(initial),
    }


def _of_integers(record: Record) -> dict[str, str]:
    """What it says of the integers."""
    forms = {name: record.graph.format(name) for name in record.graph.values}
    return {
        "chip": record.chip.name,
        "semantics": str(SEMANTICS_VERSION),
        "formats": json.dumps({name: [form.fraction, form.low, form.high] for name, form in forms.items()}),
        "host": json.dumps(host_maps(record)),
    }
