"""Symbolic tensors as operands: the values of the graph that an op reads."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from compiler.graph.ops import Gather
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.lookups import TOKENS
from ltc2neuro.tracing.recording.symbolic import Symbolic


def whole(tensor: Symbolic) -> str:
    """The value that a symbolic tensor takes its elements from."""
    if tensor.value == TOKENS:
        raise tensor.recorder.refusal(
            f"{tensor.recorder.operation} computes with tokens",
            "Tokens go to nn.Embedding as they are, or are compared with a number, x != 0: in a model with an "
            "nn.Embedding, samples of an integer type are tokens. Give the samples as floats if they are numbers.",
        )
    if not tensor.recorder.in_sight(tensor.value):
        raise tensor.recorder.refusal(
            "a value from inside of a repeated step is used outside of it",
            "Return what is needed afterwards as the state of ltc2neuro.nn.repeat.",
        )
    return tensor.value


def operand(tensor: Symbolic, elements: npt.NDArray[np.int64]) -> str:
    """The value that holds `elements` of a symbolic tensor's value, in this order: itself, or a Gather."""
    recorder, value = tensor.recorder, whole(tensor)
    if np.array_equal(elements, np.arange(recorder.size(value))):
        return value
    index = recorder.index(elements, recorder.named("index"))
    return recorder.emit(lambda out: Gather(out, (value,), index), elements.size)


def groups(tensor: Symbolic) -> axes.LabelGroups:
    """The groups of a tensor's labels. All recorded tensors have them."""
    found = axes.group(axes.labels_of(tensor.codes))
    if found is None:
        raise tensor.recorder.refusal(
            "a tensor without elements is used",
            "Leave it out of the model. The first steps can be left out of a mean, y[:, 10:].mean(1), and no others.",
        )
    return found


def sample_value(tensor: Symbolic) -> str:
    """The value that holds the elements of one row and step, in their order."""
    return operand(tensor, axes.sample(tensor.codes, groups(tensor)))
