"""What a network returns for `net(x)`: its flat outputs in the shape and order of the model's answer."""

from __future__ import annotations

from collections.abc import Sequence

from hw_models.errors import InputError
from ltc2neuro.arrays import Floats
from ltc2neuro.layout import Layout


def shaped(outputs: Floats, readout: str, step_shape: Sequence[int]) -> Floats:
    """Flat outputs (..., time, outputs), batch first, in the shape of the model's answer."""
    if readout == "last":
        if outputs.shape[-2] == 0:
            raise InputError("there is no last step to answer at", advice="Give at least one sample.")
        return outputs[..., -1, :].reshape(*outputs.shape[:-2], *step_shape)
    return outputs.reshape(*outputs.shape[:-1], *step_shape)


def answer(
    outputs: Floats | list[Floats], readout: str, step_shape: Sequence[int], layout: Layout
) -> Floats | list[Floats]:
    """A run's outputs as the model returns them: one array in the order of `layout`, or a list of sequences."""
    if isinstance(outputs, list):
        return [shaped(y, readout, step_shape) for y in outputs]
    if not layout.answers_time_first:
        return shaped(outputs, readout, step_shape)
    y = shaped(outputs.swapaxes(0, 1), readout, step_shape)
    return y.swapaxes(0, 1) if readout == "every" else y
