"""What a network returns for `net(x)`: its flat outputs in the shape and order of the model's answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hw_models.arrays import Floats
from hw_models.errors import InputError
from ltc2neuro.inputs.layout import Layout


def shaped(outputs: Floats, readout: str, step_shape: Sequence[int]) -> Floats:
    """Flat outputs (..., time, outputs), batch first, in the shape of the model's answer."""
    if readout == "last":
        if outputs.ndim < 2 or outputs.shape[-2] == 0:
            raise InputError("there is no last step to answer at", advice="Give at least one sample.")
        return outputs[..., -1, :].reshape((*outputs.shape[:-2], *step_shape))
    return outputs.reshape((*outputs.shape[:-1], *step_shape))


def answer(
    outputs: Floats | list[Floats], readout: str, step_shape: Sequence[int], layout: Layout
) -> Floats | list[Floats]:
    """A run's outputs as the model returns them: one array in the order of `layout`, or a list of sequences.

    What the model drops of a single row or step, as y.squeeze() does, is dropped here, too.
    """
    if isinstance(outputs, list):
        return [shaped(y, readout, step_shape) for y in outputs]
    y = shaped(outputs.swapaxes(0, 1) if layout.answers_time_first else outputs, readout, step_shape)
    gone = [0] if layout.drops_row and len(y) == 1 else []
    if readout == "every":
        gone += [1] if layout.drops_step and y.shape[1] == 1 else []
        if layout.answers_time_first:
            y, gone = y.swapaxes(0, 1), [1 - axis for axis in gone]
    return np.squeeze(y, tuple(gone)) if gone else y
