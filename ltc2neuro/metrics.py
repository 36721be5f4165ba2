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
    """The share of outputs (..., classes) whose largest element is at the target's (...) index.

    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    advice = "Give the index of the right class for each answer of the model, or a metric of your own."
    if outputs.ndim < 2 or outputs.shape[-1] < 2:
        raise InputError("accuracy needs an output a class", numbers=f"outputs {outputs.shape}", advice=advice)
    if outputs.shape[:-1] != targets.shape:
        raise InputError(
            "targets do not fit the outputs",
            numbers=f"targets {targets.shape}, outputs {outputs.shape}: expected {outputs.shape[:-1]}",
            advice=advice,
        )
    classes = outputs.shape[-1]
    if targets.dtype.kind not in "iubf" or not np.all((targets >= 0) & (targets < classes) & (targets % 1 == 0)):
        raise InputError("targets are no classes", numbers=f"expected integers 0 to {classes - 1}", advice=advice)
    return float(np.mean(np.argmax(outputs, axis=-1) == targets))


def mse(outputs: Array, targets: Array) -> float:
    """The mean squared error."""
    _same_shape(outputs, targets)
    return float(np.mean(np.square(np.subtract(outputs, targets, dtype=np.float64))))


def mae(outputs: Array, targets: Array) -> float:
    """The mean absolute error."""
    _same_shape(outputs, targets)
    return float(np.mean(np.abs(np.subtract(outputs, targets, dtype=np.float64))))


METRICS: dict[str, Metric] = {"accuracy": accuracy, "mse": mse, "mae": mae}


def measure(metric: str | Metric, outputs: Sequence[Array], targets: Sequence[Array], batch_axis: int = 0) -> float:
    """The metric over all sequences, batched as the model's answer is. Those of different lengths are laid end to end.
    """
    if isinstance(metric, str) and metric not in METRICS:
        raise InputError(f"no metric {metric!r}", advice=f"Use {', '.join(METRICS)}, or a function.")
    function = METRICS[metric] if isinstance(metric, str) else metric
    if not callable(function):
        raise InputError(f"no metric {metric!r}", advice=f"Use {', '.join(METRICS)}, or a function.")
    same = len({o.shape for o in outputs}) == len({t.shape for t in targets}) == 1
    try:
        if same:
            inputs = np.stack(outputs, batch_axis), np.stack(targets, batch_axis)
        else:
            inputs = np.concatenate(outputs), np.concatenate(targets)
    except ValueError as error:
        raise InputError(f"targets cannot be laid end to end: {error}") from error
    result = function(*inputs)
    try:
        return float(result)
    except (TypeError, ValueError) as error:
        raise InputError(
            "the metric does not return a number", numbers=f"it returns {type(result).__name__}",
            advice="It is called with outputs and targets and returns one float.",
        ) from error


def change(metric: str | Metric, before: float, after: float) -> float:
    """How much it changed: relative to `before` for mse and mae, else absolute.

    >>> round(change("mse", 2.0, 2.02), 6), round(change("accuracy", 0.95, 0.94), 6)
    (0.01, 0.01)
    """
    difference = abs(after - before)
    if metric in ("mse", "mae"):
        return 0.0 if difference == 0 else difference / before if before else float("inf")
    return difference


def _same_shape(outputs: Array, targets: Array) -> None:
    if outputs.shape != targets.shape:
        raise InputError("targets do not have the outputs' shape", numbers=f"{targets.shape}, not {outputs.shape}")
