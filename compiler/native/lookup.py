"""Tables of a polynomial's segments, in registers: which segment, and a number of it, for all lanes at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.native.llvm_text import Code
from compiler.native.pool import Pool
from compiler.ranges.integer_spans import Span
from hw_models.arrays import Integers

FEW_KNOTS = 3
"""From so many on it takes less to find the bucket of a number, and its only knot, than to search by halves."""
BUCKETS = 16
CHAIN = 16
"""A table of more numbers that registers do not hold lies in memory."""


@dataclass(frozen=True)
class Segment:
    """The segment of each lane: `register` is an index of `numbers`, which has them."""

    register: str
    numbers: Integers


def segment(code: Code, pool: Pool, knots: np.ndarray, x: str, span: Span) -> Segment:
    """How many knots are at most `x`, which lies in `span`."""
    if not _permutable(code, len(knots) + 1) and len(knots) < CHAIN:
        k = code.splat(0)
        for knot in knots.tolist():
            k = code.two("add", k, code.as_integer(code.compare("sge", x, code.splat(knot))))
        return Segment(k, np.arange(len(knots) + 1))
    scale, bits = _scale(code, len(knots) + 1), _bucket_bits(code, knots, span)
    if bits is not None:
        return _from_bucket(code, knots, x, span, bits)
    size = 1 << len(knots).bit_length()
    padded = np.append(knots, np.full(size - 1 - len(knots), _largest(code)))
    k, step = code.splat(0), size // 2
    while step:  # a half is left after each comparison
        if step == size // 2:
            knot = code.splat(int(padded[step - 1]))
        else:
            at = code.two("add", k, code.splat((step - 1) * scale))
            knot = lookup(code, pool, padded, Segment(at, np.repeat(np.arange(size - 1), scale)))
        k = code.two("add", k, code.choose(code.compare("sge", x, knot), code.splat(step * scale), code.splat(0)))
        step //= 2
    return Segment(k, np.repeat(np.arange(len(knots) + 1), scale))


def stepwise(code: Code, knots: np.ndarray, values: np.ndarray, x: str) -> str:
    """The value of the segment of `x`, of a few."""
    found = code.splat(int(values[0]))
    for knot, before, value in zip(knots.tolist(), values[:-1].tolist(), values[1:].tolist(), strict=True):
        beyond = code.compare("sge", x, code.splat(knot))
        if code.cpu.register == 64:
            found = code.choose(beyond, code.splat(value), found)
        else:
            found = code.two("add", found, code.choose(beyond, code.splat(value - before), code.splat(0)))
    return found


def _bucket_bits(code: Code, knots: np.ndarray, span: Span) -> int | None:
    """How many low bits to leave out so that no two knots are in one bucket, and none is in the last."""
    known = 0 <= span.least and span.most < _largest(code) and (knots > 0).all()
    if not _permutable(code, len(knots) + 1) or len(knots) < FEW_KNOTS or not known:
        return None
    if len(knots) >= code.cpu.permutes or min(code.cpu.permutes, code.lanes) < 8:
        return None
    apart = (b for b in range(code.bits) if knots[-1] >> b < BUCKETS - 1 and np.all(np.diff(knots >> b)))
    return next(apart, None)


def _from_bucket(code: Code, knots: np.ndarray, x: str, span: Span, bits: int) -> Segment:
    """What `segment` returns, from the bucket of `x`, in which there is one knot at most."""
    clipped, starts = x, np.arange(BUCKETS) << bits
    if span.most >> bits >= BUCKETS:
        clipped = code.intrinsic("umin", x, code.splat((BUCKETS << bits) - 1))
    bucket = code.two("lshr", clipped, code.splat(bits))
    if min(code.cpu.permutes, code.lanes) < BUCKETS:  # bytes are permuted 16 at a time
        following = np.append(knots, _largest(code))  # after so many: in this bucket, or larger than all that is
        k = _permuted_bytes(code, np.searchsorted(knots, starts).tolist(), bucket)
        knot = _permuted(code, following.tolist(), k)
        reached = code.as_integer(code.compare("sgt", knot, x))
        return Segment(code.two("sub", k, reached), np.append(np.arange(1, len(knots) + 1), 0))
    beyond = np.zeros(BUCKETS, np.int64)  # what takes a knot, and all after it, to the next bucket
    beyond[knots >> bits] = (((knots >> bits) + 1) << bits) - knots
    moved = code.two("add", clipped, _permuted(code, beyond.tolist(), bucket))
    return Segment(code.two("lshr", moved, code.splat(bits)), np.searchsorted(knots, starts))


def lookup(code: Code, pool: Pool, column: np.ndarray, k: Segment) -> str:
    """The number of each lane's segment."""
    numbers = column.tolist()
    if len(set(numbers)) == 1:
        return code.splat(numbers[0])
    if _permutable(code, len(numbers)):
        return _permuted(code, column[k.numbers].tolist(), k.register)
    if len(numbers) > CHAIN:
        return code.gather("%constants", code.two("add", k.register, code.splat(pool.put(column))), code.word)
    found = code.splat(numbers[0])
    for number, value in enumerate(numbers[1:], 1):
        found = code.choose(code.compare("sge", k.register, code.splat(number)), code.splat(value), found)
    return found


def _largest(code: Code) -> int:
    """What no word is beyond."""
    return 2 ** (code.bits - 1) - 1


def _scale(code: Code, size: int) -> int:
    """What the index of a table of that size is multiplied by.

    A comparison adds its step to an index in one instruction, unless the step is 1: LLVM makes three of that. So where
    a register has room for each number twice, steps are even.
    """
    return 2 if _permutable(code, size) and 2 * size <= min(code.cpu.permutes, code.lanes) else 1


def _permutable(code: Code, size: int) -> bool:
    return bool(code.bits == 32 and code.cpu.permutes and size <= 4 * code.cpu.permutes)


def _permuted(code: Code, numbers: list[int], k: str) -> str:
    """The table as registers, from which each lane takes its number."""
    width = min(code.cpu.permutes, code.lanes)
    numbers = numbers + numbers[-1:] * (-len(numbers) % width)
    words = [f"i32 {n}" for n in numbers]
    return permuted(code, [f"<{', '.join(words[i : i + width])}>" for i in range(0, len(words), width)], k)


def permuted(code: Code, tables: list[str], k: str) -> str:
    """Of each lane the word that it names, of those that lie side by side in some registers."""
    width = min(code.cpu.permutes, code.lanes)
    name = "llvm.x86.avx512.permvar.si.512" if width == 16 else "llvm.x86.avx2.permd"
    kind, parts = f"<{width} x i32>", list[str]()
    for piece in range(code.lanes // width):
        index = _part(code, k, piece, width)
        if width == 16 and len(tables) == 2:
            pair = ((kind, tables[0]), (kind, index), (kind, tables[1]))
            parts.append(code.call("llvm.x86.avx512.vpermi2var.d.512", kind, *pair))
            continue
        found = ""
        for number, table in enumerate(tables):
            taken = code.call(name, kind, (kind, table), (kind, index))  # takes the index's low bits
            if found:
                here = code.set(f"icmp sge {kind} {index}, splat (i32 {number * width})")
                taken = code.set(f"select <{width} x i1> {here}, {kind} {taken}, {kind} {found}")
            found = taken
        parts.append(found)
    return _joined(code, parts, width)


def _permuted_bytes(code: Code, numbers: list[int], k: str) -> str:
    """The same of a table of 16 bytes, the first of them 0, with AVX2."""
    kind, table = "<32 x i8>", ", ".join(f"i8 {n}" for n in numbers * 2)
    parts = []
    for piece in range(code.lanes // 8):
        index = code.set(f"bitcast <8 x i32> {_part(code, k, piece, 8)} to {kind}")
        taken = code.call("llvm.x86.avx2.pshuf.b", kind, (kind, f"<{table}>"), (kind, index))
        parts.append(code.set(f"bitcast {kind} {taken} to <8 x i32>"))
    return _joined(code, parts, 8)


def dot(code: Code, a: str, b: str) -> str:
    """Of two vectors of pairs of 16 bits, in words of 32: the sum of both products of each pair."""
    width = min(code.cpu.permutes, code.lanes)
    kind, pairs = f"<{width} x i32>", f"<{2 * width} x i16>"
    name = "llvm.x86.avx512.pmaddw.d.512" if width == 16 else "llvm.x86.avx2.pmadd.wd"
    parts = []
    for piece in range(code.lanes // width):
        ends = [code.set(f"bitcast {kind} {_part(code, v, piece, width)} to {pairs}") for v in (a, b)]
        parts.append(code.call(name, kind, (pairs, ends[0]), (pairs, ends[1])))
    return _joined(code, parts, width)


def add_dot(code: Code, total: str, a: str, b: str) -> str:
    """`total` and the sums of `dot`."""
    if not code.cpu.accumulates or code.lanes % 16:
        return code.two("add", total, dot(code, a, b))
    kind, name = "<16 x i32>", "llvm.x86.avx512.vpdpwssd.512"
    parts = [
        code.call(name, kind, *((kind, _part(code, v, piece, 16)) for v in (total, a, b)))
        for piece in range(code.lanes // 16)
    ]
    return _joined(code, parts, 16)


def shift_right(code: Code, x: str, amount: str) -> str:
    """`x` shifted by a number that is the same in all lanes: where LLVM knows that, it takes two instructions."""
    if code.bits != 32 or not code.cpu.permutes:
        return code.two("ashr", x, amount)
    width = min(code.cpu.permutes, code.lanes)
    kind = f"<{width} x i32>"
    name = "llvm.x86.avx512.psrav.d.512" if width == 16 else "llvm.x86.avx2.psrav.d.256"
    parts = [
        code.call(name, kind, *((kind, _part(code, v, piece, width)) for v in (x, amount)))
        for piece in range(code.lanes // width)
    ]
    return _joined(code, parts, width)


def _part(code: Code, vector: str, piece: int, width: int) -> str:
    """Some lanes of a vector."""
    if width == code.lanes:
        return vector
    lanes = ", ".join(f"i32 {i}" for i in range(piece * width, (piece + 1) * width))
    return code.set(f"shufflevector {code.vector} {vector}, {code.vector} poison, <{width} x i32> <{lanes}>")


def _joined(code: Code, parts: list[str], width: int) -> str:
    """Parts of a vector as one."""
    while len(parts) > 1:
        lanes = ", ".join(f"i32 {i}" for i in range(2 * width))
        kind = f"<{width} x i32>"
        parts = [
            code.set(f"shufflevector {kind} {a}, {kind} {b}, <{2 * width} x i32> <{lanes}>")
            for a, b in zip(parts[::2], parts[1::2], strict=True)
        ]
        width *= 2
    return parts[0]
