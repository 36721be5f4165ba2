"""A state that keeps nearly all of itself becomes a small step from where it is."""

import numpy as np
import pytest

from compiler.graph.ops import Add, StateRead
from compiler.interpreters.float64 import run_float
from compiler.rewrite import simplify

torch = pytest.importorskip("torch", reason="tracing needs the extra torch")
from ltc2neuro.nn import LIF, Recurrent  # noqa: E402
from ltc2neuro.tracing import trace  # noqa: E402

X = np.random.default_rng(0).normal(size=(2, 12, 1))


class Leak(torch.nn.Module):
    state_size = 2

    def __init__(self, form):
        super().__init__()
        self.form = form
        self.k = torch.nn.Parameter(torch.tensor([0.9999, 0.99]))

    def forward(self, x, v):
        return self.form(self.k, x, v)


FORMS = {
    "k*v + (1-k)*x": lambda k, x, v: k * v + (1 - k) * x,
    "(1-k)*x + k*v": lambda k, x, v: (1 - k) * x + k * v,
    "k*v + x": lambda k, x, v: k * v + x,
    "k*v + (1-k)*x - 0.1": lambda k, x, v: k * v + (1 - k) * x - 0.1,
    "v - (1-k)*v + x": lambda k, x, v: v - (1 - k) * v + x,
    "v + (x-v)/tau": lambda k, x, v: v + (x - v) / (1 / (1 - k)),
}


def _state_plus_step(graph):
    """Whether what a state becomes is the state and a step."""
    reads = {op.out for _, op in graph.ops() if isinstance(op, StateRead)}
    return any(isinstance(op, Add) and op.a in reads for _, op in graph.ops())


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_slow_leak_is_a_step_and_the_same_function(form):
    traced = trace(Recurrent(Leak(form)).eval(), list(X)).graph
    simple, _ = simplify(traced)
    assert _state_plus_step(simple)
    np.testing.assert_allclose(run_float(simple, X).outputs, run_float(traced, X).outputs, rtol=0, atol=1e-12)


def test_one_slow_neuron_is_enough():
    layer = Leak(FORMS["k*v + x"])
    with torch.no_grad():
        layer.k[1] = 0.5
    assert _state_plus_step(simplify(trace(Recurrent(layer).eval(), list(X)).graph)[0])


def test_the_leak_of_a_spiking_neuron_too():
    simple, _ = simplify(trace(LIF(1, 3, dv=1e-3).eval(), list(X)).graph)
    assert _state_plus_step(simple)


def test_a_fast_leak_stays_one_product():
    simple, _ = simplify(trace(LIF(1, 3, dv=0.1).eval(), list(X)).graph)
    assert not _state_plus_step(simple)
