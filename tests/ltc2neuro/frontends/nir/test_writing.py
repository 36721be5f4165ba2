"""Spiking networks as NIR graphs: there and back again, and what NIR cannot say."""

import re
import subprocess
import sys
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
    assert list(graph.nodes) == ["input", "cell.inputs", "cell.inputs.lif", "output"]
    loop = graph.nodes["cell.inputs.lif"]
    assert [type(node).__name__ for node in loop.nodes.values()] == ["Input", "LIF", "Linear", "Output"]
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


def image_graph(*nodes, shape):
    return nir.NIRGraph.from_list(nir.Input(np.array(shape)), *nodes, nir.Output(np.array([1])), type_check=False)


RNG = np.random.default_rng(1)
IMAGES = {
    "2d": nir.Conv2d((6, 7), RNG.normal(size=(2, 4, 2, 3)), (2, 1), (1, 2), (1, 1), 1, RNG.normal(size=2)),
    "2d dilated": nir.Conv2d((6, 7), RNG.normal(size=(3, 4, 3, 2)), (1, 2), (2, 0), (2, 3), 1, np.zeros(3)),
    "2d groups": nir.Conv2d((6, 7), RNG.normal(size=(6, 2, 3, 3)), (1, 1), (1, 1), (1, 1), 2, RNG.normal(size=6)),
    "2d with zeros": nir.Conv2d(
        (6, 7), RNG.normal(size=(2, 4, 3, 3)) * (RNG.random((2, 4, 3, 3)) < 0.8), (1, 1), (1, 1), (1, 1), 1, np.zeros(2)
    ),
    "1d": nir.Conv1d(9, RNG.normal(size=(2, 4, 3)), 2, 1, 1, 1, RNG.normal(size=2)),
    "mean": nir.AvgPool2d(np.array([2, 3]), np.array([2, 1]), np.array([0, 1])),
    "sum": nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_convolutions_are_found_again(kind):
    """In the matrices that they have become; a step of Euler is one neuron a place."""
    node, shape = IMAGES[kind], (4, 9) if kind == "1d" else (4, 6, 7)
    x = RNG.normal(size=(2, 9, *shape))
    model = ltc2neuro.from_nir(image_graph(node, shape=shape), DT)
    graph = ltc2neuro.to_nir(model, DT, x)
    (found,) = (n for n in graph.nodes.values() if not isinstance(n, (nir.Input, nir.Output)))
    assert type(found) is type(node)
    for name in ("kernel_size", "stride", "padding", "dilation", "groups"):
        assert np.array_equal(getattr(found, name, None), getattr(node, name, None)), name
    for name in ("weight", "bias"):
        if hasattr(node, name):
            assert np.allclose(getattr(found, name), getattr(node, name), rtol=1e-6)
    assert graph.nodes["input"].input_type["input"].tolist() == list(shape)
    assert np.allclose(answers(back(graph), x), answers(model, x), atol=1e-5)


class Seeing(torch.nn.Module):
    """Images, (batch, time, channels, height, width), through a convolution to neurons."""

    def __init__(self):
        super().__init__()
        self.conv, self.pool = torch.nn.Conv2d(2, 4, 3, padding=1), torch.nn.AvgPool2d(2)
        self.lif = LIF(4 * 4 * 3, 5, vth=0.1)

    def forward(self, x):
        y = self.pool(self.conv(x.flatten(0, 1))).flatten(1)
        return self.lif(y.unflatten(0, x.shape[:2]))[0]


@pytest.mark.parametrize("size", [(8, 6), (40, 6)])
def test_images_of_a_module(size):
    """Small convolutions are matrices here, large ones kernels at places; both are convolutions in the graph."""
    torch.manual_seed(0)
    model, x = Seeing(), RNG.normal(size=(2, 30, 2, *size))
    model.lif = LIF(size[0] * size[1], 5, vth=0.1)
    graph = ltc2neuro.to_nir(model, DT, x)
    assert [type(node).__name__ for node in graph.nodes.values()] == [
        "Input", "Conv2d", "AvgPool2d", "Flatten", "Affine", "LIF", "Output",
    ]  # fmt: skip
    y = answers(model, x)
    assert 0.05 < y.mean() < 0.95
    assert np.array_equal(answers(back(graph), x), y)


def test_neurons_of_images_that_hear_themselves():
    """The convolution on the way back keeps the shape; what is behind it is flat."""
    kernel, shape = RNG.normal(size=(2, 2, 3, 3)), (2, 5, 4)
    ones = np.ones(shape)
    nodes = {
        "input": nir.Input(np.array(shape)),
        "lif": nir.LIF(5 * DT * ones, 2 * ones, 0 * ones, ones, 0 * ones),
        "around": nir.Conv2d((5, 4), kernel, 1, 1, 1, 1, np.zeros(2)),
        "flatten": nir.Flatten(None, 0, -1),
        "out": nir.Linear(RNG.normal(size=(3, 40))),
        "output": nir.Output(np.array([3])),
    }
    edges = [("input", "lif"), ("lif", "around"), ("around", "lif"), ("lif", "flatten"), ("flatten", "out")]
    model = ltc2neuro.from_nir(nir.NIRGraph(nodes, [*edges, ("out", "output")], type_check=False), DT)
    x = 3 * RNG.normal(size=(2, 30, *shape))
    graph = ltc2neuro.to_nir(model, DT, x)
    kinds = {name: type(node).__name__ for name, node in graph.nodes.items()}
    assert kinds["around"] == "Conv2d" and kinds["out"] == "Linear" and "Flatten" in kinds.values()
    assert graph.nodes["lif"].r.shape == shape
    assert np.allclose(answers(back(graph), x), answers(model, x), atol=1e-5)


class Late(torch.nn.Module):
    """The output is what the neurons spiked a sample ago: no cycle hands it on."""

    state_size = (3, 3)

    def forward(self, x, state):
        v, z = state
        v = 0.5 * v + x
        return z, (torch.where(v > 1, 0.0, v), (v > 1).to(v.dtype))


class Older(torch.nn.Module):
    """A mean of the sample and, by weights, of itself: a cycle without neurons; what it was two samples ago."""

    state_size = (3, 3)

    def __init__(self):
        super().__init__()
        self.back = torch.nn.Linear(3, 3, bias=False)

    def forward(self, x, state):
        one, two = state
        return two, (0.5 * x + 0.5 * self.back(one), one)


class Offset(Late):
    """The same with a constant; one neuron hears nothing."""

    def forward(self, x, state):
        v, z = state
        v = 0.5 * v + x * torch.tensor([1.0, 0.0, 2.0])
        return z + 0.5, (torch.where(v > 1, 0.0, v), (v > 1).to(v.dtype))


@pytest.mark.parametrize("cell", [Late, Older, Offset])
def test_what_is_handed_on_outside_a_cycle_of_neurons_is_delayed(cell):
    torch.manual_seed(0)
    model = Recurrent(cell())
    graph = ltc2neuro.to_nir(model, DT, X)
    assert all(np.all(node.delay == DT) for node in graph.nodes.values() if isinstance(node, nir.Delay))
    assert "Delay" in {type(node).__name__ for node in graph.nodes.values()}
    y = answers(model)
    assert y.std() > 0.05
    assert np.allclose(answers(back(graph)), y, atol=1e-6)


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


def test_a_module_whose_first_layer_tells_its_features_needs_no_samples():
    for model in (spiking(), Recurrent(OwnCell()), back(ltc2neuro.to_nir(spiking(), DT))):
        assert ltc2neuro.to_nir(model, DT).edges == ltc2neuro.to_nir(model, DT, X).edges
    with pytest.raises(InputError, match="traced on samples"):
        ltc2neuro.to_nir(Recurrent(Late()), DT)


def test_a_saved_network_is_written_without_torch(tmp_path):
    ltc2neuro.compile(spiking(), X).save(tmp_path / "m.l2n")
    code = f"""
import sys
sys.modules.update(torch=None, ncps=None)
import ltc2neuro
print(len(ltc2neuro.to_nir(ltc2neuro.load({str(tmp_path / "m.l2n")!r}), 0.01).nodes))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.stdout == "7\n", run.stderr


class Tokens(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rows, self.lif = torch.nn.Embedding(7, 3), LIF(3, 4, vth=0.2)

    def forward(self, x):
        return self.lif(self.rows(x))[0]


class Two(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lif = LIF(5, 4, vth=0.2)

    def forward(self, x, u):
        return self.lif(torch.cat([x, u], -1))[0]


@pytest.mark.parametrize(
    ("model", "x", "message"),
    [(Tokens, RNG.integers(0, 7, (3, 20)), "no tokens"), (Two, (X, X[..., :2]), "several inputs")],
)
def test_one_input_of_real_numbers(model, x, message):
    torch.manual_seed(0)
    model = model()
    for written, *samples in ((model, x), (ltc2neuro.compile(model, x),)):
        with pytest.raises(InputError, match=message):
            ltc2neuro.to_nir(written, DT, *samples)


def test_a_path_is_no_network():
    with pytest.raises(InputError, match="Module is expected") as caught:
        ltc2neuro.to_nir("net.l2n", DT)
    assert "load" in caught.value.advice


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
