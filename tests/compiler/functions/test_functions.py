"""Element functions: formulas, ranges, halves, tails, and the error of their integer approximations."""

import math
import re
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from table_values import evaluate, table_error

from compiler.functions import FUNCTIONS, Function, Symmetry
from compiler.quantize.knots import Curve
from compiler.quantize.polynomial import fit_segments, uniform_lines

EVERY = list(FUNCTIONS.values())
POSITIVE = {"sqrt", "reciprocal", "log", "log1p"}
WITHIN = {"tan": 1.5, "sinh": 20.0, "cosh": 20.0, "sawtooth": 20.0, "asin": 1.0}
"""how far from 0 some are looked at"""
HALVED = [f for f in EVERY if f.symmetry is not Symmetry.NONE]
TAILED = [f for f in EVERY if f.limit is not None]
finite = st.floats(-40, 40)


def named(function: Function) -> str:
    return function.name


@pytest.mark.parametrize("function", EVERY, ids=named)
@settings(deadline=None, max_examples=60)
@given(ends=st.tuples(finite, finite), part=st.floats(0, 1))
def test_the_range_rule_holds_everywhere_inside(function, ends, part):
    part_of_it = WITHIN.get(function.name, 40.0) / 40.0
    low, high = sorted(abs(e) + 0.01 if function.name in POSITIVE else e * part_of_it for e in ends)
    x = np.append(np.linspace(low, high, 101), min(max(low + part * (high - low), low), high))
    least, most = function.range_of(np.array([low]), np.array([high]))
    y = function.real(x)
    slack = 1e-12 * max(1.0, np.abs(y).max())
    assert np.all(least - slack <= y) and np.all(y <= most + slack)
    fine = function.real(np.linspace(low, high, 4001))  # and it is no wider than need be
    steepest = np.abs(np.diff(fine)).max(initial=0) + slack + (1e-2 if function.period == 1.0 else 0.0)
    assert fine.min() - least <= steepest and most - fine.max() <= steepest


def test_ranges_around_a_pole_and_a_border():
    low, high = FUNCTIONS["reciprocal"].range_of(np.array([-1.0, -4.0, 0.5]), np.array([1.0, -2.0, 2.0]))
    assert low.tolist() == [-np.inf, -0.5, 0.5] and high.tolist() == [np.inf, -0.25, 2.0]
    low, high = FUNCTIONS["sqrt"].range_of(np.array([-1.0]), np.array([4.0]))
    assert (low.tolist(), high.tolist()) == ([0.0], [2.0])


@pytest.mark.parametrize("function", HALVED, ids=named)
@given(x=finite)
@settings(max_examples=60)
def test_the_function_follows_from_its_half(function, x):
    x *= WITHIN.get(function.name, 40.0) / 40.0
    if function.name == "reciprocal":
        x = x or 1.0
    values = {
        Symmetry.EVEN: lambda half: half(abs(x)),
        Symmetry.ODD: lambda half: math.copysign(1, x) * half(abs(x)),
        Symmetry.COMPLEMENT: lambda half: half(x) if x >= 0 else 1 - half(-x),
        Symmetry.RAMP: lambda half: max(x, 0) + half(abs(x)),
        Symmetry.HINGE: lambda half: max(x, 0) + half(max(-x, 0)),
    }
    with np.errstate(over="ignore"):
        expected = float(function.real(np.array([x]))[0])
        got = values[function.symmetry](lambda u: float(function.half(np.array([u]))[0]))
    assert got == pytest.approx(expected, rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("function", TAILED, ids=named)
@pytest.mark.parametrize("error", [2.0**-10, 2.0**-17, 2.0**-33])
def test_the_tail_begins_where_it_says(function, error):
    tail = function.tail_at(error)
    beyond = np.abs(function.half(np.linspace(tail, 100.0, 20001)) - function.limit)
    assert beyond.max() <= error
    assert abs(float(function.half(np.array([tail - 0.01]))[0]) - function.limit) > error
    assert function.tail == function.tail_at(2.0**-17)


def test_only_exp_has_a_tail_below():
    assert FUNCTIONS["exp"].tail_below_at(2.0**-17) == pytest.approx(17 * math.log(2), abs=1e-4)
    assert FUNCTIONS["exp"].tail is None and FUNCTIONS["sqrt"].tail_below_at(2.0**-17) is None


def test_formulas_are_torch_s():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    functional = torch.nn.functional
    theirs = {
        "sigmoid": torch.sigmoid, "tanh": torch.tanh, "exp": torch.exp, "expm1": torch.expm1, "sqrt": torch.sqrt,
        "reciprocal": torch.reciprocal, "silu": functional.silu, "gelu": functional.gelu,
        "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"), "elu": functional.elu,
        "softplus": functional.softplus, "lecun_tanh": lambda x: 1.7159 * torch.tanh(0.666 * x),
        "log": torch.log, "log1p": torch.log1p, "sin": torch.sin, "cos": torch.cos, "tan": torch.tan,
        "asin": torch.asin, "atan": torch.atan, "sinh": torch.sinh, "cosh": torch.cosh, "erf": torch.erf,
        "sawtooth": lambda x: x - torch.floor(x),
    }  # fmt: skip
    assert set(theirs) == set(FUNCTIONS)
    x = np.linspace(-30, 30, 2002)  # without 0
    for name, function in FUNCTIONS.items():
        argument = np.abs(x) if name in POSITIVE else x * (WITHIN.get(name, 30.0) / 30.0)
        expected = theirs[name](torch.from_numpy(argument)).numpy()
        # torch's softplus is the identity from 20 on, 2e-9 from the truth
        tolerance = 3e-9 if name == "softplus" else 1e-13
        assert np.allclose(function.real(argument), expected, rtol=tolerance, atol=tolerance), name


STATED = {  # as the docstrings say: with 16 and 15 fraction bits on loihi2, and by 4096 lines
    "sigmoid": (2.7e-5, 4.3e-5, 6e-8),
    "tanh": (3.9e-5, 5.5e-5, 1.3e-7),
    "lecun_tanh": (5.4e-5, 7.0e-5, 2.3e-7),
    "silu": (4.5e-5, 6.2e-5, 4.3e-7),
    "gelu": (2.8e-5, 4.5e-5, 8e-8),
    "gelu_tanh": (2.8e-5, 4.5e-5, 8e-8),
    "elu": (4.3e-5, 6.0e-5, 6e-7),
    "softplus": (2.7e-5, 4.3e-5, 1.5e-7),
    "erf": (2.6e-5, 3.9e-5, 3.7e-8),
}


@pytest.mark.parametrize("function", TAILED, ids=named)
@pytest.mark.parametrize("choice", [0, 1], ids=["16 bits", "15 bits"])
def test_the_error_on_loihi2_is_as_stated(function, choice):
    high, out_fraction = int(function.tail * 2**13), 16 - choice
    widths = {"in_fraction": 13, "out_fraction": out_fraction, "word_bits": 24, "product_bits": 31}
    curve = Curve(function.half, 0, high, **widths, flat_above=True)
    assert table_error(fit_segments(curve), curve) <= STATED[function.name][choice]


@pytest.mark.parametrize("function", TAILED, ids=named)
def test_the_error_of_a_table_of_lines_is_as_stated(function):
    high = int(function.tail * 2**24)
    curve = Curve(function.half, 0, high, in_fraction=24, out_fraction=30, word_bits=64, product_bits=62)
    table = uniform_lines(curve)
    x = np.arange(0, high + 1, 4999)
    error = np.abs(evaluate(table, x) * 2.0**-30 - function.half(x * 2.0**-24)).max()
    assert max(error, table_error(table, curve)) <= STATED[function.name][2]


@pytest.mark.parametrize(
    ("name", "low", "high", "worst"),
    [("exp", -12.0, 0.0, 4.3e-5), ("exp", -12.0, 2.0, 3e-4), ("sqrt", 0.0, 4.0, 4e-4), ("sqrt", 0.25, 4.0, 3e-5)],
)
def test_functions_without_a_half_over_an_interval(name, low, high, worst):
    function = FUNCTIONS[name]
    widths = {"in_fraction": 13, "out_fraction": 16, "word_bits": 24, "product_bits": 31}
    flat_below = function.limit_below is not None
    curve = Curve(function.real, int(low * 2**13), int(high * 2**13), **widths, flat_below=flat_below)
    assert table_error(fit_segments(curve), curve) <= worst


@pytest.mark.parametrize(
    ("name", "low", "high", "worst"),
    [
        ("sin", 0.0, math.pi, 2e-5),
        ("cos", 0.0, math.pi, 2e-5),
        ("atan", 0.0, 4.0, 2e-5),
        ("asin", 0.0, 0.9, 1.6e-5),
        ("asin", 0.0, 1.0, 4e-4),
        ("tan", 0.0, 1.0, 1.6e-5),
        ("sinh", 0.0, 2.0, 1.6e-5),
        ("cosh", 0.0, 2.0, 1.6e-5),
        ("log1p", -0.5, 2.0, 1.9e-5),
    ],
)
def test_halves_over_an_interval(name, low, high, worst):
    widths = {"in_fraction": 13, "out_fraction": 16, "word_bits": 24, "product_bits": 31}
    curve = Curve(FUNCTIONS[name].half, int(low * 2**13), int(high * 2**13), **widths)
    assert table_error(fit_segments(curve), curve) <= worst
    assert f"{worst:.1e}".replace("e-0", "e-").replace(".0e", "e") in (
        import_module(f"compiler.functions.{name}").__doc__ or ""
    )


@pytest.mark.parametrize(
    ("name", "low", "high", "worst"),
    [
        ("exp", -12.0, 0.0, 5.4e-7),
        ("exp", -12.0, 2.0, 5.4e-6),
        ("sqrt", 0.25, 4.0, 1.1e-7),
        ("sqrt", 0.0, 4.0, 4.6e-3),
        ("reciprocal", 0.5, 1.0, 1.6e-8),
    ],
)
def test_a_table_of_lines_over_an_interval(name, low, high, worst):
    real, first, last = FUNCTIONS[name].real, int(low * 2**24), int(high * 2**24)
    curve = Curve(real, first, last, in_fraction=24, out_fraction=30, word_bits=64, product_bits=62)
    table = uniform_lines(curve)
    even = table_error(table, curve)
    x = np.append(np.arange(first, last + 1, 4999), np.arange(first, first + 200_000, 37))
    error = np.abs(evaluate(table, x) * 2.0**-30 - real(x * 2.0**-24)).max()
    assert max(error, even) <= worst < 1.1 * even
    assert f"{worst:.1e}".replace("e-0", "e-") in (import_module(f"compiler.functions.{name}").__doc__ or "")


@pytest.mark.parametrize("function", TAILED, ids=named)
def test_docstrings_state_what_is_tested(function):
    text = import_module(f"compiler.functions.{function.name}").__doc__ or ""
    found = [float(n) for n in re.findall(r"\d[.\d]*e-\d", text)]
    assert tuple(found) == STATED[function.name]
