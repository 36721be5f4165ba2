"""A proven integer graph: all that a code generator asks of one, in one object.

`prove(graph, chip)` walks a finished integer graph and refuses it where a value could leave its format or a product
the chip's width. What it finds on the way is kept: the integers that every value can be, the bits of each product and
sum, where anything can be clipped. Blocks, and what each computes, commits and sends, are those of `graph.blocks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.graph.integers import IntegerGraph, as_integers
from compiler.graph.lowered import Lowered
from compiler.graph.segments import Segments, segments_of
from compiler.ranges.assumptions import check_assumptions
from compiler.ranges.integer_spans import Span, find_spans, largest_partial_sum, span_of
from hw_models.chip import Chip
from hw_models.errors import GraphError
from hw_models.fixed_point import Format


@dataclass(frozen=True)
class Saturation:
    """Where an element can be clipped: beyond low..high of its format, and what lies there is counted."""

    block: str
    value: str
    form: Format
    reaches: Span
    """what it would be unclipped"""


@dataclass(frozen=True, eq=False)
class Proven:
    """An integer graph, and what its proof for one chip knows."""

    graph: IntegerGraph
    spans: Mapping[str, Span]
    """the integers that every value and vector constant can be"""
    product_bits: Mapping[str, int]
    """of each op that multiplies on the way: the bits that hold its largest product, sign included, which a chip's
    `product_bits` leave out"""
    sum_bits: Mapping[str, int]
    """of each sum over elements: the bits that hold every partial one, in any order, sign included"""
    segments: Mapping[str, Segments]
    """of each `SegmentSum`, its elements in the order of what they are added to"""
    saturations: tuple[Saturation, ...]
    """every op that can clip, a `Rescale` or `Shift`. The host clips what enters"""
    bits: int
    """32 or 64: integers of this many bits hold every constant, format, product and partial sum, and the powers of two
    by which anything is shifted"""
    lowered: Lowered | None = None
    """where it comes from; None of one that was read from a file"""


def prove(graph: Graph, chip: Chip) -> Proven:
    """Every value of `graph` provably stays in its format, and products and sums in the chip's widths.

    Raises `GraphError` where that is not so, or a value has no format, and `QuantizeError` where a constant of the
    model's is wider than a word.
    """
    graph = as_integers(graph)
    check_assumptions(graph, chip)
    found = facts_of(graph)
    for block, op in graph.ops():
        if isinstance(op, ops.MatVec) and _largest(graph.constants[op.matrix]) > chip.weight_high:
            raise GraphError(f"{op.matrix} has a weight above {chip.weight_high}", where=op.out)
        if isinstance(op, ops.StateWrite):
            _check_write(graph, op, found.spans)
        if op.result is None:
            continue
        form, span = graph.format(op.result), found.spans[op.result]
        if found.sum_bits.get(op.result, 0) > chip.word_bits:
            raise GraphError(f"a partial sum of {op.result} can leave the accumulator", where=f"block {block.name}")
        held = form.low <= span.least and span.most <= form.high and form.bits <= chip.word_bits
        if not held or span.product >= 2**chip.product_bits:
            raise GraphError(
                f"{op.result} can leave its format or a product the chip's width",
                where=f"block {block.name}, {type(op).__name__}",
                numbers=f"reaches {span.least}..{span.most}, format {form.low}..{form.high}, product {span.product}",
            )
        _check_fractions(graph, op)
    return found


def facts_of(graph: IntegerGraph) -> Proven:
    """What is known of an integer graph, if its values stay in their formats: `prove` checks that they do."""
    spans = find_spans(graph)
    products, sums, saturations = dict[str, int](), dict[str, int](), list[Saturation]()
    for block, op in graph.ops():
        if op.result is None:
            continue
        form, span = graph.format(op.result), spans[op.result]
        if span.product:
            products[op.result] = _bits(span.product)
        if isinstance(op, (ops.SegmentSum, ops.MatVec)):
            sums[op.result] = _bits(largest_partial_sum(graph, op, spans))
        if op.clips:
            reaches = _unclipped(graph, op, spans)
            if reaches.least < form.low or reaches.most > form.high:
                saturations.append(Saturation(block.name, op.result, form, reaches))
    forms = [graph.format(name).bits for name in graph.values] + [graph.state_format(s.name).bits for s in graph.states]
    constants = [_bits(_largest(c)) for c in graph.constants.values()]
    powers = [_bits(2**span.shift) for span in spans.values()]
    most = max([*forms, *constants, *powers, *products.values(), *sums.values()], default=0)
    segments = {op.out: segments_of(graph, op) for _, op in graph.ops() if isinstance(op, ops.SegmentSum)}
    return Proven(graph, spans, products, sums, segments, tuple(saturations), 32 if most <= 32 else 64)


def _bits(magnitude: int) -> int:
    """The bits of a signed integer that holds +-`magnitude`."""
    return magnitude.bit_length() + 1


def _unclipped(graph: IntegerGraph, op: ops.Op, spans: Mapping[str, Span]) -> Span:
    """What `op` would return into a format of 64 bits."""
    return span_of(graph, op, spans, Format(0, -(2**63) + 1, 2**63 - 1), {})


def _largest(weights: np.ndarray) -> int:
    """The largest magnitude; of Python's integers, as -2^63 has none in 64 bits."""
    return max(int(weights.max(initial=0)), -int(weights.min(initial=0)))


def _check_write(graph: IntegerGraph, op: ops.StateWrite, spans: Mapping[str, Span]) -> None:
    """A state never leaves its format: what is read from it has no other bound."""
    form, span = graph.state_format(op.state), spans[op.x]
    fraction = graph.fractions.get(op.x) if op.x in graph.constants else graph.fraction(op.x)
    if span.least < form.low or span.most > form.high or fraction not in (None, form.fraction):
        raise GraphError(
            f"what is written to the state {op.state} can leave its format",
            numbers=f"reaches {span.least}..{span.most}, format {form.low}..{form.high}",
        )


def _check_fractions(graph: IntegerGraph, op: ops.Op) -> None:
    """Sums, minima and maxima need operands of one fraction."""
    if not isinstance(op, ops.SameUnit):
        return
    found = {graph.fraction(n) for n in (op.out, *op.operands) if n in graph.values or n in graph.fractions}
    if len(found) > 1:
        raise GraphError(f"{op} mixes the fractions {sorted(found)}")
