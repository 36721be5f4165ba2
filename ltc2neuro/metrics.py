"""SQNR, and the task metrics that `verify` knows by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from hw_models.errors import InputError

Array: TypeAlias = np.ndarray
Metric: TypeAlias = Callable[[Array, Array], float]


def sqnr(exact: Sequence[Array], approximate: Sequence[Array]) -> float:
    """Signal to quantization noise, 10 log10(sum x^2 / sum e^2) over all elements, in dB.

    >>> round(sqnr([np.array([1.0, -1.0])], [np.array([1.1, -1.1])]), 6)
    20.0
    """
    signal = sum(float(np.sum(np.square(e, dtype=np.float64))) for e in exact)
    noise = sum(
        float(np.sum(np.square(np.subtract(a, e, dtype=np.float64)))) for e, a in zip(exact, approximate, strict=True)
    )
    if noise == 0:
        return float("inf")
    return float("-inf") if signal == 0 else 10 * float(np.log10(signal / noise))


def accuracy(outputs: Array, targets: Array) -> float:
    """The share of outputs (..., classes) whose largest element is at the target's (...) index."""
    if outputs.ndim == targets.ndim + 1:
        outputs = np.argmax(outputs, axis=-1)
    if outputs.shape != targets.shape:
        raise InputError(
            "targets do not fit the outputs",
            numbers=f"targets {targets.shape}, classes of the outputs {outputs.shape}",
            advice="For accuracy give the index of the right class for each answer of the model.",
        )
    return float(np.mean(outputs == targets))


def mse(outputs: Array, targets: Array) -> float:
    """The mean squared error."""
    _same_shape(outputs, targets)
    return float(np.mean(np.square(np.subtract(outputs, targets, dtype=np.float64))))


def mae(outputs: Array, targets: Array) -> float:
    """The mean absolute error."""
    _same_shape(outputs, targets)
    return float(np.mean(np.abs(np.subtract(outputs, targets, dtype=np.float64))))


METRICS: dict[str, Metric] = {"accuracy": accuracy, "mse": mse, "mae": mae}


def measure(metric: str | Metric, outputs: Sequence[Array], targets: Sequence[Array], ragged: bool) -> float:
    """The metric over all sequences. Sequences of different lengths are laid end to end."""
    if isinstance(metric, str) and metric not in METRICS:
        raise InputError(f"no metric {metric!r}", advice=f"Use {', '.join(METRICS)}, or a function.")
    function = METRICS[metric] if isinstance(metric, str) else metric
    join = np.concatenate if ragged and outputs[0].ndim == targets[0].ndim and outputs[0].ndim > 1 else _stacked
    return float(function(join(outputs), join(targets)))


def change(metric: str | Metric, before: float, after: float) -> float:
    """How much it changed: relative to `before` for mse and mae, else absolute.

    >>> round(change("mse", 2.0, 2.02), 6), round(change("accuracy", 0.95, 0.94), 6)
    (0.01, 0.01)
    """
    difference = abs(after - before)
    if metric in ("mse", "mae"):
        return 0.0 if difference == 0 else difference / before if before else float("inf")
    return difference


def _stacked(arrays: Sequence[Array]) -> Array:
    if len({a.shape for a in arrays}) == 1:
        return np.stack(arrays)
    return np.concatenate([a.reshape(len(a), -1) if a.ndim > 1 else a for a in arrays])


def _same_shape(outputs: Array, targets: Array) -> None:
    if outputs.shape != targets.shape:
        raise InputError("targets do not have the outputs' shape", numbers=f"{targets.shape}, not {outputs.shape}")
