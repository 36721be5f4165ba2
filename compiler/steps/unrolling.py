"""The elements of an unrolled graph, found op by op."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.graph.ops import Elementwise, Gather, Input, MatVec, Mul, Op, SegmentSum, Select, StateRead
from compiler.interpreters.execution import Frame
from compiler.interpreters.float64 import KERNELS
from compiler.steps.elements import ADD, NEVER, NO_COPIES, ElementKind, Elements, Home, MadeOf, Same, Sum
from compiler.steps.repeated_blocks import StateElement, Unit, unit
from compiler.steps.wide_sums import WideRow, wide_sums
from hw_models.arrays import Floats, Integers
from hw_models.errors import TraceError

MOST = 400_000
"""Elements that are looked at, at most: a second for some 100,000"""


def unrolled_elements(
    graph: Graph, features: int, held: frozenset[int] = frozenset(), copies: Mapping[str, int] = NO_COPIES
) -> Elements:
    """Those of a graph whose one sample holds all steps, each of so many `features`, of which some are `held`;
    `copies` are values that stand for others: see `Elements`. Raises `TraceError` where they are too many."""
    found = Elements(graph, features, held, copies={name: at for name, at in copies.items() if name in graph.values})
    still = Frame({n: c.reshape(-1, 1) for n, c in graph.constants.items() if c.ndim == 1}, np.zeros((0, 1)), {})
    still.values |= {n: c for n, c in graph.constants.items() if c.ndim != 1}
    still.sample = np.zeros((graph.size(graph.entry.out), 1))
    wide = wide_sums(graph, frozenset(found.copies))
    found.wide = wide if wide.elements > MOST else found.wide
    states = {s.name: found.constant(graph.constants[s.initial]) for s in graph.states}
    still.states.update({s.name: graph.constants[s.initial].reshape(-1, 1) for s in graph.states})
    for block in graph.blocks:
        if block.repeat > 1:
            _repeat(found, unit(block, graph), states, still)
            continue
        for op in block.computed:
            _compute(found, op, states, still)
            if len(found.kinds) > MOST:
                raise TraceError(
                    "the model is too large to find out what it does from step to step",
                    numbers=f"more than {MOST:,} elements in {graph.size(graph.entry.out) // features} steps",
                    advice="Give the loop over the steps to ltc2neuro.nn.Recurrent(cell).",
                )
        states |= {op.state: found.read(op.x) for op in block.commits}
        still.states.update({op.state: still.values[op.x] for op in block.commits})
    return found


def _compute(elements: Elements, op: Op, states: Mapping[str, Integers], still: Frame) -> None:
    """The elements of what `op` computes; `still` has the values of all where samples are 0."""
    graph, result = elements.graph, op.result or ""
    if isinstance(op, StateRead):
        elements.of[result], still.values[result] = states[op.state], still.states[op.state]
        return
    with np.errstate(all="ignore"):  # of a time span of 0
        still.values[result] = KERNELS(op, graph)(still)
    if result in elements.wide.inside:
        return
    if isinstance(op, Gather):
        elements.of[result] = elements.together(op.sources)[graph.constants[op.index].astype(np.int64)]
    elif result in elements.copies and isinstance(op, Mul):
        numbers = np.broadcast_to(still.values[result][:, 0], graph.size(result)).tolist()
        pairs = enumerate(zip(elements.read(op.a).tolist(), numbers, strict=True))
        own = [_copy(elements, e, Home(result, place), number) for place, (e, number) in pairs]
        elements.of[result] = np.array(own, np.int64)
    elif isinstance(op, Input):
        steps = [divmod(place, elements.features) for place in range(graph.size(result))]
        found = [elements.add(("input", f, t), (), Home(result, p), t, 0.0) for p, (t, f) in enumerate(steps)]
        elements.of[result] = np.array(found, np.int64)
    else:
        numbers = np.broadcast_to(still.values[result][:, 0], graph.size(result))
        elements.of[result] = _new(elements, op, Home(result, 0), numbers)


def _copy(elements: Elements, element: int, home: Home, number: float) -> int:
    """What stands for an element before the first step, or so many steps later than that."""
    known = elements.known[element]
    step = max(known, elements.copies[home.value])
    return elements.add(Same(NEVER - step + known, False), (element,), home, step, number)


def _repeat(elements: Elements, own: Unit, states: dict[str, Integers], still: Frame) -> None:
    """The element of a block that repeats, and those of its states."""
    graph, block = elements.graph, own.block
    kernels = {op: KERNELS(op, graph) for op in block.computed if not isinstance(op, StateRead)}
    for _ in range(block.repeat):
        for op in block.computed:
            read = isinstance(op, StateRead)
            with np.errstate(all="ignore"):
                still.values[op.result or ""] = still.states[op.state] if read else kernels[op](still)
        still.states.update({op.state: still.values[op.x] for op in block.commits})
    whole = np.concatenate([*map(elements.read, own.sources), *(states[name] for name in own.states)])
    operands = tuple(whole.tolist())
    known = max((elements.known[o] for o in operands), default=NEVER)
    node = elements.add(own.kind(), operands, Home(own.name, 0), known, 0.0)
    elements.units[own.name] = own
    for op in block.commits:
        numbers = np.broadcast_to(still.states[op.state][:, 0], graph.size(op.x)).tolist()
        kinds = [StateElement(own.states.index(op.state), place) for place in range(len(numbers))]
        parts = [elements.add(k, (node,), Home(op.x, k.place), known, v) for k, v in zip(kinds, numbers, strict=True)]
        of_node = elements.parts.setdefault(node, [])  # it may have been computed before, for another answer
        of_node += [part for part in parts if part not in of_node]
        states[op.state] = np.array(parts, np.int64)


def _new(elements: Elements, op: Op, home: Home, still: Floats) -> Integers:
    """The elements that are no other's."""
    made = _wide_rows(home.value, elements) if home.value in elements.wide.of else MADE_OF(op, elements)
    found, known = np.zeros(len(made), np.int64), dict[int | None, int]()
    running = _Running({operands for kind, operands in made if isinstance(kind, Sum) and kind.plain})
    masks = _is_mask(elements, op)
    for place in sorted(range(len(made)), key=lambda place: len(made[place][1])):
        kind, operands = running.shorter(*made[place])
        same = _same_as(elements, kind, operands, masks=masks)
        if same is not None:
            found[place] = running.known[made[place][1]] = same
            continue
        key = id(operands) if operands is made[place][1] else None  # one that stays, and keeps its identity
        if key is None or key not in known:
            known[key] = max((elements.known[o] for o in operands), default=NEVER)
        found[place] = elements.add(kind, operands, Home(home.value, place), known[key], float(still[place]))
        running.known[made[place][1]] = int(found[place])
    return found


def _same_as(elements: Elements, kind: ElementKind, operands: tuple[int, ...], *, masks: bool) -> int | None:
    """The element that one is, whatever the samples: what a constant chooses, or a 0 of what `masks`."""
    if isinstance(kind, Select) and elements.known[operands[0]] == NEVER:
        return operands[1] if elements.values[operands[0]] else operands[2]
    return next((o for o in operands if masks and elements.known[o] == NEVER and elements.values[o] == 0), None)


def _is_mask(elements: Elements, op: Op) -> bool:
    """Whether a constant leaves out some elements, as of the first step; a state that starts at 0 is 0 in all."""
    if not isinstance(op, Mul):
        return False
    factors = [elements.graph.constants[name] for name in op.operands if name in elements.graph.constants]
    return any(factor.any() and not factor.all() for factor in factors)


@dataclass
class _Running:
    """The sums of one op: where one has a term more than another, as in `cumsum`, it is that one and the term."""

    sums: set[tuple[int, ...]]
    known: dict[tuple[int, ...], int] = field(default_factory=dict)

    def shorter(self, kind: ElementKind, operands: tuple[int, ...]) -> MadeOf:
        """The element, as a sum of two where it can be."""
        if not isinstance(kind, Sum) or not kind.plain:
            return kind, operands
        if len(operands) > 1 and operands[:-1] in self.sums:
            return ADD, (self.known[operands[:-1]], operands[-1])
        return kind, operands


def _wide_rows(name: str, elements: Elements) -> list[MadeOf]:
    """What each element of a wide sum is. Where all that it is made of is known with the same sample, each is made of
    all of that."""
    wide = elements.wide.of[name]
    read = np.array([elements.read(leaf.out)[wide.used] for leaf in wide.leaves]).reshape(len(wide.leaves), -1)
    sources, segment, found = wide.sources(), wide.segment, list[MadeOf]()
    together = len({elements.known[element] for element in np.unique(read).tolist()} - {NEVER}) <= 1
    numbers = range(elements.graph.size(name))
    for row in numbers if not together else (0,):
        own = (segment == row) | together
        rows = segment if together else np.zeros(own.sum(), np.int64)
        terms = elements.wide.terms(wide, own, sources, rows)
        operands = tuple(read[:, own].ravel()[terms.first].tolist())
        found += [(WideRow(terms.does, number, terms), operands) for number in (numbers if together else (0,))]
    return found


MADE_OF: OpTable[[Elements], list[MadeOf]] = OpTable("elements")
"""What each element of a result is, and its operands."""


@MADE_OF.on(Elementwise)
def _elementwise(op: Elementwise, elements: Elements) -> list[MadeOf]:
    kind, size = op.renamed(lambda name: ""), elements.graph.size(op.result or "")
    columns = [np.broadcast_to(elements.read(name), size).tolist() for name in op.operands]
    return [(kind, operands) for operands in zip(*columns, strict=True)]


@MADE_OF.on(SegmentSum)
def _segment_sum(op: SegmentSum, elements: Elements) -> list[MadeOf]:
    x, segment = elements.read(op.x), elements.graph.constants[op.segment]
    terms = [tuple(x[segment == j].tolist()) for j in range(elements.graph.size(op.out))]
    return [(Sum((1.0,) * len(own)), own) for own in terms]


@MADE_OF.on(MatVec)
def _mat_vec(op: MatVec, elements: Elements) -> list[MadeOf]:
    shared: dict[tuple[int, ...], tuple[int, ...]] = {}  # so that rows with the same operands are told at once
    found, last, used, kind = list[MadeOf](), None, np.zeros(0, np.int64), Sum(())
    for row, place in rows(elements, op):
        if row is not last:
            last, used = row, np.flatnonzero(row)
            kind = Sum(tuple(row[used].tolist()))
        operands = tuple(place[used].tolist())
        found.append((kind, shared.setdefault(operands, operands)))
    return found


def rows(elements: Elements, op: MatVec) -> list[tuple[Floats, Integers]]:
    """Of each result its row of the matrix, and the elements that it is multiplied with; none has a weight beyond the
    edge, as if the matrix were written out."""
    matrix, whole = elements.graph.constants[op.matrix], elements.together(op.sources)
    if op.places is None:
        return [(row, whole) for row in matrix]
    index = elements.graph.constants[op.places].astype(np.int64)
    padded = np.append(whole, elements.constant(np.zeros(1)))[index]
    edge = [None if inside.all() else inside for inside in index < len(whole)]
    return [
        (row if seen is None else row * seen, place) for row in matrix for seen, place in zip(edge, padded, strict=True)
    ]
