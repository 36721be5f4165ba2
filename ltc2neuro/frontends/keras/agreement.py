"""The proof of the frontend: its torch module answers as the Keras model does, on the user's samples and beyond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import keras
import numpy as np
import numpy.typing as npt
import torch

from hw_models.arrays import Floats
from hw_models.errors import InputError, ProofError
from ltc2neuro.frontends.keras.conversion import in_its_order, inputs_of, is_graph
from ltc2neuro.frontends.keras.keras_modules import plainly
from ltc2neuro.inputs.several import Inputs
from ltc2neuro.tracing.calling.arguments import SampleForm, arguments
from ltc2neuro.tracing.calling.forward import first_steps
from ltc2neuro.tracing.calling.modules import looks_up, undisturbed

ROWS, STEPS = 8, 32
"""How much of the samples both answer"""
_FRACTIONS = ("float", "bfloat")
ALLOWED = 1e-5
"""Of the largest value of its channel: both compute the same operations in float32"""


def prove_keras(
    module: torch.nn.Module,
    model: torch.nn.Module,
    sequences: Sequence[npt.NDArray[np.generic]],
    inputs: Inputs | None = None,
) -> None:
    """Raise `ProofError` where the module answers otherwise than the Keras model that it was made of.

    `sequences` are (time, *sample_shape), or (time, channels) of several `inputs`.
    """
    x = _as_taken(first_steps([np.asarray(s, np.float64) for s in sequences], ROWS, STEPS), model, inputs)
    tokens, whole = _tokens(module, x, inputs), _whole(model, x, inputs)
    if np.any(x[..., whole] % 1):
        raise InputError(
            "the model takes whole numbers, and Keras cuts others off",
            numbers=f"given {x[..., whole][x[..., whole] % 1 != 0][0]:g}",
            advice="Give whole numbers, or build the model with a keras.Input of float32.",
        )
    rng = np.random.default_rng(0)
    signs = np.sign(rng.normal(size=x.shape)) * np.abs(x).max(axis=(0, 1), keepdims=True)
    others = np.where(tokens | whole, rng.permuted(rng.permuted(x, axis=0), axis=1), signs)
    kind = "the tokens in another order" if tokens.all() else "random signs of their largest"
    for name, samples in (("the samples", x), (kind, others)):
        given = _split(samples, tokens, inputs)
        with undisturbed(), plainly():
            wanted = _answers(model, given)
            found = _found(module, given)
            apart = _apart(wanted, found)
            if apart and _apart(wanted, _answers(model, given)):
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


def _tokens(module: torch.nn.Module, x: Floats, inputs: Inputs | None) -> np.ndarray:
    """Which of the samples' numbers are tokens."""
    if inputs is None:
        return np.full(x.shape[2:], looks_up(module))
    return np.repeat([one.tokens for one in inputs.each], [one.size for one in inputs.each])


def _whole(model: torch.nn.Module, x: Floats, inputs: Inputs | None) -> np.ndarray:
    """Which of the samples' numbers the model takes in a type without fractions, which may have no sign."""
    if inputs is None:
        (told, *_) = getattr(model, "inputs", None) or [None]
        return np.full(x.shape[2:], told is not None and not told.dtype.startswith(_FRACTIONS))
    assert is_graph(model)
    kinds = [not inputs_of(model)[one.name].dtype.startswith(_FRACTIONS) for one in inputs.each]
    return np.repeat(kinds, [one.size for one in inputs.each])


def _split(x: Floats, whole: np.ndarray, inputs: Inputs | None) -> dict[str, torch.Tensor]:
    """The model's inputs by their names, in its order: tokens of an integer type, numbers in float32."""
    tokens, numbers = (torch.tensor(x, dtype=each) for each in (torch.int64, torch.float32))
    if inputs is None:
        return {"x": tokens if whole.all() else numbers}
    given = arguments(SampleForm(replace(inputs, keyed=True), (), time_first=False), numbers, tokens=tokens).named
    return {name: given[name] for name in inputs.order}


def _answers(model: torch.nn.Module, given: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
    """What Keras answers, at inference."""
    _check_shapes(model, given)
    try:
        taken: object = next(iter(given.values()))
        if is_graph(model):
            samples = in_its_order(model, given) if len(given) > 1 else [taken]
            taken = keras.tree.pack_sequence_as(model.input, samples)
        return [y.detach() for y in keras.tree.flatten(model(taken, training=False))]
    except Exception as error:  # Keras refuses what does not fit the model in errors of many kinds
        raise InputError(
            "the model fails on these samples in Keras",
            numbers=f"{_shapes(given)}: {type(error).__name__}: {error}",
            advice="Give what model(x) takes in Keras.",
        ) from error


def _check_shapes(model: torch.nn.Module, given: Mapping[str, torch.Tensor]) -> None:
    """Raise `InputError` for samples of another shape than the model says. Keras takes some, and computes with them."""
    shape = getattr(model, "input_shape", None)
    several = {name: each.shape for name, each in inputs_of(model).items()} if is_graph(model) else {}
    shapes = several if len(given) > 1 else {name: shape for name in given if isinstance(shape, tuple)}
    for name, told in shapes.items():
        x = given[name]
        if len(given) == 1 and len(told) == x.dim() - 1 and told[1:] == x.shape[2:]:
            raise InputError(
                "the model takes single samples, not sequences of them",
                numbers=f"it takes {told}, given {_shapes(given)}",
                advice="keras.layers.TimeDistributed(model) answers to each sample of a sequence.",
            )
        if len(told) != x.dim() or any(
            size not in (None, had) for size, had in zip(told[1:], x.shape[1:], strict=True)
        ):
            raise InputError(
                "the samples have another shape than the model takes",
                numbers=f"it takes {'' if len(given) == 1 else f'{name} = '}{told}, given {_shapes(given)}",
                advice="Give what model(x) takes in Keras.",
            )


def _found(module: torch.nn.Module, given: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
    """What the torch module answers."""
    try:
        return [y.detach() for y in keras.tree.flatten(module(*given.values()))]
    except RuntimeError as error:
        raise ProofError(
            "the torch module made of this Keras model fails where the model does not",
            numbers=f"{_shapes(given)}: {error}",
            advice="A cell of a package makes tensors as large as its batch: report this model.",
        ) from error


def _shapes(given: Mapping[str, torch.Tensor]) -> str:
    """In messages."""
    one = len(given) == 1
    return ", ".join(f"{'(batch, time, ...)' if one else name} = {tuple(x.shape)}" for name, x in given.items())


def _as_taken(x: Floats, model: torch.nn.Module, inputs: Inputs | None) -> Floats:
    """`x` again and again: `ROWS` rows, and its own steps, or as many of both as the model says that it takes."""
    if inputs is None:
        shape = getattr(model, "input_shape", None)
        told = [shape[:2]] if isinstance(shape, tuple) and len(shape) == x.ndim else []
    else:
        assert is_graph(model)
        told = [inputs_of(model)[one.name].shape[: 1 if one.held else 2] for one in inputs.each]
    sizes = {axis: size for each in told for axis, size in enumerate(each) if size}
    for axis, wanted in enumerate((sizes.get(0, ROWS), sizes.get(1, x.shape[1]))):
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
