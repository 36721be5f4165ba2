"""Models that read time along another axis than the second: what is said of them."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from hw_models.errors import TraceError
from ltc2neuro.tracing.answer_shapes import MANY
from ltc2neuro.tracing.calling.dtype import model_dtype
from ltc2neuro.tracing.calling.modules import instrumented, undisturbed
from ltc2neuro.tracing.recording import axes

STEPS = (61, 67, MANY)
"""So many are tried, which pooling leaves some of; a convolution has one of them as its channels, at most"""


def along_another_axis(model: torch.nn.Module, shape: tuple[int, ...], error: TraceError) -> TraceError | None:
    """What is said in place of an `error` of a model that fails on samples (batch, time, ...), and runs on such as
    have time along another axis. `shape` is that of the calibration, in either form."""
    with undisturbed():
        clone = instrumented(model, lambda path, module, forward: forward, model_dtype(model))
        failing = [steps for steps in (1, *STEPS) if not _runs(clone, (steps, *shape[2:]))]
        if not failing:
            return None
        for axis, rest, turned in _forms(shape):
            tried = [(*rest[: axis - 1], steps, *rest[axis - 1 :]) for steps in STEPS]
            fewer = (rest[0] - 1, *tried[-1][1:])  # what runs on these, too, has no features there
            if all(_runs(clone, own) for own in tried) and not _runs(clone, fewer):
                names = ["features"] if len(rest) == 1 else [str(size) for size in rest]
                names.insert(axis - 1, "time")
                other = "" if axis == len(shape) - 1 else f", {axis}"
                runs, fails = (f"({axes.ROWS}, {', '.join(map(str, own))})" for own in (tried[0], (failing[0], *rest)))
                return type(error)(
                    f"the model reads (batch, {', '.join(names)}), and a network (batch, time, ...)",
                    where=error.where,
                    numbers=f"it runs on {runs}, and fails on {fails}",
                    advice="Compile it as one of (batch, time, ...), whose answers are so, too: ltc2neuro.compile("
                    f"ltc2neuro.nn.TimeAxis(model{other}), {f'x.swapaxes(1, {axis})' if turned else 'x'}).",
                )
    return None


def _forms(shape: tuple[int, ...]) -> Iterator[tuple[int, tuple[int, ...], bool]]:
    """Axes that time may have, the others of a sample, and whether that is how the calibration lies."""
    for axis in range(len(shape) - 1, 1, -1):
        yield axis, shape[2:], False
        yield axis, (*shape[1:axis], *shape[axis + 1 :]), True


def _runs(model: torch.nn.Module, shape: tuple[int, ...]) -> bool:
    try:
        model(torch.zeros((axes.ROWS, *shape), dtype=model_dtype(model)))
    except Exception:  # whatever it is, it is not for such samples
        return False
    return True
