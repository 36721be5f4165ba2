"""Powers, logarithms, angles and roundings: as torch computes them, and precise in integers."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from layer_agreement import drifting, executors_agree
from torch import nn

import ltc2neuro
from compiler.interpreters.float64 import run_float
from hw_models.errors import QuantizeError, TraceError
from ltc2neuro.metrics import sqnr
from ltc2neuro.tracing import run_torch, trace

FEATURES = 4


class Net(nn.Module):
    """A forward as a function of x."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def traced_alike(function, x):
    """The graph computes what torch does, on samples that the proof did not see."""
    model = Net(function)
    found = trace(model, list(x))
    other = x[:1, ::-1].copy()
    y = run_float(found.graph, other).outputs[0]
    expected = run_torch(model, [other[0]], found)[0]
    assert np.max(np.abs(y.reshape(expected.shape) - expected)) <= 2e-5 * max(1.0, np.abs(expected).max())


SIGNED = {
    "sin": [torch.sin, lambda x: x.sin(), lambda x: torch.sin_(x * 1)],
    "cos": [torch.cos, lambda x: x.cos()],
    "tan": [lambda x: torch.tan(0.2 * x), lambda x: (0.2 * x).tan()],
    "asin": [lambda x: torch.asin(0.2 * x), lambda x: torch.arcsin(0.2 * x)],
    "acos": [lambda x: torch.acos(0.2 * x), lambda x: (0.2 * x).arccos()],
    "atan": [torch.atan, lambda x: x.arctan()],
    "atan2": [lambda x: torch.atan2(x[..., :2], x[..., 2:]), lambda x: x[..., :2].arctan2(x[..., 2:])],
    "sinh": [torch.sinh, lambda x: x.sinh()],
    "cosh": [torch.cosh, lambda x: x.cosh()],
    "asinh": [torch.asinh, lambda x: x.arcsinh()],
    "atanh": [lambda x: torch.atanh(0.2 * x), lambda x: (0.2 * x).arctanh()],
    "erf": [torch.erf, lambda x: x.erf(), torch.special.erf],
    "erfc": [torch.erfc, torch.special.erfc],
    "ndtr": [torch.special.ndtr],
    "exp2": [torch.exp2, lambda x: 2**x, lambda x: torch.pow(2.0, x), torch.special.exp2],
    "hypot": [lambda x: torch.hypot(x[..., :2], x[..., 2:])],
    "logaddexp": [lambda x: torch.logaddexp(x[..., :2], x[..., 2:])],
    "logsumexp": [lambda x: torch.logsumexp(x, -1, keepdim=True), lambda x: x.logsumexp(dim=-1)],
    "log_softmax": [lambda x: torch.log_softmax(x, -1), lambda x: functional.log_softmax(x, dim=-1), nn.LogSoftmax(-1)],
    "degrees": [lambda x: torch.deg2rad(x) + torch.rad2deg(x)],
    "tenth power": [lambda x: x**10, lambda x: torch.pow(x, 10)],
}
POSITIVE = {
    "log": [torch.log, lambda x: x.log()],
    "log2": [torch.log2],
    "log10": [torch.log10],
    "log1p": [torch.log1p, lambda x: x.log1p(), torch.special.log1p],
    "logit": [lambda x: torch.logit(x / 20, 0.01), lambda x: torch.special.logit(x / 20, eps=0.01)],
    "xlogy": [lambda x: torch.xlogy(x, x)],
    "acosh": [lambda x: torch.acosh(1.5 + x)],
    "power": [lambda x: x**0.3, lambda x: torch.pow(x, 0.3), lambda x: x.pow(torch.tensor(0.3))],
    "negative power": [lambda x: x**-0.3],
    "power and a half": [lambda x: x**2.5],
    "power of a value": [lambda x: (x / 3) ** (x / 3), lambda x: (x / 3).pow(x / 3)],
}


@pytest.mark.parametrize("name", [*SIGNED, *POSITIVE])
def test_a_function_in_every_spelling(name):
    x = drifting(FEATURES, batch=2, steps=20) if name in SIGNED else np.abs(drifting(FEATURES, batch=2, steps=20)) + 0.1
    for function in (SIGNED | POSITIVE)[name]:
        traced_alike(function, x)


@pytest.mark.parametrize("name", [*SIGNED, *POSITIVE])
def test_a_function_in_integers(name):
    x = drifting(FEATURES) if name in SIGNED else np.abs(drifting(FEATURES)) + 0.1
    floor = {"tan": 65, "sinh": 45, "cosh": 45, "tenth power": 45, "power of a value": 45}.get(name, 60)
    assert executors_agree(Net((SIGNED | POSITIVE)[name][0]), x) > floor


@pytest.mark.parametrize("scale", [1e-2, 30.0, 300.0])
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_a_phase_may_span_many_periods(name, scale):
    function = SIGNED[name][0]
    assert executors_agree(Net(lambda x: function(scale * x)), drifting(FEATURES)) > 60


def test_a_phase_whose_multiples_nearly_fill_the_word():
    """Its first multiples, of 32 periods, may go further than the argument does: it was refused."""
    x = np.linspace(-3000, 3000, 300)[None, :, None]
    assert executors_agree(Net(torch.sin), x) > 50


def decibels(function, x):
    """Those of the worst channel."""
    with torch.no_grad():
        y = Net(function)(torch.from_numpy(x)).numpy()
    return sqnr([y], [ltc2neuro.compile(Net(function), x)(x)])


@pytest.mark.parametrize(("function", "scale"), [(functional.gelu, 30), (functional.silu, 100)])
def test_a_dent_near_0_is_seen_in_any_range(function, scale):
    """They were ramps without their dent: the fit looked at too few points to meet it. gelu had 51 dB, silu 65."""
    assert decibels(function, scale * drifting(FEATURES)) > 100


@pytest.mark.parametrize("function", [torch.log1p, lambda x: torch.log(0.1 + x), torch.sin])
def test_a_small_square_keeps_its_signal(function):
    """It had 34 dB at most: most of a square is far below its largest, and less of it is left beside a constant."""
    assert decibels(lambda x: function(x.square()), 0.02 * drifting(FEATURES)) > 45


def test_a_phase_that_is_too_coarse_is_refused():
    x = drifting(FEATURES, batch=1) * 1e7
    with pytest.raises(QuantizeError, match="too large for its period"):
        ltc2neuro.compile(Net(torch.sin), x)


@pytest.mark.parametrize("octaves", [2, 12, 18])
def test_a_logarithm_of_many_octaves(octaves):
    x = np.geomspace(2.0**-octaves, 1.0, 400)[None, :, None]
    assert executors_agree(Net(torch.log), x) > 50


def test_a_logarithm_at_0_is_refused_with_what_to_do():
    x = np.abs(drifting(FEATURES, batch=1))
    x[0, 3, 2] = 0.0
    with pytest.raises(QuantizeError, match="logarithm") as caught:
        ltc2neuro.compile(Net(lambda x: torch.log(x.clamp(min=0.0)).clamp(min=-3.0)), x)
    assert "torch.clamp" in caught.value.advice and "smallest seen 0" in caught.value.numbers


ROUNDINGS = {
    "floor": [torch.floor, lambda x: x.floor(), lambda x: torch.div(x, 1, rounding_mode="floor"), lambda x: x // 1],
    "ceil": [torch.ceil, lambda x: x.ceil()],
    "round": [torch.round, lambda x: x.round()],
    "round to tenths": [lambda x: torch.round(x, decimals=1)],
    "trunc": [torch.trunc, torch.fix, lambda x: torch.div(x, 1, rounding_mode="trunc")],
    "frac": [torch.frac, lambda x: x.frac()],
    "fmod": [lambda x: torch.fmod(x, 0.75), lambda x: x.fmod(0.75)],
    "remainder": [lambda x: torch.remainder(x, 0.75), lambda x: x % 0.75, lambda x: x.remainder(-0.75)],
    "quotient": [lambda x: torch.floor_divide(x, 0.75), lambda x: x // 0.75],
    "of numbers": [lambda x: 3 % (2 + x.abs()) + 3 // (2 + x.abs())],
}


def halves():
    """Multiples of 1/8 from -4 to 4, so that ties and whole numbers are among them."""
    return np.random.default_rng(0).integers(-32, 33, (2, 40, FEATURES)) / 8


@pytest.mark.parametrize("name", ROUNDINGS)
def test_a_rounding_in_every_spelling(name):
    for function in ROUNDINGS[name]:
        traced_alike(function, halves())


@pytest.mark.parametrize("name", ROUNDINGS)
def test_a_rounding_in_integers(name):
    x = drifting(FEATURES) * 3
    assert executors_agree(Net(ROUNDINGS[name][0]), x) > 60


def test_ties_go_to_the_even_one_in_integers():
    x = halves()
    net = ltc2neuro.compile(Net(torch.round), x)
    assert np.allclose(net(x), np.round(x), atol=1e-4)


@pytest.mark.parametrize("largest", [0.1, 0.39, 0.7])
def test_what_fills_its_word_is_rounded_too(largest):
    """-1 does not fit a word whose largest value is 1/2."""
    x = largest * np.sin(np.arange(300))[None, :, None]
    assert executors_agree(Net(lambda x: torch.frac(x).abs() + torch.floor(x)), x) > 60


def test_many_multiples():
    x = np.linspace(-3000.0, 3000.0, 997)[None, :, None]
    assert executors_agree(Net(torch.frac), x) > 40


@pytest.mark.parametrize("name", ["topk", "sort", "argmax", "argsort", "median"])
def test_what_chooses_among_features_is_refused_with_what_to_do(name):
    x = drifting(FEATURES, batch=1)
    with pytest.raises(TraceError, match=name) as caught:
        trace(Net(lambda x: getattr(torch, name)(x, *((2,) if name == "topk" else ()))), list(x))
    assert "after the network" in caught.value.advice


def test_a_power_of_what_is_below_0_is_refused():
    with pytest.raises(TraceError, match="pow") as caught:
        trace(Net(lambda x: (-2.0) ** x), list(drifting(FEATURES, batch=1)))
    assert "above 0" in str(caught.value)


def test_a_period_of_its_own():
    """Phases are often taken off first, and made into angles after."""
    x = drifting(FEATURES) * 5
    assert executors_agree(Net(lambda x: torch.sin(2 * math.pi * torch.frac(x))), x) > 50
