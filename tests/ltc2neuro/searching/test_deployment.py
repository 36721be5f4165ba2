"""Deployments of a search: as many cores as are worth it, another overlap where it gains, and never another integer."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from ncps.torch import CfC

import ltc2neuro
from ltc2neuro import Options, Overlap
from ltc2neuro.errors import InputError
from ltc2neuro.searching.deployment import Deployment, best_deployment
from ltc2neuro.searching.trials import COSTS

X = np.random.default_rng(0).normal(size=(6, 9, 3)).astype(np.float32)


class Stacked(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = CfC(3, 40), CfC(40, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x)[0])[0]


def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return Stacked()


@cache
def net() -> ltc2neuro.Network:
    return ltc2neuro.compile(model(), X, precision=ltc2neuro.Precision(calibrated_weights=False))


def found(minimise: str, most: int | None = None) -> Deployment:
    return best_deployment(net().parts, minimise, COSTS[minimise], most)


@pytest.mark.parametrize("minimise", ["time", "energy", "latency"])
def test_cores_are_doubled_as_long_as_that_saves_a_quarter(minimise):
    deployment, spent = found(minimise), COSTS[minimise]
    of = {n: spent(net().cost(cores=n, options=deployment.options)) for n in (1, 2, 4, 8, 16, 32)}
    assert deployment.cores in (4, 8, 16)
    for n, cost in of.items():
        if 1 < n <= deployment.cores:
            assert cost <= 0.75 * of[n // 2]
    assert of[2 * deployment.cores] > 0.75 * of[deployment.cores]
    assert spent(deployment.of(net().parts)) == of[deployment.cores]


def test_samples_overlap_as_is_best_for_what_is_minimised():
    assert found("time").overlap is Overlap.LAYERS and found("latency").overlap is Overlap.NONE
    for minimise, overlap in (("time", Overlap.LAYERS), ("latency", Overlap.NONE)):
        spent = COSTS[minimise]
        assert spent(net().cost(options=Options(overlap))) < spent(net().cost())
        assert found(minimise, 1) == Deployment(overlap=overlap)


def test_what_no_deployment_changes_has_none():
    for minimise in ("cores", "instructions", "synapses"):
        assert found(minimise) == Deployment() and not str(Deployment())


def test_there_are_no_more_cores_than_allowed():
    assert found("time", 3).cores == 3 and found("time", 2).cores == 2
    assert str(found("time", 2)) == "cores=2, options=Options(Overlap.LAYERS)"
    with pytest.raises(InputError, match="most_cores must be a whole number"):
        ltc2neuro.search(model(), X, most_cores=0)


def test_a_search_tells_apart_what_deployment_and_precision_gain():
    quick = ltc2neuro.Precision(calibrated_weights=False)
    result = ltc2neuro.search(model(), X, start=quick, most_cores=2, budget_s=1e-3)
    start, laid_out, narrowed, best = result.start, result.laid_out, result.narrowed, result.best
    assert (start.cores, laid_out.cores, narrowed.cores) == (1, 2, 1)
    assert (start.decibels, start.held_back) == (laid_out.decibels, laid_out.held_back)
    assert start.cost == best.network.cost().sample.default and laid_out.cost == best.cost().sample.default
    assert narrowed == start and result.saved_by_precision == 0 and result.saved == result.saved_by_deployment > 0.25
    assert "net.cost(cores=2, options=Options(Overlap.LAYERS))" in str(result)
