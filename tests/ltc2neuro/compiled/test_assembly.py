"""Programs of compiled networks: as text and as JSON, and back to what runs."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from ncps.torch import LTC, CfC
from ncps.wirings import AutoNCP
from networks import FEATURES, classifier, sequences, tracker

import ltc2neuro
from compiler.assembly import listing_text, parse, parse_listing, populations_text
from compiler.mapping import MappedNetwork
from compiler.mapping.exchange import mapped_from_json, mapped_to_json
from compiler.mapping.titles import titles
from compiler.simulator.machine import Machine

MODELS = {
    "tracker": tracker,
    "classifier": classifier,
    "mixed memory": lambda: LTC(FEATURES, AutoNCP(8, 2, seed=1), mixed_memory=True, ode_unfolds=2),
    "wired CfC": lambda: CfC(FEATURES, AutoNCP(8, 2, seed=1)),
    "LSTM": lambda: torch.nn.LSTM(FEATURES, 5, num_layers=2, batch_first=True),
    "GRU-ODE": lambda: ltc2neuro.nn.GRUODE(FEATURES, 4),
}


@pytest.fixture(scope="module", params=MODELS)
def net(request) -> ltc2neuro.Network:
    torch.manual_seed(0)
    return ltc2neuro.compile(MODELS[request.param](), sequences())


def leaving(network: MappedNetwork, x: np.ndarray) -> np.ndarray:
    """The integers that leave the network for each sample of a sequence (time, channels)."""
    machine = Machine(network)
    period = network.ticks_per_sample
    ticks = network.latency + (len(x) - 1) * period
    entering = {sample * period: row[:, None].astype(np.int32) for sample, row in enumerate(x)}
    sent = [machine.tick(entering.get(tick, 0)) for tick in range(ticks)]
    results = sent[network.latency - 1 :: period]
    return np.stack([np.broadcast_to(r, (network.output_size, 1))[:, 0] for r in results])


def test_text_and_back(net):
    populations = net.mapped().populations
    text = net.assembly()
    read = parse(text)
    assert populations_text(read, titles(net.mapped())).strip() in text
    assert [p.listing for p in read] == [p.listing for p in populations]
    for population in populations:
        assert parse_listing(listing_text(population.listing)) == population.listing


def test_json_and_back_runs_the_same_integers(net):
    data = json.loads(json.dumps(net.assembly_json()))
    x = sequences(batch=1, seed=5)
    integers = net.quantize(x)[0]
    sent = leaving(mapped_from_json(data), integers)
    assert np.array_equal(sent, leaving(net.mapped(), integers))
    assert np.array_equal(sent, net.run(x).integers[0])
    entry, out = data["host"]["input"], data["host"]["output"]
    real = (x[0] * np.array(entry["scale"]) + entry["offset"]) * 2.0 ** entry["fraction"]
    assert np.array_equal(np.clip(np.floor(real + 0.5), entry["low"], entry["high"]), integers)
    shown = sent * 2.0 ** -out["fraction"] * np.array(out["scale"]) + out["offset"]
    assert np.array_equal(shown, net.dequantize(sent))
    assert data["chip"]["registers"] == 16 and data["chip"]["name"] == "loihi2"


def test_json_of_a_network_that_resets(net):
    data = net.assembly_json(reset_interval=3)
    assert data.items() >= mapped_to_json(net.mapped(3)).items()
    assert any(word["name"] == "sample" for p in data["populations"] for word in p["words"])
