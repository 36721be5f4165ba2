"""Calls that torch takes and a recording does not, and models that fail in torch: our words, and advice that fits."""

import numpy as np
import pytest
import torch
from torch import nn

import ltc2neuro
from hw_models.errors import ProofError, TraceError
from ltc2neuro.tracing import trace

torch.set_num_threads(1)
pytestmark = pytest.mark.whole_proof

X = list(np.random.default_rng(0).normal(size=(5, 6, 3)))


class Of(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function, self.layer = function, nn.Linear(3, 3)
        self.register_buffer("scratch", torch.full((2, 3, 3), 7.0))

    def forward(self, x):
        return self.function(self, x)


def refused(function, error=TraceError):
    with pytest.raises(error) as caught:
        trace(Of(function), X)
    assert "test_trace_failures.py, line" in caught.value.where
    assert "<locals>" not in str(caught.value) and "_binary" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    "call",
    [
        lambda m, x: torch.mul(x, x, out=torch.empty_like(x)),
        lambda m, x: torch.matmul(x, m.layer.weight, out=m.scratch),
        lambda m, x: torch.cat([x, x], -1, out=torch.empty(2, 3, 6)),
        lambda m, x: torch.tanh(x, out=m.scratch),
    ],
)
def test_results_go_into_no_tensor_that_is_given(call):
    model = Of(call)
    with pytest.raises(TraceError, match="writes its result into a tensor that is given as out=") as caught:
        trace(model, X)
    assert "test_trace_failures.py, line" in caught.value.where and "y = torch.mul(a, b)" in caught.value.advice
    assert torch.all(model.scratch == 7.0)
    trace(Of(lambda m, x: torch.mul(x, x, out=None)), X)  # torch's default


def test_an_argument_that_is_not_known_is_named():
    error = refused(lambda m, x: x.sum(-1, keepdim=True, dtype=x.dtype))
    assert "its argument dtype is not known" in error.numbers


@pytest.mark.parametrize(
    "call",
    [
        lambda m, x: torch.vmap(lambda row: row * 2)(x),
        lambda m, x: torch.vmap(torch.vmap(m.layer))(x),
        lambda m, x: torch.vmap(lambda row: row * x.sum(-1))(torch.ones(2, 3, 3)[:, 0]),
        lambda m, x: torch.func.grad(lambda v: torch.tanh(v).sum())(x),
    ],
)
def test_functions_of_torch_func_are_refused_at_their_line(call):
    error = refused(call)
    assert "torch.vmap, or another function of torch.func" in error.what
    assert "torch.einsum" in error.advice


def test_torch_func_may_work_on_constants():
    trace(Of(lambda m, x: x * torch.vmap(torch.sum)(m.layer.weight)), X)


@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.int64])
def test_whole_numbers_may_be_negated(dtype):
    trace(Of(lambda m, x: x * -(x > 0).to(dtype) + abs((x > 1).to(dtype) - 2)), X)


def fails(at_more_rows):
    return lambda m, x: at_more_rows(m, x) if len(x) > 2 else m.layer(x)


def check(x):
    raise ValueError("too many")


@pytest.mark.parametrize(
    ("call", "advice"),
    [
        (lambda m, x: x * torch.ones(2, 1, 1), "Do not write the number of rows or steps"),
        (lambda m, x: x.reshape(2, 3, 3), "Do not write the number of rows or steps"),
        (fails(lambda m, x: x @ torch.ones(3, 3, dtype=torch.int32)), "dtype=x.dtype"),
        (fails(lambda m, x: m.layer(x.long())), "dtype=x.dtype"),
        (fails(lambda m, x: check(x)), "another number of them"),
        (fails(lambda m, x: [x][1]), "another number of them"),
    ],
)
def test_advice_fits_what_failed(call, advice):
    error = refused(call, ProofError)
    assert advice in error.advice and "(5, 6, 3)" in error.numbers


def test_a_constant_of_torchs_default_type_fails_in_no_probe_of_float64():
    trace(Of(fails(lambda m, x: m.layer(x @ torch.eye(3)))), X)


def test_limits_that_are_none_are_left_out():
    trace(Of(lambda m, x: x.clamp(-float("inf"), float("inf")) + x.clamp(min=-float("inf"), max=1.0)), X)


def test_a_mask_of_infinity_is_told_what_to_be():
    error = refused(lambda m, x: x.masked_fill(x > 1, -float("inf")).softmax(-1))
    assert "some 30 below all others" in error.advice


def test_a_model_that_overflows_in_its_own_type_is_no_warning_of_numpy(recwarn):
    with pytest.raises(ProofError):
        ltc2neuro.compile(Of(lambda m, x: (x + 1e308) - 1e308), np.stack(X))
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]
