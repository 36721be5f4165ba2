"""What cannot be compiled is refused, at the user's own line, with advice."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from forwards import Net
from torch import nn

pytest.importorskip("ncps", reason="ncps is not installed")
from ncps.torch import LTC, LTCCell
from ncps.wirings import AutoNCP, FullyConnected

from compiler.steps.orbits import UnsteadyError
from hw_models.errors import InputError, ProofError, TraceError
from ltc2neuro.nn import Recurrent, repeat
from ltc2neuro.tracing import trace

torch.set_num_threads(1)


def sequences(features=4, steps=5):
    return [np.random.default_rng(n).normal(size=(steps, features)) for n in range(3)]


def refused(function, **modules):
    with pytest.raises(TraceError) as caught:
        trace(Net(function, **modules), sequences())
    error = caught.value
    assert error.what and error.advice
    return error


def at_its_line(error, function):
    """The error names this file and the line where the function is written."""
    code = function.__code__
    assert f"{code.co_filename}, line " in error.where
    number = int(error.where.split(", line ")[1].split(":")[0])
    assert code.co_firstlineno <= number <= code.co_firstlineno + 10


MIXING = {
    "mean over all": lambda net, x: x - x.mean(),
    "max of all": lambda net, x: x / x.max(),
    "sum over rows": lambda net, x: x + x.sum(0),
    "flip of time": lambda net, x: x.flip(1),
    "flip of rows": lambda net, x: x.flip(0),
    "softmax over time": lambda net, x: torch.softmax(x, 1),
    "softmax over rows": lambda net, x: torch.softmax(x, 0),
    "second step": lambda net, x: x[:, 1],
    "all but the last step": lambda net, x: x[:, :-1],
    "shift": lambda net, x: x.roll(1, 1),
    "centring over the batch": lambda net, x: x - x.mean(0, keepdim=True),
    "last step beside each": lambda net, x: x + x[:, -1:],
    "steps as features": lambda net, x: net.map(x.flatten(1)),
    "product over features of two steps": lambda net, x: x @ x.transpose(1, 2),
    "linear over time": lambda net, x: functional.linear(x.transpose(1, 2), torch.ones(2, 3)),
    "constants beside the steps": lambda net, x: torch.cat([torch.zeros(2, 1, 4), x], 1),
    "position": lambda net, x: x + torch.arange(x.shape[1])[None, :, None],
    "row number": lambda net, x: x * torch.arange(x.shape[0])[:, None, None],
    "swapped axes": lambda net, x: x.reshape(3, 2, 4) + x.transpose(0, 1),
    "convolution": lambda net, x: net.conv(x.transpose(1, 2)),
}


@pytest.mark.parametrize("name", MIXING)
def test_mixing_rows_or_steps(name):
    error = refused(MIXING[name], map=nn.Linear(12, 2), conv=nn.Conv1d(4, 2, 2))
    at_its_line(error, MIXING[name])


def test_what_no_type_of_numbers_changes_is_looked_for_once():
    """It was recorded in float64, and again in float32."""
    error = refused(lambda net, x: x.cumsum(1)[:, -1] / x.shape[1])
    assert isinstance(error, UnsteadyError) and "a number changes from step to step" in error.what


ESCAPING = {
    "numpy": lambda net, x: torch.from_numpy(x.detach().numpy()),
    "asarray": lambda net, x: torch.from_numpy(np.asarray(x)),
    "tolist": lambda net, x: torch.tensor(x.tolist()),
    "item": lambda net, x: x * x[:, -1].sum(-1).item(),
    "float": lambda net, x: x * float(x),
    "int": lambda net, x: x * int(x),
    "control flow": lambda net, x: x if (x > 0).all() else -x,
    "control flow of one value": lambda net, x: x if x > 0 else -x,
    "builtin max": lambda net, x: max(x, -x),
    "index": lambda net, x: x[x > 0],
    "deepcopy": lambda net, x: copy.deepcopy(x),
    "buffer": lambda net, x: net.buffer.copy_(x),
    "buffer part": lambda net, x: _written(net.buffer, x),
    "cast to int": lambda net, x: x.long().float(),
    "noise": lambda net, x: x + torch.randn(4),
    "noise like it": lambda net, x: x + torch.randn_like(x),
    "dropout that trains": lambda net, x: functional.dropout(x, 0.5),
}


def _written(target, x):
    target[:, :, 0] = x[..., 1]
    return target


def _view_changed(x):
    y = x * 2
    part = y[..., 0]
    part.mul_(3)
    return y


@pytest.mark.parametrize("name", ESCAPING)
def test_results_that_escape(name):
    net = Net(ESCAPING[name])
    net.register_buffer("buffer", torch.zeros(2, 3, 4))
    with pytest.raises(TraceError) as caught:
        trace(net, sequences())
    assert __file__ in caught.value.where and caught.value.advice


@pytest.mark.parametrize(
    "write", [lambda y, x: y.add_(x), lambda y, x: y.__imul__(x), lambda y, x: y.addcmul_(x, x), torch.Tensor.sub_]
)
def test_a_computed_value_does_not_fit_into_a_plain_tensor(write):
    """Nor does it have to: something else stands for the tensor from then on."""
    trace(Net(lambda net, x: write(torch.ones_like(x), x) * 2), sequences())


@pytest.mark.parametrize("function", [lambda net, x: _written(x * 2, x), lambda net, x: _view_changed(x)])
def test_what_is_written_into_a_part_is_in_the_whole(function):
    trace(Net(function), sequences())


UNSUPPORTED = {
    "argmax": lambda net, x: x.argmax(-1),
    "sort": lambda net, x: x.sort(-1)[0],
    "indices of max": lambda net, x: x.max(-1, keepdim=True)[1].float(),
    "indices of max, returned": lambda net, x: (x, x.max(-1)[1]),
    "indices of cummin": lambda net, x: torch.gather(x, -1, x.cummin(-1).indices),
    "low threshold": lambda net, x: functional.softplus(x, threshold=0.5),
    "half": lambda net, x: x.half().float(),
    "bfloat16": lambda net, x: x.to(torch.bfloat16),
    "infinite constant": lambda net, x: x * torch.tensor([1.0, float("inf"), 1.0, 1.0]),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_unsupported_operations(name):
    at_its_line(refused(UNSUPPORTED[name]), UNSUPPORTED[name])


def test_autocast():
    def forward(net, x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return net.map(x)

    error = refused(forward, map=nn.Linear(4, 2))
    assert "half precision" in error.what
    assert error.__suppress_context__ or error.__context__ is None


def test_a_cell_stepped_by_hand():
    def forward(net, x):
        h = torch.zeros(x.shape[0], 5)
        for t in range(x.shape[1]):
            y, h = net.cell(x[:, t], h)
        return y

    trace(Net(forward, cell=LTCCell(FullyConnected(5, 2), 4)), sequences())  # a program in time

    def unbound(net, x):
        h = torch.zeros(x.shape[0], 5)
        for x_t in torch.unbind(x, 1):
            h = torch.tanh(net.cell(x_t) + h)
        return h

    trace(Net(unbound, cell=nn.Linear(4, 5)), sequences())  # a program in time

    def last(net, x):
        return net.cell(x[:, -1], torch.zeros(x.shape[0], 5))[0]

    assert "stepped by hand" in refused(last, cell=LTCCell(FullyConnected(5, 2), 4)).what


def test_a_subclass_of_a_layer():
    class Mine(LTC):
        """One that changes something."""

    assert "subclass" in refused(lambda net, x: net.rnn(x)[0], rnn=Mine(4, 5)).what

    class Twice(Recurrent):
        """A Recurrent that does something else with what its cell returns."""

        def forward(self, x):
            return 2 * super().forward(x)[0]

    assert "Twice is a subclass" in refused(lambda net, x: net.rnn(x), rnn=Twice(nn.RNNCell(4, 5))).what


def test_stale_parameters():
    model = LTC(4, 5)
    model.load_state_dict({k: v * 2 for k, v in model.state_dict().items()}, assign=True)
    with pytest.raises(TraceError, match="not those it shows") as caught:
        trace(model, sequences())
    assert "rnn_cell." in caught.value.where

    import torch.nn.utils.prune as prune

    model = LTC(4, 5)
    prune.l1_unstructured(model.rnn_cell, "w", amount=0.3)
    with pytest.raises(TraceError, match="not those it shows"):
        trace(model, sequences())


@pytest.mark.parametrize("name", ["w", "sensory_w", "cm", "gleak"])
def test_a_negative_conductance(name):
    model = LTC(4, FullyConnected(5), implicit_param_constraints=False)
    with torch.no_grad():
        getattr(model.rnn_cell, name).view(-1)[0] = -0.25
    with pytest.raises(TraceError, match="negative") as caught:
        trace(model, sequences())
    assert f"rnn_cell.{name}" in caught.value.where and "-0.25" in caught.value.numbers


def test_a_masked_negative_weight_is_none():
    model = LTC(4, AutoNCP(8, 2), implicit_param_constraints=False)
    with torch.no_grad():
        model.rnn_cell.w[model.rnn_cell.sparsity_mask == 0] = -5.0
    trace(model, sequences())


def test_a_neuron_that_divides_by_zero():
    model = LTC(4, FullyConnected(5), implicit_param_constraints=False)
    cell = model.rnn_cell
    with torch.no_grad():
        cell.cm[2] = cell.gleak[2] = 0.0
        cell.w[:, 2] = cell.sensory_w[:, 2] = 0.0
    with pytest.raises(TraceError, match="divides by 0") as caught:
        trace(model, sequences())
    assert "neuron 2" in caught.value.where


def test_a_negative_epsilon():
    with pytest.raises(TraceError, match="less than the sum") as caught:
        trace(LTC(4, 5, epsilon=-0.05), sequences())
    assert caught.value.where == "rnn_cell" and "-0.05" in caught.value.numbers


@pytest.mark.parametrize("unfolds", [0, -1, 2.5])
def test_no_whole_number_of_sub_steps(unfolds):
    with pytest.raises(TraceError, match="sub-steps") as caught:
        trace(LTC(4, 5, ode_unfolds=unfolds), sequences())
    assert str(unfolds) in caught.value.numbers and caught.value.advice


def test_weights_that_are_not_finite():
    model = LTC(4, 5)
    with torch.no_grad():
        model.rnn_cell.mu[0, 0] = float("nan")
    with pytest.raises(TraceError, match="not finite") as caught:
        trace(model, sequences())
    assert caught.value.where == "rnn_cell.mu"


@pytest.mark.parametrize("dt", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_step_that_is_none(dt):
    with pytest.raises(InputError, match="dt"):
        trace(LTC(4, 5), sequences(), dt=dt)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    with pytest.raises(TraceError, match="half precision"):
        trace(LTC(4, 5).to(dtype), sequences())


def test_a_lazy_layer_that_never_ran():
    with pytest.raises(TraceError, match="has no weights yet") as caught:
        trace(nn.Sequential(nn.Linear(4, 3), nn.LazyLinear(2)), sequences())
    assert caught.value.where == "1.weight" and "Run the model once" in caught.value.advice


def test_time_spans_and_computed_initial_states():
    assert "time spans" in refused(lambda net, x: net.rnn(x, timespans=torch.ones(2, 3))[0], rnn=LTC(4, 5)).what
    assert "computed state" in refused(lambda net, x: net.rnn(x, x[:, -1])[0], rnn=LTC(4, 4)).what
    rows = lambda net, x: net.rnn(x, torch.arange(8.0).view(2, 4))[0]  # noqa: E731
    assert "a different state in each row" in refused(rows, rnn=LTC(4, 4)).what


@pytest.mark.parametrize(
    ("rnn", "start", "what"),
    [
        (lambda: LTC(4, 6), lambda x: torch.zeros(len(x), 5), "v is (2, 5), expected (2, 6)"),
        (lambda: LTC(4, 6, mixed_memory=True), lambda x: torch.zeros(len(x), 6), "1 given, expected 2"),
        (lambda: LTC(4, 6), lambda x: (torch.zeros(len(x), 6),) * 2, "2 given, expected 1"),
        (lambda: Recurrent(nn.GRUCell(4, 6)), lambda x: torch.zeros(len(x), 6, 1), "expected (2, 6)"),
        (lambda: nn.GRU(4, 6, batch_first=True), lambda x: torch.zeros(len(x), 6), "(2, 6) for 1 layers"),
        (lambda: nn.GRU(4, 6, 2, batch_first=True), lambda x: torch.zeros(1, len(x), 6), "(1, 2, 6) for 2 layers"),
        (lambda: nn.LSTM(4, 6, batch_first=True), lambda x: torch.zeros(1, len(x), 6), "1 given, expected 2"),
    ],
)
def test_states_to_start_from_that_do_not_fit(rnn, start, what):
    forward = lambda net, x: net.rnn(x, start(x))[0]  # noqa: E731
    error = refused(forward, rnn=rnn())
    assert "starts from" in error.what and what in error.numbers
    at_its_line(error, forward)


def test_layers_that_expect_other_axes():
    error = refused(lambda net, x: net.b(net.a(x)[0])[0], a=LTC(4, 4), b=LTC(4, 4, batch_first=False))
    assert "batch_first" in error.advice and "'b'" in error.where
    assert "whole sequences" in refused(lambda net, x: net.a(x[:, -1:])[0], a=LTC(4, 4)).what


def test_repeat_refuses_what_no_block_can_do():
    def leak(net, x):
        inside = []
        v = repeat(lambda v: inside.append(v * 2) or v * 0.5, torch.tanh(x), 3)
        return v + inside[0]

    assert "inside of a repeated step" in refused(leak).what
    nested = lambda net, x: repeat(lambda v: repeat(torch.tanh, v, 2), x, 2)  # noqa: E731
    assert "repeats inside" in refused(nested).what
    assert "shape" in refused(lambda net, x: repeat(lambda v: v[..., :2], x, 2)).what
    assert "does not depend" in refused(lambda net, x: repeat(lambda v: torch.zeros(2, 3, 4), x, 2)).what


def test_results_of_a_wrong_kind():
    assert "not recorded" in refused(lambda net, x: torch.zeros(2, 3, 1)).what
    assert "not recorded" in refused(lambda net, x: {"y": {"z": x}}).what
    assert "neither" in refused(lambda net, x: x.reshape(-1, 4)).what
    assert "neither" in refused(lambda net, x: x[..., :0]).what


def test_a_model_that_fails():
    error = refused(lambda net, x: net.map(x), map=nn.Linear(7, 2))
    assert "(2, 3, 4)" in error.numbers and __file__ in error.where


def test_what_depends_on_the_length_or_the_batch_fails_the_proof():
    for function in (lambda net, x: x / x.shape[1], lambda net, x: x / x.shape[0]):
        with pytest.raises(ProofError, match="differs first") as caught:
            trace(Net(function), sequences(steps=3))
        assert caught.value.numbers and caught.value.advice
        assert f"test_trace_refusals.py:{function.__code__.co_firstlineno}" in caught.value.where


def test_numbers_of_the_trace_in_the_model_fail_the_proof():
    function = lambda net, x: net.map(x.reshape(-1, 4)).reshape(2, 3, 4)  # noqa: E731
    with pytest.raises(ProofError, match="a different shape") as caught:
        trace(Net(function, map=nn.Linear(4, 4)), sequences())
    at_its_line(caught.value, function)


@pytest.mark.parametrize(
    "function",
    [
        lambda net, x: net.rnn(x[:, :40])[0][:, -1],
        lambda net, x: net.rnn(x)[0] * (2 if x.shape[1] > 20 else 1),
    ],
)
def test_a_window_of_a_longer_sequence_fails_the_proof(function):
    """The trace's sequences are shorter than the window."""
    torch.manual_seed(0)
    rnn = nn.LSTM(4, 3, batch_first=True)
    with torch.no_grad():
        rnn.bias_hh_l0[3:6] = 8.0  # it remembers
    x = [np.cumsum(s, axis=0) / 10 for s in sequences(steps=60)]
    with pytest.raises(ProofError, match=r"shape|differs first") as caught:
        trace(Net(function, rnn=rnn), x)
    assert caught.value.numbers and caught.value.advice


@pytest.mark.parametrize(
    "calibration",
    [[], [np.zeros(4)], [np.zeros((0, 4))], [np.zeros((3, 4)), np.zeros((3, 5))], [np.full((3, 4), np.nan)]],
)
def test_a_calibration_of_the_wrong_shape(calibration):
    with pytest.raises(InputError, match="calibration"):
        trace(nn.Linear(4, 2), calibration)


def test_no_module():
    with pytest.raises(InputError, match="Module"):
        trace(lambda x: x, sequences())  # type: ignore[arg-type]
    with pytest.raises(InputError, match="size of its state"):
        Recurrent(nn.Linear(4, 4))


def _packed(net, x):
    packed = nn.utils.rnn.pack_padded_sequence(x, [x.shape[1]] * len(x), batch_first=True)
    return nn.utils.rnn.pad_packed_sequence(net.rnn(packed)[0], batch_first=True)[0]


@pytest.mark.parametrize(
    ("forward", "advice"),
    [
        (lambda net, x: functional.dropout(x), "training=self.training"),
        (lambda net, x: functional.rrelu(x, training=True), "training=self.training"),
        (lambda net, x: net.norm(x.flatten(0, 1)).view_as(x), "track_running_stats"),
        (lambda net, x: net.attention(x, x, x)[0], "Keep running sums"),
        (_packed, "lists of sequences"),
    ],
    ids=["dropout", "rrelu", "batch norm", "attention", "packed"],
)
def test_what_to_do_instead(forward, advice):
    norm, attention = nn.BatchNorm1d(4, track_running_stats=False), nn.MultiheadAttention(4, 2, batch_first=True)
    error = refused(forward, norm=norm, attention=attention, rnn=nn.LSTM(4, 4, batch_first=True))
    assert advice in error.advice
    at_its_line(error, forward)


def test_a_model_that_fails_in_torch_too():
    error = refused(lambda net, x: net.map(x), map=nn.Linear(5, 2))
    assert "mat1 and mat2" in error.numbers and "torch.zeros(2, 3, 4), (batch, time, features)" in error.advice


def test_features_that_are_scattered_go_by_a_matrix():
    places = torch.tensor([2, 0, 3, 1])
    error = refused(lambda net, x: torch.zeros_like(x).scatter(-1, places.expand(x.shape), x))
    assert "m[range(4), places] = 1; x + y @ m" in error.advice
    matrix = torch.eye(4)[places]
    trace(Net(lambda net, x: x + (x @ matrix.to(x.dtype)).tanh()), sequences())
