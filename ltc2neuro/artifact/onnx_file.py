"""A compiled network as an ONNX file."""

from __future__ import annotations

import json
from pathlib import Path

from compiler.running.extra import ONNX_FILES
from hw_models.arguments import check_choice, check_flag, check_path
from hw_models.errors import InputError
from hw_models.fixed_point import SEMANTICS_VERSION
from hw_models.plain import Json
from ltc2neuro.artifact.whole import write_whole
from ltc2neuro.compiled.assembling import host_maps
from ltc2neuro.compiled.record import Record
from ltc2neuro.inputs.layout import HOW
from ltc2neuro.version import __version__

FORMS = ("sequence", "step")


def to_onnx(record: Record, path: str | Path, form: str, real: bool) -> None:
    """Write `record` to `path`: see `Network.to_onnx`."""
    path, form, real = check_path(path), check_choice(form, FORMS, "form"), check_flag(real, "real")
    if real and record.layout.time_first is None:
        raise InputError(
            "it was not said whether arrays of this network have batch or time first",
            advice=f"Compile it with batch_first=, or write it with real=False. {HOW}",
        )
    ONNX_FILES.require()
    from compiler.onnx.model import Program
    from compiler.onnx.units import Units

    layout = record.layout
    units = Units(
        record.timed, bool(layout.time_first), layout.answers_time_first, record.readout == "last", record.step_shape
    )
    program = Program(record.graph, record.chip.product_bits, units if real else None, metadata=metadata(record))
    model = program.step() if form == "step" else program.sequence()
    write_whole(path, lambda beside: beside.write_bytes(model.SerializeToString(deterministic=True)))


def metadata(record: Record) -> dict[str, str]:
    """What the file says of the network: texts by their keys, most of them JSON."""
    graph = record.graph
    states = {s.name: graph.constants[s.initial].tolist() for s in graph.states}
    forms = {name: graph.format(name) for name in graph.values}
    found: dict[str, Json] = {
        "formats": {name: [form.fraction, form.low, form.high] for name, form in forms.items()},
        "host": host_maps(record),
        "initial": {name: row * (graph.state(name).size // len(row)) for name, row in states.items()},
    }
    answers = "at every step" if record.readout == "every" else "at the last step"
    texts = {
        "ltc2neuro": __version__,
        "model": f"{record.features} features -> {record.step_shape} {answers}, dt {record.dt:g}",
        "proof": "" if record.evidence is None else record.evidence.headline(),
        "chip": record.chip.name,
        "semantics": str(SEMANTICS_VERSION),
    }
    return texts | {name: json.dumps(value) for name, value in found.items()}
