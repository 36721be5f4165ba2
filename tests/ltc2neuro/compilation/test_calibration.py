"""Poor calibrations, and networks that are poor on them, are told at compile: once, with the numbers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("torch", reason="compiling needs the extra torch")

import torch

import ltc2neuro
from ltc2neuro.compilation.calibration import Channels, warn_of_poor_calibration
from ltc2neuro.compiled import poor_outputs
from ltc2neuro.metrics import Worst

X = np.random.default_rng(0).normal(size=(4, 30, 4))


def told(*sequences, timed=False):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_poor_calibration(sequences, Channels(timed), stacklevel=1)
    assert len(caught) <= 1
    return str(caught[0].message) if caught else ""


def test_what_a_calibration_cannot_tell():
    assert told(*X) == "" and told(*X, timed=True) == ""
    assert "all of it is 0" in told(*np.zeros((2, 5, 3)))
    assert "one sample only" in told(X[0, :1])
    some = X * [1, 0, 1, 0] + [0, 0.7, 0, 0]
    assert "input channels 1 (always 0.7), 3 (always 0) of 4 never vary" in told(*some)
    assert "input channel 1 (always 0.7) of 4 never varies" in told(*(X * [1, 0, 1, 1] + [0, 0.7, 0, 0]))
    assert "and 12 more of 20" in told(np.ones((9, 20)))
    assert "all its time spans are 1" in told(*(X * [1, 1, 1, 0] + [0, 0, 0, 1]), timed=True)


def test_channels_that_differ_only_between_sequences_vary():
    assert told(np.zeros((5, 2)), np.ones((5, 2))) == ""


class FirstTwo(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.out = torch.nn.Linear(2, 2)

    def forward(self, x):
        return self.out(x[..., :2])


def test_what_the_model_cannot_tell_apart_does_not_vary():
    noise = X * [1, 1e-9, 1, 1] + [0, 7, 0, 0]
    with pytest.warns(UserWarning, match=r"input channel 1 \(6.99.* to 7.00.*\) of 4 varies too little for float32"):
        ltc2neuro.compile(torch.nn.Linear(4, 2), noise)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ltc2neuro.compile(torch.nn.Linear(4, 2).double(), noise)


def test_a_channel_that_nothing_reads_needs_no_range():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ltc2neuro.compile(FirstTwo(), X * [1, 1, 1, 0] + [0, 0, 0, 3])


def test_compile_tells_and_the_run_tells():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    with pytest.warns(UserWarning, match="the calibration is poor: input channels 0 .always 0.7"):
        net = ltc2neuro.compile(model, np.full((4, 30, 4), 0.7))
    with pytest.warns(UserWarning, match="input channel"):
        net(X)


def test_a_part_of_the_calibration_is_spread_over_all_of_it():
    net = ltc2neuro.compile(torch.nn.Linear(4, 2), X)
    many = [np.zeros((200, 4))] * 500
    limit = poor_outputs.WORK
    try:
        poor_outputs.WORK = poor_outputs.float_work(net.float_graph, many[:20])
        part = poor_outputs.part_of(net.float_graph, many)
        assert poor_outputs.float_work(net.float_graph, part) <= poor_outputs.WORK
        assert len(part) >= poor_outputs.FEW_SEQUENCES
        poor_outputs.WORK = 0
        assert [len(p) for p in poor_outputs.part_of(net.float_graph, many)] == [1]
    finally:
        poor_outputs.WORK = limit
    assert len(poor_outputs.part_of(net.float_graph, list(X))) == len(X)


def test_a_network_that_is_poor_late_in_the_calibration_is_told():
    """Not only its first samples are looked at, which are all 0."""

    class Late(torch.nn.Module):
        def forward(self, x):
            return torch.cat([x, 1e-7 * x + 0.5], -1)

    torch.manual_seed(0)
    x = np.concatenate([np.zeros((2, 60, 1)), np.random.default_rng(1).normal(size=(2, 60, 1))], axis=1)
    small = ltc2neuro.Precision(word=16, margin=1000)
    with pytest.warns(UserWarning, match="dB from the float network's in channel .*on all of the calibration"):
        ltc2neuro.compile(Late(), x, precision=small)


@pytest.mark.filterwarnings("ignore:in float32")
def test_few_answers_need_more_decibels_to_be_called_good():
    """Of six, twice the noise is nothing unusual."""
    worst = Worst(30.7, 0)
    assert poor_outputs.WorstOutput(worst, "", 6).poor and not poor_outputs.WorstOutput(worst, "", 1000).poor
    assert not poor_outputs.WorstOutput(Worst(34.0, 0), "", 6).poor

    class LastStep(torch.nn.Module):
        def forward(self, x):
            return 1e-7 * x[:, -1] + 0.5

    x = np.random.default_rng(1).normal(size=(6, 4, 1))
    with pytest.warns(UserWarning, match="with 6 answers in all, so that others may differ by several dB"):
        ltc2neuro.compile(LastStep(), x, precision=ltc2neuro.Precision(word=16, margin=1000))


@pytest.mark.parametrize(
    ("function", "sizes"),
    [
        (lambda x: x[..., 1:] / x[..., :1], (1e5, 1)),
        (torch.abs, (1e-7, 1)),
        (lambda x: torch.sqrt(x[..., :1]), (1e-5, 1)),
    ],
    ids=["ratio", "abs", "sqrt"],
)
def test_channels_of_very_different_sizes_are_named_where_they_are_lost(function, sizes):
    class Model(torch.nn.Module):
        def forward(self, x):
            return function(x)

    rng = np.random.default_rng(0)
    x = np.stack([1 + rng.uniform(-0.3, 0.3, (2, 40)), rng.uniform(-1, 1, (2, 40))], -1)
    with pytest.warns(UserWarning, match=r"dB .* Input channel .* scale them to similar sizes") as told:
        ltc2neuro.compile(Model(), x * sizes)
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ltc2neuro.compile(Model(), x)


class Limited(torch.nn.Module):
    """The second channel is at its limit where x is below 0.9."""

    def forward(self, x):
        return torch.stack([x[..., 0], torch.sinh(x[..., 1].clamp(0.9, 2)), 0 * x[..., 1] + 0.3], -1)


def test_an_output_that_never_varies_is_told_as_its_decibels_are_unknown():
    x = np.random.default_rng(0).uniform(-0.5, 0.5, (4, 30, 2))
    with pytest.warns(UserWarning, match=r"output channel \[1\] of 3 never varies on all of the calibration") as told:
        ltc2neuro.compile(Limited(), x)
    assert len(told) == 1  # the third cannot vary
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ltc2neuro.compile(Limited(), 4 * x)
