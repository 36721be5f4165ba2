"""NIR graphs as torch modules: each kind of node against its equation, cycles, files, and what is refused."""

import numpy as np
import pytest
import torch

import ltc2neuro
from ltc2neuro.errors import InputError

nir = pytest.importorskip("nir")

DT = 0.1
RNG = np.random.default_rng(0)
TAU, SYN = RNG.uniform(0.3, 2, 4), RNG.uniform(0.2, 1, 4)
R, LEAK = RNG.uniform(0.5, 2, 4), RNG.uniform(-0.2, 0.2, 4)
HIGH, RESET = RNG.uniform(0.2, 0.4, 4), RNG.uniform(-0.2, 0, 4)
W_IN = RNG.uniform(1, 2, 4)
X = RNG.uniform(-1, 2, (3, 40, 4))


def graph(*nodes, shape=(4,), out=(4,)):
    return nir.NIRGraph.from_list(nir.Input(np.array(shape)), *nodes, nir.Output(np.array(out)), type_check=False)


def answer(model, x=X):
    """What a module of float64 answers, as an array."""
    y = model.double()(torch.from_numpy(x))
    return (y[0] if isinstance(y, tuple) else y).detach().numpy()


def euler(x, tau=None, r=R, leak=0.0, high=None, reset=None, syn=None):
    """NIR's equations, one step of Euler a sample, one after the other."""
    outputs = []
    u, v = np.zeros(x[:, 0].shape), np.zeros(x[:, 0].shape)
    for x_t in x.transpose(1, 0, 2):
        u = x_t if syn is None else u + DT / syn * (-u + W_IN * x_t)
        v = v + (DT * r * u if tau is None else DT / tau * ((leak - v) + r * u))
        fired = v > (np.inf if high is None else high)
        outputs.append(v if high is None else fired.astype(float))
        if high is not None:
            v = np.where(fired, reset, v)
    return np.stack(outputs, 1)


NEURONS = {
    "I": (nir.I(R), {}),
    "IF": (nir.IF(R, HIGH, RESET), {"high": HIGH, "reset": RESET}),
    "LI": (nir.LI(TAU, R, LEAK), {"tau": TAU, "leak": LEAK}),
    "LIF": (nir.LIF(TAU, R, LEAK, HIGH, RESET), {"tau": TAU, "leak": LEAK, "high": HIGH, "reset": RESET}),
    "CubaLI": (nir.CubaLI(SYN, TAU, R, LEAK, W_IN), {"tau": TAU, "leak": LEAK, "syn": SYN}),
    "CubaLIF": (
        nir.CubaLIF(SYN, TAU, R, LEAK, HIGH, RESET, W_IN),
        {"tau": TAU, "leak": LEAK, "high": HIGH, "reset": RESET, "syn": SYN},
    ),
}


@pytest.mark.parametrize("kind", NEURONS)
def test_neurons_are_a_step_of_euler(kind):
    node, parameters = NEURONS[kind]
    expected, found = euler(X, **parameters), answer(ltc2neuro.from_nir(graph(node), DT))
    if "high" in parameters:
        assert 0.05 < expected.mean() < 0.95
        assert np.array_equal(found, expected)
    else:
        assert np.allclose(found, expected, rtol=1e-5, atol=1e-6)  # constants of the module are float32


WEIGHT, BIAS = RNG.normal(size=(3, 4)), RNG.normal(size=3)
KERNEL, LINE = RNG.normal(size=(2, 3, 2, 3)), RNG.normal(size=(2, 3, 3))
IMAGES, LINES = RNG.normal(size=(2, 5, 3, 6, 7)), RNG.normal(size=(2, 5, 3, 8))


def torch_of(function, x, *args, **options):
    """What a function of torch makes of each sample."""
    y = function(torch.from_numpy(x).flatten(0, 1), *args, **options)
    return y.unflatten(0, x.shape[:2]).numpy()


F = torch.nn.functional
STATELESS = {
    "Linear": (nir.Linear(WEIGHT), X, X @ WEIGHT.T),
    "Affine": (nir.Affine(WEIGHT, BIAS), X, X @ WEIGHT.T + BIAS),
    "Scale": (nir.Scale(R), X, X * R),
    "Threshold": (nir.Threshold(HIGH), X, (X > HIGH).astype(float)),
    "Conv1d": (
        nir.Conv1d(8, LINE, 2, 1, 1, 1, BIAS[:2]),
        LINES,
        torch_of(F.conv1d, LINES, torch.from_numpy(LINE), torch.from_numpy(BIAS[:2]), 2, 1),
    ),
    "Conv2d": (
        nir.Conv2d((6, 7), KERNEL, (2, 1), (1, 2), 1, 1, BIAS[:2]),
        IMAGES,
        torch_of(F.conv2d, IMAGES, torch.from_numpy(KERNEL), torch.from_numpy(BIAS[:2]), (2, 1), (1, 2)),
    ),
    "Conv2d same": (
        nir.Conv2d((6, 7), KERNEL[:, :, :1], 1, "same", 1, 1, BIAS[:2]),
        IMAGES,
        torch_of(F.conv2d, IMAGES, torch.from_numpy(KERNEL[:, :, :1]), torch.from_numpy(BIAS[:2]), 1, "same"),
    ),
    "Conv2d groups": (
        nir.Conv2d((6, 7), KERNEL[:, :1].repeat(3, 0)[:3], 1, 0, 2, 3, BIAS),
        IMAGES,
        torch_of(
            F.conv2d, IMAGES, torch.from_numpy(KERNEL[:, :1].repeat(3, 0)[:3]), torch.from_numpy(BIAS), 1, 0, 2, 3
        ),
    ),
    "AvgPool2d": (
        nir.AvgPool2d(np.array([2, 3]), np.array([2, 2]), np.array([0, 1])),
        IMAGES,
        torch_of(F.avg_pool2d, IMAGES, (2, 3), (2, 2), (0, 1)),
    ),
    "SumPool2d": (
        nir.SumPool2d(np.array([2, 3]), np.array([2, 2]), np.array([0, 1])),
        IMAGES,
        torch_of(F.avg_pool2d, IMAGES, (2, 3), (2, 2), (0, 1)) * 6,
    ),
    "Flatten": (nir.Flatten(np.array([3, 6, 7]), 0, -1), IMAGES, IMAGES.reshape(2, 5, -1)),
}


@pytest.mark.parametrize("kind", STATELESS)
def test_other_nodes_are_torchs(kind):
    """Samples have the shape of the input, or are flat."""
    node, x, expected = STATELESS[kind]
    model = ltc2neuro.from_nir(graph(node, shape=x.shape[2:], out=(1,)), DT)
    found = answer(model, x)
    assert found.shape == expected.shape
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert np.array_equal(answer(model, x.reshape(*x.shape[:2], -1)), found)


def images():
    kernel = RNG.normal(size=(2, 3, 3, 3))
    return graph(
        nir.Conv2d((6, 7), kernel, 1, 1, 1, 1, np.zeros(2)),
        nir.IF(np.full((2, 6, 7), 2.0), np.full((2, 6, 7), 1.0)),
        nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        nir.Flatten(None, 0, -1),
        nir.Linear(RNG.normal(size=(4, 18))),
        nir.LI(np.full(4, 0.5), np.ones(4), np.zeros(4)),
        shape=(3, 6, 7),
    )


def test_a_graph_of_images_compiles():
    x = RNG.normal(size=(4, 20, 3, 6, 7))
    model = ltc2neuro.from_nir(images(), DT)
    with pytest.warns(UserWarning, match="may grow"):
        net = ltc2neuro.compile(model, x)
    assert [state.name for state in net.graph.states] == ["if.v", "li.v"]
    assert np.abs(net.run(x, on="floating").outputs - answer(model, x)).max() < 0.05


def recurrent(bias=None):
    """Neurons that hear themselves, by way of a subgraph, as snntorch writes it."""
    back = nir.Linear(np.eye(4)[::-1] * 2) if bias is None else nir.Affine(np.eye(4)[::-1] * 2, bias)
    inner = nir.NIRGraph(
        {"in": nir.Input(np.array([4])), "lif": NEURONS["LIF"][0], "w": back, "out": nir.Output(np.array([4]))},
        [("w", "lif"), ("lif", "out"), ("lif", "w"), ("in", "lif")],
        type_check=False,
    )
    return graph(inner)


@pytest.mark.parametrize("bias", [None, np.full(4, 0.7)])
def test_a_cycle_hands_on_the_spikes_of_a_sample_ago(bias):
    """Weights on the way back read them, so that their bias is there at the first sample, too."""
    model = ltc2neuro.from_nir(recurrent(bias), DT)
    names = {state.name for state in model.cell.states}
    assert len(names) == 2 and {name.rsplit(".", 1)[1] for name in names} == {"v", "last"}
    v, spikes, expected = np.zeros((3, 4)), np.zeros((3, 4)), []
    for x_t in X.transpose(1, 0, 2):
        x_t = x_t + 2 * spikes[:, ::-1] + (0 if bias is None else bias)
        v = v + DT / TAU * ((LEAK - v) + R * x_t)
        spikes = (v > HIGH).astype(float)
        v = np.where(v > HIGH, RESET, v)
        expected.append(spikes)
    assert 0.05 < np.mean(expected) < 0.95
    assert np.array_equal(answer(model), np.stack(expected, 1))


def test_a_cycle_over_two_populations_has_one_delay():
    """From the input on: the first neurons, the second ones in the same sample, and back to the first in the next."""
    one = np.ones(1)
    lif = {name: nir.IF(one, one * 0.5) for name in ("a", "b")}
    nodes = {
        "input": nir.Input(np.array([1])),
        **lif,
        "back": nir.Linear(-one[None]),
        "output": nir.Output(np.array([1])),
    }
    edges = [("back", "a"), ("b", "back"), ("a", "b"), ("input", "a"), ("b", "output")]
    model = ltc2neuro.from_nir(nir.NIRGraph(nodes, edges, type_check=False), 1.0)
    assert model.cell.state_names == ("a.v", "b.v", "b.last")
    assert answer(model, np.ones((1, 6, 1))).ravel().tolist() == [1, 0, 1, 0, 1, 0]


def test_a_graph_computes_the_same_in_whatever_order_it_is_written(tmp_path):
    """A file has its nodes by their names; where a cycle can be entered at two of them, one must be taken."""
    nodes = {
        "input": nir.Input(np.array([4])),
        "z": NEURONS["LIF"][0],
        "a": NEURONS["CubaLIF"][0],
        "output": nir.Output(np.array([4])),
    }
    edges = [("input", "z"), ("input", "a"), ("z", "a"), ("a", "z"), ("z", "output")]
    expected = answer(ltc2neuro.from_nir(nir.NIRGraph(nodes, edges, type_check=False), DT))
    turned = nir.NIRGraph(dict(reversed(nodes.items())), edges[::-1], type_check=False)
    nir.write(tmp_path / "g.nir", turned)
    for again in (turned, tmp_path / "g.nir"):
        assert np.array_equal(answer(ltc2neuro.from_nir(again, DT)), expected)


@pytest.mark.parametrize("samples", [0, 1, 3])
def test_a_delay_is_of_whole_samples(samples):
    g = graph(nir.Affine(np.eye(4), np.ones(4)), nir.Delay(np.full(4, samples * DT)), nir.Scale(R))
    expected = np.zeros(X.shape)
    expected[:, samples:] = (X[:, : X.shape[1] - samples] + 1) * R
    assert np.allclose(answer(ltc2neuro.from_nir(g, DT)), expected, atol=1e-6)


def test_a_delay_of_the_input():
    model = ltc2neuro.from_nir(graph(nir.Delay(np.full(4, DT))), DT)
    assert np.array_equal(answer(model)[:, 1:], X[:, :-1]) and not answer(model)[:, 0].any()


def test_a_delay_in_a_cycle_is_its_only_one():
    """A running sum, without neurons."""
    nodes = {"input": nir.Input(np.array([1])), "sum": nir.Scale(np.ones(1)), "delay": nir.Delay(np.full(1, DT))}
    edges = [("input", "sum"), ("sum", "delay"), ("delay", "sum"), ("sum", "output")]
    model = ltc2neuro.from_nir(
        nir.NIRGraph({**nodes, "output": nir.Output(np.array([1]))}, edges, type_check=False), DT
    )
    assert answer(model, np.ones((1, 5, 1))).ravel().tolist() == [1, 2, 3, 4, 5]
    assert model.cell.state_names == ("sum.last",)


def test_several_edges_into_a_node_add_up():
    nodes = {"input": nir.Input(np.array([4])), "scale": nir.Scale(R), "output": nir.Output(np.array([4]))}
    edges = [("input", "scale"), ("scale", "output"), ("input", "output")]
    assert np.allclose(answer(ltc2neuro.from_nir(nir.NIRGraph(nodes, edges), DT)), X * R + X, atol=1e-6)


def test_a_file_reads_as_its_graph(tmp_path):
    g = graph(nir.Linear(WEIGHT), nir.LIF(TAU[:3], R[:3], LEAK[:3], HIGH[:3], RESET[:3]), out=(3,))
    nir.write(tmp_path / "g.nir", g)
    assert np.array_equal(answer(ltc2neuro.from_nir(tmp_path / "g.nir", DT)), answer(ltc2neuro.from_nir(g, DT)))


def test_a_graph_compiles_to_the_same_spikes():
    """Without a leak, and with whole weights, which the chip holds exactly."""
    g = graph(nir.Linear(2.0 * RNG.integers(-12, 20, (4, 4))), nir.IF(np.full(4, 2.0), np.full(4, 31.0)))
    model, x = ltc2neuro.from_nir(g, 0.5), RNG.integers(0, 4, (3, 30, 4)).astype(float)
    with pytest.warns(UserWarning, match=r"if\.v may grow"):
        spikes = ltc2neuro.compile(model, x)(x)
    assert 0.1 < spikes.mean() < 0.9
    assert np.array_equal(spikes, answer(model, x))


def edge_to_nowhere():
    g = graph(nir.Linear(WEIGHT), out=(3,))
    g.edges.append(("linear", "elsewhere"))
    return g


def second_output():
    g = graph(nir.Linear(WEIGHT), out=(3,))
    g.nodes["more"] = nir.Output(np.array([3]))
    return g


def unreached():
    g = graph(nir.Linear(WEIGHT), out=(3,))
    g.nodes["alone"] = NEURONS["LIF"][0]
    return g


REFUSED = {
    "no graph": (lambda: 3, "graph must be a NIR graph"),
    "a delay": (lambda: graph(nir.Delay(TAU)), "not a whole number of time steps"),
    "an unknown module": (lambda: nir.NIRGraph({"x": None}, [], type_check=False), "writer did not know"),
    "a slow step": (lambda: graph(nir.LI(TAU / 10, R, LEAK)), "time constant is shorter than the time step"),
    "a slow synapse": (lambda: graph(nir.CubaLI(SYN / 10, TAU, R, LEAK)), "time constant is shorter"),
    "wrong sizes": (lambda: graph(nir.Linear(WEIGHT.T)), "cannot take its input"),
    "other parameters": (lambda: graph(nir.Linear(WEIGHT), nir.I(R)), "parameters of a node do not fit"),
    "not finite": (lambda: graph(nir.I(R * np.nan)), "not finite"),
    "no way": (edge_to_nowhere, "ends nowhere"),
    "two outputs": (second_output, "one Output"),
    "not connected": (unreached, "not reached from the input"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    make, message = REFUSED[what]
    with pytest.raises(InputError, match=message) as caught:
        ltc2neuro.from_nir(make(), DT)
    if what == "a slow step":
        assert "dt=1" in caught.value.advice and caught.value.where == "node li"


@pytest.mark.parametrize("dt", [0, -1.0, float("nan"), "1 ms", None])
def test_the_time_step_is_a_positive_number(dt):
    with pytest.raises(InputError, match="dt must be"):
        ltc2neuro.from_nir(graph(NEURONS["LI"][0]), dt)


def test_the_time_step_is_asked_for():
    with pytest.raises(TypeError, match="dt"):
        ltc2neuro.from_nir(graph(NEURONS["LI"][0]))  # type: ignore[call-arg]


def test_files_that_are_none(tmp_path):
    path = tmp_path / "x.nir"
    with pytest.raises(InputError, match="no such file"):
        ltc2neuro.from_nir(path, DT)
    path.write_bytes(b"not HDF5")
    with pytest.raises(InputError, match="not a NIR file"):
        ltc2neuro.from_nir(path, DT)
