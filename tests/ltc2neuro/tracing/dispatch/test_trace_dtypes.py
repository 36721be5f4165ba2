"""Bool and integer tensors compute what torch computes with them, or are refused: all calls over all types."""

import operator

import numpy as np
import pytest
import torch
from torch import nn

import ltc2neuro
from compiler.interpreters.float64 import run_float
from hw_models.errors import TraceError
from ltc2neuro.nn import Recurrent, repeat
from ltc2neuro.tracing import trace
from ltc2neuro.tracing.dispatch.dtypes import _rank
from ltc2neuro.tracing.model import ModelSource, calling_of
from ltc2neuro.tracing.traced import Traced

torch.set_num_threads(1)

CALIBRATION = [np.random.default_rng(seed).normal(size=(4, 2)) for seed in range(2)]
_LEVELS = np.array([-1.75, -0.5, 0.0, 0.75, 1.5])
NEW = np.stack(np.meshgrid(_LEVELS, _LEVELS), -1).reshape(1, -1, 2)
"""Every pair of some levels, exact in float32, zeros among them: which the calibration never shows"""


class Of(nn.Module):
    """A function of two channels."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x[..., :1], x[..., 1:])


def _levels(x):
    """0, 1, 2 or 3 as int64."""
    return (x > -1).long() + 2 * (x > 0).long()


OF_TYPE = {
    "bool": lambda x: x > 0.5,
    "bits": lambda x: (x > 0.5).long(),
    "uint8": lambda x: _levels(x).byte(),
    "int8": lambda x: (_levels(x) - 1).to(torch.int8),
    "int32": lambda x: (_levels(x) - 2).int(),
    "int64": lambda x: _levels(x) - 1,
    "float32": lambda x: x,
    "float64": lambda x: x.double(),
}
CONSTANTS = {
    "a whole number": 2,
    "a real number": 0.75,
    "a bool tensor": torch.tensor([True]),
    "a uint8 tensor": torch.tensor([200], dtype=torch.uint8),
    "a float tensor": torch.tensor([-0.5]),
}
BINARY = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "logical_and": torch.logical_and,
    "logical_or": torch.logical_or,
    "logical_xor": torch.logical_xor,
    "maximum": torch.maximum,
    "fmin": torch.fmin,
    "div trunc": lambda a, b: torch.div(a, b, rounding_mode="trunc"),
    "fmod": torch.fmod,
    "<<": operator.lshift,
    "where": lambda a, b: torch.where(a > 0, a, b),
    "where of b": lambda a, b: torch.where(b, a, 1),
    "masked_fill": lambda a, b: a.masked_fill(b, 1),
    "cat": lambda a, b: torch.cat([a, b], -1),
    "add with alpha": lambda a, b: torch.add(a, b, alpha=2),
    "in place +": lambda a, b: a.clone().add_(b),
    "in place *": lambda a, b: operator.imul(a.clone(), b),
    "in place &": lambda a, b: operator.iand(a.clone(), b),
    "in place /": lambda a, b: operator.itruediv(a.clone(), b),
    "lerp": lambda a, b: torch.lerp(a, b, 0.5),
    "pow": lambda a, b: (a * a + 0.5) ** b,
    "addcmul": lambda a, b: torch.addcmul(a, a, b),
    "a of two, b of two": lambda a, b: torch.cat([a, a], -1) + torch.cat([b, b], -1),
}
UNARY = {
    "~": operator.invert,
    "-": operator.neg,
    "+": operator.pos,
    "abs": abs,
    "logical_not": torch.logical_not,
    "bool": lambda a: a.bool(),
    "int": lambda a: a.int(),
    "long": lambda a: a.long(),
    "byte": lambda a: a.byte(),
    "float": lambda a: a.float(),
    "1 - ": lambda a: 1 - a,
    "sum": lambda a: torch.cat([a, a, a], -1).sum(-1, keepdim=True),
    "sum + sum": lambda a: torch.cat([a, a], -1).sum(-1, keepdim=True) + a,
    "any": lambda a: torch.cat([a, 1 - a.float()], -1).any(-1, keepdim=True),
    "all": lambda a: torch.cat([a, a], -1).all(-1),
    "mean": lambda a: torch.cat([a, a], -1).mean(-1),
    "amax": lambda a: torch.cat([a, a], -1).amax(-1),
    "square": torch.square,
    "cube": lambda a: a**3,
    "inverse": lambda a: a**-1,
    "sign": torch.sign,
    "exp": lambda a: torch.exp(a) + torch.exp(a),
    "sigmoid": lambda a: torch.sigmoid(a) * torch.sigmoid(a),
    "relu": torch.relu,
    "clamp": lambda a: a.clamp(0, 1),
    "hardtanh": nn.functional.hardtanh,
    "softmax": lambda a: torch.softmax(torch.cat([a, a * 2], -1), -1),
    "round": torch.round,
    "floor": torch.floor,
    "trunc": torch.trunc,
    "product": lambda a: torch.cat([a, a], -1) @ torch.tensor([[2], [3]]).to(a.dtype),
    "linear": lambda a: nn.functional.linear(a, torch.tensor([[2.0]])),
    "times float": lambda a: a * 0.5,
    "type": lambda a: a * (a.type() == "torch.BoolTensor"),
    "two many": lambda a: a * 100 + a * 100,
}


def checked(calls):
    """Record all `calls` of two channels, and compare each that is recorded with torch, its type and its numbers.

    Returns what is recorded. The rest is refused in our words, or fails in torch itself. It is recorded only: the
    proof compares on data of its own, here all pairs of levels are compared.
    """
    recorded: dict[object, torch.dtype] = {}
    refused: dict[object, Exception] = {}

    def record(x, y):
        results = []
        for key, call in calls.items():
            try:
                result = call(x, y)
                results.append(result.double().reshape(*x.shape[:2], -1))
                recorded[key] = result.dtype
            except Exception as error:
                refused[key] = error
        return torch.cat([x.double(), *results], -1)

    model, x = Of(record), torch.tensor(NEW, dtype=torch.float32)
    traced = calling_of(ModelSource(model, (2, 4, 2), 1.0))
    assert isinstance(traced, Traced)
    torchs = [x[..., :1].double()]
    a, b = x[..., :1], x[..., 1:]
    for key, call in calls.items():
        try:
            result = call(a, b)
        except Exception:
            assert key not in recorded, f"{key} fails in torch"
            continue
        if key in recorded:
            assert result.dtype == recorded[key], key
            torchs.append(result.double().reshape(*x.shape[:2], -1))
        else:
            error = refused[key]
            assert isinstance(error, TraceError) and error.what and error.advice, (key, error)
    expected = torch.cat(torchs, -1).numpy()
    with np.errstate(all="ignore"):
        ours = run_float(traced.graph, NEW).outputs
    finite = np.isfinite(expected)
    assert np.array_equal(finite, np.isfinite(ours))
    np.testing.assert_allclose(ours[finite], expected[finite], rtol=1e-6, atol=1e-6)
    return set(recorded)


PAIRS = [(a, b) for a in OF_TYPE for b in OF_TYPE]
BESIDE = [(a, c) for a in OF_TYPE for c in CONSTANTS]


def once(channel):
    """The channel in each type, each made once in a forward."""
    made: dict[int, dict[str, torch.Tensor]] = {}

    def of_type(name, x, y):
        if id(x) not in made:
            made.clear()
            made[id(x)] = {"x": x}
            made[id(x)].update({n: make(y if channel else x) for n, make in OF_TYPE.items()})
        return made[id(x)][name]

    return of_type


@pytest.mark.parametrize("name", BINARY)
def test_two_tensors(name):
    call, first, second = BINARY[name], once(0), once(1)
    tensors = {(a, b): lambda x, y, a=a, b=b: call(first(a, x, y), second(b, x, y)) for a, b in PAIRS}
    constants = {(a, c): lambda x, y, a=a, c=c: call(first(a, x, y), CONSTANTS[c]) for a, c in BESIDE}
    reverse = {(c, a): lambda x, y, a=a, c=c: call(CONSTANTS[c], first(a, x, y)) for a, c in BESIDE}
    compiled = checked({**tensors, **constants, **reverse})
    if name in ("+", "*", "/", "<", "<=", ">", ">=", "==", "!=", "logical_and", "logical_or", "logical_xor"):
        everywhere = {pair for pair in PAIRS if not any(kind in ("uint8", "int8") for kind in pair)}
        assert everywhere <= compiled
    if name in ("&", "|", "^"):
        truths = ("bool", "bits")
        assert compiled >= {(a, b) for a in truths for b in truths}
    if name in ("//", "%", "fmod", "div trunc", "pow"):  # whole numbers have results of their own
        assert ("float32", "float64") in compiled and ("int32", "int64") not in compiled


@pytest.mark.parametrize("name", UNARY)
def test_one_tensor(name):
    checked({a: lambda x, y, a=a: UNARY[name](OF_TYPE[a](x)) for a in OF_TYPE})


@pytest.mark.parametrize(
    "choose",
    [
        lambda x, y: x[y > 0],
        lambda x, y: torch.ones(4)[(x > 0).long()],
        lambda x, y: x.masked_select(y > 0),
        lambda x, y: x.gather(-1, (y > 0).long()),
        lambda x, y: operator.setitem(x.clone(), y > 0, x[y > 0]),
        lambda x, y: nn.functional.embedding((x > 0).long(), torch.ones(2, 3)),
    ],
)
def test_a_mask_chooses_no_elements(choose):
    with pytest.raises(TraceError) as caught:
        calling_of(ModelSource(Of(choose), (2, 4, 2), 1.0))
    assert "torch.where" in caught.value.advice and __file__ in caught.value.where
    checked({"the advice": lambda x, y: torch.where(y > 0, x, 0.0)})


def test_truths_are_sums_only_as_numbers():
    either = checked({"or": lambda x, y: (x > 0.5) + (y > 0.5), "sum": lambda x, y: (x > 0.5).int() + (y > 0.5)})
    assert either == {"or", "sum"}
    net = ltc2neuro.compile(Of(lambda x, y: ((x > 0.5) + (y > 0.5)).float()), CALIBRATION)
    assert np.array_equal(net(np.array([[[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]])), [[[1.0], [1.0], [0.0]]])


@pytest.mark.parametrize(
    "product",
    [
        lambda x, y: ((x > 0) & (y > 0)).float(),
        lambda x, y: (x > 0) * (y > 0) * 1.0,
        lambda x, y: (x > 0).float() * (y > 0).float(),
        lambda x, y: (x > 0).float() * (y > 0).float() * x,
        lambda x, y: torch.where((x > 0) | (y > 0), x, 0.0) * (y > 0),
    ],
)
def test_a_product_of_masks_in_integers(product):
    net = ltc2neuro.compile(Of(product), CALIBRATION)
    new = NEW[..., :] / 2
    expected = product(*torch.tensor(new, dtype=torch.float32).split(1, -1)).numpy()
    np.testing.assert_allclose(net(new), expected, atol=1e-4)


def test_whole_numbers_that_would_wrap_around():
    """200 + 100 is 44 in torch's uint8."""
    with pytest.raises(TraceError, match="leave its range") as caught:
        calling_of(ModelSource(Of(lambda x, y: (x > 0).byte() * 200 + (y > 0).byte() * 100), (2, 4, 2), 1.0))
    assert "float()" in caught.value.advice
    checked({"the advice": lambda x, y: (x > 0).float() * 200 + (y > 0).float() * 100})


class Counts(nn.Module):
    """A cell whose state is `convert` of whether the input is above 0."""

    state_size = 1

    def __init__(self, convert):
        super().__init__()
        self.convert = convert

    def forward(self, x, h):
        return self.convert((x[:, :1] > 0) | (h > 0))


def test_a_state_that_is_no_float():
    with pytest.raises(TraceError, match="not a float") as caught:
        calling_of(ModelSource(Recurrent(Counts(lambda h: h)), (2, 4, 2), 1.0))
    assert "float()" in caught.value.advice
    trace(Recurrent(Counts(lambda h: h.float())), CALIBRATION)
    with pytest.raises(TraceError, match="type of its state"):
        calling_of(ModelSource(Of(lambda x, y: repeat(lambda v: v > 0.5, torch.tanh(x), 2)), (2, 4, 2), 1.0))


def test_each_type_holds_those_of_lower_rank():
    ranks = [_rank(t) for t in (torch.bool, torch.uint8, torch.int64, torch.float16, torch.float64, torch.complex64)]
    assert ranks == [0, 1, 1, 2, 2, 3]
