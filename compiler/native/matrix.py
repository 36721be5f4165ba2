"""A matrix times the elements of its sources.

Lanes are sequences: a weight for all of them times a row, a few rows of the matrix at a time. Lanes are elements of one
sequence: an element for all of them times a column of weights, or where there are places, a weight for all of them
times what lies at so many places.

Where everything fits in 16 bits, two products and their sum are one instruction: columns go in pairs, two in a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compiler.graph.ops import MatVec
from compiler.native.lookup import add_dot
from compiler.native.operands import KernelParts, are_consecutive
from compiler.native.sums import OpenSums
from hw_models.arrays import Integers

HALF = 2**15 - 1
"""The largest magnitude in half a word"""


def multiply(unit: KernelParts, op: MatVec, reads: Mapping[str, str]) -> None:
    """All results of `op`: j * places + p is the sum over k of matrix[j, k] times the row placed at p, k."""
    matrix = unit.proven.graph.constants[op.matrix].astype(np.int64)
    places, out = unit.memory.placed(op, reads), unit.memory.values[op.out]
    rows, columns = matrix.shape
    paired = len(places) == 1 and _fit_halves(unit, op, matrix)
    if not columns:
        for row in range(rows * len(places)):
            unit.code.store(unit.code.splat(0), unit.code.at("%memory", str(out + row)))
    elif not unit.code.along:
        weights, source = matrix, _Rows(unit, places)
        if paired:
            weights, source = in_pairs(matrix), _packed(unit, places[0])
        start = 0
        for size in (_tile(unit), 1):
            count = (rows - start) // size
            if count:
                _side_by_side(source, weights[start : start + count * size], size, out + start * len(places))
            start += count * size
    elif len(places) == 1:
        _columns(unit, matrix, places[0], out, paired=paired)
    else:
        _places(unit, matrix, places, out)


def _tile(unit: KernelParts) -> int:
    """How many results share loads: as many as registers hold."""
    return 4 if unit.code.cpu.register == 64 else 2


def _fit_halves(unit: KernelParts, op: MatVec, matrix: Integers) -> bool:
    """Whether 16 bits hold all weights and all that they are multiplied by, on a machine that multiplies pairs."""
    most = max((unit.proven.spans[source].magnitude for source in op.sources), default=0)
    return bool(unit.code.bits == 32 and unit.code.cpu.permutes and max(most, np.abs(matrix).max(initial=0)) <= HALF)


def in_pairs(matrix: Integers) -> Integers:
    """Columns two by two: the first in the lower half of a word.

    >>> in_pairs(np.array([[1, 2, -1]])).tolist()
    [[131073, 65535]]
    """
    even = np.pad(matrix, ((0, 0), (0, matrix.shape[1] % 2)))
    return (even[:, ::2] & 0xFFFF) | (even[:, 1::2] << 16)


@dataclass(frozen=True)
class _Rows:
    """What a matrix is multiplied by: rows of memory (places, columns), or such rows packed in pairs."""

    unit: KernelParts
    places: Integers
    paired: bool = False

    def added(self, total: str, weight: str, row: str) -> str:
        """`total` and the product of a weight and a row, or those of two."""
        return plus_product(self.unit, total, weight, row, paired=self.paired)


def plus_product(unit: KernelParts, total: str, weight: str, x: str, *, paired: bool) -> str:
    """`total` and the product of a weight and `x`, or those of two that lie in one word."""
    if paired:
        return add_dot(unit.code, total, weight, x)
    return unit.code.two("add", total, unit.code.two("mul", weight, x))


def _packed(unit: KernelParts, rows: Integers) -> _Rows:
    """Pairs of rows as one row each: the first in the lower half of the words."""
    code, count, key = unit.code, -(-len(rows) // 2), rows.tobytes()
    start = unit.packed.find(key)
    if start is None:
        start = unit.packed.take(key, count)
        table = unit.tables.put(np.append(rows, np.full(len(rows) % 2, unit.memory.zero)))
        loop = code.begin(str(count), "pair")
        first = code.set(f"mul nuw nsw i64 {loop.index}, 2")
        rows_of = (code.listed(first, table), code.listed(code.set(f"add nuw nsw i64 {first}, 1"), table))
        low, high = (code.load(code.at("%memory", row)) for row in rows_of)
        pair = code.two("or", code.two("and", low, code.splat(0xFFFF)), code.two("shl", high, code.splat(16)))
        code.store(pair, code.at("%memory", code.set(f"add nuw nsw i64 {loop.index}, {start}")))
        code.end(loop)
    return _Rows(unit, np.arange(start, start + count)[None], paired=True)


def _side_by_side(source: _Rows, matrix: Integers, tile: int, out: int) -> None:
    """The product, `tile` rows of the matrix at a time."""
    unit, code, places, many = source.unit, source.unit.code, source.places, len(source.places)
    columns = matrix.shape[1]
    offset = unit.constants.put(matrix.reshape(-1, tile, columns).transpose(0, 2, 1))
    outer = code.begin(str(len(matrix) // tile), "tile")
    place = code.begin(str(many), "place") if many > 1 else None
    first = code.set(f"mul nuw nsw i64 {outer.index}, {columns * tile}")
    sums = OpenSums(code, tile, columns)
    if many == 1 and are_consecutive(places[0]):
        row = code.set(f"add nuw nsw i64 {sums.index}, {int(places[0, 0])}")
    else:
        here = code.set(f"mul nuw nsw i64 {place.index}, {columns}") if place else "0"
        row = code.listed(code.set(f"add nuw nsw i64 {sums.index}, {here}"), unit.tables.put(places))
    x = code.load(code.at("%memory", row))
    weight = code.set(f"mul nuw nsw i64 {sums.index}, {tile}")
    weight = code.set(f"add nuw nsw i64 {weight}, {first}")
    for number in range(tile):
        w = code.word_at("%constants", code.set(f"add nuw nsw i64 {weight}, {offset + number}"))
        sums.set(number, source.added(sums.before[number], code.spread(w), x))
    sums.end()
    row = code.set(f"mul nuw nsw i64 {outer.index}, {tile * many}")
    row = code.set(f"add nuw nsw i64 {row}, {place.index}") if place else row
    for number, total in enumerate(sums.totals):
        code.store(total, code.at("%memory", code.set(f"add nuw nsw i64 {row}, {out + number * many}")))
    if place is not None:
        code.end(place)
    code.end(outer)


def _columns(unit: KernelParts, matrix: Integers, rows: Integers, out: int, *, paired: bool) -> None:
    """Results side by side: each element of the sources times a column, or each pair times two."""
    code, size, step, tile = unit.code, len(matrix), 2 if paired else 1, _tile(unit)
    vectors = -(-size // code.lanes)
    weights = in_pairs(matrix) if paired else matrix
    count = weights.shape[1]
    offset = unit.constants.put(np.pad(weights, ((0, vectors * code.lanes - size), (0, 0))).T)
    table = unit.tables.put(np.append(rows, np.full(len(rows) % step, unit.memory.zero)))
    for start in range(0, vectors, tile):
        sums = OpenSums(code, min(tile, vectors - start), count)
        at = code.set(f"mul nuw nsw i64 {sums.index}, {step}")
        word = code.word_in(code.listed(at, table))
        if paired:
            high = code.word_in(code.listed(code.set(f"add nuw nsw i64 {at}, 1"), table))
            word = code.set(f"and {code.word} {word}, {0xFFFF}")
            word = code.set(f"or {code.word} {word}, {code.set(f'shl {code.word} {high}, 16')}")
        x = code.spread(word)
        first = code.set(f"mul nuw nsw i64 {sums.index}, {vectors * code.lanes}")
        for number in range(len(sums.totals)):
            at = code.set(f"add nuw nsw i64 {first}, {offset + (start + number) * code.lanes}")
            column = code.load(code.at("%constants", at))
            sums.set(number, plus_product(unit, sums.before[number], column, x, paired=paired))
        sums.end()
        for number, total in enumerate(sums.totals):
            code.store(total, code.at("%memory", str(out + (start + number) * code.lanes)))


def _places(unit: KernelParts, matrix: Integers, places: Integers, out: int) -> None:
    """Places side by side: a weight times what lies there. Results past the last place are those of the next row, which
    is written after them."""
    code, (rows, columns), many = unit.code, matrix.shape, len(places)
    vectors = -(-many // code.lanes)
    padded = np.vstack([places, np.repeat(places[-1:], vectors * code.lanes - many, axis=0)]).T
    offset, table = unit.constants.put(matrix), unit.tables.put(padded)
    outer = code.begin(str(rows), "row")
    group = code.begin(str(vectors), "places")
    shift = code.set(f"mul nuw nsw i64 {group.index}, {code.lanes}")
    first = code.set(f"mul nuw nsw i64 {outer.index}, {columns}")
    sums = OpenSums(code, 1, columns)
    at = code.set(f"mul nuw nsw i64 {sums.index}, {vectors * code.lanes}")
    at = code.set(f"add nuw nsw i64 {at}, {shift}")
    at = code.set(f"add nuw nsw i64 {at}, {table}")
    named = code.set(f"getelementptr inbounds i32, ptr %tables, i64 {at}")
    x = code.gather("%memory", code.set(f"load {code.of('i32')}, ptr {named}, align 4"), "i32")
    weight = code.set(f"add nuw nsw i64 {sums.index}, {first}")
    w = code.word_at("%constants", code.set(f"add nuw nsw i64 {weight}, {offset}"))
    sums.set(0, plus_product(unit, sums.before[0], code.spread(w), x, paired=False))
    sums.end()
    row = code.set(f"mul nuw nsw i64 {outer.index}, {many}")
    row = code.set(f"add nuw nsw i64 {row}, {shift}")
    code.store(sums.totals[0], code.at("%memory", code.set(f"add nuw nsw i64 {row}, {out}")))
    code.end(group)
    code.end(outer)
