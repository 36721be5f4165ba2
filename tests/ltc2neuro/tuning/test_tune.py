"""`tune`: constants learned, proved, judged on what is held back; the kernels are the reference's integers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra torch")

import torch
from networks import sequences, tracked, tracker

import ltc2neuro
from compiler.graph import ops
from compiler.interpreters.reference import KERNELS as REFERENCE
from compiler.interpreters.reference import run_reference
from ltc2neuro import Precision
from ltc2neuro.compiled.poor_outputs import level_of
from ltc2neuro.compiled.tuned_constants import additive
from ltc2neuro.errors import InputError
from ltc2neuro.tuning.kernels import KERNELS, TorchGraph

X = sequences(batch=45, time=6)


@pytest.fixture(scope="module")
def net() -> ltc2neuro.Network:
    with pytest.warns(UserWarning, match="the integer outputs are only"):
        return ltc2neuro.compile(tracker(), X, precision=Precision(parameter=6))


@pytest.fixture(scope="module")
def tuned(net) -> ltc2neuro.Network:
    return ltc2neuro.tune(net, X, epochs=8)


def test_kernels_know_all_integer_ops() -> None:
    results = {op for op in ops.OPS.values() if op.integer and REFERENCE.knows(op)}
    assert len(results) > 15 and {op for op in results if not KERNELS.knows(op)} == set()


@pytest.mark.parametrize("precision", ["small", "accurate"])
@pytest.mark.parametrize("chip", ["loihi2", "spinnaker2"])
def test_kernels_return_the_integers_of_the_reference(chip, precision) -> None:
    graph = ltc2neuro.compile(tracker(), X[:6], chip=chip, precision=precision).graph
    x = np.random.default_rng(0).integers(graph.input_format.low, graph.input_format.high + 1, (5, 4, 3))
    found = TorchGraph.of(graph).run(torch.from_numpy(x * 1.0), {})
    assert found.tolist() == run_reference(graph, x).outputs.tolist()


@dataclass(frozen=True)
class Unknown(ops.Elementwise):
    """An op that torch has no gradient of."""

    real: ClassVar[bool] = False
    out: str = field(metadata=ops.RESULT)
    a: str = field(metadata=ops.OPERAND)


def test_an_op_without_a_gradient_is_refused(net) -> None:
    blocks = [
        replace(block, ops=tuple(Unknown(op.out, op.a) if isinstance(op, ops.MulShift) else op for op in block.ops))
        for block in net.graph.blocks
    ]
    with pytest.raises(InputError, match=r"cannot be tuned: torch has no gradient .*\n.*Unknown\n.*more bits"):
        TorchGraph.of(replace(net.graph, blocks=tuple(blocks)))


def test_new_sequences_are_nearer_to_the_float_network(net, tuned) -> None:
    new = net.parts.host.sequences(sequences(batch=30, time=6, seed=1), None)
    before, after = (level_of(n.parts, new).worst.decibels for n in (net, tuned))
    assert after > before + 1, f"{before:.1f} to {after:.1f} dB"


def test_only_added_constants_change_and_passes_tell(net, tuned, tmp_path) -> None:
    changed = {n for n, c in net.graph.constants.items() if not np.array_equal(c, tuned.graph.constants[n])}
    assert changed and changed <= set(additive(net.graph))
    assert tuned.graph.blocks == net.graph.blocks and tuned.graph.values == net.graph.values
    assert tuned.passes[:-1] == net.passes and tuned.passes[-1].name == "tune"
    assert "30 sequences, 8 epochs, seed 0" in tuned.passes[-1].note
    tuned.save(tmp_path / "tuned.l2n")
    again = ltc2neuro.load(tmp_path / "tuned.l2n")
    assert again.passes == tuned.passes and np.array_equal(again(X), tuned(X))
    found, own = ltc2neuro.attribute(again, X, calibration=X), ltc2neuro.attribute(tuned, X)
    assert found == own and found.note.startswith("this network was tuned") and np.isnan(found.of_file)
    other = ltc2neuro.attribute(again, X / 2)
    assert "quantized again, on x, and not tuned" in other.note and not np.isnan(other.of_file)


def test_all_executors_return_its_integers(tuned) -> None:
    known = tuned.known
    for on in ("reference", "native", "simulator"):
        run = tuned.run(known.x, on=on)
        assert np.array_equal(run.integers, known.integers), on
    assert not np.array_equal(known.integers, np.zeros_like(known.integers))


def test_the_seed_decides(net, tuned) -> None:
    again, other = (ltc2neuro.tune(net, X, epochs=8, seed=seed) for seed in (0, 5))
    assert all(np.array_equal(c, again.graph.constants[n]) for n, c in tuned.graph.constants.items())
    assert any(not np.array_equal(c, other.graph.constants[n]) for n, c in tuned.graph.constants.items())


def test_compile_tunes_to_the_same_network_and_warns_of_that(net) -> None:
    by_hand = ltc2neuro.tune(net, X)
    level = level_of(by_hand.parts, by_hand.parts.host.sequences(X, None)).worst.decibels
    with pytest.warns(UserWarning, match=f"the integer outputs are only {level:.1f} dB") as warned:
        found = ltc2neuro.compile(tracker(), X, precision=Precision(parameter=6), tune=True)
    assert len(warned) == 1
    assert found.passes == by_hand.passes and found.passes[-1].name == "tune"
    assert all(np.array_equal(c, found.graph.constants[n]) for n, c in by_hand.graph.constants.items())
    assert np.array_equal(found.known.integers, by_hand.known.integers)
    with pytest.raises(InputError, match=r"tuning needs microcode\n.*tune=True"):
        ltc2neuro.compile(tracker(), X, microcode=False, tune=True)


def test_what_is_not_better_is_not_taken() -> None:
    fine = tracked()  # one step of the learning is less than half an LSB
    with pytest.warns(UserWarning, match=r"would not make this network better: .* dB in the worst channel of 15"):
        assert ltc2neuro.tune(fine, X, epochs=1) is fine


def test_refusals(net) -> None:
    with pytest.raises(InputError, match=r"too little data .*\n.*\n.*12 sequences, .* constants"):
        ltc2neuro.tune(net, X[:12, :1])
    with pytest.raises(InputError, match="too little data"):
        ltc2neuro.tune(net, X[:2])
    with pytest.raises(InputError, match="epochs must be a whole number"):
        ltc2neuro.tune(net, X, epochs=0)
    with pytest.raises(InputError, match=r"tune takes a compiled network\n.*got LTC"):
        ltc2neuro.tune(tracker(), X)
    with pytest.raises(InputError, match=r"too wide to be learned with torch\n.*ideal\n.* float64 holds 54"):
        ltc2neuro.tune(tracked("ideal"), X)
    with pytest.raises(InputError, match="wrong shape"):
        ltc2neuro.tune(net, X[:, :, :2])
