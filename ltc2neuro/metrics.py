"""SQNR, and the task metrics that `verify` knows by name."""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from hw_models.arguments import check_choice, shown
from hw_models.arrays import Array
from hw_models.errors import InputError, Ltc2NeuroError
from ltc2neuro.inputs.arrays import as_array, check_real_type

Metric: TypeAlias = Callable[[Array, Array], float]


STILL = 8
"""A channel whose deviation is below this many LSB of its largest value only carries rounding: it stands still"""


@dataclass(frozen=True)
class Worst:
    """The channel that lost most: its SQNR in dB, and its number; None and NaN where there is no signal at all."""

    decibels: float
    channel: int | None


def sqnr(exact: Sequence[Array], approximate: Sequence[Array]) -> float:
    """Signal to quantization noise of the worst channel, in dB. See `channel_sqnr`."""
    return worst_channel(channel_sqnr(exact, approximate)).decibels


def worst_channel(decibels: Array) -> Worst:
    """The least of what `channel_sqnr` returns."""
    if not decibels.size or np.all(np.isnan(decibels)):
        return Worst(float("nan"), None)
    channel = int(np.nanargmin(decibels))
    return Worst(float(decibels[channel]), channel)


def channel_sqnr(exact: Sequence[Array], approximate: Sequence[Array]) -> Array:
    """Signal to quantization noise, channel by channel, in dB; arrays are (..., channels), one a sequence.

    The signal is what varies: 10 log10(sum (x - mean x)^2 / sum e^2), over all sequences and steps. A channel that
    stands still is measured by its constant value, one that is always 0 by the channel that has most signal.
    Infinite where there is no error, NaN where no channel has any signal, but errors.

    >>> channel_sqnr([np.array([[4.0, 1.0], [6.0, 1.0]])], [np.array([[4.1, 1.0], [5.9, 1.0]])]).round(6)
    array([20., inf])
    """
    x = _together(exact)
    y = _together(approximate)
    if x.shape != y.shape:
        raise InputError(
            "the arrays to compare differ in shape",
            numbers=f"{x.shape} and {y.shape}, as (samples, channels)",
            advice="Give the same number of samples and channels of both.",
        )
    with np.errstate(over="ignore", invalid="ignore"):
        error = y.astype(np.float64) - x
    if not x.size:
        return np.full(x.shape[1], np.inf)
    largest = np.max(np.abs(x), axis=0).astype(np.float64)
    unit = units(largest)  # squares of tiny and of huge numbers are none
    mean = np.mean(x / unit, axis=0)
    varies = np.mean(np.square(x / unit - mean), axis=0)
    place = float(np.finfo(x.dtype).eps) if np.issubdtype(x.dtype, np.floating) else 0.0
    size = np.max(np.abs(error), axis=0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        noise = np.mean(np.square(error / size), axis=0)
    return decibels(Measured(largest, mean, varies, size, noise), place)


@dataclass(frozen=True)
class Measured:
    """What the SQNR of channels is computed from: arrays (channels,)."""

    largest: Array
    """of the exact values, without sign"""
    mean: Array
    """of the exact values, in `units(largest)`"""
    varies: Array
    """the mean square of what varies of them, in squares of these units"""
    size: Array
    """of the largest error"""
    noise: Array
    """the mean square of the error, in squares of its `size`"""


def units(largest: Array) -> Array:
    """What each channel is measured in: its largest value, or that of all where it is always 0."""
    return np.where(largest > 0, largest, np.max(largest) or 1.0)


def decibels(of: Measured, place: float) -> Array:
    """SQNR, channel by channel, as `channel_sqnr` says; `place` is the LSB of 1 in the exact values."""
    unit, size = units(of.largest), of.size
    signal = np.where(of.varies > (STILL * place) ** 2, of.varies, np.square(of.mean))
    signal = np.where(of.largest > 0, signal, np.max(signal * np.square(unit / np.max(unit))))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = 10 * np.log10(signal / of.noise) - 20 * (np.log10(size) - np.log10(unit))
    ratio = np.where(np.isinf(size), -np.inf, ratio)
    return np.where(size == 0, np.inf, np.where(signal > 0, ratio, np.nan))


def _together(arrays: Sequence[Array]) -> Array:
    """(..., channels) as (samples, channels)."""
    if not isinstance(arrays, (list, tuple)) and not (isinstance(arrays, np.ndarray) and arrays.ndim):
        raise InputError("a list of sequences is expected", numbers=f"given {shown(arrays)}", advice=_SEQUENCES)
    found = [as_array(a) for a in arrays]
    if not found or any(a.ndim == 0 for a in found) or len({a.shape[-1] for a in found}) > 1:
        raise InputError(
            "all sequences must have the same channels", numbers=f"{[a.shape for a in found[:4]]}", advice=_SEQUENCES
        )
    for array in found:
        check_real_type(array, "a sequence")
    return np.concatenate([a.reshape(math.prod(a.shape[:-1]), a.shape[-1]) for a in found])


_SEQUENCES = "Give a list of arrays (..., channels), one for each sequence."


def _arrays(outputs: Array, targets: Array) -> tuple[Array, Array]:
    """Both as arrays of real numbers."""
    found = as_array(outputs), as_array(targets)
    for array, what in zip(found, ("outputs", "targets"), strict=True):
        check_real_type(array, what)
    return found


def accuracy(outputs: Array, targets: Array) -> float:
    """The share of outputs (..., classes) whose largest element is at the target's (...) index.

    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    return float(np.mean(correct(outputs, targets)))


def correct(outputs: Array, targets: Array) -> Array:
    """Of each answer, whether its largest element is at the target's index. Raises `InputError`."""
    outputs, targets = as_array(outputs), as_array(targets)
    check_real_type(outputs, "outputs")
    advice = "Give the index of the right class for each answer of the model, or a metric of your own."
    if outputs.ndim < 2 or outputs.shape[-1] < 2:
        raise InputError("accuracy needs one output for each class", numbers=f"outputs {outputs.shape}", advice=advice)
    if outputs.shape[:-1] != targets.shape:
        raise InputError(
            "targets do not fit the outputs",
            numbers=f"targets {targets.shape}, outputs {outputs.shape}: expected {outputs.shape[:-1]}",
            advice=advice,
        )
    classes = outputs.shape[-1]
    numbers = targets.dtype.kind in "iubf"
    sound = (targets >= 0) & (targets < classes) & (targets % 1 == 0) if numbers else np.zeros(targets.shape, bool)
    if not np.all(sound):
        raise InputError(
            "targets are not classes",
            numbers=f"found {targets[~sound].flat[0]}, expected integers 0 to {classes - 1}",
            advice=advice,
        )
    return np.argmax(outputs, axis=-1) == targets


def errors(outputs: Array, targets: Array) -> Array:
    """Outputs less targets, in float64. Raises `InputError`."""
    outputs, targets = _arrays(outputs, targets)
    if outputs.shape != targets.shape:
        raise InputError("targets do not have the outputs' shape", numbers=f"{targets.shape}, not {outputs.shape}")
    return np.subtract(outputs, targets, dtype=np.float64)


def mse(outputs: Array, targets: Array) -> float:
    """The mean squared error."""
    return float(np.mean(np.square(errors(outputs, targets))))


def mae(outputs: Array, targets: Array) -> float:
    """The mean absolute error."""
    return float(np.mean(np.abs(errors(outputs, targets))))


def correlation(outputs: Array, targets: Array) -> float:
    """Pearson's, of outputs (..., channels) and targets: the mean over channels, of which none may stand still.

    >>> round(correlation(np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [3.0], [5.0]])), 12)
    1.0
    """
    errors(outputs, targets)
    *_, channels = 1, *np.shape(outputs)
    y, t = (np.asarray(a, np.float64).reshape(-1, channels) for a in (outputs, targets))
    y, t = y - y.mean(axis=0), t - t.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (y * t).sum(axis=0) / np.sqrt(np.square(y).sum(axis=0) * np.square(t).sum(axis=0))
    return float(np.mean(found))


METRICS: dict[str, Metric] = {"accuracy": accuracy, "mse": mse, "mae": mae, "correlation": correlation}


def metric_of(metric: str | Metric) -> Metric:
    """The function of a metric's name, or the one that is given. Raises `InputError`."""
    if callable(metric):
        return metric
    return METRICS[check_choice(metric, METRICS, "metric", also=", or a function of outputs and targets")]


def identity_of(metric: str | Metric, score: float) -> str:
    """What tells a metric from others, for whoever continues work: of a function its name, its text, and its score of
    data that stay the same, as a closure, an object and what is global change without a change of the text."""
    if isinstance(metric, str):
        return metric
    named = metric if hasattr(metric, "__qualname__") else type(metric)
    text = ""
    with suppress(OSError, TypeError):  # it was typed in, or is no function
        text = f" (source {hashlib.sha256(inspect.getsource(metric).encode()).hexdigest()[:8]})"
    return f"{named.__module__}.{named.__qualname__}{text}, score {score:.6g}"


def batched(outputs: Sequence[Array], targets: Sequence[Array], batch_axis: int = 0) -> tuple[Array, Array]:
    """All sequences as one array each, batched as the model's answer is; other lengths are laid end to end.

    Raises `InputError` where targets differ in more than their length.
    """
    same = len({o.shape for o in outputs}) == len({t.shape for t in targets}) == 1
    try:
        if same:
            return np.stack(outputs, batch_axis), np.stack(targets, min(batch_axis, targets[0].ndim))
        return np.concatenate(outputs), np.concatenate(targets)
    except ValueError as error:
        raise InputError(
            f"targets cannot be concatenated: {error}", advice="Give targets that differ only in length."
        ) from error


def measure(metric: str | Metric, outputs: Sequence[Array], targets: Sequence[Array], batch_axis: int = 0) -> float:
    """The metric over all sequences, as `batched`. Raises `InputError` where it fails, or returns no number."""
    function, inputs = metric_of(metric), batched(outputs, targets, batch_axis)
    try:
        result = function(*inputs)
    except Ltc2NeuroError:
        raise
    except Exception as error:  # the user's code may raise anything
        raise InputError(
            f"the metric failed: {type(error).__name__}: {error}",
            numbers=f"outputs {inputs[0].shape}, targets {inputs[1].shape}",
            advice="It is called with outputs and targets and returns one float.",
        ) from error
    try:
        return float(result)
    except (TypeError, ValueError) as error:
        raise InputError(
            "the metric does not return a number",
            numbers=f"it returns {type(result).__name__}",
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
