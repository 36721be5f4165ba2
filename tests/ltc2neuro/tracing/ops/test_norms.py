"""Norms of features, as torch has them and as they are written by hand: each keeps its precision wherever it stands."""

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from layer_agreement import drifting, executors_agree
from torch import nn

import ltc2neuro
from compiler.graph.ops import MatVec

FEATURES = 6


def centred(x):
    return x - x.mean(-1, keepdim=True)


NORMS = {
    "layer_norm": lambda x: functional.layer_norm(x, (FEATURES,)),
    "rms_norm": lambda x: functional.rms_norm(x, (FEATURES,)),
    "over the root": lambda x: centred(x) / torch.sqrt(centred(x).square().mean(-1, keepdim=True) + 1e-5),
    "times the reciprocal root": lambda x: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6),
    "over the spread": lambda x: centred(x) / (x.std(-1, keepdim=True) + 1e-6),
    "difference of squares": lambda x: (
        centred(x) * torch.rsqrt((x * x).mean(-1, keepdim=True) - x.mean(-1, keepdim=True).square() + 1e-5)
    ),
}


class Net(nn.Module):
    """A norm of the input, of a layer, or of a state."""

    def __init__(self, norm, place):
        super().__init__()
        self.norm, self.place = norm, place
        self.map, self.recurrent = nn.Linear(FEATURES, FEATURES), nn.Linear(FEATURES, FEATURES, bias=False)

    def forward(self, x):
        if self.place == "input":
            return torch.tanh(self.map(self.norm(x)))
        if self.place == "layer":
            return self.norm(self.map(x))
        h, answers = torch.zeros(x.shape[0], FEATURES), []
        for t in range(x.shape[1]):
            h = torch.tanh(self.norm(self.map(x[:, t]) + self.recurrent(h)))
            answers.append(h)
        return torch.stack(answers, 1)


class Alone(nn.Module):
    """A function of x."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def data(scale=1.0):
    return drifting(FEATURES, batch=3, steps=40, seed=2) * scale


@pytest.mark.parametrize("place", ["input", "layer", "cell"])
@pytest.mark.parametrize("name", NORMS)
def test_a_norm_keeps_its_precision(name, place):
    torch.manual_seed(0)
    assert executors_agree(Net(NORMS[name], place), data()) > {"input": 55, "layer": 55, "cell": 50}[place]


def test_weights_beside_norms_are_split_where_8_bits_leave_too_little():
    torch.manual_seed(0)
    model, x = Net(NORMS["layer_norm"], "cell"), data()
    net = ltc2neuro.compile(model, x)
    (told,) = [record.note for record in net.passes if record.name == "split_beside_norms"]
    [(name, decibels)] = re.findall(r"(map\S*) (\d+\.\d) dB", told)
    assert 30 < float(decibels) < 54
    held = ltc2neuro.Precision(overrides={name + "*": {"split_weights": False}})
    whole = [ltc2neuro.compile(model, x, precision=p) for p in (held, ltc2neuro.Precision(split_readouts=False))]
    matrices = [sum(isinstance(op, MatVec) for _, op in each.graph.ops()) for each in (net, *whole)]
    assert matrices == [2, 1, 1]
    assert not any(record.name == "split_beside_norms" for each in whole for record in each.passes)


def test_weights_of_a_cell_without_norms_stay_whole():
    torch.manual_seed(0)
    net = ltc2neuro.compile(nn.GRU(FEATURES, 4, batch_first=True), data())
    assert not any(record.name == "split_beside_norms" for record in net.passes)


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_the_scale_of_the_data_does_not_matter(scale):
    torch.manual_seed(0)
    assert executors_agree(Net(NORMS["layer_norm"], "input"), data(scale)) > 55


@pytest.mark.parametrize("features", [2, 3])
def test_a_variance_may_come_near_0(features):
    x = np.sin(np.arange(300)[None, :, None] * (0.1 + 0.07 * np.arange(features)))
    assert executors_agree(nn.LayerNorm(features), x) > 50


@pytest.mark.parametrize("factor", [0.6, 3.0])
def test_a_root_of_what_is_normed(factor):
    """Integers do not see that what is normed is bounded: a root's argument reaches further than its result's word."""
    norm = NORMS["layer_norm"]
    model = Alone(lambda x: torch.hypot(factor * norm(x), factor * norm(x).flip(-1)))
    assert executors_agree(model, data()) > 55


@pytest.mark.parametrize("chip", ["spinnaker2", "ideal"])
def test_chips_that_divide(chip):
    torch.manual_seed(0)
    model, x = Net(NORMS["layer_norm"], "input"), data()
    y = np.asarray(ltc2neuro.compile(model, x, chip=chip)(x))
    expected = model(torch.tensor(x, dtype=torch.float32)).detach().numpy()
    assert 10 * np.log10(expected.var() / np.mean((y - expected) ** 2)) > 75


class Channels(nn.Module):
    """A norm of channels, axis 1, of samples that may be pictures."""

    def __init__(self, norm, shape):
        super().__init__()
        self.norm, self.shape = norm, shape

    def forward(self, x):
        samples = x.reshape(x.shape[0] * x.shape[1], *self.shape)
        return self.norm(samples).reshape(x.shape)


@pytest.mark.parametrize("shape", [(6,), (6, 2, 3)], ids=["features", "pictures"])
@pytest.mark.parametrize("groups", [1, 2])
def test_group_norm(groups, shape):
    norm = nn.GroupNorm(groups, 6)
    with torch.no_grad():
        norm.weight += torch.linspace(-0.5, 0.5, 6)
        norm.bias += torch.linspace(0, 1, 6)
    model, x = Channels(norm, shape), drifting(int(np.prod(shape)), batch=2, steps=12)
    assert executors_agree(model, x) > 55


LENGTHS = {
    "normalize": lambda x: functional.normalize(x, dim=-1),
    "normalize by the sum": lambda x: functional.normalize(x, 1.0, -1),
    "cosine similarity": lambda x: functional.cosine_similarity(x[..., :3], x[..., 3:], dim=-1),
    "module of the same": lambda x: nn.CosineSimilarity(-1)(x[..., :3], x[..., 3:]),
    "over the largest": lambda x: x / x.abs().amax(-1, keepdim=True).clamp(min=1e-3),
    "share of a sum": lambda x: (f := torch.sigmoid(3 * x[..., :3])) / (f + torch.sigmoid(3 * x[..., 3:])),
    "length": lambda x: torch.linalg.norm(x, dim=-1, keepdim=True),
    "distance": lambda x: functional.pairwise_distance(x[..., :3], x[..., 3:]),
    "spread and mean": lambda x: torch.cat([*torch.std_mean(x, -1, keepdim=True)], -1),
    "variance and mean": lambda x: torch.cat([*torch.var_mean(x, -1, keepdim=True, correction=0)], -1),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_lengths_and_spreads(name):
    assert executors_agree(Alone(LENGTHS[name]), data()) > 55
