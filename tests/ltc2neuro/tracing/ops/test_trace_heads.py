"""Feed-forward heads: convolutions and pooling over the features of one sample, before and behind a liquid layer."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from layer_agreement import agrees, drifting, executors_agree, scrambled, sequences
from torch import nn

pytest.importorskip("ncps", reason="ncps is not installed")
from ncps.torch import LTC, CfC
from ncps.wirings import NCP, AutoNCP

from compiler.graph.ops import MatVec, Mul
from hw_models.errors import TraceError
from ltc2neuro.tracing import trace


class Head(nn.Module):
    """Layers over each sample, seen as a picture of `shape`, then a recurrent layer."""

    def __init__(self, shape, head, rnn):
        super().__init__()
        self.shape, self.head, self.rnn = shape, head, rnn

    def forward(self, x):
        batch, time = x.shape[:2]
        features = self.head(x.reshape(batch * time, *self.shape)).reshape(batch, time, -1)
        return self.rnn(features)[0]


@settings(deadline=None, max_examples=4)
@example(channels=1, out=2, kernel=3, stride=1, padding="same", dilation=2, grouped=True, bias=True, seed=1)
@example(channels=2, out=4, kernel=2, stride=2, padding=1, dilation=1, grouped=True, bias=False, seed=2)
@example(channels=2, out=2, kernel=3, stride=2, padding=0, dilation=2, grouped=False, bias=True, seed=3)
@example(channels=1, out=4, kernel=1, stride=1, padding=0, dilation=1, grouped=False, bias=False, seed=4)
@given(
    channels=st.sampled_from([1, 2]),
    out=st.sampled_from([2, 4]),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 2),
    padding=st.sampled_from([0, 1, "same"]),
    dilation=st.integers(1, 2),
    grouped=st.booleans(),
    bias=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_conv1d(channels, out, kernel, stride, padding, dilation, grouped, bias, seed):
    torch.manual_seed(seed)
    stride = 1 if padding == "same" else stride
    groups = channels if grouped else 1
    conv = nn.Conv1d(channels, out, kernel, stride, padding, dilation, groups, bias)
    size = conv(torch.zeros(1, channels, 6)).numel()
    agrees(Head((channels, 6), nn.Sequential(conv, nn.Tanh()), LTC(size, 3)), channels * 6)


@pytest.mark.parametrize(
    "pool",
    [
        nn.MaxPool2d(2), nn.MaxPool2d(3, 2, padding=1), nn.MaxPool2d(2, ceil_mode=True), nn.MaxPool2d((1, 2)),
        nn.AvgPool2d(2), nn.AvgPool2d(3, 2, padding=1, count_include_pad=False), nn.AdaptiveAvgPool2d(2),
        nn.Identity(),
    ],
    ids=str,
)  # fmt: skip
def test_conv2d_batch_norm_and_pooling(pool):
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3)
    head = nn.Sequential(conv, norm, nn.ReLU(), pool, nn.Dropout(0.5), nn.Flatten())
    norm.running_mean.uniform_(-1, 1)
    norm.running_var.uniform_(0.5, 2)
    size = head.eval()(torch.zeros(1, 2, 5, 5)).numel()
    agrees(Head((2, 5, 5), head, CfC(size, 4, backbone_units=5)), 50)


@pytest.mark.parametrize("pool", [nn.MaxPool1d(2), nn.AvgPool1d(3, 2), nn.AdaptiveAvgPool1d(2)], ids=str)
def test_pooling_of_one_axis(pool):
    size = pool(torch.zeros(1, 2, 6)).numel()
    agrees(Head((2, 6), pool, LTC(size, 3)), 12)


def test_batch_norm_joins_the_convolution():
    torch.manual_seed(0)
    head = nn.Sequential(nn.Conv1d(1, 3, 3), nn.BatchNorm1d(3))
    head[1].running_var.uniform_(0.5, 2)
    _, graph = agrees(Head((1, 6), head, CfC(12, 3, backbone_layers=0)), 6)
    inputs = [op for _, op in graph.ops() if isinstance(op, MatVec) and "input" in op.sources]
    assert inputs and all(op.sources[0] == "input" for op in inputs)


def test_the_driving_networks_shape_compiles():
    """Convolutions, a dense layer, and an NCP: arXiv 2106.13898's lane keeping, much smaller."""
    torch.manual_seed(0)
    head = nn.Sequential(
        nn.Conv2d(1, 4, 3, 2), nn.ReLU(), nn.Conv2d(4, 4, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 6), nn.Tanh()
    )
    model = Head((1, 8, 12), head, LTC(6, NCP(5, 4, 1, 3, 3, 2, 3)))
    assert executors_agree(model, drifting(96, batch=2, steps=12)) >= 40


def test_a_kernel_keeps_its_name():
    class Smoothed(nn.Module):
        def __init__(self):
            super().__init__()
            self.kernel = nn.Parameter(torch.ones(1, 1, 2))

        def forward(self, x):
            return nn.functional.conv1d(x.reshape(-1, 1, 4), self.kernel).reshape(*x.shape[:2], 3)

    assert "kernel" in trace(Smoothed(), [np.random.default_rng(0).normal(size=(5, 4))]).graph.constants


def test_a_convolution_over_time_is_refused():
    class Over(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv1d(3, 4, 3, padding=1)

        def forward(self, x):
            return self.conv(x.transpose(1, 2)).transpose(1, 2)

    with pytest.raises(TraceError, match="mixes batch rows or time steps"):
        trace(Over(), sequences(3))


@settings(deadline=None, max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(channels=2, out=4, kernel=3, stride=1, padding="same", dilation=2, groups=2, bias=True, seed=1)
@example(channels=4, out=2, kernel=2, stride=2, padding=1, dilation=1, groups=1, bias=False, seed=2)
@example(channels=4, out=4, kernel=3, stride=2, padding=0, dilation=2, groups=2, bias=False, seed=3)
@example(channels=2, out=2, kernel=1, stride=1, padding=1, dilation=1, groups=1, bias=True, seed=4)
@given(
    channels=st.sampled_from([2, 4]),
    out=st.sampled_from([2, 4]),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 2),
    padding=st.sampled_from([0, 1, "same"]),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2]),
    bias=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_a_kernel_at_its_places(monkeypatch, channels, out, kernel, stride, padding, dilation, groups, bias, seed):
    monkeypatch.setattr("ltc2neuro.tracing.ops.convolution.DENSE_MATRIX", 0)
    torch.manual_seed(seed)
    stride = 1 if padding == "same" else stride
    conv = nn.Conv2d(channels, out, (kernel, 2), stride, padding, dilation, groups, bias)
    size = conv(torch.zeros(1, channels, 6, 5)).numel()
    head = nn.Sequential(conv, nn.BatchNorm2d(out), nn.ReLU())
    head[1].running_var.uniform_(0.5, 2)
    _, graph = agrees(Head((channels, 6, 5), head, CfC(size, 3, backbone_layers=0)), channels * 30)
    kernels = [op for _, op in graph.ops() if isinstance(op, MatVec) and op.places is not None]
    assert len(kernels) == groups
    assert not any(
        isinstance(op, Mul) and set(kernel.out for kernel in kernels) & {op.a, op.b} for _, op in graph.ops()
    )


@pytest.mark.parametrize(
    "pool",
    [
        nn.AvgPool2d(2), nn.AvgPool2d(3, 2, padding=1), nn.AvgPool2d(3, 2, padding=1, count_include_pad=False),
        nn.AvgPool2d(2, ceil_mode=True), nn.AdaptiveAvgPool2d((2, 3)),
    ],
    ids=str,
)  # fmt: skip
def test_a_mean_at_its_places(pool, monkeypatch):
    monkeypatch.setattr("ltc2neuro.tracing.ops.convolution.DENSE_MATRIX", 0)
    monkeypatch.setattr("ltc2neuro.tracing.ops.convolution.BASIS", 60)
    size = pool(torch.zeros(1, 2, 5, 5)).numel()
    agrees(Head((2, 5, 5), nn.Sequential(pool, nn.Tanh()), LTC(size, 3)), 50)


def test_a_mean_of_a_picture_larger_than_what_is_looked_at_at_once(monkeypatch):
    monkeypatch.setattr("ltc2neuro.tracing.ops.convolution.DENSE_MATRIX", 0)
    monkeypatch.setattr("ltc2neuro.tracing.ops.convolution.BASIS", 10)
    agrees(Head((1, 4, 4), nn.Sequential(nn.AvgPool2d(2), nn.Tanh()), LTC(4, 3)), 16)


@pytest.mark.parametrize("setting", ["default", "accurate"])
def test_a_larger_head_on_every_executor(setting):
    torch.manual_seed(0)
    head = nn.Sequential(nn.Conv2d(3, 6, 5, 2), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(6, 4, 3), nn.Tanh())
    model = Head((3, 20, 32), nn.Sequential(head, nn.Flatten(), nn.Linear(40, 8), nn.Tanh()), LTC(8, 5))
    assert (
        executors_agree(model, drifting(1920, batch=2, steps=5), precision=setting)
        >= {"default": 40, "accurate": 60}[setting]
    )


def test_a_convolution_too_large_for_any_chip_is_refused():
    model = Head((3, 224, 224), nn.Conv2d(3, 256, 5), LTC(3, 3))
    with pytest.raises(TraceError, match="too large") as caught:
        trace(model, [np.zeros((3, 3 * 224 * 224))])
    assert "12390400 outputs of 75 inputs each" in caught.value.numbers


class Hybrid(nn.Module):
    """LTC -> LSTM and LTC -> CfC side by side, with a residual between layers and a readout."""

    def __init__(self):
        super().__init__()
        self.ltc = LTC(4, AutoNCP(9, 4))
        self.lstm, self.cfc = nn.LSTM(4, 3, batch_first=True), CfC(4, 3, backbone_units=5)
        self.drop, self.head = nn.Dropout(0.3), nn.Linear(6, 2)

    def forward(self, x):
        y = self.ltc(x)[0] + x
        branches = torch.cat([self.lstm(y)[0], self.cfc(y)[0]], -1)
        return self.head(self.drop(branches))


def test_hybrids_stacks_branches_and_residuals():
    torch.manual_seed(0)
    _, graph = agrees(scrambled(Hybrid(), 0, 0.1), 4)
    assert [s.name for s in graph.states] == ["ltc.v", "lstm.h", "lstm.c", "cfc.h"]
    assert executors_agree(Hybrid(), drifting(4)) >= 38
