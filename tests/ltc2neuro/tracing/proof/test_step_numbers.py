"""A model that does something else long after its first steps is refused, and the line named that says when."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
import torch
from torch import nn

import ltc2neuro
from hw_models.errors import ProofError, TraceError
from ltc2neuro.tracing.proof.failures import DiffersError

X = np.random.default_rng(0).normal(size=(4, 30, 2))
LIMIT = 1700


@dataclasses.dataclass
class Config:
    reset: int = 1800


class Leaky(nn.Module):
    """Steps by hand; `own` says what h is made of at a step."""

    config, at, resets = Config(), 4500, (5500, 7000)

    def __init__(self, own, *, last: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.own, self.last, self.inner = own, last, nn.Linear(2, 3)
        self.register_buffer("mask", (torch.arange(3000) < 2500).float())
        self.register_buffer("ones", torch.ones(3000))
        self.weights = [1.0] * 2100 + [0.0] * 10

    def forward(self, x):
        h, answers = x.new_zeros(len(x), 3), []
        for t in range(x.shape[1]):
            h = 0.5 * self.own(self, h, t, x.shape[1]) + torch.tanh(self.inner(x[:, t]))
            answers.append(h)
        return h if self.last else torch.stack(answers, 1)


def at_one(model, h, t, steps):
    return h * 0 if t == 1500 else h


def later(model, h, t, steps):
    if t > 1200:
        h = h * 0.5
    return h


def now_and_then(model, h, t, steps):
    return h * (t % 1300 != 0 or t == 0)


def after_a_global(model, h, t, steps):
    return -h if t >= LIMIT else h


def configured(model, h, t, steps):
    return h * 0 if t == model.config.reset else h


def of_its_class(model, h, t, steps):
    return h * 0 if t == model.at else h


def one_of_some(model, h, t, steps):
    return h * 0 if t in model.resets else h


def only_long(model, h, t, steps):
    return h * 0 if steps > 1500 and t == 100 else h


def by_no_number(model, h, t, steps):
    return h * 0 if t * 0.01 > 13 else h


def masked(model, h, t, steps):
    return h * model.mask[t]


def listed(model, h, t, steps):
    return h * model.weights[t]


@pytest.mark.whole_proof
@pytest.mark.parametrize(
    ("own", "step"),
    [(at_one, 1500), (later, 1201), (now_and_then, 1300), (after_a_global, LIMIT), (configured, 1800),
     (of_its_class, 4500), (one_of_some, 5500), (only_long, 100), (by_no_number, 1301)],
)  # fmt: skip
def test_a_step_that_is_treated_otherwise_much_later_is_named(own, step):
    with pytest.raises(DiffersError, match="at every step") as caught:
        ltc2neuro.compile(Leaky(own), X)
    assert f"at step {step} of" in caught.value.what
    line = own.__code__.co_firstlineno + 1
    assert re.search(rf"test_step_numbers\.py, line {line}:", caught.value.where), caught.value


@pytest.mark.whole_proof
@pytest.mark.parametrize(("own", "step"), [(masked, 2500), (listed, 2100)])
def test_so_is_a_step_without_a_number_in_the_code(own, step):
    with pytest.raises(DiffersError, match=f"at every step: at step {step} of"):
        ltc2neuro.compile(Leaky(own), X)


@pytest.mark.parametrize(
    ("own", "step"),
    [(lambda model, h, t, steps: h * 0 if t == 20 else h, 20),
     (lambda model, h, t, steps: h * 0 if t and t % 4 == 0 else h, 4)],
    ids=["once", "again and again"],
)  # fmt: skip
def test_a_step_that_is_recorded_and_treated_otherwise_is_named(own, step):
    with pytest.raises(TraceError, match=f"goes another way at step {step} than at the step before") as caught:
        ltc2neuro.compile(Leaky(own), X)
    line = own.__code__.co_firstlineno
    assert f"test_step_numbers.py, line {line}:" in caught.value.where and "let an input" in caught.value.advice


@pytest.mark.whole_proof
@pytest.mark.parametrize("step", [200, 1500])
def test_what_a_last_answer_has_forgotten_is_seen_just_after_it(step):
    with pytest.raises(DiffersError, match=f"at step {step} of {step + 1} it differs"):
        ltc2neuro.compile(Leaky(lambda model, h, t, steps: h * 0 if t == step else h, last=True), X)


@pytest.mark.whole_proof
@pytest.mark.parametrize(
    ("forward", "error"),
    [
        (lambda net, x: net.rnn(x if x.shape[1] != 3333 else x * 2)[0], "at every step: at step 0 of 3333"),
        (lambda net, x: net.rnn(x)[0] * (2 if x.shape[1] > 1500 else 1), "at every step: at step 0 of 1501"),
        (lambda net, x: net.rnn(x[:, :1500])[0], "the model takes only some steps of a longer sequence"),
    ],
)
def test_so_are_numbers_of_steps_that_stand_in_the_code(forward, error):
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.RNN(2, 3, batch_first=True)

        def forward(self, x):
            return forward(self, x)

    with pytest.raises(ProofError, match=error):
        ltc2neuro.compile(Model(), X)


def checked(model, h, t, steps):
    assert t < 5000, "too long"
    return h


def last_one_said(model, h, t, steps):
    return h if t < steps - 1 or not model.training else h * 0


@pytest.mark.whole_proof
@pytest.mark.parametrize(
    ("own", "steps"),
    [(checked, "5,000"), (last_one_said, "4,096"), (lambda model, h, t, steps: h * model.ones[t], "3,000"),
     (lambda model, h, t, steps: h, "1,024")],
    ids=["assert", "the last step", "table", "no number"],
)  # fmt: skip
def test_what_is_the_same_at_every_step_compiles_and_says_up_to_which_it_was_compared(own, steps):
    net = ltc2neuro.compile(Leaky(own).eval(), X)
    assert f"and {steps} steps" in str(net) and "left out" not in str(net)
