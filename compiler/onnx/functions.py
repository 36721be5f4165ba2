"""What the nodes of the domain `ltc2neuro` compute, in ONNX's own operators: a model carries those that it uses.

`INT` stands for the type of values: integers or, in a float graph, reals. Division in ONNX truncates: floor(x / 2^s) is
x without its last s bits, which -2^s masks, divided by 2^s.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.functions import FUNCTIONS
from hw_models.errors import GraphError

DOMAIN = "ltc2neuro"
OPSET = 18
"""The oldest with bitwise and"""
POLYNOMIAL = "PiecewisePolynomial"

BODIES = {
    "StateRead (state) => (out)": "out = Identity(state)",
    "StateWrite (x) => (state)": "state = Identity(x)",
    "CountClipped (count, unclipped, clipped) => (counted)": """
        is = Equal(unclipped, clipped)  beyond = Not(is)
        one = Cast <to = 7> (beyond)
        counted = Add(count, one)""",
    "Extremes (low, high, unclipped, clipped) => (lowest, highest)": """
        is = Equal(unclipped, clipped)
        lower = Min(low, unclipped)  higher = Max(high, unclipped)
        lowest = Where(is, low, lower)  highest = Where(is, high, higher)""",
    "Input (x, scale, offset, power, low, high) => (out, beyond)": """
        half = Constant <value = double {0.5}> ()
        scaled = Mul(x, scale)  moved = Add(scaled, offset)
        exact = Mul(moved, power)
        above = Add(exact, half)
        rounded = Floor(above)
        raised = Max(rounded, low)
        clipped = Min(raised, high)
        out = Cast <to = INT> (clipped)
        is = Equal(rounded, clipped)  not = Not(is)
        beyond = Cast <to = 7> (not)""",
    "Output (x, lsb, scale, offset) => (out)": """
        integers = Cast <to = 11> (x)
        exact = Mul(integers, lsb)
        scaled = Mul(exact, scale)
        out = Add(scaled, offset)""",
    "HostMap (x, scale, offset) => (out)": "scaled = Mul(x, scale)  out = Add(scaled, offset)",
}
"""Those of what is no op, and of element functions; the bodies of ops are in the files of their nodes"""

BODIES |= {f"{f.name} (x) => (out)": f.onnx for f in FUNCTIONS.values()}


def text(name: str, values: int) -> str:
    """The function `name` as onnx.parser reads it; `values` is ONNX's number of the type of values.

    Raises `GraphError` for one that has no body here.
    """
    heads = {head.split()[0]: head for head in BODIES}
    if name in heads:
        head, body = heads[name], BODIES[heads[name]]
    elif POLYNOMIAL in name:
        head, body = _polynomial(name)
    else:
        raise GraphError(f"ONNX: nothing is known of the function {name}", where="BODIES of compiler.onnx.functions")
    lines = "\n".join(part for line in body.splitlines() for part in line.strip().split("  "))
    return f'<domain: "{DOMAIN}", opset_import: ["": {OPSET}]>\n{head} {{\n{lines}\n}}'.replace("INT", str(values))


def polynomial_name(degree: int, *, even: bool) -> str:
    """The function of a `PiecewisePolynomial`: `even` where all segments are of one width."""
    return f"{'Even' if even else ''}{POLYNOMIAL}{degree}"


def columns(degree: int) -> list[str]:
    """What a polynomial's table holds of a segment: where it begins, its coefficients, powers of two, and masks."""
    shifts = range(degree - 1, -1, -1)
    return ["origin", *(f"c{j}" for j in range(degree, -1, -1)), *(f"p{j}" for j in shifts), *(f"m{j}" for j in shifts)]


def _polynomial(name: str) -> tuple[str, str]:
    degree, even = int(name.rpartition(POLYNOMIAL)[2]), name.startswith("Even")
    return f"{name} (x, {'start, width, most' if even else 'knots'}, table) => (out)", "\n".join(_lines(degree, even))


def _lines(degree: int, even: bool) -> Iterator[str]:
    yield "last = Constant <value_ints = [-1]> ()"
    yield "wide = Unsqueeze(x, last)"
    if even:
        yield "inside = Max(wide, start)  past = Sub(inside, start)  cell = Div(past, width)  segment = Min(cell, most)"
    else:
        yield "reached = GreaterOrEqual(wide, knots)  ones = Cast <to = INT> (reached)"
        yield "segment = ReduceSum <keepdims = 1> (ones, last)"
    yield "flat = Squeeze(segment, last)"
    yield "row = Gather(table, flat)"
    names = columns(degree)
    yield f"{', '.join(names)} = Split <axis = -1, num_outputs = {len(names)}> (row)"
    yield "t = Sub(wide, origin)"
    for j in range(degree - 1, -1, -1):
        y = "c" if j == degree - 1 else "y"
        yield f"product{j} = Mul({y}{j + 1}, t)"
        yield f"masked{j} = BitwiseAnd(product{j}, m{j})  floored{j} = Div(masked{j}, p{j})"
        yield f"y{j} = Add(floored{j}, c{j})"
    yield f"out = Squeeze({'y0' if degree else 'c0'}, last)"
