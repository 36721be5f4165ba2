"""The closed set of ops: small frozen dataclasses that hold names, never arrays.

Every value and every constant is a flat vector; an op's docstring is its equation. An operand names a
value or a constant; a constant of size 1 broadcasts in elementwise ops. `docs/integer-semantics.md` is
the normative text for the integer meaning. What a new op takes: docs/architecture.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

from compiler.graph.op import ARRAY, OPERAND, RESULT, Op

# --- sources and effects ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Input(Op):
    """The sample's features after the host's map `x * scale + offset`, in the order of the model's input."""

    out: str = field(metadata=RESULT)
    scale: str = field(metadata=ARRAY)
    offset: str = field(metadata=ARRAY)


@dataclass(frozen=True)
class Output(Op):
    """The sample's result: the host returns `x * scale + offset`."""

    x: str = field(metadata=OPERAND)
    scale: str = field(metadata=ARRAY)
    offset: str = field(metadata=ARRAY)


@dataclass(frozen=True)
class StateRead(Op):
    """The state as it was when this iteration of the block began."""

    out: str = field(metadata=RESULT)
    state: str

    @property
    def follows_from(self) -> tuple[str, ...]:
        """The state."""
        return (self.state,)


@dataclass(frozen=True)
class StateWrite(Op):
    """The state's next value: in force when this iteration of the block has ended."""

    state: str
    x: str = field(metadata=OPERAND)


# --- linear: a message crosses synapses ------------------------------------------------------------------


@dataclass(frozen=True)
class Linear(Op):
    """Base of the linear ops. They read the concatenation of their sources."""


@dataclass(frozen=True)
class Gather(Linear):
    """out[i] = concatenation(sources)[index[i]]."""

    out: str = field(metadata=RESULT)
    sources: tuple[str, ...] = field(metadata=OPERAND)
    index: str = field(metadata=ARRAY)


@dataclass(frozen=True)
class SegmentSum(Linear):
    """out[j] = sum of x[i] over all i with segment[i] == j; 0 where there is none."""

    out: str = field(metadata=RESULT)
    x: str = field(metadata=OPERAND)
    segment: str = field(metadata=ARRAY)


@dataclass(frozen=True)
class MatVec(Linear):
    """out = matrix @ concatenation(sources); the matrix is (size of out, size of the sources).

    With `places` it is a convolution, one matrix at many places of its one source: with P places, (P, columns of the
    matrix) indices into the source, out[j * P + p] = sum over k of matrix[j, k] * source[places[p, k]]. The index that
    is the source's size stands for a 0 beyond its edge; a place reads no other index twice.
    """

    out: str = field(metadata=RESULT)
    sources: tuple[str, ...] = field(metadata=OPERAND)
    matrix: str = field(metadata=ARRAY)
    places: str | None = field(default=None, metadata=ARRAY)


# --- elementwise: a neuron's program ---------------------------------------------------------------------


@dataclass(frozen=True)
class Elementwise(Op):
    """Base of the elementwise ops: all values in one have the same size."""


@dataclass(frozen=True)
class OfTwo(Elementwise):
    """Base of those of two operands."""

    out: str = field(metadata=RESULT)
    a: str = field(metadata=OPERAND)
    b: str = field(metadata=OPERAND)


@dataclass(frozen=True)
class Lossless(Elementwise):
    """Base of those that are the same function in both graphs: of integers it makes integers, without rounding."""


@dataclass(frozen=True)
class SameUnit(OfTwo, Lossless):
    """Base of those whose operands and result are in one unit: of integers, with the same fraction bits."""


@dataclass(frozen=True)
class Add(SameUnit):
    """out = a + b."""

    commutes: ClassVar[bool] = True


@dataclass(frozen=True)
class Sub(SameUnit):
    """out = a - b."""


@dataclass(frozen=True)
class Min(SameUnit):
    """out = min(a, b)."""

    commutes: ClassVar[bool] = True


@dataclass(frozen=True)
class Max(SameUnit):
    """out = max(a, b)."""

    commutes: ClassVar[bool] = True


class Relation(Enum):
    """How `Compare` compares."""

    LESS = "<"
    LESS_EQUAL = "<="
    EQUAL = "=="


@dataclass(frozen=True)
class Compare(OfTwo, Lossless):
    """out = 1 where `a relation b`, else 0."""

    relation: Relation


@dataclass(frozen=True)
class Select(Lossless):
    """out = a where condition != 0, else b."""

    out: str = field(metadata=RESULT)
    condition: str = field(metadata=OPERAND)
    a: str = field(metadata=OPERAND)
    b: str = field(metadata=OPERAND)


@dataclass(frozen=True)
class Mul(OfTwo):
    """out = a * b."""

    integer: ClassVar[bool] = False
    commutes: ClassVar[bool] = True


@dataclass(frozen=True)
class Div(OfTwo):
    """out = a / b."""

    integer: ClassVar[bool] = False


@dataclass(frozen=True)
class Apply(Elementwise):
    """out = function(x); the function is one of `compiler.functions`, by its name."""

    integer: ClassVar[bool] = False
    out: str = field(metadata=RESULT)
    x: str = field(metadata=OPERAND)
    function: str


@dataclass(frozen=True)
class MulShift(OfTwo):
    """out = floor(a * b / 2^shift); shift >= 0, one number or one per element."""

    real: ClassVar[bool] = False
    shift: str = field(metadata=ARRAY)


@dataclass(frozen=True)
class Shift(Elementwise):
    """out = x * 2^amount: left with saturation to out's format, right with floor. See `shift_saturate`."""

    real: ClassVar[bool] = False
    clips: ClassVar[bool] = True
    out: str = field(metadata=RESULT)
    x: str = field(metadata=OPERAND)
    amount: str = field(metadata=OPERAND)


@dataclass(frozen=True)
class Rescale(Elementwise):
    """out = saturate(floor(x / 2^shift + 1/2)) to out's format; saturations are counted."""

    real: ClassVar[bool] = False
    clips: ClassVar[bool] = True
    out: str = field(metadata=RESULT)
    x: str = field(metadata=OPERAND)
    shift: int


@dataclass(frozen=True)
class And(OfTwo):
    """out = a & b, bit by bit in two's complement; b is a constant mask 2^k - 1."""

    real: ClassVar[bool] = False


@dataclass(frozen=True)
class Divide(OfTwo):
    """out = floor(a * 2^shift / b), b > 0. Only chips that divide."""

    real: ClassVar[bool] = False
    shift: int


@dataclass(frozen=True)
class PiecewisePolynomial(Elementwise):
    """A polynomial per segment, by Horner.

    k = number of knots <= x; t = x - origins[k]; y = coefficients[k, degree]; then for
    j = degree - 1 down to 0: y = floor(y * t / 2^shifts[k, j]) + coefficients[k, j].
    Knots (segments - 1) rise; origins (segments); coefficients (segments, degree + 1); shifts (segments, degree).
    """

    real: ClassVar[bool] = False
    out: str = field(metadata=RESULT)
    x: str = field(metadata=OPERAND)
    knots: str = field(metadata=ARRAY)
    origins: str = field(metadata=ARRAY)
    coefficients: str = field(metadata=ARRAY)
    shifts: str = field(metadata=ARRAY)


OPS: dict[str, type[Op]] = {
    cls.__name__: cls
    for cls in (
        Input, Output, StateRead, StateWrite, Gather, SegmentSum, MatVec, Add, Sub, Min, Max, Compare, Select,
        Mul, Div, Apply, MulShift, Shift, Rescale, And, Divide, PiecewisePolynomial,
    )
}  # fmt: skip
"""Every op by its name, for the JSON form."""
