"""Time spans: the time before each sample is one more channel of the graph's input. Rows are compared one by one."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from layer_agreement import drifting, scrambled, sequences

pytest.importorskip("ncps", reason="ncps is not installed")
from ncps.torch import LTC, CfC, LTCCell
from ncps.wirings import AutoNCP, FullyConnected
from torch import nn

from compiler.interpreters.float64 import run_float
from compiler.interpreters.reference import run_reference
from compiler.mapping import map_network
from compiler.quantize.precision import precision_for
from compiler.quantize.to_integers import quantize
from compiler.rewrite import simplify
from compiler.simulator.machine import Machine
from hw_models.chip import load_chip
from hw_models.errors import InputError, TraceError
from ltc2neuro.nn import Recurrent, repeat
from ltc2neuro.tracing import run_torch, trace


def spans(lengths=(9, 9, 5), seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    return [scale * np.exp(rng.uniform(np.log(0.1), np.log(3.0), n)) for n in lengths]


def agrees(model, features, scale=1.0):
    """The float graph, raw and simplified, on data that the proof did not see; returns the simplified one."""
    traced = trace(model, sequences(features), timespans=spans(scale=scale))
    graph, _ = simplify(traced.graph)
    x, t = sequences(features, seed=1), spans(seed=1, scale=scale)
    tolerance = 1e-10 if next(model.parameters()).dtype == torch.float64 else 1e-5
    answers = run_torch(model, x, traced, timespans=t)
    assert traced.timed
    for sequence, elapsed, expected in zip(x, t, answers, strict=True):
        joined = np.concatenate([sequence, elapsed[:, None]], 1)
        with torch.no_grad():  # what torch says, without this project's loop
            tensor = torch.from_numpy(sequence).to(next(model.parameters()).dtype)[None]
            elapsed_tensor = torch.from_numpy(elapsed).to(tensor.dtype)[None]
            if traced.time_first:
                tensor, elapsed_tensor = tensor.transpose(0, 1), elapsed_tensor.T
            result = model(tensor, timespans=elapsed_tensor)
            alone = result[0] if isinstance(result, tuple) else result
            alone = (alone.transpose(0, 1) if traced.output_time_first else alone)[0].numpy()
        for each in (traced.graph, graph):
            y = run_float(each, joined[None]).outputs[0].reshape(-1, *traced.step_shape)
            y = y if traced.readout == "every" else y[-1]
            bound = tolerance * max(1.0, np.max(np.abs(expected)))
            assert np.max(np.abs(y - expected)) <= bound and np.max(np.abs(y - alone)) <= bound
    return graph


@settings(deadline=None, max_examples=3)
@example(True, False, True, 6, True, True, 1)
@example(False, True, False, 2, False, False, 2)
@example(True, True, True, 1, False, False, 3)
@example(False, False, False, 3, True, True, 4)
@given(
    wired=st.booleans(),
    mixed=st.booleans(),
    batch_first=st.booleans(),
    unfolds=st.integers(1, 6),
    sequences_out=st.booleans(),
    double=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_ltc(wired, mixed, batch_first, unfolds, sequences_out, double, seed):
    torch.manual_seed(seed)
    model = LTC(
        3, AutoNCP(8, 2) if wired else 3, return_sequences=sequences_out, batch_first=batch_first,
        mixed_memory=mixed, ode_unfolds=unfolds,
    )  # fmt: skip
    model = scrambled(model, seed, 0.1)
    graph = agrees(model.double() if double and not mixed else model, 3)
    (mark,) = graph.time_constants
    assert mark.state == "v" and mark.repeat == unfolds
    assert mark.keep in graph.values and mark.total in graph.values  # the increment form, with a k that changes


@settings(deadline=None, max_examples=3)
@example("default", True, False, True, 1)
@example("default", False, True, False, 2)
@example("no_gate", True, True, True, 3)
@example("no_gate", False, False, False, 4)
@example("pure", False, True, True, 5)
@example("pure", True, False, False, 6)
@given(
    mode=st.sampled_from(["default", "no_gate", "pure"]),
    wired=st.booleans(),
    mixed=st.booleans(),
    batch_first=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_cfc(mode, wired, mixed, batch_first, seed):
    torch.manual_seed(seed)
    units = AutoNCP(8, 2) if wired else 3  # as many units as rows: where ncps 1.0.1 is silently wrong
    model = CfC(3, units, batch_first=batch_first, mixed_memory=mixed, mode=mode, backbone_units=None if wired else 5)
    graph = agrees(scrambled(model, seed), 3)
    assert all(s.low is not None for s in graph.states if not s.name.startswith("c"))


def test_ncps_confuses_rows_and_units_and_we_do_not():
    torch.manual_seed(0)
    model = CfC(3, 4)
    x, t = torch.randn(4, 6, 3), torch.rand(4, 6) + 0.1
    together = model(x, timespans=t)[0].detach()
    ours = run_torch(model, list(x.numpy()), timespans=list(t.numpy()))
    alone = [model(x[n : n + 1], timespans=t[n : n + 1])[0].detach()[0] for n in range(4)]
    assert all(np.allclose(mine, one, atol=1e-6) for mine, one in zip(ours, alone, strict=True))
    assert not np.allclose(np.stack(ours), together, atol=1e-3)


class Relaxing(nn.Module):
    """A cell of one's own: the time is its third argument."""

    def __init__(self):
        super().__init__()
        self.map, self.hidden_size = nn.Linear(3 + 4, 4), 4

    def forward(self, x, h, elapsed):
        target = torch.tanh(self.map(torch.cat([x, h], -1)))
        return repeat(lambda v: v + elapsed / 8 * (target - v), h, 2)


class Net(nn.Module):
    """Two layers, of which one is given the time."""

    def __init__(self, first, second):
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x, timespans):
        return self.second(self.first(x, timespans=timespans)[0])[0]


@pytest.mark.parametrize("cell", [Relaxing, lambda: LTCCell(FullyConnected(4, 4), 3)])
def test_cells_under_recurrent(cell):
    torch.manual_seed(0)
    agrees(Recurrent(cell()), 3)
    agrees(Net(Recurrent(cell()), nn.LSTM(4, 2, batch_first=True)), 3)


def test_other_units_of_time():
    torch.manual_seed(0)
    model = LTC(3, AutoNCP(8, 2))
    graph = agrees(model, 3, scale=1e3)
    assert graph.time_constants


@pytest.mark.parametrize(
    ("make", "unit", "floor"),
    [
        (lambda: LTC(3, AutoNCP(12, 2)), 1.0, 60),
        (lambda: LTC(3, AutoNCP(12, 2)), 1e3, 45),
        (lambda: LTC(3, 6, mixed_memory=True), 1.0, 50),
        (lambda: CfC(3, 12, backbone_units=16), 1.0, 40),
        (lambda: CfC(3, 12, backbone_units=16, mode="no_gate"), 1.0, 33),
        (lambda: CfC(3, 12, backbone_units=16, mode="pure"), 1.0, 50),
        (lambda: CfC(3, AutoNCP(12, 2)), 1.0, 45),
        (lambda: Recurrent(Relaxing()), 0.3, 45),
    ],
    ids=["ltc", "ltc in ms", "ltc mixed", "cfc", "no gate", "pure", "wired", "own cell"],
)
def test_integers(make, unit, floor):
    torch.manual_seed(0)
    model, chip = make(), load_chip("loihi2")
    x = drifting(3)
    t = np.stack(spans([x.shape[1]] * len(x), scale=unit))
    joined = np.concatenate([x, t[:, :, None]], axis=2)
    graph, _ = simplify(trace(model, list(x), timespans=list(t)).graph)
    integers = quantize(graph, list(joined), chip, precision_for(chip, None))
    entering, _ = integers.input_format.quantize(integers.input_map(joined))
    run = run_reference(integers, entering)
    machine = Machine(map_network(integers, chip), lanes=len(x))
    found = machine.run(entering)
    assert np.array_equal(found, run.outputs)
    y = integers.output_map(run.outputs * 2.0**-integers.output_fraction)
    exact = run_float(graph, joined).outputs
    assert 10 * np.log10(np.sum(exact**2) / np.sum((y - exact) ** 2)) >= floor
    for mark in integers.time_constants:
        keep, total = (integers.values[n].format for n in (mark.keep, mark.total))
        assert keep.fraction == total.fraction


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (lambda: spans((9, 9)), "each sequence needs"),
        (lambda: spans((9, 9, 4)), "wrong shape"),
        (lambda: [-np.ones(9), *spans((9, 5))], "below 0"),
        (lambda: [np.full(9, np.nan), *spans((9, 5))], "below 0"),
    ],
)
def test_wrong_time_spans(given, what):
    with pytest.raises(InputError, match=what):
        trace(LTC(3, 4), sequences(3), timespans=given())


def test_a_model_that_takes_no_time_spans():
    with pytest.raises(TraceError, match="LSTM takes no time spans") as caught:
        trace(nn.LSTM(3, 4, batch_first=True), sequences(3), timespans=spans())
    assert "timespans" in caught.value.advice and "input, hx" in caught.value.numbers


def test_a_cell_that_knows_no_time():
    with pytest.raises(TraceError, match="takes no elapsed time"):
        trace(Recurrent(nn.GRUCell(3, 4)), sequences(3), timespans=spans())


def test_constant_time_spans_are_a_dt():
    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = LTC(3, 4)

        def forward(self, x):
            return self.rnn(x, timespans=torch.full(x.shape[:2], 0.5))[0]

    with pytest.raises(TraceError, match="constant time spans") as caught:
        trace(Constant(), sequences(3))
    assert "dt=" in caught.value.advice


class OwnTime(nn.Module):
    """A model that has the time before each sample among its features."""

    def __init__(self, rnn):
        super().__init__()
        self.rnn = rnn

    def forward(self, x):
        return self.rnn(x[..., :2], timespans=x[..., 2].abs() + 0.1)[0]


@pytest.mark.parametrize("make", [lambda: LTC(2, 4), lambda: CfC(2, 4)])
def test_time_spans_of_a_batch_that_ncps_mixes_up(make):
    layer = make()
    with pytest.raises(TraceError, match="mixes up rows and units") as caught:
        trace(OwnTime(layer), sequences(3))
    assert "test_trace_timespans.py, line" in caught.value.where and "(2, 3)" in caught.value.numbers
    trace(OwnTime(Recurrent(layer.rnn_cell)), sequences(3))
