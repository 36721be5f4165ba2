"""Missing values: NaN in torch, mask channels on the chip."""

import numpy as np
import pytest
import torch
from layer_agreement import drifting, executors_agree, runs_alike
from torch import nn

import ltc2neuro
from hw_models.errors import InputError, ProofError
from ltc2neuro.nn import GRUD, Missing, with_masks

FEATURES = 3


def holed(seed=0):
    """Smooth samples of which a third is missing."""
    x = drifting(FEATURES, batch=3, steps=40, seed=seed)
    return np.where(np.random.default_rng(seed).random(x.shape) < 1 / 3, np.nan, x)


class Asking(nn.Module):
    """A model that asks what is missing, in one of many ways, before a layer."""

    def __init__(self, ask):
        super().__init__()
        self.ask, self.layer = ask, nn.Linear(2 * FEATURES, 4)

    def forward(self, x):
        return torch.tanh(self.layer(self.ask(x)))


def written(x):
    y = x.clone()
    y[torch.isnan(x)] = 0.25
    return torch.cat([y, torch.isnan(x).float()], -1)


WAYS = {
    "nan_to_num": lambda x: torch.cat([torch.nan_to_num(x), torch.isnan(x).float()], -1),
    "where": lambda x: torch.cat([torch.where(torch.isnan(x), 0.3, x), (~torch.isnan(x)).float()], -1),
    "written": written,
    "masked_fill": lambda x: torch.cat([x.masked_fill(torch.isnan(x), -1.0), torch.isfinite(x).float()], -1),
    "after scaling": lambda x: torch.cat([torch.nan_to_num((x - 1) / 2), (x == x).float()], -1),
    "of some features": lambda x: torch.cat(
        [torch.nan_to_num(x[..., 1:]), torch.isnan(x[..., :1]), torch.where(x != x, 0.0, x)], -1
    ),
    "a product": lambda x: torch.cat([torch.nan_to_num(x) * ~torch.isnan(x), torch.nan_to_num(x * x)], -1),
}


@pytest.mark.parametrize("name", WAYS)
def test_a_question_is_answered_by_the_mask(name):
    torch.manual_seed(0)
    assert executors_agree(Missing(Asking(WAYS[name])), with_masks(holed())) > 50


@pytest.mark.parametrize("number", [0.0, 2.0])
def test_the_number_in_a_hole_does_not_matter(number):
    torch.manual_seed(0)
    model = Missing(Asking(WAYS["nan_to_num"]))
    net = ltc2neuro.compile(model, with_masks(holed()))
    x = holed(1)
    assert np.allclose(net(with_masks(x, number)), net(with_masks(x)), atol=1e-3)


class Filling(nn.Module):
    """The last value that was seen takes the place of a missing one."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2 * FEATURES, 4)

    def forward(self, x):
        last, answers = torch.zeros(x.shape[0], FEATURES), []
        for t in range(x.shape[1]):
            missing = torch.isnan(x[:, t])
            last = torch.where(missing, last, x[:, t])
            answers.append(torch.tanh(self.layer(torch.cat([last, missing.float()], -1))))
        return torch.stack(answers, 1)


def test_values_may_be_held_until_the_next():
    torch.manual_seed(0)
    assert executors_agree(Missing(Filling()), with_masks(holed())) > 60


class BeforeLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = GRUD(2 * FEATURES, 5)

    def forward(self, x):
        return self.layer(WAYS["nan_to_num"](x))[0]


def test_before_a_recurrent_layer():
    torch.manual_seed(0)
    x = with_masks(holed())
    runs_alike(ltc2neuro.compile(Missing(BeforeLayer()), x), x)


def test_a_model_that_does_not_ask_is_refused():
    with pytest.raises(ProofError, match="not finite in torch"):
        ltc2neuro.compile(Missing(nn.Linear(FEATURES, 2)), with_masks(holed()))


def test_what_the_mask_cannot_answer_is_found_by_the_proof():
    ask = WAYS["nan_to_num"]
    with pytest.raises(ProofError, match="does not compute what torch computes"):
        ltc2neuro.compile(Missing(Asking(lambda x: ask(x) + (x.sum(-1, keepdim=True) > 0))), with_masks(holed()))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_values_with_masks_are_of_the_type_that_torch_takes(kind):
    torch.manual_seed(0)
    x, model = torch.tensor(holed(), dtype=getattr(torch, kind.__name__)), Asking(WAYS["nan_to_num"])
    model = model.to(x.dtype)
    both = with_masks(x)
    assert both.dtype == kind
    assert torch.equal(Missing(model)(torch.as_tensor(both)), model(x))
    assert with_masks(np.array([[1, 2]])).dtype == np.float64


def test_the_error_of_nan_names_what_takes_it():
    model = Asking(WAYS["nan_to_num"])
    for x in (holed(), list(holed())):
        with pytest.raises(InputError) as told:
            ltc2neuro.compile(model, x)
        assert "compile(Missing(model), with_masks(x))" in told.value.advice
    with pytest.raises(InputError) as told:
        ltc2neuro.compile(model, np.nan_to_num(holed(), nan=np.inf))
    assert "Missing" not in told.value.advice
