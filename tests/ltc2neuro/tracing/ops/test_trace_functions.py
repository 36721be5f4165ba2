"""Torch functions and modules around a recurrent layer: each graph computes what torch computes (the proof runs)."""

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from forwards import Net
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_agreement import drifting, executors_agree
from torch import nn

from compiler.graph.ops import Gather, MatVec, Mul
from compiler.interpreters.float64 import run_float
from ltc2neuro.tracing import run_torch, trace

torch.set_num_threads(1)


def checked(function, features=6, **modules):
    torch.manual_seed(1)
    model = Net(function, **modules)
    rng = np.random.default_rng(0)
    traced = trace(model, [rng.normal(size=(6, features)) * 3 for _ in range(3)])
    x = rng.normal(size=(4, features)) * 3
    expected = run_torch(model, [x], traced)[0]
    y = run_float(traced.graph, x[None]).outputs[0].reshape(-1, *traced.step_shape)
    y = y if traced.readout == "every" else y[-1]
    assert y.shape == expected.shape
    assert np.max(np.abs(y - expected)) <= 1e-5 * max(1.0, np.max(np.abs(expected)))
    return traced


ACTIVATIONS = {
    "relu": functional.relu,
    "relu6": functional.relu6,
    "leaky_relu": functional.leaky_relu,
    "steep leaky_relu": lambda x: functional.leaky_relu(x, 1.5),
    "hardtanh": functional.hardtanh,
    "hardsigmoid": functional.hardsigmoid,
    "hardswish": functional.hardswish,
    "hardshrink": functional.hardshrink,
    "softshrink": functional.softshrink,
    "threshold": lambda x: functional.threshold(x, 0.3, -2.0),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "gelu tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "elu": functional.elu,
    "elu alpha": lambda x: functional.elu(x, 0.5),
    "selu": functional.selu,
    "softplus": functional.softplus,
    "softplus beta": lambda x: functional.softplus(x, 2.0),
    "logsigmoid": functional.logsigmoid,
    "mish": functional.mish,
    "softsign": functional.softsign,
    "tanhshrink": functional.tanhshrink,
    "glu": functional.glu,
    "softmax": lambda x: torch.softmax(x, -1),
    "wide softmax": lambda x: torch.softmax(x.repeat(1, 1, 20) * torch.linspace(-1, 1, 120), -1),
    "softmin": lambda x: functional.softmin(x, dim=2),
    "exp": torch.exp,
    "sqrt": lambda x: torch.sqrt(x * x + 0.1),
    "rsqrt": lambda x: torch.rsqrt(1 + x**2),
    "reciprocal": lambda x: torch.reciprocal(1 + x.square()),
    "pow": lambda x: x**2 + x**3 + x.abs() ** 0.5 + (1 + x * x) ** -1,
    "sign": torch.sign,
    "abs": abs,
    "neg": lambda x: -x,
    "clamp": lambda x: x.clamp(-1, 0.5),
    "clamp tensor": lambda x: torch.clamp(x, min=torch.linspace(-1, 1, 6)),
    "where": lambda x: torch.where(x > 0.5, x, -x) + torch.where(x <= 0, 1.0, 0.0),
    "logic": lambda x: ((x > 0) & (x < 1) | ~(x >= -1)).float() * x + (x != 0).float(),
    "masked_fill": lambda x: x.masked_fill(torch.arange(6) % 2 == 0, 3.0),
    "in place": lambda x: (x * 2).relu_().add_(1).mul_(x),
    "augmented": lambda x: _augmented(x),
    "maximum": lambda x: torch.maximum(x, x.flip(-1)) - torch.minimum(x, torch.tensor(0.5)),
    "mean of features": lambda x: x - x.mean(-1, keepdim=True),
    "amax": lambda x: x - x.amax(-1, keepdim=True) + x.amin((-1,), keepdim=True),
    "sum": lambda x: x.sum(-1),
    "NumPy's words": lambda x: x.sum(axis=-1, keepdims=True) + torch.cat((x, x), axis=-1),
    "max of two": lambda x: torch.max(x, x * x) - torch.min(x, torch.tensor(0.5)),
    "new tensor": lambda x: x + x.new_tensor([1.0, 2, 3, 4, 5, 6]),
    "lerp": lambda x: torch.lerp(x, x * x, 0.3),
    "addcmul": lambda x: torch.addcmul(x, x, x, value=0.5) + torch.addcdiv(x, x, 2 + x * x),
    "scaled add": lambda x: torch.add(x, x * x, alpha=3) - torch.sub(x, 1, alpha=2),
    "reversed": lambda x: (1 - x) / 3 + 2 / (1 + x * x) + (2 * x + 1),
    "to and back": lambda x: x.double().to(torch.float32).type_as(x).contiguous().clone().detach(),
}


def _augmented(x):
    y = x * 2
    y += 1
    y -= x
    y /= 3
    return y


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation(name):
    checked(lambda net, x: ACTIVATIONS[name](x))


MOVES = {
    "slice": lambda x: x[..., 1:4],
    "steps of a slice": lambda x: x[..., ::2],
    "index list": lambda x: x[..., [4, 0, 0]],
    "index tensor": lambda x: x[..., torch.tensor([2, 1])],
    "one feature": lambda x: x[..., 3],
    "view": lambda x: x.view(x.shape[0], x.shape[1], 2, 3).transpose(-1, -2).flatten(2),
    "reshape of all": lambda x: (x.reshape(-1, 6) * 2).reshape(x.shape),
    "permute": lambda x: x.permute(0, 2, 1).mT,
    "expand": lambda x: (x.unsqueeze(-1).expand(-1, -1, -1, 3) * torch.arange(3)).sum(-1),
    "cat": lambda x: torch.cat([x, torch.tanh(x), x[..., :2]], dim=-1),
    "cat constant": lambda x: torch.cat([torch.ones(x.shape[0], x.shape[1], 2), x], -1),
    "cat of one value": lambda x: torch.cat([x[..., 3:], x[..., :3]], -1),
    "stack": lambda x: torch.stack([x, x * 2], -1).sum(-1),
    "chunk": lambda x: sum(x.chunk(3, -1)),
    "split": lambda x: x.split([2, 4], -1)[1],
    "unbind": lambda x: torch.stack(x.unbind(-1)[::-1], -1),
    "flip": lambda x: x.flip(-1).roll(1, -1),
    "repeat": lambda x: x.repeat(1, 1, 2) + x.repeat_interleave(2, -1),
    "pad": lambda x: functional.pad(x, (1, 2), value=0.5),
    "narrow": lambda x: x.narrow(-1, 1, 2).squeeze(-1),
    "last": lambda x: x[:, -1],
    "last, with its axis": lambda x: x[:, -1:],
    "two axes": lambda x: x.reshape(x.shape[0], x.shape[1], 2, 3),
    "broadcast": lambda x: x[..., :1] * x + torch.broadcast_tensors(x, x[..., :1])[1],
    "hstack": lambda x: torch.hstack([x.flatten(0, 1), x[..., :2].flatten(0, 1)]).unflatten(0, x.shape[:2]),
    "hstack of one": lambda x: torch.hstack([x.flatten(0, 1)]).unflatten(0, x.shape[:2]),
    "hstack of one axis": lambda x: (
        torch.hstack([x[..., 0].flatten(), x[..., 1].flatten()]).reshape(2, *x.shape[:2]).permute(1, 2, 0)
    ),
    "matrix": lambda x: (x.unsqueeze(-1) @ x.unsqueeze(-2)).flatten(2),
}


@pytest.mark.parametrize("name", MOVES)
def test_elements_that_move(name):
    checked(lambda net, x: MOVES[name](x))


def test_modules_in_a_row():
    traced = checked(
        lambda net, x: net.head(x),
        head=nn.Sequential(
            nn.Linear(6, 8), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(8, 5, bias=False), nn.PReLU()
        ),
    )
    assert "head.0.weight" in traced.graph.constants


def test_batch_norm_becomes_constants():
    norm = nn.BatchNorm1d(6)
    norm.running_mean += torch.linspace(-1, 1, 6)
    norm.running_var *= torch.linspace(0.5, 4, 6)
    checked(lambda net, x: net.norm(x.transpose(1, 2)).transpose(1, 2), norm=norm)
    checked(lambda net, x: net.norm(x[:, -1]), norm=norm)


def test_residuals_and_branches():
    checked(lambda net, x: x + torch.tanh(net.a(x)) * torch.sigmoid(net.b(x)), a=nn.Linear(6, 6), b=nn.Linear(6, 1))


def test_matrices_from_both_sides():
    traced = checked(
        lambda net, x: (
            x @ net.a.weight.T + (net.a.weight @ x.unsqueeze(-1)).squeeze(-1) + (x @ net.a.weight[0]).unsqueeze(-1)
        ),
        a=nn.Linear(6, 4),
    )
    kinds = [type(op) for _, op in traced.graph.ops()]
    assert kinds.count(MatVec) == 2 and Mul not in kinds, "the same map from either side, and one row of it"


@pytest.mark.parametrize("exponent", [0, 0.3, -0.3, 9, -9, 2.5, 17.5])
def test_any_power(exponent):
    checked(lambda net, x: (1 + 0.01 * x * x) ** exponent)


def test_a_linear_map_of_parts_is_one_matrix():
    traced = checked(lambda net, x: net.a(x.reshape(x.shape[0], x.shape[1], 2, 3)).flatten(2), a=nn.Linear(3, 4))
    maps = [op for _, op in traced.graph.ops() if isinstance(op, MatVec)]
    assert len(maps) == 1 and traced.graph.constants[maps[0].matrix].shape == (8, 6)


def test_the_same_computation_is_recorded_once():
    traced = checked(lambda net, x: torch.tanh(x[..., :2]) + torch.tanh(x[..., :2]))
    assert len(traced.graph.blocks[0].ops) == 5
    assert sum(isinstance(op, Gather) for _, op in traced.graph.ops()) == 1


def test_time_first_models():
    traced = checked(lambda net, x: torch.tanh(x))
    assert not traced.time_first and not traced.output_time_first
    traced = checked(lambda net, x: torch.tanh(x).transpose(0, 1))
    assert not traced.time_first and traced.output_time_first


def test_metadata_can_be_asked():
    def forward(net, x):
        assert x.dim() == x.ndim == len(x.shape) == 3 and x.size(-1) == 6 and x.numel() == x.shape.numel()
        assert x.dtype == torch.float32 and x.device.type == "cpu" and x.is_floating_point()
        assert isinstance(x, torch.Tensor)
        assert "Symbolic" in repr(x) or "tensor" in repr(x)
        return x + torch.zeros_like(x) + x.new_ones(6)

    checked(forward)


@settings(deadline=None, max_examples=12)
@given(st.data())
def test_any_chain_of_operations(data):
    """Random programs of what keeps (batch, time, 6), all continuous: a jump shows the LSB of a float32."""
    steps = ["relu", "tanh", "sigmoid", "clamp", "softsign", "mean of features", "amax", "augmented"]
    moves = ["flip", "cat of one value", "reshape of all"]
    names = data.draw(st.lists(st.sampled_from([*steps, *moves, "linear", "residual"]), min_size=1, max_size=6))

    def forward(net, x):
        first = x
        for name in names:
            if name == "linear":
                x = net.map(x)
            elif name == "residual":
                x = x + first
            else:
                x = (ACTIVATIONS.get(name) or MOVES[name])(x)
        return x

    checked(forward, map=nn.Linear(6, 6))


def _over_spread(x):
    return x / torch.sqrt(0.1 + x.square().mean(-1, keepdim=True))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.reciprocal(2 + abs(x)),
        lambda x: torch.reciprocal(1 + torch.exp(-x)),
        lambda x: (1 + x * x) ** -1,
        lambda x: torch.rsqrt(0.1 + x * x),
        lambda x: 1 / torch.sqrt(0.1 + x.square()),
        lambda x: (x * x) ** 0.5,
        lambda x: torch.sqrt(x.square().sum(-1, keepdim=True)) + x,
        lambda x: _over_spread(x - x.mean(-1, keepdim=True)),
    ],
    ids=["reciprocal", "of an exp", "power", "rsqrt", "over a root", "root of a square", "length", "spread"],
)
def test_roots_and_reciprocals_in_integers(function):
    torch.manual_seed(0)
    model = Net(lambda net, x: function(net.map(x)), map=nn.Linear(3, 4))
    assert executors_agree(model, drifting(3)) > 40


@pytest.mark.parametrize(
    "forward",
    [
        lambda net, x: functional.pad(net.map(x), (1, 2), value=0.5),
        lambda net, x: torch.tanh(functional.pad(net.map(x), (1, 0))),
        lambda net, x: net.rnn(torch.cat([net.map(x), torch.ones(*x.shape[:2], 1)], -1))[0],
    ],
    ids=["padded output", "padded features", "a layer's bias input"],
)
def test_constants_beside_features(forward):
    torch.manual_seed(0)
    model = Net(forward, map=nn.Linear(3, 4), rnn=nn.GRU(5, 3, batch_first=True))
    assert executors_agree(model, drifting(3)) > 40


def test_no_tensor_is_none():
    """As snntorch asks of its membranes."""

    class Asks(torch.nn.Module):
        def forward(self, x):
            return x * 2 if x != None and not x == None else x  # noqa: E711

    assert np.array_equal(
        run_float(trace(Asks(), list(np.ones((1, 3, 2)))).graph, np.ones((1, 3, 2))).outputs, np.full((1, 3, 2), 2.0)
    )
