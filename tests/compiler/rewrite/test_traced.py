"""The rewrites on graphs that the tracer makes of torch models."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.graph.graph import Graph
from compiler.graph.ops import Apply
from compiler.interpreters.float64 import run_float
from compiler.rewrite import simplify

torch = pytest.importorskip("torch", reason="tracing needs the extra torch")
pytest.importorskip("ncps", reason="tracing needs the extra torch")

from ncps.torch import LTC  # noqa: E402
from ncps.wirings import AutoNCP, FullyConnected, Random  # noqa: E402

from ltc2neuro.tracing import trace  # noqa: E402

torch.set_num_threads(1)


def traced(model: "torch.nn.Module", features: int, seed: int) -> tuple[Graph, Graph]:
    """The raw and the simplified graph, checked to be the same function."""
    x = np.random.default_rng(seed).normal(size=(2, 5, features))
    raw = trace(model, list(x)).graph
    graph, _ = simplify(raw)
    a, b = run_float(raw, x), run_float(graph, x)
    assert np.allclose(a.outputs, b.outputs, rtol=0, atol=1e-11)
    for name, states in a.states.items():
        assert np.allclose(states, b.states[name], rtol=0, atol=1e-11)
    return raw, graph


def synapses(graph: Graph) -> list[tuple[int, int]]:
    """Repeat count of the block, and size, of each population of synapses."""
    return [(b.repeat, graph.size(op.out)) for b, op in graph.ops() if isinstance(op, Apply)]


def test_auto_ncp_has_exactly_its_wired_synapses() -> None:
    torch.manual_seed(0)
    wiring = AutoNCP(19, 1)
    model = LTC(8, wiring)
    _, graph = traced(model, 8, 0)
    assert (wiring.synapse_count, wiring.sensory_synapse_count) == (47, 40)
    assert synapses(graph) == [(1, 40), (6, 47)]
    host = graph.entry
    output = graph.answer
    assert np.allclose(graph.constants[host.scale], model.rnn_cell.input_w.detach())
    assert np.allclose(graph.constants[output.offset], model.rnn_cell.output_b.detach())
    assert [t.state for t in graph.time_constants] == [s.name for s in graph.states]


@settings(deadline=None, max_examples=15)
@given(
    seed=st.integers(0, 1000),
    units=st.integers(3, 7),
    inputs=st.integers(1, 4),
    unfolds=st.sampled_from([1, 3]),
    mapping=st.sampled_from(["affine", "linear", "none"]),
    kind=st.sampled_from(["full", "random", "units"]),
)
def test_wirings_and_mappings(seed: int, units: int, inputs: int, unfolds: int, mapping: str, kind: str) -> None:
    torch.manual_seed(seed)
    wiring = {"full": FullyConnected(units, 2, self_connections=False), "random": Random(units, 2, 0.5), "units": units}
    model = LTC(inputs, wiring[kind], input_mapping=mapping, output_mapping=mapping, ode_unfolds=unfolds)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += 0.1 * torch.randn_like(parameter)
    _, graph = traced(model, inputs, seed)
    assert len(graph.time_constants) == 1


class Stack(torch.nn.Module):
    """Two LTCs with layers between and around them, a parallel branch and a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.first = LTC(4, AutoNCP(9, 2))
        self.between = torch.nn.Linear(2, 3)
        self.second = LTC(3, 4)
        self.gate = torch.nn.Linear(4, 4)
        self.head = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Linear(5, 4))

    def forward(self, x: "torch.Tensor") -> "torch.Tensor":
        x = (x - 0.2) / 1.5
        y = torch.tanh(self.between(self.first(x)[0]))
        z = self.second(y)[0]
        q = torch.sigmoid(self.gate(x))
        return self.head(z * (1.0 - q) + torch.tanh(z) * q) + x


def test_a_whole_model() -> None:
    torch.manual_seed(1)
    _, graph = traced(Stack(), 4, 1)
    assert [t.state for t in graph.time_constants] == ["first.v", "second.v"]
    assert sorted(b.repeat for b in graph.blocks) == [1, 1, 1, 6, 6]
