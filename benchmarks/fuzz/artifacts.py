"""Damaged files of networks: each ends in one error of ours, or is a network whose executors agree.

Damage that nobody covered up (bytes, the zip) never gives another network: it is seen, or changed nothing. Where sizes
and hashes were made right again (JSON, tensors), what loads is another network, as anyone may write one: it runs, and
whatever is asked of it gives an answer or an error of ours.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

import ltc2neuro
from benchmarks.fuzz.damage import Rng, damaged_bytes, damaged_json, damaged_tensors, damaged_zip
from benchmarks.fuzz.kind import Kind
from compiler.interpreters.reference import run_reference
from compiler.simulator.machine import Machine
from ltc2neuro import LibraryNetwork, Network, Options, Overlap
from ltc2neuro.errors import Ltc2NeuroError

HOME = Path(__file__).resolve().parents[2]
MAKE = """
import sys
from pathlib import Path
import numpy as np, torch, ltc2neuro
from ncps.torch import CfC, LTC
from ncps.wirings import AutoNCP

torch.manual_seed(0)
torch.set_num_threads(1)
x = np.random.default_rng(0).normal(size=(2, 6, 2)).astype(np.float32)
networks = {
    "ltc": ltc2neuro.compile(LTC(2, AutoNCP(5, 1, seed=1)), x),
    "cfc": ltc2neuro.compile(CfC(2, 3, proj_size=1, backbone_units=4), x, timespans=np.ones((2, 6), np.float32)),
    "lstm": ltc2neuro.compile(torch.nn.LSTM(2, 2, batch_first=True), x),
    "library": ltc2neuro.compile(CfC(2, 2, proj_size=1, backbone_units=3), x, microcode=False),
}
for name, network in networks.items():
    network.save(Path(sys.argv[1]) / name)
"""
"""in a process of its own: torch's address space does not count as a trial's memory"""

LONGEST_ERROR = 5000
"""Of its text: names from the file come back in it, but not the file."""

MOST_WORK = 30_000
"""Elements that a sample computes: a network with more is sound, but running it takes long."""


@cache
def originals() -> tuple[bytes, ...]:
    """The files that are damaged."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-W", "ignore", "-c", MAKE, folder], check=True, cwd=HOME)
        return tuple(file.read_bytes() for file in sorted(Path(folder).iterdir()))


DAMAGES: dict[str, Callable[[Rng, bytes], bytes]] = {
    "bytes": damaged_bytes,
    "zip": damaged_zip,
    "json": damaged_json,
    "tensors": damaged_tensors,
}
COVERED_UP = ("json", "tensors")


def trial(seed: int) -> str:
    """Damage a file, load it, use it. Raises any error not of ours, `AssertionError` where executors differ."""
    rng = np.random.default_rng(seed)
    original = originals()[rng.integers(0, len(originals()))]
    name = list(DAMAGES)[rng.integers(0, len(DAMAGES))]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "m.l2n"
        path.write_bytes(DAMAGES[name](rng, original))
        try:
            net = ltc2neuro.load(path)
        except Ltc2NeuroError as error:
            _check_error(error, str(path))
            return f"{name}: refused"
        net.save(path)
        if path.read_bytes() == original:
            return f"{name}: the same network"
    assert name in COVERED_UP, "damage gave another network"
    return f"{name}: {_used(net, rng)}"


def _check_error(error: Ltc2NeuroError, path: str) -> None:
    text = str(error)
    assert path in text and error.advice, f"an error without a place or advice: {text[:500]}"
    assert len(text) < LONGEST_ERROR, f"an error of {len(text)} characters: {text[:500]}"


def _used(net: Network | LibraryNetwork, rng: Rng) -> str:
    """Run it, and look at it in some way."""
    looks = LIBRARY_LOOKS if isinstance(net, LibraryNetwork) else LOOKS
    ask = looks[rng.integers(0, len(looks))]
    if isinstance(net, Network) and sum(b.repeat * len(b.ops) for b in net.graph.blocks) > MOST_WORK:
        return "another network, of many repeats"
    try:
        ask(net)
    except Ltc2NeuroError as error:
        assert len(str(error)) < LONGEST_ERROR
        return "another network, asked what it cannot do"
    return "another network"


def _runs(net: Network | LibraryNetwork) -> None:
    net.run(net.known.x[..., : net.features], timespans=net.known.x[..., -1] if net.timed else None)


def _agrees(net: Network) -> None:
    mapped = net.mapped(None, Options(Overlap.NONE))
    x = net.input_format.quantize(net.enters.host(net.known.x))[0]
    expected = run_reference(net.graph, x).outputs
    machine = Machine(mapped, lanes=len(x))
    for k in range(x.shape[1]):
        assert np.array_equal(machine.sample(x[:, k].T).T, expected[:, k]), "the fused network differs"


def _verifies(net: Network) -> None:
    ltc2neuro.verify(net, None, None, on=["reference"])


LOOKS: list[Callable[[Network], object]] = [
    _runs,
    _agrees,
    _verifies,
    str,
    Network.assembly,
    Network.assembly_json,
    Network.cost,
    Network.explain_precision,
    lambda net: net.placement,
    lambda net: net.run(net.known.x[..., : net.features], on="floating"),
    lambda net: ltc2neuro.check(net, net.chip),
]
LIBRARY_LOOKS: list[Callable[[LibraryNetwork], object]] = [_runs, str, lambda net: ltc2neuro.check(net)]

KIND = Kind(trial, seconds=60, memory=2**30, prepare=originals)
