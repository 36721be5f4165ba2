"""Stacks of layers without a bounded function between: what one sends to the next has its calibrated range."""

import numpy as np
import pytest
import torch

import ltc2neuro
from compiler.ranges.arithmetic import largest_row_sums
from compiler.ranges.clipping import between_layers
from ltc2neuro.metrics import sqnr
from ltc2neuro.nn import CTRNN

torch.set_num_threads(1)


class Deep(torch.nn.Module):
    """Layers of 24 with an activation between, then a recurrent one."""

    def __init__(self, activation: torch.nn.Module, layers: int = 4) -> None:
        super().__init__()
        torch.manual_seed(0)
        stack = [torch.nn.Sequential(torch.nn.Linear(24, 24), activation) for _ in range(layers)]
        self.stack, self.rnn = torch.nn.Sequential(*stack), CTRNN(24, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(self.stack(x))[0]


def signals(steps: int = 40) -> np.ndarray:
    walk = np.cumsum(np.random.default_rng(0).normal(size=(2, steps, 24)), axis=1)
    return walk / np.sqrt(np.arange(1, steps + 1))[:, None]


@pytest.mark.parametrize("activation", [torch.nn.ReLU(), torch.nn.SiLU(), torch.nn.GELU(), torch.nn.ELU()], ids=str)
def test_a_deep_stack_keeps_its_signal(activation):
    model, x = Deep(activation).eval(), signals()
    net = ltc2neuro.compile(model, x)
    with torch.no_grad():
        y = model(torch.from_numpy(x).float()).numpy()
    assert np.sum(y**2) / np.sum((net(x) - y) ** 2) > 10**4  # 40 dB
    assert not net.run(x).saturations


def test_what_is_larger_than_the_calibration_saturates_and_is_counted():
    model, x = Deep(torch.nn.ReLU()).eval(), signals()
    net = ltc2neuro.compile(model, x)
    wider = ltc2neuro.compile(model, np.concatenate([x, 3 * x]))
    assert any("stack" in name for name in net.run(3 * x).saturations)
    assert not any("stack" in name for name in wider.run(3 * x).saturations)


def test_a_bounded_function_ends_a_stack():
    bounded = ltc2neuro.compile(Deep(torch.nn.Tanh()).eval(), signals())
    open_ended = ltc2neuro.compile(Deep(torch.nn.ReLU(), 1).eval(), signals())
    assert not any(name.startswith("stack") for name in between_layers(bounded.float_graph))
    assert any(name.startswith("stack") for name in between_layers(open_ended.float_graph))


@pytest.mark.parametrize("activation", [torch.nn.ReLU(), torch.nn.SiLU(), torch.nn.Softplus()], ids=str)
def test_messages_of_functions_without_bounds_have_the_bits_that_a_row_can_hold(activation):
    """34 dB at most where their own range was not calibrated, a row added up magnitudes, and they were floored."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(8, 128), activation, torch.nn.Linear(128, 4))
    with torch.no_grad():
        model[0].weight *= 4
    x, new = np.random.default_rng(0).normal(size=(2, 8, 40, 8))
    net = ltc2neuro.compile(model, x)
    with torch.no_grad():
        y = model(torch.from_numpy(new).float()).numpy()
    assert sqnr([y], [net(new)]) > 40


def test_no_part_of_a_row_is_larger_than_its_largest_sum():
    rng = np.random.default_rng(1)
    weights, low, high = rng.integers(-9, 10, (3, 5)), rng.integers(-4, 1, 5), rng.integers(0, 9, 5)
    corners = np.array(np.meshgrid(*zip(low, 0 * low, high, strict=True))).reshape(5, -1)  # 0: what is not added yet
    assert np.array_equal(largest_row_sums(weights, None, low, high), np.abs(weights @ corners).max(axis=1))
