"""Functions that are symmetric around 0: in integers a polynomial of |x|, and where x is negative what is left of a
whole. In a listing one tree over x itself: no instruction negates x, compares it with 0 or selects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from compiler.graph.integers import IntegerGraph
from compiler.graph.ops import Compare, Elementwise, Max, PiecewisePolynomial, Relation, Select, Sub


@dataclass(frozen=True)
class Mirrored:
    """`out` is the polynomial `half` of |x|; where x < 0 it is `whole` less that, unless `whole` is None."""

    out: str
    x: str
    half: PiecewisePolynomial
    whole: int | None

    @property
    def results(self) -> tuple[str, ...]:
        """What it computes."""
        return (self.out,)

    @property
    def operands(self) -> tuple[str, ...]:
        """What it reads."""
        return (self.x,)


def mirrored(ops: Sequence[Elementwise], graph: IntegerGraph, alone: Collection[str]) -> list[Elementwise | Mirrored]:
    """The ops, each symmetric function among them as one. What it leaves out is in `alone`: only `ops` read it."""
    made = {str(op.result): op for op in ops}
    readers = Counter(name for op in ops for name in op.operands)
    found: dict[str, Mirrored] = {}
    gone: set[str] = set()
    for op in ops:
        for form, within in _forms(op, made, graph):
            if all(name in alone and readers[name] == count for name, count in within.items()):
                found[form.out] = form
                gone.update(within)
    kept = (op for op in ops if str(op.result) not in gone)
    return [found.get(str(op.result), op) for op in kept]


def _forms(
    op: Elementwise, made: dict[str, Elementwise], graph: IntegerGraph
) -> Iterator[tuple[Mirrored, dict[str, int]]]:
    """`op` as a symmetric function, and how often it itself reads what lies within."""
    if isinstance(op, PiecewisePolynomial):
        found = _magnitude(op, made, graph)
        if found is not None:
            yield Mirrored(op.out, found[0], op, None), {op.x: 1, found[1]: 1}
    if isinstance(op, Select):
        negative, rest, half = (made.get(n) for n in (op.condition, op.a, op.b))
        if isinstance(negative, Compare) and isinstance(rest, Sub) and isinstance(half, PiecewisePolynomial):
            found, whole = _magnitude(half, made, graph), _number(rest.a, graph)
            below = negative.relation is Relation.LESS and _number(negative.b, graph) == 0
            if found is not None and whole is not None and below and (negative.a, rest.b) == (found[0], half.out):
                within = {op.condition: 1, op.a: 1, op.b: 2, half.x: 1, found[1]: 1}
                yield Mirrored(op.out, found[0], half, whole), within


def _magnitude(half: PiecewisePolynomial, made: dict[str, Elementwise], graph: IntegerGraph) -> tuple[str, str] | None:
    """x and -x, of which the polynomial reads the larger one."""
    most = made.get(half.x)
    if not isinstance(most, Max) or graph.constants[half.knots].min(initial=1) < 1:
        return None
    opposite = made.get(most.b)
    is_opposite = isinstance(opposite, Sub) and _number(opposite.a, graph) == 0 and opposite.b == most.a
    return (most.a, most.b) if is_opposite else None


def _number(name: str, graph: IntegerGraph) -> int | None:
    """A constant that all elements share."""
    array = graph.constants.get(name)
    return int(array.flat[0]) if array is not None and array.min() == array.max() else None
