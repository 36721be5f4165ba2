"""Every kind of ncps LTC becomes a graph that computes what torch computes, and keeps its proven bound."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from layer_agreement import drifting, executors_agree

pytest.importorskip("ncps", reason="ncps is not installed")
from ncps.torch import LTC, LTCCell
from ncps.wirings import NCP, AutoNCP, FullyConnected, Random
from torch import nn

from compiler.graph.ops import StateWrite
from compiler.interpreters.float64 import run_float
from ltc2neuro.nn import Recurrent
from ltc2neuro.tracing import run_torch, trace
from ltc2neuro.tracing.layers.ncps import hull

torch.set_num_threads(1)

WIRINGS = {
    "units": lambda: 7,
    "full": lambda: FullyConnected(6, 3),
    "random": lambda: Random(9, 4, sparsity_level=0.8),
    "auto": lambda: AutoNCP(10, 2),
    "ncp": lambda: NCP(4, 3, 2, 3, 2, 2, 2),
}


def sequences(features, lengths=(9, 9, 4), scale=2.0, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, features)) * scale for n in lengths]


def agrees(model, traced, features):
    """On data that the proof did not see."""
    x = sequences(features, seed=1)
    tolerance = 1e-10 if next(model.parameters()).dtype == torch.float64 else 1e-5
    for sequence, expected in zip(x, run_torch(model, x, traced), strict=True):
        y = run_float(traced.graph, sequence[None]).outputs[0].reshape(-1, *traced.step_shape)
        y = y if traced.readout == "every" else y[-1]
        assert y.shape == expected.shape
        assert np.max(np.abs(y - expected)) <= tolerance * max(1.0, np.max(np.abs(expected)))


def scrambled(model, seed, constraints=True):
    """Weights as training may leave them: signed reversals and slopes, conductances from 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "mask" not in name:
                p.add_(torch.randn(p.shape, generator=generator, dtype=p.dtype) * (0.5 + p.abs()))
    for cell in model.modules():
        if isinstance(cell, LTCCell) and constraints:
            cell.apply_weight_constraints()
            if not cell._implicit_param_constraints:
                with torch.no_grad():
                    cell.gleak.clamp_(min=0.05)
    return model


@settings(deadline=None, max_examples=5)
@example("units", 1, "affine", "affine", 6, True, True, True, False, 1.0, 1)
@example("full", 5, "linear", "linear", 1, False, False, True, True, 0.25, 2)
@example("random", 3, None, None, 3, True, True, False, True, 3.0, 3)
@example("auto", 2, "typo", "none", 8, False, False, False, False, 1.0, 4)
@example("ncp", 4, "affine", None, 2, True, True, True, True, 0.25, 5)
@example("ncp", 3, None, "affine", 4, False, False, True, False, 3.0, 6)
@given(
    wiring=st.sampled_from(sorted(WIRINGS)),
    features=st.integers(1, 5),
    input_mapping=st.sampled_from(["affine", "linear", None, "typo"]),
    output_mapping=st.sampled_from(["affine", "linear", None, "none"]),
    unfolds=st.integers(1, 8),
    implicit=st.booleans(),
    sequences_out=st.booleans(),
    batch_first=st.booleans(),
    double=st.booleans(),
    dt=st.sampled_from([1.0, 0.25, 3.0]),
    seed=st.integers(0, 1000),
)
def test_any_ltc(
    wiring, features, input_mapping, output_mapping, unfolds, implicit, sequences_out, batch_first, double, dt, seed
):
    torch.manual_seed(seed)
    model = LTC(
        features,
        WIRINGS[wiring](),
        return_sequences=sequences_out,
        batch_first=batch_first,
        input_mapping=input_mapping,
        output_mapping=output_mapping,
        ode_unfolds=unfolds,
        implicit_param_constraints=implicit,
    )
    model = scrambled(model.double() if double else model, seed)
    traced = trace(model, sequences(features), dt=dt)
    agrees(model, traced, features)
    assert traced.readout == ("every" if sequences_out else "last")
    assert traced.time_first == (not batch_first)
    assert traced.step_shape == (model.motor_size,)
    assert [b.repeat for b in traced.graph.blocks] == [1, unfolds, 1]


@settings(deadline=None, max_examples=40)
@given(
    wiring=st.sampled_from(sorted(WIRINGS)),
    implicit=st.booleans(),
    scale=st.sampled_from([0.1, 3.0, 1e3, 1e6]),
    elapsed=st.sampled_from([1e-3, 1.0, 1e4]),
    seed=st.integers(0, 1000),
)
def test_the_bound_of_the_state_holds(wiring, implicit, scale, elapsed, seed):
    torch.manual_seed(seed)
    model = scrambled(LTC(3, WIRINGS[wiring](), implicit_param_constraints=implicit).double(), seed)
    cell = model.rnn_cell
    v = torch.randn(16, cell.state_size, dtype=torch.float64)
    starts = [hull(cell, row.numpy()) for row in v]
    low, high = np.stack([s[0] for s in starts]), np.stack([s[1] for s in starts])
    with torch.no_grad():
        for _ in range(20):
            _, v = cell(torch.randn(16, 3, dtype=torch.float64) * scale, v, elapsed)
            slack = 1e-12 * (1 + np.abs(low) + np.abs(high))
            assert np.all(v.numpy() >= low - slack) and np.all(v.numpy() <= high + slack)


def test_the_bound_leaves_dead_synapses_out():
    model = LTC(2, AutoNCP(8, 2))
    cell = model.rnn_cell
    with torch.no_grad():
        cell.erev[cell.sparsity_mask == 0] = 100.0
        cell.sensory_erev[cell.sensory_sparsity_mask == 0] = -100.0
    state = trace(model, sequences(2)).graph.states[0]
    graph = trace(model, sequences(2)).graph
    assert state.low is not None and state.high is not None
    assert np.min(graph.constants[state.low]) == -1 and np.max(graph.constants[state.high]) == 1


def test_the_issues_example_has_one_op_per_step_of_the_equation():
    graph = trace(LTC(8, AutoNCP(19, 1)), sequences(8)).graph
    assert [s.name for s in graph.states] == ["v"]
    assert sum(len(b.ops) for b in graph.blocks) <= 40
    assert "softplus(rnn_cell.w)" in graph.constants


def test_values_and_constants_speak_the_users_names():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = LTC(3, AutoNCP(8, 2))
            self.head = torch.nn.Linear(2, 4)

        def forward(self, x):
            y, _ = self.rnn(x)
            logits = self.head(y) * 2
            return logits

    traced = trace(Net(), sequences(3))
    graph = traced.graph
    assert [s.name for s in graph.states] == ["rnn.v"]
    assert {"softplus(rnn.rnn_cell.w)", "head.weight", "rnn.rnn_cell.erev"} <= set(graph.constants)
    assert {"rnn.numerator", "rnn.denominator", "head.linear", "logits"} <= set(graph.values)
    assert graph.values["logits"].lines[0].startswith("test_trace_ltc.py:")
    assert graph.values["rnn.numerator"].modules == ("rnn",)
    assert graph.values["rnn.numerator"].lines[0].startswith("test_trace_ltc.py:")


def test_a_layer_called_twice_has_two_states():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = LTC(4, 4)

        def forward(self, x):
            return self.rnn(self.rnn(x)[0])[0]

    model = Net()
    traced = trace(model, sequences(4))
    assert [s.name for s in traced.graph.states] == ["rnn.v", "rnn#2.v"]
    agrees(model, traced, 4)


def test_layers_in_a_row_and_heads_on_the_state():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = LTC(3, AutoNCP(8, 2)), LTC(5, 4)
            self.head = torch.nn.Linear(4, 2)

        def forward(self, x):
            _, hx = self.b(torch.cat([x, self.a(x)[0]], -1))
            return self.head(hx)

    model = scrambled(Net(), 3)
    traced = trace(model, sequences(3))
    assert traced.readout == "last"
    agrees(model, traced, 3)


def test_a_cell_under_recurrent_is_the_same_solver():
    torch.manual_seed(0)
    wiring = AutoNCP(10, 2)
    model = Recurrent(LTCCell(wiring, 3, ode_unfolds=4))
    traced = trace(model, sequences(3), dt=0.5)
    agrees(model, traced, 3)
    assert [b.repeat for b in traced.graph.blocks] == [1, 4, 1]
    assert traced.graph.states[0].name == "v" and traced.graph.states[0].low is not None


def test_a_constant_initial_state():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = LTC(3, 5)
            self.start = torch.nn.Parameter(torch.linspace(-3, 3, 5))

        def forward(self, x):
            return self.rnn(x, self.start.expand(x.shape[0], -1))[0]

    model = Net()
    traced = trace(model, sequences(3))
    agrees(model, traced, 3)
    state = traced.graph.states[0]
    assert np.array_equal(traced.graph.constants[state.initial], np.linspace(-3, 3, 5).astype(np.float32))
    assert state.low is not None and traced.graph.constants[state.low][0] == -3


@pytest.mark.parametrize("zero", [("cm",), ("gleak",), ("cm", "gleak")])
def test_neurons_without_memory_or_leak_are_valid(zero):
    model = LTC(3, FullyConnected(5, 2), implicit_param_constraints=False)
    with torch.no_grad():
        for name in zero:
            getattr(model.rnn_cell, name)[1] = 0.0
    agrees(model, trace(model, sequences(3)), 3)


def test_each_sub_step_writes_the_state_once():
    graph = trace(LTC(3, 4), sequences(3)).graph
    writes = [(b.name, op) for b, op in graph.ops() if isinstance(op, StateWrite)]
    assert len(writes) == 1 and writes[0][0] == graph.blocks[1].name


class Gated(nn.Module):
    """A user's cell with an LTCCell inside."""

    def __init__(self, timed):
        super().__init__()
        self.gate, self.cell, self.timed = nn.Linear(3, 3), LTCCell(AutoNCP(7, 2), 3), timed
        self.state_size = 7

    def forward(self, x, v, elapsed=1.0):
        y, v = self.cell(torch.sigmoid(self.gate(x)) * x, v, elapsed if self.timed else 0.5)
        return y * 2, v


@pytest.mark.parametrize("timed", [False, True])
def test_a_cell_within_a_cell(timed):
    torch.manual_seed(0)
    model = Recurrent(Gated(timed))
    traced = trace(model, sequences(3), dt=0.3)
    agrees(model, traced, 3)
    assert [b.repeat for b in traced.graph.blocks].count(6) == 1 and [s.size for s in traced.graph.states] == [7]
    assert executors_agree(model, drifting(3)) > 40
