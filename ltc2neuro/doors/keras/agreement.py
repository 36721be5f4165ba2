"""The proof of the door: its torch module answers as the Keras model does, on the user's samples and beyond."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import numpy.typing as npt
import torch

from hw_models.arrays import Floats
from hw_models.errors import InputError, ProofError
from ltc2neuro.doors.keras.held import plainly
from ltc2neuro.tracing.calling.forward import first_steps
from ltc2neuro.tracing.calling.modules import looks_up, undisturbed

ROWS, STEPS = 8, 32
"""How much of the samples both answer"""
ALLOWED = 1e-5
"""Of the largest value of its channel: both compute the same operations in float32"""


def prove_door(module: torch.nn.Module, model: torch.nn.Module, sequences: Sequence[npt.NDArray[np.generic]]) -> None:
    """Raise `ProofError` where the module answers otherwise than the Keras model that it was made of.

    `sequences` are (time, *sample_shape).
    """
    x = _as_taken(first_steps([np.asarray(s, np.float64) for s in sequences], ROWS, STEPS), model)
    rng, tokens = np.random.default_rng(0), looks_up(module)
    signs = np.sign(rng.normal(size=x.shape)) * np.abs(x).max(axis=(0, 1), keepdims=True)
    others = ("the tokens in another order", rng.permuted(x)) if tokens else ("random signs of their largest", signs)
    for name, samples in (("the samples", x), others):
        tensor = torch.tensor(samples, dtype=torch.int64 if tokens else torch.float32)
        with undisturbed(), plainly():
            wanted = _answers(model, tensor)
            found = _found(module, tensor)
            apart = _apart(wanted, found)
            if apart and _apart(wanted, _answers(model, tensor)):
                raise ProofError(
                    "the Keras model answers differently when it is called again",
                    numbers=f"on {name}, {apart}",
                    advice="It draws random numbers: leave out training=True of a layer's call.",
                )
        if apart:
            raise ProofError(
                "the torch module made of this Keras model does not answer as the model does",
                numbers=f"on {name}, {apart}",
                advice="A subclass of a layer computes something in its __call__, or in an outer layer's call, that "
                "its inner call does not. Use the layer itself, or keras.layers.RNN(cell) with a cell of your own.",
            )


def _answers(model: torch.nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """What Keras answers, at inference."""
    shape = getattr(model, "input_shape", None)
    if isinstance(shape, tuple) and len(shape) == x.dim() - 1:
        raise InputError(
            "the model takes single samples, not sequences of them",
            numbers=f"it takes {shape}, given (batch, time, ...) = {tuple(x.shape)}",
            advice="keras.layers.TimeDistributed(model) answers to each sample of a sequence.",
        )
    try:
        return [y.detach() for y in keras.tree.flatten(model(x, training=False))]
    except Exception as error:  # Keras refuses what does not fit the model in errors of many kinds
        raise InputError(
            "the model fails on these samples in Keras",
            numbers=f"(batch, time, ...) = {tuple(x.shape)}: {type(error).__name__}: {error}",
            advice="Give what model(x) takes in Keras.",
        ) from error


def _found(module: torch.nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """What the torch module answers."""
    try:
        return [y.detach() for y in keras.tree.flatten(module(x))]
    except RuntimeError as error:
        raise ProofError(
            "the torch module made of this Keras model fails where the model does not",
            numbers=f"(batch, time, ...) = {tuple(x.shape)}: {error}",
            advice="A cell of a package makes tensors as large as its batch: report this model.",
        ) from error


def _as_taken(x: Floats, model: torch.nn.Module) -> Floats:
    """`x` again and again: `ROWS` rows, and its own steps, or as many of both as the model says that it takes."""
    shape = getattr(model, "input_shape", None)
    told = shape[:2] if isinstance(shape, tuple) and len(shape) == x.ndim else (None, None)
    for axis, wanted in enumerate((told[0] or ROWS, told[1] or x.shape[1])):
        x = np.concatenate([x] * -(-wanted // x.shape[axis]), axis).take(range(wanted), axis)
    return x


def _apart(wanted: Sequence[torch.Tensor], found: Sequence[torch.Tensor]) -> str:
    """Where two lists of answers differ by more than rounding, in words; empty where nowhere."""
    for number, (right, got) in enumerate(zip(wanted, found, strict=True)):
        answer = f"answer {number}" if len(wanted) > 1 else "the answer"
        if right.shape != got.shape:
            return f"{answer} has the shape {tuple(got.shape)}, in Keras {tuple(right.shape)}"
        by_channel = (t.double().reshape(-1, t.shape[-1]) for t in (right, got))
        right, got = by_channel
        difference, scale = (got - right).abs().amax(0), right.abs().amax(0)
        beyond = ~(difference <= ALLOWED * scale)
        if beyond.any():
            worst = int(torch.where(beyond, difference, -1).argmax())
            return (
                f"{answer}, channel {worst}: they differ by {difference[worst]:.3g}, the largest value of Keras there "
                f"is {scale[worst]:.3g}"
            )
    return ""
