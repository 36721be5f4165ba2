"""Models of norse by way of NIR: the same spikes, and the traps of its writer and its reader."""

import pytest
import torch

import ltc2neuro
from ltc2neuro.errors import InputError
from ltc2neuro.nn import LIF, Recurrent

norse = pytest.importorskip("norse.torch")
pytestmark = pytest.mark.filterwarnings("ignore:nirtorch:DeprecationWarning")

STEP = 1e-3
"""norse's own dt, in s"""
X = 4 * torch.rand(4, 60, 5, generator=torch.Generator().manual_seed(0))


def model(*layers, gain=2.0):
    """A network of layers, weights before each."""
    torch.manual_seed(1)
    weights = (torch.nn.Linear(n, m, bias=False) for n, m in ((5, 8), (8, 3)))
    net = norse.SequentialState(*(part for pair in zip(weights, layers, strict=False) for part in pair))
    with torch.no_grad():
        for weight in net.parameters():
            weight.copy_(gain * weight.abs())
    return net


def spikes(net, x=X):
    """What norse computes, (batch, time, features)."""
    state, outputs = None, []
    with torch.no_grad():
        for x_t in x.unbind(1):
            y, state = net(x_t, state)
            outputs.append(y)
    return torch.stack(outputs, 1)


def here(graph, step=STEP):
    with torch.no_grad():
        return ltc2neuro.from_nir(graph, step)(X)[0]


def same(ours, theirs):
    assert 0.05 < theirs.mean() < 0.95
    return (ours == theirs).float().mean().item()


def test_neurons_without_currents():
    net = model(norse.LIFBoxCell(), norse.LIFBoxCell(), gain=6.0)
    assert same(here(norse.to_nir(net, X[:1, 0], dt=1)), spikes(net)) == 1


def test_time_constants_are_written_too_short_by_a_factor_of_dt():
    """norse writes dt / tau_mem_inv, which is tau where dt is 1; its default overshoots, so it is refused."""
    net = model(norse.LIFBoxCell())
    with pytest.raises(InputError, match="shorter than the time step") as caught:
        ltc2neuro.from_nir(norse.to_nir(net, X[:1, 0]), STEP)
    assert "dt=1" in caught.value.advice
    assert same(here(norse.to_nir(net, X[:1, 0]), STEP**2), spikes(net)) == 1


def test_currents_are_written_without_their_factor():
    """A spike adds its weight to norse's current, but 1 / tau_syn of it, times dt, to that of NIR with w_in = 1."""
    net = model(norse.LIFCell(), norse.LIFCell())
    graph, theirs = norse.to_nir(net, X[:1, 0], dt=1), spikes(net)
    assert same(here(graph), theirs) < 0.9
    for name in ("1", "3"):
        graph.nodes[name].w_in = graph.nodes[name].tau_syn / STEP
    assert same(here(graph), theirs) == 1


def test_integrators_are_written_for_a_step_of_one():
    """norse adds its input each step, whatever dt is; NIR adds r dt of it."""
    net = model(norse.IAFCell(), gain=0.2)
    graph, theirs = norse.to_nir(net, X[:1, 0], dt=1), spikes(net)
    assert same(here(graph), theirs) < 0.9
    assert same(here(graph, 1.0), theirs) == 1
    graph.nodes["1"].r = graph.nodes["1"].r / STEP
    assert same(here(graph), theirs) == 1


def test_norse_starts_at_the_leak_and_here_neurons_start_at_zero():
    net = model(norse.LIFBoxCell(norse.LIFBoxParameters(v_leak=torch.tensor(0.6))))
    graph, theirs = norse.to_nir(net, X[:1, 0], dt=1), spikes(net)
    assert same(here(graph), theirs) < 1
    with torch.no_grad():
        started, _ = ltc2neuro.from_nir(graph, STEP)(X, torch.full((4, 8), 0.6))
    assert same(started, theirs) == 1


class Two(torch.nn.Module):
    """Two layers of our own neurons."""

    def __init__(self, bias=0.0, **options):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = LIF(5, 8, vth=0.5, **options), LIF(8, 3, vth=0.2)
        with torch.no_grad():
            self.first.cell.bias.fill_(bias)

    def forward(self, x):
        return self.second(self.first(x)[0])[0]


def there(model, tmp_path):
    """The share of spikes that are the same in norse, by way of a file."""
    nir = pytest.importorskip("nir")
    nir.write(tmp_path / "g.nir", ltc2neuro.to_nir(model, STEP, X.numpy()))
    with torch.no_grad():
        return same(spikes(norse.from_nir(nir.read(tmp_path / "g.nir"), dt=STEP)), model(X))


@pytest.mark.parametrize("options", [{}, {"bias": 0.1}, {"du": 0.3}, {"dv": 0.0}])
def test_our_neurons_in_norse(tmp_path, options):
    assert there(Two(**options), tmp_path) == 1


def test_norse_reads_a_leak_potential_into_the_current_as_well(tmp_path):
    """So a bias of neurons with currents arrives twice there. Those without have it in the weights' bias."""
    assert there(Two(bias=0.1, du=0.3), tmp_path) < 1


class Skipped(torch.nn.Module):
    """A layer that reads two others, one of which reads the other."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.third = LIF(5, 8, vth=0.5), LIF(8, 8, vth=0.3), LIF(8, 4, vth=0.3)

    def forward(self, x):
        y = self.first(x)[0]
        return self.third(y + self.second(y)[0])[0]


def test_norse_does_not_read_ways_of_different_lengths(tmp_path):
    """It computes what is near the input first, and answers with what it computed last."""
    assert there(Skipped(), tmp_path) < 0.9
    with torch.no_grad():
        assert torch.equal(ltc2neuro.from_nir(tmp_path / "g.nir", STEP)(X)[0], Skipped()(X))


class HearsItself(torch.nn.Module):
    """A layer that reads its own spikes of a sample ago."""

    state_size = (6, 6)

    def __init__(self, reset=0.0):
        super().__init__()
        torch.manual_seed(0)
        self.reset = reset
        self.inputs, self.back = torch.nn.Linear(5, 6), torch.nn.Linear(6, 6)

    def forward(self, x, state):
        v, z = state
        v = 0.8 * v + self.inputs(x) + self.back(z)
        z = (v > 0.4).to(v.dtype)
        return z, (v * (1 - z) + self.reset * z, z)


def test_neurons_that_hear_themselves_in_norse(tmp_path):
    assert there(torch.nn.Sequential(Recurrent(HearsItself()), First()), tmp_path) == 1


def test_norse_resets_to_zero_whatever_is_written(tmp_path):
    assert there(torch.nn.Sequential(Recurrent(HearsItself(-1.0)), First()), tmp_path) < 1


class First(torch.nn.Module):
    """The answer without the states."""

    def forward(self, answer):
        return answer[0]
