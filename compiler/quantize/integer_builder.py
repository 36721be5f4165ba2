"""Building an integer graph op by op, each result with its span, its format and its expected error.

Flooring takes half an LSB on average. The builder carries that bias along, and the next
constant that is added takes it back: no instruction is spent on rounding.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compiler.graph.constants import keep
from compiler.graph.graph import Block, Graph, State, TimeConstant, Value
from compiler.graph.integers import IntegerGraph
from compiler.graph.lowered import Exact, Lowered
from compiler.graph.names import fresh, primed
from compiler.graph.ops import MatVec, Op, Rescale, SegmentSum, Shift, StateRead
from compiler.graph.shapes import MOST_SHIFT
from compiler.quantize.bias import BIAS, Errors
from compiler.quantize.formats import Formats
from compiler.quantize.limits import WordError
from compiler.ranges.integer_spans import Span, exactly, largest_partial_sum, span_of
from hw_models.arrays import Array, Floats
from hw_models.fixed_point import Format

Limits = tuple[int, int]


FAR = 2.0**62
"""Beyond all words, and within 64 bits."""


class IntegerBuilder:
    """An integer graph in the making, from the float graph `source`, whose values have `formats`.

    `known` are the names that the user's graph has, too: only those does an integer value represent, for a value
    brought to other units is another one.
    """

    def __init__(self, formats: Formats) -> None:
        here = formats.ranged.floating
        self.source, self.precision, self.chip, self.known = here.graph, here.precision, here.chip, here.known
        self.wanted = formats.fractions
        """the fraction bits of the values of `source`"""
        self.taken = formats.taken
        """those that states take: see fractions.py"""
        self.blocks: list[Block] = []
        self.carries: list[State] = []
        """states of the integer graph alone: see carry.py"""
        self.values: dict[str, Value] = {}
        self.constants: dict[str, Array] = {}
        self.host: dict[str, Array] = {}
        """the arrays of the host's maps"""
        self.fractions: dict[str, int] = {}
        self.spans: dict[str, Span] = {}
        self.bias: dict[str, Floats] = {}
        self.op: Op | None = None
        """the op of `source` that is being lowered"""
        self.exact: dict[str, Exact] = {}
        self.operands: dict[str, tuple[str, ...]] = {}
        self._made_for: dict[str, Op] = {}
        self.instead: dict[str, str] = {}
        """what is read in place of a value: the state that it became, or itself clipped, proven to be in its bounds"""
        self._outside: dict[str, str] = {}
        """the same, before the block that is being built"""
        self._ops: list[Op] = []
        self._made: dict[str, Op] = {}
        self._copies: dict[tuple[str, int], str] = {}

    # --- blocks and the finished graph ---------------------------------------------------------------------

    def end_block(self, name: str, repeat: int) -> None:
        """Close the block that the ops since the last one form."""
        self.blocks.append(Block(name, tuple(self._ops), repeat))
        self._ops, self._copies = [], {}
        if repeat > 1:  # what it computes is not read outside of it
            self.instead = self._outside
        self._outside = dict(self.instead)

    def graph(self, states: tuple[State, ...], time_constants: tuple[TimeConstant, ...]) -> IntegerGraph:
        """The finished integer graph."""
        held = self.values, self.constants, states, time_constants, self.fractions, self.host
        return IntegerGraph(tuple(self.blocks), *held)

    @property
    def lowering(self) -> str:
        """The value of `source` that is being lowered."""
        return "" if self.op is None else self.op.result or self.op.operands[0]

    @property
    def lowered(self) -> Lowered:
        """Where the graph comes from."""
        return Lowered(self.source, self._made_for, self.exact, self.operands)

    # --- constants -----------------------------------------------------------------------------------------

    def constant(self, name: str, array: np.ndarray, fraction: int | None = None, exact: Exact | None = None) -> str:
        """Store an integer constant under `name`, or under a like name where another one has it."""
        array = np.asarray(array, np.int64)
        name = keep(self.constants, array, primed(name), self.host)
        if array.ndim == 1 and name not in self.spans:
            self.spans[name] = exactly(array)
        if fraction is not None:
            self.fractions[name] = fraction
        if exact is not None:
            self.exact[name] = exact
        return name

    def host_array(self, name: str) -> str:
        """Keep the float constant `name` for the host's maps, under a like name where an integer one has it."""
        return keep(self.host, self.source.constants[name].astype(np.float64), primed(name), self.constants)

    def number(self, value: int, fraction: int = 0) -> str:
        """A constant that all elements share."""
        return self.constant(f"{value}@{fraction}", np.array([value]), fraction)

    def parameter(self, name: str, fraction: int, bias: Floats | float = 0.0) -> str:
        """The float constant `name` at `fraction`, less `bias` LSB."""
        exact = Exact(self.source.constants[name].astype(np.float64, copy=False), 2.0**fraction, bias)
        held = np.clip(np.floor(exact.values - bias + 0.5), -FAR, FAR)  # what is farther is infinite for every word
        return self.constant(f"{name}@{fraction}", held.astype(np.int64), fraction, exact)

    def where(self, of: str | None) -> str:
        """A float value's name, and the user's lines that made it."""
        value = self.source.values.get(of or "")
        return "" if value is None else "; ".join((value.name, *value.lines))

    # --- ops -----------------------------------------------------------------------------------------------

    def emit(self, op: Op, fraction: int, limits: Limits | None = None, of: str | None = None) -> str:
        """Append `op`; its result's format has `fraction` fraction bits.

        `limits` are the bounds of a saturating op; `of` is the float value that the result stands for.
        Raises `QuantizeError` where the result does not fit the chip's word or product.
        """
        name = fresh(primed(op.result or ""), self.values, self.constants, self.host)
        if name != op.result:
            op = op.renamed(lambda n: name if n == op.result else n)
        high = self.chip.word_high
        wide = Format(fraction, *(limits or (-high - 1, high)))
        here = Graph((), self.values, self.constants)
        size = self._size(op)
        self.values[name] = Value(name, size)
        span = self.spans[name] = span_of(here, op, self.spans, wide, self._made)
        partial = largest_partial_sum(here, op, self.spans) if isinstance(op, (SegmentSum, MatVec)) else 0
        overflows = span.least < -high - 1 or max(span.most, partial) > high
        if overflows or span.product >= 2**self.chip.product_bits:
            error = WordError(
                f"a value does not fit the words of {self.chip.name}",
                where=self.where(of),
                numbers=f"reaches {span.least}..{span.most} at {fraction} fraction bits, a word {-high - 1}..{high}; "
                f"product {span.product}, the chip's stay below {2**self.chip.product_bits}",
                advice="Scale the model's values, or calibrate on data that are closer to its use.",
            )
            raise error
        origin = self.source.values.get(of or "")
        self.values[name] = Value(
            name,
            size,
            modules=origin.modules if origin else (),
            lines=origin.lines if origin else (),
            format=Format(fraction, span.least, span.most),
            represents=of if of in self.known else None,
        )
        self.bias[name] = BIAS(op, Errors(here, self.bias))
        self._made[name] = op
        if self.op is not None:
            self._made_for[name] = self.op
        self._ops.append(op)
        return name

    def effect(self, op: Op) -> None:
        """Append an op without result."""
        self._ops.append(op)

    def computed_from(self, op: Op, *names: str) -> None:
        """Keep which integer values and constants stand for the operands of `op` of `source`, which becomes many."""
        self.operands[op.result or ""] = names

    def made(self, name: str) -> Op | None:
        """The integer op that an integer value comes from."""
        return self._made.get(name)

    def fraction(self, name: str) -> int:
        """Fraction bits of an integer value or constant."""
        form = self.values[name].format if name in self.values else None
        return form.fraction if form is not None else self.fractions[name]

    def at(self, name: str, fraction: int, bias: Floats | float = 0.0) -> str:
        """The float value or constant `name` as integers with `fraction` bits: itself, or a copy."""
        if name in self.source.constants:
            return self.parameter(name, fraction, bias)
        return self.shifted(self.read(name), fraction)

    def read(self, name: str) -> str:
        """The integer value that stands for the float value `name`."""
        return self.instead.get(name, name)

    def shifted(self, name: str, fraction: int) -> str:
        """The integer value `name` with `fraction` bits: rounded half up, or shifted left."""
        down = self.fraction(name) - fraction
        if down == 0:
            return name
        key = (name, fraction)
        if key not in self._copies:
            copy = f"{name}@{fraction}"
            if down > 0:
                # more than all bits of a word are as many as all: what is left is 0
                self._copies[key] = self.emit(Rescale(copy, name, min(down, MOST_SHIFT)), fraction)
            else:
                self._copies[key] = self.emit(Shift(copy, name, self.number(-down)), fraction)
        return self._copies[key]

    def renamed(self, name: str, fraction: int, of: str) -> str:
        """The integer value `name` as that of the float value `of`, with `fraction` bits."""
        down = self.fraction(name) - fraction
        if down < 0:
            return self.emit(Shift(of, name, self.number(-down)), fraction, of=of)
        return self.emit(Rescale(of, name, down), fraction, of=of)

    def saturated(self, name: str, fraction: int, limits: Limits, out: str) -> str:
        """`name` with `fraction` bits inside `limits`; what lies outside is clipped and counted under `out`."""
        if self.fraction(name) < fraction:
            name = self.shifted(name, fraction)
        # it may be clipped already: as a value, then as a divisor
        out = fresh(primed(out), self.values, self.constants, self.host)
        return self.emit(Rescale(out, name, self.fraction(name) - fraction), fraction, limits)

    def clip(self, name: str, low: float, high: float) -> None:
        """The float value `name` is clipped to low..high from here on; what is clipped is counted."""
        fraction = self.fraction(name)
        form = state_format(fraction, low, high)
        self.instead[name] = self.saturated(name, fraction, (form.low, form.high), f"{name}.clipped")

    def _size(self, op: Op) -> int:
        size = self.source.size
        name = op.result or ""
        if name in self.source.values:
            return size(name)
        if isinstance(op, StateRead):  # of a state that only the integers have
            return next(s.size for s in self.carries if s.name == op.state)
        if isinstance(op, MatVec):
            return len(self.constants[op.matrix]) * (1 if op.places is None else len(self.constants[op.places]))
        sizes = [self.values[n].size if n in self.values else self.constants[n].size for n in op.operands]
        return max(sizes, default=1)


def state_format(fraction: int, low: float, high: float) -> Format:
    """The format of a state whose real values lie in low..high: no wider than they need."""
    scale = 2.0**fraction
    return Format(fraction, int(np.floor(low * scale)), int(np.ceil(high * scale)))


def with_format(state: State, form: Format, initial: str) -> State:
    """The integer graph's state for a float graph's one."""
    return replace(state, format=form, initial=initial, low=None, high=None)
