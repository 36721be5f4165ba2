"""The proof finds a graph that is wrong, names the value, and leaves the caller's model alone."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

pytest.importorskip("ncps", reason="ncps is not installed")
from ncps.torch import LTC
from ncps.wirings import AutoNCP

from hw_models.errors import ProofError
from ltc2neuro.nn import CTRNN, Recurrent
from ltc2neuro.tracing import proven_trace, run_torch, trace
from ltc2neuro.tracing.proof.proof import Subject, prove_trace
from ltc2neuro.tracing.recording.recorder import Clock
from ltc2neuro.tracing.traced import Reads, record

torch.set_num_threads(1)
pytestmark = pytest.mark.whole_proof


class Net(nn.Module):
    """Linear, LTC, linear."""

    def __init__(self):
        super().__init__()
        self.map, self.rnn, self.head = nn.Linear(3, 4), LTC(4, AutoNCP(8, 2)), nn.Linear(2, 3)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return self.head(self.drop(self.rnn(torch.tanh(self.map(x)))[0]))


def sequences(lengths=(6, 6, 6)):
    return [np.random.default_rng(n).normal(size=(length, 3)) for n, length in enumerate(lengths)]


@pytest.mark.parametrize(
    ("constant", "first"),
    [("map.weight", "map.add"), ("rnn.rnn_cell.erev", "rnn.v"), ("head.bias", "head.add")],
)
def test_the_first_value_that_differs_is_named(constant, first):
    model = Net()
    traced = record(model, Reads((3,), torch.float64), Clock(1.0))
    constants = traced.graph.constants
    wrong = replace(traced.graph, constants={**constants, constant: constants[constant] + 0.01})
    with pytest.raises(ProofError) as caught:
        prove_trace(Subject(model, wrong, traced, traced.checkpoints), sequences(), torch.float64, torch.float32)
    assert caught.value.where.split(",")[0] == first


def test_a_module_that_is_called_twice_is_named_as_well():
    class Twice(Net):
        def forward(self, x):
            return self.head(self.rnn(self.map(torch.tanh(self.map(x)[..., :3])))[0])

    model = Twice()
    traced = record(model, Reads((3,), torch.float64), Clock(1.0))
    constants = {**traced.graph.constants, "map.bias": traced.graph.constants["map.bias"] + 0.01}
    wrong = replace(traced.graph, constants=constants)
    with pytest.raises(ProofError) as caught:
        prove_trace(Subject(model, wrong, traced, traced.checkpoints), sequences(), torch.float64, torch.float32)
    assert caught.value.where.split(",")[0] == "map.add"


def test_the_models_state_stays_what_it_was():
    model = Net().train()
    model.head.weight.grad = torch.ones_like(model.head.weight)
    before = copy.deepcopy(model.state_dict())
    torch.manual_seed(5)
    np.random.seed(5)
    trace(model, sequences())
    drawn, numpy_drawn = torch.rand(3), np.random.rand(3)
    torch.manual_seed(5)
    np.random.seed(5)
    assert torch.equal(drawn, torch.rand(3)) and np.array_equal(numpy_drawn, np.random.rand(3))
    assert all(m.training for m in model.modules())
    assert torch.equal(model.head.weight.grad, torch.ones_like(model.head.weight))
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert all(p.requires_grad for n, p in model.named_parameters() if "mask" not in n)
    assert "forward" not in vars(model.rnn) and torch.is_grad_enabled()


@pytest.mark.parametrize("lengths", [(1,), (2, 2), (3, 9, 3), (40,)])
def test_any_number_and_length_of_sequences(lengths):
    model = Net()
    x = sequences(lengths)
    traced = trace(model, x)
    answers = run_torch(model, x, traced)
    assert [a.shape for a in answers] == [(length, 3) for length in lengths]
    with torch.no_grad():
        for sequence, answer in zip(x, answers, strict=True):
            alone = model.eval()(torch.from_numpy(sequence).float()[None])[0].numpy()
            assert np.allclose(answer, alone, atol=1e-6)


def test_run_torch_finds_out_how_the_model_is_called():
    model = LTC(3, 4, batch_first=False, return_sequences=False)
    x = sequences((5, 7))
    traced = trace(model, x, dt=0.5)
    with_calling, without = run_torch(model, x, traced), run_torch(model, x, dt=0.5)
    assert all(np.array_equal(a, b) for a, b in zip(with_calling, without, strict=True))
    assert run_torch(model, []) == []


def test_wrapped_models():
    model = Net()
    plain = trace(model, sequences()).graph
    wrapped = trace(nn.DataParallel(model), sequences(), dt=1.0).graph
    assert list(plain.values) == list(wrapped.values)


@pytest.mark.parametrize("bound", [(-0.1, 0.1), (0.0, 1.0)])
def test_a_bound_that_does_not_hold(bound):
    """Integers would be cut there."""

    class Cell(nn.Module):
        state_size = 3

        def forward(self, x, h):
            return torch.tanh(x + h)

        def state_bounds(self, elapsed):
            return [bound]

    with pytest.raises(ProofError, match="the state h leaves the bound") as caught:
        trace(Recurrent(Cell()), sequences())
    assert f"{bound[0]:g} to {bound[1]:g}" in caught.value.numbers and "state_bounds" in caught.value.advice


def test_what_float32_loses_is_computed_not_assumed():
    """Taking off a large offset leaves few digits in float32: rounding, and no other function."""

    class Offset(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.GRU(3, 4, batch_first=True)

        def forward(self, x):
            return self.rnn(x - 1e5)[0]

    torch.manual_seed(0)
    model, x = Offset(), [s + 1e5 for s in sequences()]
    trace(model, x)
    trace(model.double(), x)


class Chaos(nn.Module):
    """Its last digits are its first ones some steps later: what `Pulses` shows comes at other steps in any two runs."""

    state_size = 1

    def forward(self, x, h):
        return 3.99 * (h + 0.3) * (0.7 - h) - 0.3 + 1e-3 * torch.clamp(x, -1, 1)

    def state_bounds(self, elapsed):
        return None


class Pulses(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = Recurrent(Chaos())

    def forward(self, x):
        return torch.sigmoid(2000 * (self.rnn(x.float())[0] - 0.68))


def test_from_where_rounding_decides_nothing_is_compared_and_that_is_told():
    x = list(np.random.default_rng(0).uniform(-1, 1, (48, 60, 1)))
    evidence = proven_trace(Pulses(), x).evidence
    assert 0 < sum(p.undecided for p in evidence.probes if p.name == "the calibration") < 48
    assert "rows up to where rounding decides" in str(evidence)


def test_a_model_that_diverges_in_torch_is_told_so():
    torch.manual_seed(0)
    spans = [np.full(8, 1e6)] * 3
    with pytest.raises(ProofError, match=r"not finite in torch itself(?s:.*)diverges there"):
        trace(CTRNN(2, 3, steps=2), list(np.random.default_rng(0).normal(size=(3, 8, 2))), timespans=spans)
