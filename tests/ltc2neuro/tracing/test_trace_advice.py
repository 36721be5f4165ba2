"""The advice of a refusal works when it is typed; what can compile instead does."""

import numpy as np
import pytest
import torch
from forwards import Net
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

pytest.importorskip("ncps", reason="ncps is not installed")
from ncps.torch import LTC, CfC

import ltc2neuro
from hw_models.errors import InputError, ProofError, TraceError
from ltc2neuro.nn import Recurrent
from ltc2neuro.tracing import trace

torch.set_num_threads(1)

X = np.random.default_rng(0).normal(size=(3, 6, 4))


def refused(model, x=X):
    with pytest.raises(TraceError) as caught:
        trace(model, list(x))
    return caught.value


def compiles(model, x=X):
    """It is proved against torch."""
    return trace(model, list(x))


def test_images_are_taken_as_they_are():
    frames = np.random.default_rng(0).uniform(size=(2, 3, 5, 6, 2))

    def forward(net, x):
        rows, steps = x.shape[:2]
        seen = net.c(x.reshape(rows * steps, 5, 6, 2).permute(0, 3, 1, 2))
        return net.r(seen.flatten(1).view(rows, steps, -1))[0]

    model = Net(forward, c=nn.Conv2d(2, 3, 3), r=nn.GRU(36, 4, batch_first=True))
    assert compiles(model, frames).sample_shape == (5, 6, 2)
    error = refused(model, frames[:, 0])
    assert "x[:, None] makes each a sequence of one" in error.advice


@pytest.mark.parametrize("look_up", [lambda x: x[..., 0].long(), lambda x: (x[..., 0] > 0).long()])
def test_embeddings_are_looked_up_before(look_up):
    embedding, rest = nn.Embedding(9, 4), nn.GRU(4, 5, batch_first=True)
    error = refused(Net(lambda net, x: net.r(net.e(look_up(x)))[0], e=embedding, r=rest))
    assert "compile(rest, embedding(tokens).detach())" in error.advice
    tokens = torch.randint(9, (3, 6))
    compiles(Net(lambda net, x: net.r(x)[0], r=rest), embedding(tokens).detach())


@pytest.mark.parametrize("kind", [lambda: nn.GRU(4, 5, batch_first=True), lambda: CfC(4, 5), lambda: LTC(4, 5)])
@pytest.mark.parametrize("holder", [list, tuple, lambda layers: {0: layers[0]}])
def test_a_layer_that_torch_does_not_know(kind, holder):
    layer = kind()
    model = Net(lambda net, x: net.kept[0](x)[0])
    model.kept = holder([layer])
    error = refused(model)
    assert type(layer).__name__ in error.what and "nn.ModuleList" in error.advice
    compiles(Net(lambda net, x: net.kept[0](x)[0], kept=nn.ModuleList([layer])))


FEATURES = {
    "norm": lambda x: x / (1 + x.norm(dim=-1, keepdim=True)),
    "norm 1": lambda x: torch.norm(x, 1, -1),
    "largest": lambda x: torch.linalg.vector_norm(x, float("inf"), dim=-1, keepdim=True) + x,
    "normalized": lambda x: x / (0.1 + x.norm(dim=-1, keepdim=True)),
    "cumsum": lambda x: x.cumsum(-1),
    "cumsum of an inner axis": lambda x: x.reshape(*x.shape[:2], 2, 2).cumsum(2),
    "prod": lambda x: x.prod(-1),
    "std": lambda x: x / (1 + x.std(-1, keepdim=True)),
    "var": lambda x: x.var(-1, unbiased=False),
    "layer norm": lambda x: nn.functional.layer_norm(x, (4,), torch.linspace(1, 2, 4), torch.ones(4)),
    "rms norm": lambda x: nn.functional.rms_norm(x, (4,), torch.linspace(1, 2, 4)),
    "any": lambda x: (x > 1).any(-1, keepdim=True) * x,
    "all": lambda x: (x > -1).all(-1),
    "baddbmm": lambda x: torch.baddbmm(x[:, -1:], x[:, -1:], torch.eye(4).expand(x.shape[0], 4, 4)),
    "NaN": lambda x: torch.where(torch.isnan(x), torch.zeros_like(x), x),
    "not NaN": lambda x: torch.where(torch.isfinite(x), x, torch.zeros_like(x)),
    "NaN to a number": lambda x: torch.nan_to_num(x),
}


@pytest.mark.parametrize("name", FEATURES)
def test_features_are_joined(name):
    compiles(Net(lambda net, x: FEATURES[name](x)))


@pytest.mark.parametrize("name", ["norm", "normalized", "layer norm", "std", "NaN"])
def test_features_are_joined_in_integers(name):
    x = np.random.default_rng(1).normal(size=(4, 20, 4))
    net = ltc2neuro.compile(Net(lambda net, x: FEATURES[name](x)), x)
    expected = FEATURES[name](torch.tensor(x, dtype=torch.float32)).numpy()
    error = net(x) - expected
    assert 10 * np.log10(expected.var() / np.mean(error**2)) > 40


EINSUMS = {
    "btf,gf->btg": [torch.randn(3, 4)],
    "btf,fz": [torch.randn(4, 3)],
    "...f,gf->...g": [torch.randn(3, 4)],
    "...f,fz": [torch.randn(4, 3)],
    "btf,f->bt": [torch.randn(4)],
    "btf,f->btf": [torch.randn(4)],
    "btf,g->btfg": [torch.randn(3)],
    "btf,fg,gh->bth": [torch.randn(4, 3), torch.randn(3, 2)],
    "btf->bt": [],
}


@pytest.mark.parametrize("equation", EINSUMS)
def test_einsum(equation):
    compiles(Net(lambda net, x: torch.einsum(equation, x, *EINSUMS[equation])))


def test_einsum_of_two_computed_tensors():
    compiles(Net(lambda net, x: torch.einsum("bti,btj->btij", x, torch.tanh(x))))
    compiles(Net(lambda net, x: net.b(x, torch.tanh(x)), b=nn.Bilinear(4, 4, 3)))
    assert "mixes" in refused(Net(lambda net, x: torch.einsum("bif,bjf->bij", x, x))).what


NORMED = {
    "weight norm": lambda layer: parametrizations.weight_norm(layer, "weight_hh_l0"),
    "spectral norm": lambda layer: parametrizations.spectral_norm(layer, "weight_hh_l0"),
    "pruned": lambda layer: prune.l1_unstructured(layer, "weight_hh_l0", 0.5),
}


@pytest.mark.parametrize("how", NORMED)
@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM, nn.RNN])
def test_parametrized_recurrent_layers(kind, how):
    layer = kind(4, 5, batch_first=True)
    NORMED[how](layer)
    compiles(Net(lambda net, x: net.r(x)[0], r=layer))


MADE_PERMANENT = {
    "pruned": (lambda cell: prune.l1_unstructured(cell, "w", 0.3), lambda cell: prune.remove(cell, "w")),
    "weight norm": (
        lambda cell: parametrizations.weight_norm(cell, "w"),
        lambda cell: parametrize.remove_parametrizations(cell, "w"),
    ),
    "assigned": (lambda cell: cell.load_state_dict(dict(cell.state_dict()), assign=True), lambda cell: None),
}


@pytest.mark.parametrize("how", MADE_PERMANENT)
def test_weights_that_ncps_does_not_see(how):
    model = LTC(4, 5)
    cell = model.rnn_cell
    change, remove = MADE_PERMANENT[how]
    change(cell)
    error = refused(model)
    assert "prune.remove" in error.advice and "remove_parametrizations" in error.advice
    remove(cell)
    for name in cell._params:
        cell._params[name] = getattr(cell, name)
    compiles(model)


@pytest.mark.parametrize("kind", [CfC, LTC])
def test_mixed_memory_in_float64(kind):
    model = kind(4, 5, mixed_memory=True).double()
    error = refused(model)
    assert "float64" in error.what and "model.float()" in error.advice
    zeros = lambda x: (x.new_zeros(x.shape[0], 5), x.new_zeros(x.shape[0], 5))  # noqa: E731
    compiles(Net(lambda net, x: net.r(x, zeros(x))[0], r=model))
    compiles(model.float())


class Answers(nn.Module):
    """A cell that is given its own last answer beside the input."""

    state_size = (5, 1)

    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.GRUCell(5, 5), nn.Linear(5, 1)

    def forward(self, x, state):
        h = self.cell(torch.cat([x, state[1]], -1), state[0])
        y = self.head(h)
        return y, (h, y)


def test_an_autoregressive_loop():
    cell = Answers()

    def loop(net, x):
        state, answers = (torch.zeros(x.shape[0], 5), torch.zeros(x.shape[0], 1)), []
        for step in range(x.shape[1]):
            y, state = net.cell(x[:, step], state)
            answers.append(y)
        return torch.stack(answers, 1)

    compiles(Net(loop, cell=cell))
    compiles(Recurrent(cell))


def _until_small(net, x):
    h, answers = x.new_zeros(len(x), 4), []
    for x_t in x.unbind(1):
        h = net.cell(x_t, h)
        while h.abs().max() > 0.5:
            h = 0.5 * h
        answers.append(h)
    return torch.stack(answers, 1)


def _from_the_second(net, x):
    h, answers = net.cell(x[:, 0]), []
    for x_t in x.unbind(1)[1:]:
        h = net.cell(x_t, h)
        answers.append(h)
    return torch.stack(answers, 1)


def _after_a_washout(net, x):
    h, answers = x.new_zeros(len(x), 4), []
    for x_t in x.unbind(1):
        h = net.cell(x_t, h)
        answers.append(h)
    return torch.stack(answers, 1)[:, 10:]


def _noisy(net, x):
    h, answers = x.new_zeros(x.shape[1], 4), []
    for i in range(x.size(0)):
        h = net.cell(x[i], h)
        h = h + 0.1 * torch.randn_like(h)
        answers.append(h)
    return torch.stack(answers)


def _of_rows_alone(net, x):
    return torch.stack([net.cell(x_t) for x_t in x.split(1, 1)], 1)


def _by_itself(net, x):
    y, h, answers = x[:, 0], x.new_zeros(len(x), 4), []
    for _ in range(x.shape[1]):
        y = h = net.cell(y, h)
        answers.append(y)
    return torch.stack(answers, 1)


NO_PROGRAMS = {
    "a loop until a value is small": (_until_small, "goes by a computed value", "while h.abs().max() > 0.5:"),
    "an answer fewer": (_from_the_second, "answers to 1 sample fewer", "h, answers = net.cell(x[:, 0]), []"),
    "a washout": (_after_a_washout, "answers to 10 samples fewer", "x.unbind(1)"),
    "noise, time first": (_noisy, "randn_like is not supported", "torch.randn_like(h)"),
    "what fails in torch": (_of_rows_alone, "fails on a batch of sequences", "x.split(1, 1)"),
    "what goes on by itself": (_by_itself, "made of the first one alone", "y, h, answers = x[:, 0]"),
}


@pytest.mark.parametrize("name", NO_PROGRAMS)
def test_loops_that_are_no_program_say_why_and_where(name):
    forward, what, where = NO_PROGRAMS[name]
    error = refused(Net(forward, cell=nn.GRUCell(4, 4)))
    assert what in error.what and where in error.where


PARTS = {
    "the first": (lambda net, x: net.rnn(x)[0][:, :5].mean(1), "of 53 steps those from 0 to 4,"),
    "the second half": (lambda net, x: net.rnn(x)[0][:, x.shape[1] // 2 :].mean(1), "59 steps those from 29 to 58"),
    "a last quarter": (lambda net, x: net.rnn(x)[0][:, -(x.shape[1] // 4) :].amax(1), "59 steps those from 45 to 58"),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_readout_of_a_part_of_the_steps_says_which(name):
    forward, numbers = PARTS[name]
    with pytest.raises(ProofError) as caught:
        trace(Net(forward, rnn=nn.GRU(4, 3, batch_first=True)), list(X))
    error = caught.value
    assert "a part of the steps" in error.what and numbers in error.numbers and "y[:, -5:]" in error.advice
    assert f"{__file__}, line " in error.where


@torch.jit.script
def guarded(x: torch.Tensor):
    if bool(x.abs().max() > 30):
        x = 0.1 * x
    return x


@torch.jit.script
def fused(x: torch.Tensor, h: torch.Tensor):
    return torch.tanh(x + 0.5 * h)


def test_what_torch_jit_has_made():
    traced = torch.jit.trace(torch.tanh, torch.zeros(2, 3, 4))
    compiles(Net(lambda net, x: traced(fused(x, net.m(x))), m=nn.Linear(4, 4)))
    error = refused(Net(lambda net, x: guarded(x)))
    assert "if bool(x.abs().max() > 30):" in error.where and "torch.where" in error.advice
    linear = nn.Linear(4, 3)
    for module in (torch.jit.script(linear), torch.jit.trace(linear, torch.zeros(2, 3, 4))):
        for model in (module, Net(lambda net, x: net.m(x), m=module), Net(lambda net, x: net.hidden[0](x), module)):
            assert "torch.jit" in refused(model).what
    assert torch.equal(guarded(torch.ones(1, 1)), torch.ones(1, 1))


def test_what_torch_export_has_made():
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh())
    exported = torch.export.export(model, (torch.zeros(5, 7, 4),)).module()
    assert "Python module that was exported" in refused(exported).advice
    compiles(model)


def test_what_nothing_on_the_chip_computes():
    assert "round after" in refused(Net(lambda net, x: x.long().float())).advice
    for function in (lambda x: x.topk(2, -1).values, lambda x: x.sort(-1).values, lambda x: x.argmax(-1)):
        assert "amax" in refused(Net(lambda net, x: function(x))).advice  # noqa: B023
    assert "before the network" in refused(Net(lambda net, x: torch.digamma(x))).advice


def test_a_guard_against_nan():
    def guard(net, x):
        if torch.isnan(x).any():
            raise ValueError("NaN")
        return net.m(x)

    def limited(net, x):
        if (x > 9).any():
            raise ValueError("large")
        return net.m(x)

    assert "refuses what is not finite" in refused(Net(limited, m=nn.Linear(4, 2))).advice
    net = ltc2neuro.compile(Net(guard, m=nn.Linear(4, 2)), X)
    with pytest.raises(InputError, match="not finite"):
        net(np.full((1, 2, 4), np.nan))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_model_writes_into_copies(dtype):
    def doubled(net, x):
        x *= 2
        return net.m(x)

    model = Net(doubled, m=nn.Linear(4, 2)).to(dtype)
    x = torch.tensor(X, dtype=dtype)
    before = x.clone()
    net = ltc2neuro.compile(model, x)
    ltc2neuro.verify(net, model, x)
    assert torch.equal(x, before)
    np.testing.assert_allclose(net(x), model(x.clone()).detach().numpy(), atol=1e-2)
