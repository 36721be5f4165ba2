"""The proof of the door: its torch module answers as the Keras model does, on the user's samples and beyond."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import torch

from hw_models.arrays import Floats
from hw_models.errors import InputError, Ltc2NeuroError, ProofError
from ltc2neuro.tracing.calling.forward import first_steps
from ltc2neuro.tracing.calling.modules import undisturbed

ROWS, STEPS = 8, 64
"""How much of the samples both answer"""
ALLOWED = 1e-5
"""Of the largest value of its channel: both compute the same operations in float32"""


def prove_door(module: torch.nn.Module, model: keras.layers.Layer, sequences: Sequence[Floats]) -> None:
    """Raise `ProofError` where the module answers otherwise than the Keras model that it was made of."""
    x = _as_long(first_steps(sequences, ROWS, STEPS), model)
    signs = np.sign(np.random.default_rng(0).normal(size=x.shape)) * np.abs(x).max(axis=(0, 1), keepdims=True)
    for name, samples in (("the samples", x), ("random signs of their largest values", signs)):
        tensor = torch.tensor(samples, dtype=torch.float32)
        with undisturbed(), keras.device("cpu"):
            wanted = _answers(model, tensor, training=False)
            found = [torch.as_tensor(y) for y in keras.tree.flatten(module(tensor))]
        for number, (right, got) in enumerate(zip(wanted, found, strict=True)):
            _compare(right, got, name, f"answer {number}" if len(wanted) > 1 else "the answer")


def _answers(model: keras.layers.Layer, x: torch.Tensor, training: bool) -> list[torch.Tensor]:
    try:
        return keras.tree.flatten(model(x, training=training))
    except Ltc2NeuroError:
        raise
    except Exception as error:  # Keras refuses what does not fit the model in errors of many kinds
        first = str(error).strip().splitlines()
        raise InputError(
            "the model fails on these samples in Keras",
            numbers=f"(batch, time, features) = {tuple(x.shape)}: {type(error).__name__}: {first[0] if first else ''}",
            advice="Give what model(x) takes in Keras.",
        ) from error


def _as_long(x: Floats, model: keras.layers.Layer) -> Floats:
    """`x` with as many steps as the model says that it takes, if it does."""
    shape = getattr(model, "input_shape", None)
    steps = shape[1] if isinstance(shape, tuple) and len(shape) == x.ndim else None
    return x if not steps else np.tile(x, (1, -(-steps // x.shape[1]), 1))[:, :steps]


def _compare(right: torch.Tensor, got: torch.Tensor, name: str, answer: str) -> None:
    wanted, found = (t.detach().double().numpy() for t in (right, got))
    if wanted.shape != found.shape:
        raise _differs(f"{answer} has the shape {found.shape}, in Keras {wanted.shape}")
    if not wanted.size:
        return
    channels = (-1, wanted.shape[-1]) if wanted.ndim > 1 else (-1, 1)
    difference = np.abs(found - wanted).reshape(channels).max(axis=0)
    scale = np.abs(wanted).reshape(channels).max(axis=0)
    beyond = ~(difference <= ALLOWED * scale)
    if beyond.any():
        worst = int(np.argmax(np.where(beyond, difference, -1)))
        raise _differs(
            f"on {name}, {answer}, channel {worst}: they differ by {difference[worst]:.3g}, the largest value of Keras "
            f"there is {scale[worst]:.3g}"
        )


def _differs(numbers: str) -> ProofError:
    return ProofError(
        "the torch module made of this Keras model does not answer as the model does",
        numbers=numbers,
        advice="A layer does something in its __call__, or in a subclass, that its call does not. Compile the layers "
        "around it, and report this model.",
    )
