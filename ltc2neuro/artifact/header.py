"""Files of networks of either kind: header and known answer, written, read and checked against one another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from math import isfinite, prod
from pathlib import Path
from typing import TypeVar

import numpy as np

from compiler.graph.graph import Graph
from compiler.rewrite.runner import PassRecord
from hw_models.arrays import AnyArray
from hw_models.errors import ArtifactError, ChipError, GraphError, InputError, Ltc2NeuroError, QuantizeError
from hw_models.json_dataclasses import Json, field_types, made
from ltc2neuro.artifact import container
from ltc2neuro.artifact.container import below
from ltc2neuro.compiled.answers import Answers
from ltc2neuro.compiled.evidence import Evidence
from ltc2neuro.compiled.known_answer import problem_of
from ltc2neuro.compiled.readouts import is_readout
from ltc2neuro.compiled.record import BaseRecord, KnownAnswer
from ltc2neuro.inputs.layout import BATCH_FIRST, Layout
from ltc2neuro.inputs.several import Inputs
from ltc2neuro.inputs.tokens import Table, Tokens

HeaderT = TypeVar("HeaderT", bound="Header")
RecordT = TypeVar("RecordT", bound=BaseRecord)


@dataclass(frozen=True)
class Content:
    """What a file holds."""

    table: Mapping[str, Json]
    """its header"""
    graphs: Mapping[str, Graph]
    arrays: Mapping[str, AnyArray]


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a network answers, and how; its proof."""

    readout: str
    step_shape: tuple[int, ...]
    dt: float
    shortest_span: float | None
    passes: tuple[PassRecord, ...]
    layout: Layout = BATCH_FIRST
    """batch first in files that are older than layouts"""
    own_shape: tuple[int, ...] | None = None
    evidence: Evidence | None = None
    several: Answers | None = None
    inputs: Inputs | None = None


def write_network(record: BaseRecord, path: str | Path, own: Content) -> None:
    """Write `own`, what a kind of network has for itself, and what both kinds have."""
    table: dict[str, Json] = {
        "readout": record.readout,
        "step_shape": list(record.step_shape),
        "dt": record.dt,
        "shortest_span": record.shortest_span,
        "passes": [asdict(p) for p in record.passes],
        "layout": asdict(record.layout),
        "evidence": None if record.evidence is None else record.evidence.plain(),
    }
    table |= {} if record.own_shape is None else {"own_shape": list(record.own_shape)}
    version = container.FORMAT_VERSION
    for name, parts in (("several", record.several), ("inputs", record.inputs)):
        if parts is not None:
            table[name], version = asdict(parts, dict_factory=_told), container.PARTED_VERSION
    arrays: dict[str, AnyArray] = {"known/x": record.known.x, "known/integers": record.known.integers}
    arrays |= {f"known/states/{name}": s for name, s in record.known.states.items()}
    if record.tokens is not None:
        table |= {"tokens": [t.name for t in record.tokens.tables]}
        version = container.PARTED_VERSION
        for number, t in enumerate(record.tokens.tables):
            half = t.rows.astype(np.float32)  # as torch has them, mostly
            rows = half if np.array_equal(half, t.rows) else t.rows
            arrays |= {f"tokens/{number}/places": np.array(t.places), f"tokens/{number}/rows": rows}
        arrays["tokens/numbers"] = np.array(record.tokens.numbers, np.int64)
    graphs = {"float": record.float_graph, **own.graphs}
    container.write(path, table | dict(own.table), graphs, {**own.arrays, **arrays}, version)


def _told(fields: list[tuple[str, Json]]) -> dict[str, Json]:
    """All but sums' addends where there are none: files tell of them where they are."""
    return {name: value for name, value in fields if name != "added" or value}


def header_of(kind: type[HeaderT], content: Content) -> HeaderT:
    """The header of a file. Raises `TypeError` and `ValueError` where it has none."""
    return made(kind, {name: content.table[name] for name in field_types(kind) if name in content.table})


def stored_answer(content: Content) -> KnownAnswer:
    """The known answer among a file's arrays."""
    arrays = content.arrays
    states = below("known/states/", arrays)
    return made(KnownAnswer, {"x": arrays["known/x"], "integers": arrays["known/integers"], "states": states})


def tokens_of(content: Content) -> Tokens | None:
    """The tables of tokens among a file's arrays. Raises what Python does where they are not whole."""
    names = made(_TokenHeader, {key: content.table.get(key, []) for key in ("tokens", "own_shape")})
    if not names.tokens:
        return None
    tables = []
    for number, name in enumerate(names.tokens):
        places, rows = (content.arrays[f"tokens/{number}/{part}"] for part in ("places", "rows"))
        kinds = places.dtype == np.int64 and rows.dtype in (np.float32, np.float64)
        if not kinds or places.ndim != 1 or rows.ndim != 2 or not rows.size or not np.isfinite(rows).all():
            raise ValueError(f"its token table {name} is invalid")
        tables.append(Table(name, tuple(int(n) for n in places), rows.astype(np.float64)))
    count, numbers = prod(names.own_shape), content.arrays["tokens/numbers"]
    places = [place for table in tables for place in table.places]
    if numbers.ndim != 1 or not all(0 <= place < count for place in [*places, *numbers.tolist()]):
        raise ValueError("its tables look up other tokens than it has")
    return Tokens(count, tuple(tables), tuple(int(n) for n in numbers))


@dataclass(frozen=True)
class _TokenHeader:
    tokens: tuple[str, ...]
    own_shape: tuple[int, ...]


def read_network(path: str | Path, build: Callable[[Content], RecordT]) -> RecordT:
    """The record that `build` makes of a file. Raises `ArtifactError` where it fails, or where parts do not fit."""
    content = Content(*container.read(path))
    try:
        net = build(content)
        problem = _problem(net)
    except (ArtifactError, ChipError, GraphError, InputError, QuantizeError) as error:
        said = Ltc2NeuroError(error.what, where=error.where, numbers=error.numbers)  # the advice is not to its reader
        raise container.not_a_network(f"{type(error).__name__}: {said}", path) from error
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, StopIteration) as error:
        raise container.not_a_network(f"{type(error).__name__}: {error}", path) from error
    if problem:
        raise container.not_a_network(problem, path)
    return net


def _problem(record: BaseRecord) -> str:
    """What does not fit together in a network that was read, empty where all does."""
    outputs = record.leaves.size
    if prod(record.step_shape) != outputs:
        return f"its answer of {outputs} numbers has the shape {record.step_shape}"
    features = record.features if record.tokens is None else record.tokens.count
    if prod(record.sample_shape) != features or min(record.sample_shape, default=1) < 1:
        return f"its samples of {features} numbers have the shape {record.sample_shape}"
    if record.tokens is not None and record.tokens.features != record.features:
        return f"its tables give {record.tokens.features} features, and it takes {record.features}"
    if record.tokens is not None and record.tokens.numbers != (record.inputs.numbers if record.inputs else ()):
        return "its tables leave other channels as they are than its inputs do"
    if record.inputs is not None and (
        record.inputs.size != features or len(record.inputs.where) < len(record.inputs.each)
    ):
        return f"its inputs {record.inputs} are not those of {features} channels"
    answers = record.answers
    if any(not is_readout(a.readout) or len(a.added) not in (0, a.size) for a in answers.each):
        return f"it answers {', '.join(repr(a.readout) for a in answers.each)}"
    if len(answers.where) < len(answers.each) or (answers.readout, answers.step_shape) != (
        record.readout,
        record.step_shape,
    ):
        return f"its answers {answers.names} are not those of one vector"
    if not (isfinite(record.dt) and record.dt > 0):
        return f"dt is {record.dt}"
    if record.evidence is not None and not record.evidence.probes:
        return "its proof has no probes"
    states = {name: word.size for name, word in record.state_words.items()}
    problem = problem_of(record.known, record.channels, outputs, states)
    if not problem and record.tokens is not None:
        record.tokens.check(list(record.known.x))
    return problem
