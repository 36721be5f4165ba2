"""Guards against what is not finite compile away, and so does what makes tensors of tensors."""

import numpy as np
import pytest
import torch
from layer_agreement import drifting, executors_agree
from torch import nn

from compiler.graph.ops import Compare, Input, Mul, Output
from compiler.rewrite import simplify
from hw_models.errors import TraceError
from ltc2neuro.tracing import trace

FEATURES = 4


class Net(nn.Module):
    """A guard, then a factor."""

    def __init__(self, guard):
        super().__init__()
        self.guard = guard

    def forward(self, x):
        return self.guard(x) * 2


def stops_at_nan(x):
    if torch.isnan(x).any():
        raise ValueError("NaN")
    return x


def stops_at_infinity(x):
    assert not torch.any(torch.isinf(x) | torch.isnan(x)).item()
    return x


def mends(x):
    if not torch.isfinite(x).all():
        x = torch.nan_to_num(x)
    return x


def writes(x):
    x = x.clone()
    x[torch.isnan(x)] = 0.0
    return x


GUARDS = {
    "any NaN": stops_at_nan,
    "any infinity": stops_at_infinity,
    "all finite": mends,
    "written": writes,
    "nan_to_num": torch.nan_to_num,
    "with limits": lambda x: x.nan_to_num(nan=0.0, posinf=1e3, neginf=-1e3),
    "where": lambda x: torch.where(torch.isnan(x), torch.zeros_like(x), x),
    "masked_fill": lambda x: x.masked_fill(~torch.isfinite(x), 0.0),
    "compared with itself": lambda x: torch.where(x != x, 0.0, x),
    "infinite": lambda x: torch.where(torch.isinf(x), 0.0, x),
    "as_tensor": lambda x: torch.as_tensor(x, dtype=torch.float32),
    "asarray": torch.asarray,
}


@pytest.mark.parametrize("name", GUARDS)
def test_a_guard_compiles_away(name):
    graph, _ = simplify(trace(Net(GUARDS[name]), list(drifting(FEATURES))).graph)
    assert {type(op) for _, op in graph.ops()} <= {Input, Mul, Output}


@pytest.mark.filterwarnings("ignore:To copy construct from a tensor")
def test_a_copy_is_not_what_it_was_made_of():
    def forward(x):
        copy = torch.tensor(x)
        copy += 1
        return copy * x

    assert executors_agree(Net(forward), drifting(FEATURES)) > 60


def test_a_mask_of_features_goes_on():
    """What is seen and what is missing, side by side, as models of missing values have it."""
    net = Net(lambda x: torch.cat([torch.nan_to_num(x), (~torch.isnan(x)).float()], -1))
    graph, _ = simplify(trace(net, list(drifting(FEATURES))).graph)
    assert not any(isinstance(op, Compare) for _, op in graph.ops())


@pytest.mark.parametrize("limit", [0.0, torch.tensor(0.0)])
def test_numbers_may_be_written_where_a_mask_holds(limit):
    def forward(x):
        y = x.clone()
        y[y < 0] = limit
        return y

    x = drifting(FEATURES)
    assert executors_agree(Net(forward), x) > 60
    assert np.array_equal(Net(forward)(torch.tensor(x)).numpy(), 2 * np.maximum(x, 0.0))


def test_a_guard_that_depends_on_the_data_is_refused():
    def forward(x):
        if (x > 3).any():
            x = x / 2
        return x

    with pytest.raises(TraceError, match="whole batch"):
        trace(Net(forward), list(drifting(FEATURES)))


MORE = {
    "celu": lambda x: torch.celu(x, 0.5),
    "heaviside": lambda x: torch.heaviside(x, torch.tensor(0.5)),
    "copysign": lambda x: torch.copysign(x, x.flip(-1)),
    "signbit": lambda x: torch.signbit(x) * x,
    "bucketize": lambda x: torch.bucketize(x, torch.tensor([-1.0, 0.0, 0.5])) * 1.0,
    "bucketize to the right": lambda x: torch.bucketize(x, torch.tensor([-1.0, 0.0, 0.5]), right=True) * 1.0,
    "cumprod": lambda x: x.cumprod(-1),
    "aminmax": lambda x: torch.cat(torch.aminmax(x, dim=-1, keepdim=True), -1),
    "count_nonzero": lambda x: torch.count_nonzero(x > 0.5, -1) * 1.0,
    "nansum": lambda x: torch.nansum(x, -1),
    "nanmean": lambda x: torch.nanmean(x, -1, keepdim=True) + x,
    "logcumsumexp": lambda x: x.logcumsumexp(-1),
    "sinc": lambda x: torch.sinc(x),
    "inner": lambda x: torch.inner(x, torch.linspace(-1, 1, 8).reshape(2, 4)),
    "tensordot": lambda x: torch.tensordot(x, torch.linspace(-1, 1, 8).reshape(4, 2), dims=1),
    "tensordot of lists": lambda x: torch.tensordot(x, torch.linspace(-1, 1, 8).reshape(2, 4), ([2], [1])),
    "vecdot": lambda x: torch.linalg.vecdot(x, x.flip(-1)),
    "a diagonal": lambda x: torch.einsum("btii->bti", x.unflatten(-1, (2, 2))),
    "a trace": lambda x: torch.einsum("btii->bt", x.unflatten(-1, (2, 2))),
    "instance norm": lambda x: nn.functional.instance_norm(x.reshape(-1, 2, 2)).reshape(x.shape),
}


@pytest.mark.parametrize("name", MORE)
def test_more_of_torch(name):
    assert executors_agree(Net(MORE[name]), drifting(FEATURES)) > 50
