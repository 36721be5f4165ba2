"""Rules on widths, on the integers: weights, messages, words, accumulators, products; and what can leave its format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from compiler.graph.integers import IntegerGraph
from compiler.graph.ops import Divide, Elementwise, Linear, MatVec, MulShift, Op, Output, SegmentSum
from compiler.ranges.integer_spans import largest_partial_sum
from compiler.rules.design import Design
from compiler.rules.finding import Finding
from hw_models.fixed_point import Format

OTHER_CHIP = (
    "Compile the model for this chip (chip=): formats are made for a chip. If that was done, take fewer bits: "
    "Precision(word=, operand=, weight=)."
)


def weight(design: Design) -> Iterator[Finding]:
    """Matrices with a weight beyond what a synapse holds."""
    for graph, op in _ops(design):
        if isinstance(op, MatVec):
            largest = int(np.abs(graph.constants[op.matrix]).max(initial=0))
            if largest > design.chip.weight_high:
                limit = f"{design.chip.weight_high:,}, {design.chip.weight_bits} bits and the sign"
                numbers = f"the largest weight is {largest:,}, {largest.bit_length()} bits"
                yield Finding(
                    "weight", design.name(op.out), "a weight is more than a synapse holds", numbers, limit, OTHER_CHIP
                )


def message(design: Design) -> Iterator[Finding]:
    """Values that cross synapses, or leave the chip, and are wider than a message."""
    seen: set[str] = set()
    for graph, op in _ops(design):
        if not isinstance(op, (Linear, Output)):
            continue
        for name in op.operands:
            if name in seen or name not in graph.values:
                continue
            seen.add(name)
            form = graph.format(name)
            if form.bits > design.chip.message_bits:
                limit = f"{design.chip.message_bits} bits"
                numbers = f"{form.bits} bits, for {form.low:,} to {form.high:,}"
                yield Finding(
                    "message", design.name(name), "it is sent, and is wider than a message", numbers, limit, OTHER_CHIP
                )


def word(design: Design) -> Iterator[Finding]:
    """Values and states that a neuron's word does not hold."""
    held = _word(design)
    for graph, op in _ops(design):
        partial = largest_partial_sum(graph, op, design.spans) if isinstance(op, (MatVec, SegmentSum)) else 0
        if op.result is None or partial > held.high:
            continue  # such a sum is the accumulator's
        form = graph.format(op.result)
        if _leaves(design, op.result, held):
            yield _beyond(design, "word", op.result, "it can be more than a word holds", held)
        elif form.low < held.low or form.high > held.high:
            yield _wide(design.name(op.result), "its format is wider than a word", form, design.chip.word_bits)
    if (graph := design.integers) is None:
        return
    for state in graph.states:
        form = graph.state_format(state.name)
        if form.bits > design.chip.word_bits:
            yield _wide(state.name, "a state is wider than a word", form, design.chip.word_bits)


def accumulator(design: Design) -> Iterator[Finding]:
    """Sums of which a part, in whatever order they arrive, can leave the accumulator."""
    for graph, op in _ops(design):
        if not isinstance(op, (MatVec, SegmentSum)):
            continue
        partial = largest_partial_sum(graph, op, design.spans)
        if partial > design.chip.word_high:
            text = f"a sum of parts can reach {partial:,}"
            if _leaves(design, op.out, _word(design)):
                found = _beyond(design, "accumulator", op.out, "a sum can leave the accumulator", _word(design))
                yield replace(found, numbers=f"{text}; {found.numbers}")
            else:
                limit = f"{design.chip.word_high:,}, {design.chip.word_bits} bits"
                yield Finding(
                    "accumulator",
                    design.name(op.out),
                    "the whole sum fits the accumulator, but parts of it do not",
                    text,
                    limit,
                    OTHER_CHIP,
                )


def product(design: Design) -> Iterator[Finding]:
    """Products wider than the multiplier."""
    limit = 2**design.chip.product_bits
    for _, op in _ops(design):
        if op.result is None or design.spans[op.result].product < limit:
            continue
        if isinstance(op, (MulShift, Divide)):
            a, b = design.spans[op.a], design.spans[op.b]
            parts = f"{a.least:,}..{a.most:,} times {b.least:,}..{b.most:,}: "
        else:
            parts = "inside its polynomial: "
        yield Finding(
            "product",
            design.name(op.result),
            "a product can be wider than the multiplier",
            f"{parts}up to {_power(design.spans[op.result].product)}",
            f"2^{design.chip.product_bits}",
            OTHER_CHIP,
        )


def overflow(design: Design) -> Iterator[Finding]:
    """Values that can leave the format that the graph itself gives them."""
    for graph, op in _ops(design):
        if op.result is None or not isinstance(op, (Elementwise, Linear)):
            continue
        form = graph.format(op.result)
        if _leaves(design, op.result, form):
            yield _beyond(design, "overflow", op.result, f"it can leave its format of {form.bits} bits", form)


def _word(design: Design) -> Format:
    return Format(0, -design.chip.word_high - 1, design.chip.word_high)


def _leaves(design: Design, value: str, form: Format) -> bool:
    span = design.spans[value]
    return span.least < form.low or span.most > form.high


def _beyond(design: Design, rule: str, value: str, message: str, form: Format) -> Finding:
    """A value that can lie outside its format: with an input that takes it there, or else its interval."""
    span = design.spans[value]
    reached = design.tried.beyond(value, form.low, form.high) if design.tried else ""
    numbers = reached or f"its interval is {span.least:,}..{span.most:,}; no input tried reaches that"
    limit = f"{form.low:,}..{form.high:,}, {form.bits} bits"
    return Finding(rule, design.name(value), message, numbers, limit, OTHER_CHIP)


def _wide(where: str, message: str, form: Format, bits: int) -> Finding:
    """A format that has more bits than a word, whatever the values are."""
    numbers = f"its format has {form.bits} bits, for {form.low:,} to {form.high:,}"
    return Finding("word", where, message, numbers, f"{bits} bits", OTHER_CHIP)


def _ops(design: Design) -> Iterator[tuple[IntegerGraph, Op]]:
    if design.integers is not None:
        for _, op in design.integers.ops():
            yield design.integers, op


def _power(number: int) -> str:
    return f"2^{np.log2(float(max(number, 1))):.1f}"
