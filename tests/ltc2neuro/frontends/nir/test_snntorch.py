"""Models of snntorch by way of NIR: the same spikes, and the traps of its writer."""

import pytest
import torch

import ltc2neuro
from ltc2neuro.errors import InputError
from ltc2neuro.nn import LIF, Recurrent

snntorch = pytest.importorskip("snntorch")
export = pytest.importorskip("snntorch.export_nir").export_to_nir

pytestmark = pytest.mark.filterwarnings("ignore:nirtorch.extract_nir_graph:DeprecationWarning")

STEP = 1e-4
"""snntorch's writer has this dt in s, whatever the model"""
X = 6 * torch.rand(4, 60, 5, generator=torch.Generator().manual_seed(0))


def model(**reset):
    """Two layers of neurons. A scalar beta beside a threshold of another shape fails in nir, and a scalar cannot be
    written to a file, so each has one number a neuron."""
    torch.manual_seed(1)

    def leaky(beta, threshold, size):
        beta, threshold = torch.full((size,), beta), torch.full((size,), threshold)
        return snntorch.Leaky(beta=beta, threshold=threshold, init_hidden=True, **reset)

    return torch.nn.Sequential(torch.nn.Linear(5, 8), leaky(0.9, 1.0, 8), torch.nn.Linear(8, 3), leaky(0.8, 0.3, 3))


def recurrent(**options):
    torch.manual_seed(1)
    layer = snntorch.RLeaky(beta=0.9, init_hidden=True, linear_features=8, **options)
    return torch.nn.Sequential(torch.nn.Linear(5, 8), layer)


def graph_of(net):
    """With the batch's axis left out of the shapes: otherwise snntorch fails on its own graph."""
    return export(net, X[:1, 0], ignore_dims=[0])


def spikes(net, x=X):
    """What snntorch computes, (batch, time, features)."""
    for layer in net:
        if hasattr(layer, "reset_mem"):
            layer.reset_mem()
    with torch.no_grad():
        return torch.stack([net(x_t) for x_t in x.unbind(1)], 1)


def equal(net, **options):
    """The share of spikes that are the same here."""
    graph, theirs = graph_of(net), spikes(net)
    assert 0.05 < theirs.mean() < 0.95
    with torch.no_grad():
        ours, _ = ltc2neuro.from_nir(graph, STEP, **options)(X)
    return (ours == theirs).float().mean().item()


def test_reset_to_zero():
    assert equal(model(reset_mechanism="zero"), reset="value") == 1


def test_the_default_reset_is_written_as_another_so_it_is_asked_for():
    with pytest.raises(InputError, match="does not say how its neurons are reset") as caught:
        ltc2neuro.from_nir(graph_of(model()), STEP)
    assert 'reset="subtract"' in caught.value.advice and 'reset="value"' in caught.value.advice
    assert equal(model(), reset="subtract") == 1
    assert equal(model(), reset="value") < 0.9


def test_a_graph_that_is_not_of_snntorch_is_not_asked_about():
    graph = graph_of(model())
    graph.nodes["1"].v_leak = graph.nodes["1"].v_leak + 0.1
    graph.nodes["3"].r = graph.nodes["3"].r * 2
    ltc2neuro.from_nir(graph, STEP)


def test_recurrent_layers_lose_the_input_after_a_spike_unless_they_reset_at_once():
    """RLeaky's default sets the whole next potential to zero, input included: not what NIR says, nor Leaky does."""
    assert equal(recurrent(reset_mechanism="zero", reset_delay=False), reset="value") == 1
    assert equal(recurrent(reset_mechanism="zero"), reset="value") < 1
    assert equal(recurrent(), reset="subtract") == 1


@pytest.mark.parametrize(
    ("reset", "options"),
    [
        ("value", {"reset_mechanism": "none"}),
        ("value", {"reset_mechanism": "zero", "inhibition": True}),
        ("value", {"reset_mechanism": "zero", "graded_spikes_factor": 2.0}),
        ("subtract", {"reset_delay": False}),
    ],
)
def test_what_else_it_does_not_write(reset, options):
    assert equal(model(**options), reset=reset) < 1


def test_a_potential_that_does_not_leak_has_no_time_constant():
    layer = snntorch.Leaky(beta=torch.ones(8), threshold=torch.ones(8), init_hidden=True)
    with pytest.raises(InputError, match="not finite") as caught:
        ltc2neuro.from_nir(graph_of(torch.nn.Sequential(torch.nn.Linear(5, 8), layer)), STEP, reset="value")
    assert caught.value.where == "node 1" and "I and IF" in caught.value.advice


def test_other_layers_with_a_reset_at_once():
    """Second-order neurons, and recurrence one to one."""
    torch.manual_seed(1)
    shape = {"threshold": torch.full((8,), 3.0), "init_hidden": True, "reset_delay": False, "reset_mechanism": "zero"}
    second = snntorch.Synaptic(alpha=torch.full((8,), 0.5), beta=torch.full((8,), 0.9), **shape)
    single = snntorch.RLeaky(beta=0.9, V=torch.full((8,), 0.3), all_to_all=False, **shape)
    for layer in (second, single):
        assert equal(torch.nn.Sequential(torch.nn.Linear(5, 8), layer), reset="value") == 1


def test_images():
    """A flattened axis is counted without the batch, as NIR has it."""
    torch.manual_seed(0)
    eight, four = (torch.full(shape, 0.9) for shape in ((2, 8, 8), (4,)))
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3, padding=1),
        snntorch.Leaky(beta=eight, threshold=0.5 * eight, init_hidden=True, reset_mechanism="zero"),
        torch.nn.AvgPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(32, 4),
        snntorch.Leaky(beta=four, threshold=0.2 * four, init_hidden=True, reset_mechanism="zero"),
    )
    with torch.no_grad():
        for layer in (net[0], net[4]):
            layer.weight.abs_()
            layer.bias.fill_(-0.4)
    x = torch.rand(2, 30, 1, 8, 8)
    graph, theirs = export(net, x[:1, 0], ignore_dims=[0]), spikes(net, x)
    assert 0.05 < theirs.mean() < 0.95
    with torch.no_grad():
        assert torch.equal(ltc2neuro.from_nir(graph, STEP, reset="value")(x)[0], theirs)


def test_an_unknown_layer_is_refused():
    net = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.Tanh())
    with pytest.raises((InputError, AttributeError)):  # nir's own check falls over it first
        ltc2neuro.from_nir(graph_of(net), STEP)


def there(model, graph=None):
    """The share of spikes that are the same in snntorch."""
    net = pytest.importorskip("snntorch.import_nir").import_from_nir(graph or ltc2neuro.to_nir(model, STEP, X.numpy()))
    state, theirs = None, []
    with torch.no_grad():
        ours, _ = model(X)
        for x in X.unbind(1):
            y, state = net(x, state)
            theirs.append(y)
    assert 0.05 < ours.mean() < 0.95
    return (torch.stack(theirs, 1) == ours).float().mean().item()


@pytest.mark.parametrize("du", [1.0, 0.3])
def test_our_neurons_in_snntorch(du):
    """At its own dt; it refuses others' gains of currents, and takes one threshold a layer."""
    torch.manual_seed(0)
    assert there(LIF(5, 8, du=du, vth=0.5)) == 1


class HearsItself(torch.nn.Module):
    """Neurons that hear their own spikes, once or twice, and those of others that they feed."""

    state_size = (6, 6, 4, 4)

    def __init__(self, twice=False, others=False, reset=0.0, keep=0.8):
        super().__init__()
        torch.manual_seed(0)
        self.inputs, self.own, self.again = (torch.nn.Linear(n, 6) for n in (5, 6, 6))
        self.onward, self.back = torch.nn.Linear(6, 4), torch.nn.Linear(4, 6)
        self.twice, self.others, self.reset, self.keep = twice, others, reset, torch.as_tensor(keep)

    def forward(self, x, state):
        v, z, w, y = state
        v = self.keep * v + self.inputs(x) + self.own(z)
        v = v + self.again(z) if self.twice else v
        v = v + self.back(y) if self.others else v
        z = (v > 0.4).to(v.dtype)
        w = 0.8 * w + self.onward(z)
        y = (w > 0.4).to(v.dtype)
        return y if self.others else z, (v * (1 - z) + self.reset * z, z, w * (1 - y), y)


@pytest.mark.parametrize("loops", [{}, {"twice": True}, {"others": True}])
@pytest.mark.parametrize("by_file", [False, True])
def test_our_neurons_that_hear_themselves_in_snntorch(loops, by_file, tmp_path):
    """In a graph of their own, as it writes them; it reads the input of others wrongly."""
    nir, model = pytest.importorskip("nir"), Recurrent(HearsItself(**loops))
    graph = ltc2neuro.to_nir(model, STEP, X.numpy())
    if by_file:
        nir.write(tmp_path / "g.nir", graph)
        graph = nir.read(tmp_path / "g.nir")
    assert there(model, graph) == 1


def test_it_hands_the_input_of_a_loop_in_the_open_to_the_loop_s_weights():
    model = Recurrent(HearsItself())
    graph = ltc2neuro.to_nir(model, STEP, X.numpy())
    loop = graph.nodes.pop("cell.inputs.lif").nodes
    graph.nodes |= {name: loop[name] for name in ("lif", "w_rec")}
    graph.edges = [("input", "cell.inputs"), ("cell.inputs", "lif"), ("lif", "output")]
    graph.edges += [("lif", "w_rec"), ("w_rec", "lif")]
    with torch.no_grad():
        assert torch.equal(ltc2neuro.from_nir(graph, STEP)(X)[0], model(X)[0])
    assert there(model, graph) < 0.9


def test_a_file_in_another_order_goes_by_way_of_a_graph_of_ours(tmp_path):
    """Of a loop that its order meets too early snntorch fails."""
    nir = pytest.importorskip("nir")
    later = torch.nn.Sequential(torch.nn.Linear(6, 5), Recurrent(HearsItself()))
    model = torch.nn.Sequential(Layers(z=Recurrent(HearsItself()), a=later))
    nir.write(tmp_path / "g.nir", ltc2neuro.to_nir(model, STEP, X.numpy()))
    with pytest.raises(AttributeError):
        there(model, nir.read(tmp_path / "g.nir"))
    again = ltc2neuro.to_nir(ltc2neuro.from_nir(tmp_path / "g.nir", STEP), STEP)
    assert there(model, again) == 1


class Layers(torch.nn.Module):
    """Two layers by these names."""

    def __init__(self, z, a):
        super().__init__()
        self.z, self.a = z, a

    def forward(self, x):
        return self.a(3 * self.z(x)[0])


@pytest.mark.parametrize("options", [{"keep": torch.linspace(0.3, 0.9, 6)}, {"reset": -1.0}])
def test_what_it_takes_for_another(options):
    """It scales the threshold of a layer by what it finds for one neuron, and sets potentials to 0."""
    assert there(Recurrent(HearsItself(**options))) < 0.98


def test_what_we_write_is_not_asked_about():
    """It looks like a graph of snntorch's, but says how its neurons are reset."""
    layer = LIF(5, 8, du=0.3)
    ltc2neuro.from_nir(ltc2neuro.to_nir(layer, STEP, X.numpy()), STEP)
