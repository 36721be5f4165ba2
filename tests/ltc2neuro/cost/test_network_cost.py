"""`net.cost` and `net.placement` on compiled networks, worst case and recorded, and the shell's `cost`."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from ncps.torch import LTC
from ncps.wirings import AutoNCP
from networks import sequences, tracked, tracker

import ltc2neuro
from compiler.interpreters.reference import prepare_reference
from compiler.mapping import Options, Overlap
from hw_models.chip import CHIPS, load_chip
from hw_models.cost import TERMS
from ltc2neuro.cli.main import main
from ltc2neuro.errors import ChipError, InputError, PlacementError


@pytest.fixture(scope="module")
def net() -> ltc2neuro.Network:
    return tracked()


@pytest.fixture(scope="module")
def ncp() -> ltc2neuro.Network:
    torch.manual_seed(0)
    return ltc2neuro.compile(LTC(8, AutoNCP(19, 1, seed=0), batch_first=True), sequences(features=8))


def test_only_a_run_of_its_own_is_counted(net, ncp):
    x = sequences()
    others = [ltc2neuro.compile(tracker(seed=1), x), ltc2neuro.compile(tracker(), x, microcode=False)]
    for other in (ncp.run(sequences(features=8)), *(o.run(x) for o in others)):
        with pytest.raises(InputError, match="the run is another network's"):
            net.cost(other)
    with pytest.raises(InputError, match="run must be a Run"):
        net.cost(x)  # type: ignore[arg-type]
    ragged = net.run([x[0], x[1, :4], x[2]])
    went_on = net.run(x[:, 3:], state=net.run(x[:, :3]).final_state)
    assert all(net.cost(run).messages.sent for run in (ragged, went_on, net.run(x, on="reference")))


def test_no_run_takes_longer_than_the_worst_case(ncp):
    worst, counted = ncp.cost(), ncp.cost(ncp.run(sequences(features=8)))
    for most, some in ((worst.longest_tick, counted.longest_tick), (worst.sample, counted.sample)):
        assert some.low <= most.low and some.default <= most.default and some.high <= most.high


def test_what_is_wider_than_32_bits_is_not_counted():
    chip = replace(load_chip("loihi2"), lava=False, product_bits=48)
    wide = ltc2neuro.compile(tracker(), sequences(), chip=chip)
    assert wide.cost().work > 0
    with pytest.raises(ChipError, match="counted in 31 bits at most"):
        wide.cost(wide.run(sequences()))


def test_wrong_options(net):
    with pytest.raises(InputError, match="overlap must be an Overlap"):
        Options("layers")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="merged must be"):
        Options(merged="yes")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="options must be Options"):
        net.cost(options=Overlap.LAYERS)


def test_the_worst_case(net):
    cost, mapped = net.cost(), net.mapped()
    assert (cost.ticks_per_sample, cost.latency_ticks) == (mapped.ticks_per_sample, mapped.latency)
    assert not cost.recorded and cost.messages.sent is None
    for band in (cost.tick, cost.longest_tick, cost.sample, cost.latency, cost.energy, cost.operations):
        assert 0 < band.low < band.default < band.high
    assert cost.tick.default * mapped.ticks_per_sample == pytest.approx(cost.sample.default)
    assert cost.samples_per_second.default == pytest.approx(1 / cost.sample.default)
    assert tuple(cost.terms) == TERMS and sum(cost.terms.values()) == pytest.approx(cost.sample.default)
    assert net.chip.energy is not None
    assert cost.energy.default == pytest.approx(
        cost.sample.default * (net.chip.energy.static_power.default + net.chip.energy.core_power.default)
    )
    assert cost.ratio.default == pytest.approx(cost.energy.default / cost.operations.default)


def test_it_says_all_that_is_asked(net):
    text = str(net.cost())
    for part in (
        "cores: 1 of 120",
        "bottleneck: neurons",
        "ticks: ",
        "latency",
        "samples/s",
        "energy a sample",
        "low",
        "default",
        "high",
        "what dominates the time: ",
        "what would halve it: ",
        "messages: ",
    ):
        assert part in text
    json.dumps(net.cost().plain())


def test_the_summary_says_whether_it_fits(net):
    assert "placement: 1 of 120 cores, neurons " in str(net)
    few = replace(net, chip=replace(net.chip, memory=replace(net.chip.memory, neuron_units=60), cores=1))
    told = next(line for line in str(few).splitlines() if line.startswith("placement: "))
    assert "the network does not fit the chip: its neurons alone need at least 5 cores, and 1 x 1 are available" in told


def test_a_recorded_run_sends_what_is_not_zero(net):
    x = sequences(batch=3, time=7)
    run = net.run(x)
    worst, recorded = net.cost(), net.cost(run)
    assert recorded.recorded and recorded.messages.sent is not None and recorded.messages.unchanged is not None
    assert 0 < recorded.messages.sent <= recorded.messages.possible == worst.messages.possible
    assert recorded.sample.default <= worst.sample.default
    assert "counted from a run" in str(recorded) and "did not change" in str(recorded)
    nothing, one = (net.enters.host(np.full_like(x, number)) for number in (0.0, 1.0))
    still = -nothing / (one - nothing)  # the host sends 0 for it: the middle of each channel
    quiet = net.cost(net.run(still))
    assert quiet.messages.sent <= recorded.messages.sent
    assert quiet.messages.unchanged > recorded.messages.unchanged


def test_messages_are_those_of_the_reference(net):
    """Counted tick by tick on the mapped network; here once more from the values of the integer graph."""
    x, mapped = sequences(batch=3, time=7), net.mapped()
    wired = {
        value: np.unique(np.concatenate([c.columns for c in mapped.connections if c.source == port]))
        for port, at in mapped.sends.items()
        for value in at.values()
    }
    found = 0

    def observe(name: str, values: np.ndarray) -> None:
        nonlocal found
        if name in wired:
            found += int(np.count_nonzero(np.broadcast_to(values, (net.graph.size(name), len(x)))[wired[name]]))

    prepare_reference(net.graph, narrow=True).run(net.quantize(x), observe=observe)
    assert net.cost(net.run(x)).messages.sent * x.shape[0] * x.shape[1] == pytest.approx(found)


def test_a_run_counts_the_same_in_two_halves(net):
    x = sequences(batch=2, time=8)
    whole = net.cost(net.run(x))
    first = net.run(x[:, :4])
    second = net.run(x[:, 4:], state=first.final_state)
    halves = [net.cost(run) for run in (first, second)]
    assert whole.messages.sent == pytest.approx(sum(h.messages.sent for h in halves) / 2)
    ragged = net.cost(net.run([x[0], x[1, :4]]))
    assert ragged.recorded


def test_more_cores_make_shorter_ticks(ncp):
    one, three = ncp.cost(), ncp.cost(cores=3)
    assert three.placement.count == 3
    assert three.sample.default < 0.6 * one.sample.default
    assert three.energy.default < one.energy.default


def test_what_it_says_would_halve_it_does(ncp):
    cost = ncp.cost()
    cores = int(cost.halving.split("cores=")[1].split(")")[0])
    assert ncp.cost(cores=cores).sample.default == pytest.approx(cost.sample.default / 2, rel=0.15)


def test_cores_of_unequal_load_are_evened_out(ncp):
    assert ncp.chip.memory is not None
    chip = replace(ncp.chip, memory=replace(ncp.chip.memory, neuron_units=350))
    filled, even = ncp.cost(chip=chip), ncp.cost(chip=chip, cores=2)
    assert filled.placement.count == even.placement.count == 2
    assert even.sample.default < 0.8 * filled.sample.default


def test_where_barriers_take_most_only_fewer_ticks_help(ncp):
    cost = ncp.cost(cores=16)
    assert cost.dominant == "barrier" and cost.halving.startswith("fewer ticks a sample")


class Stack(torch.nn.Module):
    """Two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = tracker(), LTC(2, 4, ode_unfolds=3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x)[0])[0]


def test_one_tick_cannot_be_fewer():
    cost = ltc2neuro.compile(torch.nn.Sequential(torch.nn.Linear(3, 2)), sequences()).cost()
    assert cost.ticks_per_sample == 1 and cost.halving.startswith("nothing: a sample takes one tick")


def test_a_pipeline_of_layers_takes_less_time_a_sample(tmp_path, capsys):
    torch.manual_seed(0)
    x = sequences()
    stack = ltc2neuro.compile(Stack(), x)
    usual, pipeline = stack.cost(), stack.cost(stack.run(x), options=Options(Overlap.LAYERS))
    assert pipeline.sample.default < 0.8 * usual.sample.default
    stack.save(tmp_path / "m.l2n")
    assert main(["cost", str(tmp_path / "m.l2n"), "--pipeline", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ticks_per_sample"] == pipeline.ticks_per_sample


def test_another_chip(net, tmp_path):
    with pytest.raises(ChipError, match="its times and energies are not known"):
        net.cost(chip="ideal")
    with pytest.raises(ChipError, match="refuses liquid networks"):
        net.cost(chip="loihi1")
    assert net.cost(chip=load_chip("loihi2", board="kapoho_point")).placement.chip.chips == 8
    (tmp_path / "own.toml").write_text(_tiny())
    with pytest.raises(PlacementError, match="does not fit the chip"):
        net.cost(chip=tmp_path / "own.toml")
    assert net.cost(chip=load_chip(tmp_path / "own.toml", chips=9)).placement.chips > 1


def _tiny() -> str:
    """loihi2 with one core of few neurons."""
    text = (CHIPS / "loihi2.toml").read_text("utf-8")
    for value, other in (("value = 120\n", "value = 1\n"), ("value = 4095\n", "value = 60\n")):
        assert text.count(value) == 1
        text = text.replace(value, other)
    return text


def test_wrong_arguments(net):
    with pytest.raises(InputError, match="cores must be"):
        net.cost(cores=0)
    with pytest.raises(InputError, match="sends no integers"):
        net.cost(net.run(sequences(), on="floating"))


def test_on_the_shell(net, tmp_path, capsys):
    net.save(tmp_path / "m.l2n")
    np.save(tmp_path / "x.npy", sequences())
    saved = str(tmp_path / "m.l2n")
    assert main(["cost", saved, "--placement"]) == 0
    text = capsys.readouterr().out
    assert "what dominates" in text and "Placement on" in text
    assert main(["cost", saved, "--data", str(tmp_path / "x.npy"), "--cores", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["recorded"] and found["cores"] == 2 and found["sample"]["low"] < found["sample"]["high"]
    (tmp_path / "own.toml").write_text(_tiny())
    assert main(["cost", saved, "--chip", str(tmp_path / "own.toml")]) == 1
    assert "does not fit" in capsys.readouterr().err
    assert main(["cost", saved, "--chip", str(tmp_path / "own.toml"), "--chips", "9", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["chips"] > 1
    assert main(["cost", saved, "--chip", "ideal"]) == 2
    assert main(["cost", saved, "--timespans", "t.npy"]) == 2
