"""Wide sums, written into the step op by op."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compiler.graph.ops import Op, SegmentSum
from compiler.steps.step_builder import Location, StepBuilder
from compiler.steps.wide_sums import WideRow


def emit_wide(made: StepBuilder, value: str, heads: Sequence[int]) -> None:
    """Elements of a wide sum, and of all that makes them what they are made of."""
    kinds, operands = made.elements.kinds, made.elements.operands
    own = [kind.terms for kind in (kinds[head] for head in heads) if isinstance(kind, WideRow)]
    wide, located = own[0].sum, dict[tuple[int, int], list[Location]]()
    places, segment, read = list[int](), list[int](), [list[Location]() for _ in wide.leaves]
    for number, (head, terms) in enumerate(zip(heads, own, strict=True)):
        kind = kinds[head]
        assert isinstance(kind, WideRow)
        when = id(operands[head]), made.timing.late.get(head, 0)
        if when not in located:
            located[when] = [made.place(head, operand) for operand in operands[head]]
        mine = np.flatnonzero(terms.rows == kind.row)
        places += terms.places[mine].tolist()
        segment += [number] * len(mine)
        for leaf, row in zip(read, terms.read, strict=True):
            leaf += [located[when][operand] for operand in row[mine].tolist()]
    order = np.argsort(places, kind="stable")
    names = {}
    for leaf, found in zip(wide.leaves, read, strict=True):
        names[leaf.out] = _once(made, leaf.out, [found[place] for place in order])
    used = np.array(places, np.int64)[order]
    names |= {name: made.constant(array, name) for name, array in wide.constants(used).items()}
    for op in wide.ops:
        names[op.result or ""] = _made_once(made, op, names, len(places))
    name = made.value(value, len(heads))
    made.ops.append(SegmentSum(name, names[wide.op.x], made.constant(np.array(segment)[order], wide.op.segment)))
    made.now |= {head: (name, place) for place, head in enumerate(heads)}


def _once(made: StepBuilder, leaf: str, places: list[Location]) -> str:
    """What is gathered, once for all sums that read it."""
    key = tuple(places)
    if key not in made.gathers:
        made.gathers[key] = made.gathered(places, leaf)
    return made.gathers[key]


def _made_once(made: StepBuilder, op: Op, names: dict[str, str], size: int) -> str:
    """The same of what is computed."""
    key = op.renamed(lambda name: names.get(name, "" if name == op.result else name))
    if key not in made.computed:
        name = made.computed[key] = made.value(op.result or "", size)
        made.ops.append(key.renamed(lambda n: n or name))
    return made.computed[key]
