"""Spiking networks as NIR graphs: there and back again, and what NIR cannot say."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from ncps.torch import LTC, CfC

import ltc2neuro
from ltc2neuro.errors import InputError
from ltc2neuro.nn import LIF, LiquidLIF, Recurrent

nir = pytest.importorskip("nir")

PAGE = (Path(__file__).parents[4] / "docs" / "nir.md").read_text("utf-8")
DT = 0.01
X = 4 * np.random.default_rng(0).normal(size=(4, 50, 3))


class Spiking(torch.nn.Module):
    """Two layers, and a readout of the spikes."""

    def __init__(self, **options):
        super().__init__()
        self.first, self.second, self.out = LIF(3, 8, vth=0.5, **options), LIF(8, 4, vth=0.3), torch.nn.Linear(4, 2)
        with torch.no_grad():
            self.first.cell.bias.normal_(0, 0.1)

    def forward(self, x):
        return self.out(self.second(self.first(x)[0])[0])


def spiking(**options):
    torch.manual_seed(0)
    return Spiking(**options)


def answers(model, x=X):
    with torch.no_grad():
        y = model(torch.as_tensor(x, dtype=torch.float32))
    return (y[0] if isinstance(y, tuple) else y).numpy()


def back(graph, dt=DT):
    return ltc2neuro.from_nir(graph, dt)


def test_a_layer_is_weights_and_neurons_of_its_name():
    graph = ltc2neuro.to_nir(spiking(du=0.3), DT, X)
    kinds = {name: type(node).__name__ for name, node in graph.nodes.items()}
    assert kinds == {
        "input": "Input",
        "first.cell.inputs": "Linear",
        "first": "CubaLIF",
        "second.cell.inputs": "Linear",
        "second": "LIF",
        "out": "Affine",
        "output": "Output",
    }
    node = graph.nodes["first"]
    for values, expected in (
        (node.tau_syn, DT / 0.3),
        (node.w_in, 1 / 0.3),
        (node.tau_mem, DT / 0.1),
        (node.r, 1 / 0.1),
        (node.v_threshold, 0.5),
    ):
        assert np.allclose(values, expected, rtol=1e-12)
    cell = spiking(du=0.3).first.cell
    assert np.allclose(node.v_leak, cell.bias.detach() / 0.1)
    assert np.allclose(graph.nodes["first.cell.inputs"].weight, cell.inputs.weight.detach())


@pytest.mark.parametrize("options", [{}, {"du": 0.3}, {"du": 0.3, "dv": 1.0}, {"dv": 0.0}])
def test_there_and_back_again_all_spikes_are_the_same(options):
    model = spiking(**options)
    graph = ltc2neuro.to_nir(model, DT, X)
    y = answers(model)
    assert y.std() > 0.05
    assert np.allclose(answers(back(graph)), y, rtol=0, atol=1e-6)


def test_a_network_and_its_file_write_the_same_graph(tmp_path):
    model = spiking()
    net = ltc2neuro.compile(model, X)
    net.save(tmp_path / "m.l2n")
    graphs = [ltc2neuro.to_nir(m, DT, *x) for m, *x in ((model, X), (net,), (ltc2neuro.load(tmp_path / "m.l2n"),))]
    for graph in graphs[1:]:
        assert graph.edges == graphs[0].edges and [*graph.nodes] == [*graphs[0].nodes]
        assert np.array_equal(graph.nodes["first.cell.inputs"].weight, graphs[0].nodes["first.cell.inputs"].weight)


def test_the_file_of_a_graph_is_read_as_the_graph(tmp_path):
    graph = ltc2neuro.to_nir(spiking(), DT, X)
    nir.write(tmp_path / "g.nir", graph)
    assert np.array_equal(answers(back(tmp_path / "g.nir")), answers(back(graph)))


class OwnCell(torch.nn.Module):
    """A neuron as users write it: products instead of where, >= instead of >, itself among its inputs."""

    state_size = (4, 4)

    def __init__(self, reset=0.0, subtracts=False):
        super().__init__()
        self.inputs, self.back = torch.nn.Linear(3, 4), torch.nn.Linear(4, 4)
        self.reset, self.subtracts = reset, subtracts

    def forward(self, x, state):
        v, z = state
        v = 0.8 * v + self.inputs(x) + self.back(z)
        z = (v >= 0.4).to(v.dtype)
        v = v - 0.4 * z if self.subtracts else v * (1 - z) + self.reset * z
        return z, (v, z)


@pytest.mark.parametrize("reset", [0.0, -0.25])
def test_an_own_cell_that_hears_itself(reset):
    torch.manual_seed(0)
    model = Recurrent(OwnCell(reset))
    graph = ltc2neuro.to_nir(model, DT, X)
    assert sorted(type(node).__name__ for node in graph.nodes.values()) == [
        "Affine",
        "Input",
        "LIF",
        "Linear",
        "Output",
    ]
    y = answers(model)
    assert 0.05 < y.mean() < 0.95
    assert np.array_equal(answers(back(graph)), y)


class Integrators(torch.nn.Module):
    """Means of several speeds, one after the other, without spikes; the first is heard by the output, too."""

    state_size = (2, 2)

    def forward(self, x, state):
        u, v = state
        u = 0.75 * u + x[:, :2]
        v = 0.5 * v + 0.25 * u
        return torch.cat([u, v], -1), (u, v)


def test_leaky_integrators_between_linear_maps():
    model = Recurrent(Integrators())
    graph = ltc2neuro.to_nir(model, DT, X)
    assert np.allclose(answers(back(graph)), answers(model), atol=1e-5)


class Late(torch.nn.Module):
    """The output is what the neurons spiked a sample ago: no cycle hands it on."""

    state_size = (3, 3)

    def forward(self, x, state):
        v, z = state
        v = 0.5 * v + x
        return z, (torch.where(v > 1, 0.0, v), (v > 1).to(v.dtype))


class Potential(Late):
    def forward(self, x, state):
        v = 0.5 * state[0] + x
        return v, (torch.where(v > 1, 0.0, v), v)


class Growing(Late):
    state_size = (3,)

    def forward(self, x, state):
        state = state * torch.tensor([1.0, 0.5, 0.9]) + x
        return state, state


REFUSED = {
    "LTC": (lambda: LTC(3, 4), "no solver that takes several steps"),
    "CfC": (lambda: CfC(3, 4), "no products"),
    "gates": (lambda: LiquidLIF(3, 4), "reset where their potential is above a number"),
    "subtraction": (lambda: Recurrent(OwnCell(subtracts=True)), "reset by subtraction"),
    "late": (lambda: Recurrent(Late()), "must close a cycle"),
    "potentials": (lambda: Recurrent(Potential()), "the spikes of a neuron, not its potential"),
    "half a leak": (lambda: Recurrent(Growing()), "all of a node leak or none"),
    "ReLU": (
        lambda: torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU()),
        "no minimum and maximum, and no ReLU",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.filterwarnings("ignore")
def test_what_nir_cannot_say(what):
    make, message = REFUSED[what]
    torch.manual_seed(0)
    with pytest.raises(InputError, match=message) as caught:
        ltc2neuro.to_nir(make(), DT, X)
    assert caught.value.advice


def test_subtraction_on_the_way_in_is_not_written_either():
    """What `from_nir` read with reset="subtract" has no NIR of its own."""
    ones = np.ones(3)
    graph = nir.NIRGraph.from_list(nir.LIF(ones, ones, 0 * ones, ones))
    model = ltc2neuro.from_nir(graph, 0.1, reset="subtract")
    with pytest.raises(InputError, match="reset by subtraction"):
        ltc2neuro.to_nir(model, 0.1, X)


def test_a_module_needs_samples():
    with pytest.raises(InputError, match="traced on samples"):
        ltc2neuro.to_nir(spiking(), DT)


def test_time_spans_are_refused():
    torch.manual_seed(0)
    net = ltc2neuro.compile(CfC(3, 4), X, timespans=np.ones(X.shape[:2]))
    with pytest.raises(InputError, match="no time spans"):
        ltc2neuro.to_nir(net, DT)


def test_the_examples_of_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for example in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(example, "docs/nir.md", "exec"), names)
    assert isinstance(names["again"], torch.nn.Module)
