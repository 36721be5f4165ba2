"""The integer graph with losses lifted: none is the reference, all is the float graph, and each is what it says."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from ncps.torch import LTC, CfC
from ncps.wirings import AutoNCP

import ltc2neuro
from compiler.attribution.sites import Cause
from compiler.attribution.switched import Switched
from compiler.graph.ops import Rescale
from compiler.interpreters.float64 import run_float
from ltc2neuro import nn

X = np.random.default_rng(0).normal(size=(3, 12, 3)).astype(np.float32)


class Headed(torch.nn.Module):
    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        self.layer, self.head = layer, torch.nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(x)[0])


def slow() -> nn.CTRNN:
    layer = nn.CTRNN(3, 6)
    torch.nn.init.constant_(layer.cell.log_tau, 8.0)
    return layer


class Normed(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru, self.norm = torch.nn.GRU(3, 6, batch_first=True), torch.nn.LayerNorm(6)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, None]:
        return self.norm(self.gru(x)[0]), None


MODELS = {
    "ltc": lambda: LTC(3, AutoNCP(8, 2, seed=1), ode_unfolds=3),
    "cfc": lambda: CfC(3, 6, backbone_units=8, proj_size=2),
    "lstm": lambda: Headed(torch.nn.LSTM(3, 6, batch_first=True)),
    "lif": lambda: Headed(nn.LIF(3, 6)),
    "norm": lambda: Headed(Normed()),
    "slow": lambda: Headed(slow()),
}
SETTINGS = [
    *((model, "loihi2", "default") for model in MODELS),
    ("ltc", "spinnaker2", "default"),
    *((model, "loihi2", "accurate") for model in ("cfc", "lif", "ltc")),
    ("ltc", "loihi2", "small"),
]


@cache
def compiled(model: str, chip: str, precision: str) -> ltc2neuro.Network:
    torch.manual_seed(1)
    return ltc2neuro.compile(MODELS[model](), X, chip=chip, precision=precision)


def switched(net: ltc2neuro.Network) -> Switched:
    assert net.proven.lowered is not None
    return Switched(net.proven, net.proven.lowered)


def entering(net: ltc2neuro.Network) -> np.ndarray:
    return net.enters.scaled(X.astype(np.float64))


@pytest.mark.filterwarnings("ignore:the integer outputs")
@pytest.mark.parametrize("setting", SETTINGS, ids="-".join)
def test_with_nothing_lifted_it_is_the_reference_and_with_everything_the_float_graph(setting):
    net = compiled(*setting)
    graph, expected = switched(net), net.run(X, on="reference")
    for real in (False, True):  # in integers, and with states that might be real numbers
        run = graph.lifting((), real=real).run(entering(net))
        assert np.array_equal(run.outputs, expected.integers)
        assert all(np.array_equal(run.states[name], own) for name, own in expected.states.items())
    lifted = graph.lifting(graph.sites).run(entering(net))
    exact = run_float(graph.lowered.near, X)
    assert np.abs(net.leaves(lifted.outputs) - exact.outputs).max() < 1e-12


@pytest.mark.filterwarnings("ignore:the integer outputs")
@pytest.mark.parametrize("setting", SETTINGS[:4], ids="-".join)
def test_each_site_alone_changes_less_than_all_and_something(setting):
    net = compiled(*setting)
    graph, exact = switched(net), run_float(switched(net).lowered.near, X).outputs
    largest = 2 * np.abs(net.run(X, on="reference").outputs - exact).max()
    for site in graph.sites:
        run = graph.lifting([s for s in graph.sites if s != site]).run(entering(net))
        error = np.abs(net.leaves(run.outputs) - exact).max()
        assert error < largest + (0.2 if setting[0] == "lif" else 0), site  # a spike more or less


def test_a_state_that_carries_what_it_rounds_loses_nothing_where_that_is_lifted():
    net = compiled("slow", "loihi2", "default")
    assert "layer.x.carry" in net.state_words
    carried = [s for s in switched(net).sites if s.knob.field == "carry"]
    assert len(carried) == 1 and carried[0].cause is Cause.SUMS


@pytest.mark.parametrize("precision", ["default", "accurate"])
def test_lifting_a_cause_leaves_the_others(precision):
    """Matrices that share a narrowed message keep it when their weights are lifted."""
    graph = switched(compiled("cfc", "loihi2", precision))

    def narrowed(*causes: Cause) -> set[str]:
        program = graph.lifting([s for s in graph.sites if s.cause in causes]).graph
        return {op.out for _, op in program.ops() if isinstance(op, Rescale) and "@" in op.out}

    assert narrowed()
    for cause in (Cause.WEIGHTS, Cause.PARAMETERS, Cause.INPUT, Cause.FUNCTIONS):
        assert narrowed(cause) == narrowed()


def test_what_is_clipped_is_lifted():
    net = compiled("lstm", "loihi2", "default")
    graph, far = switched(net), net.enters.scaled(X * 3.0)
    clips = [s for s in graph.sites if s.cause is Cause.CLIPPING]
    held, free = (graph.lifting(sites).run(far).outputs for sites in ((), clips))
    assert np.array_equal(held, net.run(X * 3, on="reference").integers) and not np.array_equal(held, free)


def test_a_parameter_of_two_values_is_one_site_where_it_is_rounded_by_the_same():
    """A conductance w and its product with the reversal potential 1 or -1: numerator and denominator move together."""
    alike = [s for s in switched(compiled("ltc", "loihi2", "default")).sites if ", " in s.value]
    assert {(s.cause, s.knob.field, len(s.knob.values)) for s in alike} == {(Cause.PARAMETERS, "parameter", 2)}
    assert any("w_activation" in s.value and "rev_activation" in s.value for s in alike)


def test_what_is_rounded_for_a_reader_is_named_with_the_reader():
    sites = {(s.value, s.cause): s.knob for s in switched(compiled("ltc", "loihi2", "default")).sites}
    assert {s for _, s in sites} >= {Cause.INPUT, Cause.PARAMETERS, Cause.MESSAGES, Cause.FUNCTIONS, Cause.QUOTIENTS}
    knobs = {(cause, knob.field) for (_, cause), knob in sites.items()}
    assert (Cause.FUNCTIONS, "segments") in knobs and (Cause.MESSAGES, "argument_fraction") in knobs
    assert (Cause.PARAMETERS, "parameter") in knobs
