"""What a model does after a mean, sum or extreme over time: whether the host can do that before, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.graph.ops import Add, Div, Gather, Input, Linear, Mul, Op, StateRead, StateWrite, Sub
from compiler.interpreters.execution import Frame
from compiler.interpreters.float64 import KERNELS
from hw_models.arrays import Floats, Integers, located
from hw_models.errors import TraceError
from ltc2neuro.compiled.answers import Answers
from ltc2neuro.compiled.readouts import readout, window
from ltc2neuro.tracing.ops.mixing import MixedStepsError
from ltc2neuro.tracing.recording.over_time import FOLDS


class HoldError(Exception):
    """A readout that the host cannot do, and a state can."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class _How(IntEnum):
    """What is done with a readout."""

    MOVED = 0
    AFFINE = 1
    OTHERWISE = 2


_ALLOWED = {"mean": _How.AFFINE, "sum": _How.AFFINE, "max": _How.MOVED, "min": _How.MOVED}
"""An affine map of a mean is the mean of the maps; one of a sum, too, but for what it adds"""


@dataclass(frozen=True)
class _Composition:
    """The readouts that a value is made of, "" for what there is at every step, how, and by which value it came so."""

    kinds: frozenset[str] = frozenset()
    how: _How = _How.MOVED
    by: str = ""


@dataclass(frozen=True)
class HostReadouts:
    """The answers with their readouts, the graph without what the host adds to sums, and the values that the model has
    after a readout: at no single step it has them."""

    answers: Answers
    graph: Graph
    after: frozenset[str]


def host_readouts(
    graph: Graph, answers: Answers, values: Sequence[str], marks: Mapping[str, str], *, at_once: bool
) -> HostReadouts:
    """Of a recorded graph whose answers are these `values`, where `marks` stand for readouts of themselves; `at_once`:
    it holds the answers to the first step, to the first two, and so on.

    Raises `HoldError` for a readout that must be a state, and `TraceError` for one that cannot be.
    """
    if not marks:
        return HostReadouts(answers, graph, frozenset())
    made: dict[str, _Composition] = {}
    fixed = Frame({n: c.reshape(-1, 1) if c.ndim == 1 else c for n, c in graph.constants.items()}, np.zeros((0, 1)), {})
    for _, op in graph.ops():
        found = _made(graph, op, made)
        if isinstance(op, StateWrite):
            _check(graph, replace(found, how=_How.OTHERWISE, by=found.by or op.x), at_once=at_once, state=True)
        if op.result is None:
            continue
        if op.result in marks and isinstance(op, Mul):
            found = _Composition(frozenset({_of_latest(graph, marks[op.result], made[op.a])}))
            fixed.values[op.result] = np.zeros((graph.size(op.result), 1))
        elif "" not in found.kinds:
            fixed.values[op.result] = KERNELS(op, graph)(fixed)
        made[op.result] = found
    parts = _at_last(graph, answers)
    each = []
    for answer, value, (whole, elements) in zip(
        answers.each, [whole for whole, _ in parts] if at_once else values, parts, strict=True
    ):
        kinds = made.get(value, _Composition()).kinds - {""}
        if not kinds:
            each.append(answer)
            continue
        kind = min(kinds)
        if answer.every and not at_once and not readout(kind).apart:
            raise _refused(graph, made[value], "the model gives a readout over all steps as its answer to each of them")
        left_out = -readout(kind).latest
        if readout(kind).apart and left_out > 0:
            raise TraceError(
                f"the model answers at all steps but the first {left_out}",
                where=_place(graph, value),
                advice=f"Return all of them, and leave these out after the network: net(x)[:, {left_out}:].",
            )
        _check(graph, made[value], at_once=at_once)
        own = _added(graph, whole, fixed)[elements] if kind.partition(" of ")[0] == "sum" else np.zeros(0)
        kind = "last" if readout(kind).apart and not answer.every else kind
        each.append(replace(answer, readout=kind, added=tuple(own.tolist()) if own.any() else ()))
    read_out = replace(answers, each=tuple(each))
    after = frozenset(value for value, found in made.items() if found.kinds - {""})
    return HostReadouts(read_out, graph if at_once else without_bias(graph, read_out), after)


def _at_last(graph: Graph, answers: Answers) -> list[tuple[str, Integers]]:
    """The value that holds each answer to all samples, and its elements there: what gathers all answers is none."""
    size, whole = sum(answer.size for answer in answers.each), graph.size(graph.answer.x)
    found = []
    for own in answers.where.values():
        value, elements = graph.answer.x, np.arange(whole)[whole - size :][own]
        while isinstance(op := graph.makers.get(value), Gather):
            index = graph.constants[op.index].astype(np.int64)[elements]
            sources, places = located(index, map(graph.size, op.sources))
            if np.any(sources != sources[0]):
                break
            value, elements = op.sources[sources[0]], places
        found.append((value, elements))
    return found


def without_bias(graph: Graph, answers: Answers) -> Graph:
    """The graph without what the host adds to the sums among its answers."""
    if not any(a.added for a in answers.each):
        return graph
    name = graph.answer.offset
    offset = graph.output_map.offset - np.concatenate([a.added or np.zeros(a.size) for a in answers.each])
    return replace(graph, constants={**graph.constants, name: offset})


def _made(graph: Graph, op: Op, made: Mapping[str, _Composition]) -> _Composition:
    if isinstance(op, (Input, StateRead)):
        return _Composition(frozenset({""}))
    parts = {name: made[name] for name in op.operands if name in made and made[name].kinds}
    kinds = frozenset[str]().union(*(p.kinds for p in parts.values()))
    if not kinds - {""}:
        return _Composition(kinds)
    how = HOW(op, parts) if len(kinds) == 1 or isinstance(op, Gather) else _How.OTHERWISE
    before = max(parts.values(), key=lambda part: part.how)
    return _Composition(kinds, max(how, before.how), before.by if before.how is _How.OTHERWISE else op.result or "")


HOW: OpTable[[Mapping[str, _Composition]], _How] = OpTable("readouts")
"""What an op does with operands of which these parts are not constant."""
HOW.otherwise(_How.OTHERWISE)
HOW.always(_How.MOVED, Gather)
HOW.always(_How.AFFINE, Linear, Add, Sub)
HOW.on(Mul)(lambda op, parts: _How.AFFINE if len(parts) == 1 and op.a != op.b else _How.OTHERWISE)
HOW.on(Div)(lambda op, parts: _How.OTHERWISE if op.b in parts else _How.AFFINE)


def _added(graph: Graph, value: str, fixed: Frame) -> Floats:
    """What affine maps add: the value where all readouts are 0."""
    return np.broadcast_to(fixed.values.get(value, np.zeros((1, 1)))[:, 0], graph.size(value))


def _of_latest(graph: Graph, kind: str, of: _Composition) -> str:
    """A readout of what is made of the latest steps alone, or of no readout."""
    kinds = of.kinds - {""}
    if not kinds:
        return kind
    before, own = readout(min(kinds)), readout(kind)
    if kinds != of.kinds or len(kinds) > 1 or not before.apart:
        raise _refused(graph, of, "the model reads out over time twice")
    if not own.apart:
        return f"{kind} of {window(before.latest)}"
    if own.latest * before.latest < 0:
        raise _refused(graph, of, "the model takes the last of some steps")
    return window(min(own.latest, before.latest) if own.latest > 0 else own.latest + before.latest)


def _check(graph: Graph, found: _Composition, *, at_once: bool, state: bool = False) -> None:
    kinds = found.kinds - {""}
    if not kinds:
        return
    kind = min(kinds)
    if found.kinds == kinds and len(kinds) == 1 and not state:
        if readout(kind).apart or found.how <= _ALLOWED[kind.partition(" of ")[0]]:
            return
    held = sorted(k for k in kinds if k in FOLDS or k == "mean" or (at_once and readout(k).latest > 0))
    if held:
        raise HoldError(held[0])
    if readout(kind).latest > 0:
        what = f"the model goes on computing with its {kind} steps, as if there were no others"
        error = _refused(graph, found, what)
        raise MixedStepsError(error.what, where=error.where, numbers=error.numbers, advice=error.advice)
    raise _refused(graph, found, f"the model goes on computing with its {kind} steps")


def _refused(graph: Graph, found: _Composition, what: str) -> TraceError:
    return TraceError(
        what,
        where=_place(graph, found.by),
        numbers=f"in {found.by}" if found.by in graph.values else "",
        advice="The host leaves steps out, and averages the answers of the others, also those of linear layers behind "
        "the mean. Do what comes after that on the host, or before the mean; and return answers of different kinds in "
        "a tuple. A mean over all steps is a state.",
    )


def _place(graph: Graph, name: str) -> str:
    """Where a value comes from."""
    value = graph.values.get(name)
    return "" if value is None else ", ".join(map(str, [*value.modules[:1], *value.lines[:1]]))
