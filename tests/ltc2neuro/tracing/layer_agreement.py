"""What every layer is held to: the float graph computes what torch does, and the executors return equal integers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

import ltc2neuro
from compiler.graph import Graph
from compiler.interpreters.float64 import run_float
from compiler.rewrite import simplify
from compiler.simulator.machine import Machine
from ltc2neuro.compiled.run import Run
from ltc2neuro.network import Network
from ltc2neuro.tracing import Traced, run_torch, trace
from ltc2neuro.tracing.calling.forward import forward
from ltc2neuro.tracing.calling.modules import convert, instrumented, undisturbed

torch.set_num_threads(1)

LENGTHS = (9, 9, 5)


def sequences(features: int, lengths: Sequence[int] = LENGTHS, seed: int = 0, scale: float = 1.5) -> list[np.ndarray]:
    """Random samples (time, features)."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, features)) * scale for n in lengths]


def scrambled(model: torch.nn.Module, seed: int, spread: float = 0.3) -> torch.nn.Module:
    """Weights as training may leave them, and biases that are not 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype) * spread)
    return model


def agrees(model: torch.nn.Module, features: int, dt: float = 1.0) -> tuple[Traced, Graph]:
    """Trace, simplify, and compare with torch on data that the proof did not see; returns both graphs."""
    traced = trace(model, sequences(features), dt=dt)
    graph, _ = simplify(traced.graph)
    x = sequences(features, seed=1)
    tolerance = 1e-10 if next(model.parameters()).dtype == torch.float64 else 1e-5
    for sequence, expected in zip(x, run_torch(model, x, traced), strict=True):
        for each in (traced.graph, graph):
            y = run_float(each, sequence[None]).outputs[0].reshape(-1, *traced.step_shape)
            y = y if traced.readout == "every" else y[-1]
            assert y.shape == expected.shape
            assert np.max(np.abs(y - expected)) <= tolerance * max(1.0, float(np.max(np.abs(expected))))
    return traced, graph


def drifting(features: int, batch: int = 3, steps: int = 30, seed: int = 0) -> np.ndarray:
    """A smooth input (batch, time, features), like a sensor's."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(size=(batch, steps, features)), axis=1)
    return walk / np.sqrt(np.arange(1, steps + 1))[:, None]


def steady(features, steps):
    """A smooth input (1, steps, features) that is the same at its end as at its beginning, but for chance."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(1, steps, features))
    for t in range(1, steps):
        x[:, t] = 0.9 * x[:, t - 1] + np.sqrt(1 - 0.9**2) * x[:, t]
    return x


def runs_alike(net: Network, x: np.ndarray) -> Run:
    """The reference's run over `x`, after the mapped listings have returned the same integers."""
    run = net.run(x)
    entering, _ = net.input_format.quantize(net.enters.host(x))
    assert np.array_equal(Machine(net.mapped(), lanes=len(x)).run(entering), run.integers)
    return run


def onnxruntime_agrees(net: Network, x: np.ndarray, run: Run) -> None:
    """onnxruntime returns what the reference's `run` over `x` did; nothing where it is not installed."""
    if net.parts.executor("onnx").missing(net.chip):
        return
    other = net.run(x, on="onnx")
    assert np.array_equal(other.integers, run.integers)
    assert all(np.array_equal(other.states[n], run.states[n]) for n in run.states)
    assert other.saturations == run.saturations


def executors_agree(model: torch.nn.Module, x: np.ndarray, on: Sequence[str] = (), precision: str = "default") -> float:
    """Compile, and run on the reference, the mapped machine and the executors `on`: equal integers.

    Returns the SQNR of the outputs against torch in dB.
    """
    net = ltc2neuro.compile(model, x, precision=precision)
    run = runs_alike(net, x)
    onnxruntime_agrees(net, x, run)
    for executor in on:
        other = net.run(x, on=executor)
        assert np.array_equal(other.integers, run.integers)
        assert all(np.array_equal(other.states[n], run.states[n]) for n in run.states)
    expected = np.stack(run_torch(model, list(x)))
    y = net(x)
    assert y.shape == expected.shape
    return float(10 * np.log10(np.sum(expected**2) / np.sum((np.asarray(y) - expected) ** 2)))


def over_many_steps(model: torch.nn.Module, x: np.ndarray, steps: int) -> Traced:
    """A model as it is traced on sequences `x`: its graph is torch in float64 over many more steps."""
    model = convert(model, torch.float64).eval()
    traced = trace(model, list(x))
    longer = np.random.default_rng(1).normal(size=(2, steps, *x.shape[2:]))
    with undisturbed():
        expected = forward(instrumented(model, lambda path, module, own: own), longer, torch.float64, traced)
    found = run_float(traced.graph, longer).outputs
    for answer, y in zip(traced.answers.each, expected, strict=True):
        ours = answer.shaped(found[..., traced.answers.where[answer.name]])
        assert np.max(np.abs(ours - y)) <= 1e-10
    return traced
