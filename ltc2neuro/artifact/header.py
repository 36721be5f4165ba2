"""What files say of a network beside its graphs and arrays, whichever kind it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, prod
from typing import TypeVar

from compiler.executors.float64 import output_map
from compiler.graph.graph import Graph
from hw_models.plain import field_types, made
from ltc2neuro.artifact.container import Array, below
from ltc2neuro.compiled.evidence import Evidence
from ltc2neuro.compiled.known_answer import problem_of
from ltc2neuro.compiled.record import KnownAnswer
from ltc2neuro.inputs.layout import BATCH_FIRST, Layout

HeaderT = TypeVar("HeaderT", bound="Header")


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a network answers, and how; its proof."""

    readout: str
    step_shape: tuple[int, ...]
    dt: float
    shortest_span: float | None
    layout: Layout = BATCH_FIRST
    """batch first in files that are older than layouts"""
    evidence: Evidence | None = None


def header_of(kind: type[HeaderT], table: Mapping[str, object]) -> HeaderT:
    """The header that `table` holds. Raises `TypeError` and `ValueError` where it does not."""
    return made(kind, {name: table[name] for name in field_types(kind) if name in table})


def known_answer(arrays: Mapping[str, Array]) -> KnownAnswer:
    """The known answer among a file's arrays."""
    states = below("known/states/", arrays)
    return made(KnownAnswer, {"x": arrays["known/x"], "integers": arrays["known/integers"], "states": states})


def problem(header: Header, known: KnownAnswer, graph: Graph, channels: int, states: Mapping[str, int]) -> str:
    """What does not fit together in a network that was read, empty where all does; `graph` has its output map."""
    outputs = output_map(graph)[0].size
    if prod(header.step_shape) != outputs:
        return f"its answer of {outputs} numbers has the shape {header.step_shape}"
    if header.readout not in ("every", "last"):
        return f"it answers {header.readout!r}"
    if not (isfinite(header.dt) and header.dt > 0):
        return f"dt is {header.dt}"
    if header.evidence is not None and not header.evidence.probes:
        return "its proof has no probes"
    return problem_of(known, channels, outputs, states)
