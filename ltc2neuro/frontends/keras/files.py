"""Files of Keras: a whole model in a `.keras` file, weights in a `.weights.h5` file, whatever backend wrote them."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import torch

from hw_models.errors import InputError, WeightsError
from ltc2neuro.extras import KERAS
from ltc2neuro.frontends.keras.model_argument import check_model

MODEL, WEIGHTS = ".keras", ".weights.h5"


def on_torch() -> None:
    """Let Keras run on torch when it is first imported, if nobody has said otherwise."""
    os.environ.setdefault("KERAS_BACKEND", "torch")


def load_model(path: Path) -> torch.nn.Module:
    """The model in a `.keras` file, with those of ncps known. No code of the file runs. Raises `WeightsError`."""
    KERAS.require()
    if not path.is_file():
        raise WeightsError("there is no such Keras file", where=str(path), advice="Check the path.")
    on_torch()
    asked = os.environ["KERAS_BACKEND"]
    if "keras" not in sys.modules and asked != "torch":
        raise InputError(
            "a Keras model is compiled on Keras's torch backend",
            numbers=f"KERAS_BACKEND is {asked}",
            advice="Set KERAS_BACKEND=torch, or leave it unset.",
        )
    import keras

    if find_spec("ncps") is not None:
        import ncps.keras  # registers its layers  # noqa: F401
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # of a damaged or a foreign file, Keras raises what that leads to
        raise WeightsError(
            f"Keras does not load this file: {_cause(error)}",
            where=str(path),
            advice="Write a function that builds the model, and load the weights alone: train.py:build --weights "
            f"{path}. The file holds no code of yours, and ncps's NCP does not keep its sizes.",
        ) from error
    check_model(model)
    assert isinstance(model, torch.nn.Module)
    return model


def load_weights(model: torch.nn.Module, path: Path) -> str:
    """Load a `.weights.h5` file, or the weights of a `.keras` file, into a Keras model; in words what was loaded.

    Raises `WeightsError` where they do not fit; the model may hold some of them then.
    """
    import keras

    if not isinstance(model, keras.Model):
        raise WeightsError(
            f"a {type(model).__name__} alone takes no weights of a file",
            where=str(path),
            advice="Make a model of it: keras.Sequential([keras.Input((None, features)), layer]).",
        )
    if not path.is_file() or not path.name.endswith((WEIGHTS, MODEL)):
        raise WeightsError(
            f"a Keras model takes the weights of a {WEIGHTS} or {MODEL} file",
            where=str(path),
            advice=f"Save them so: model.save_weights('m{WEIGHTS}')." if path.is_file() else "Check the path.",
        )
    try:
        model.load_weights(path)
    except Exception as error:  # of a file of another model, Keras raises what that leads to
        raise WeightsError(
            f"the weights do not fit the model: {_cause(error)}",
            where=str(path),
            advice="Build the model with the options that it was trained with.",
        ) from error
    return f"{len(model.variables)} variables"


def _cause(error: Exception) -> str:
    """The line of a message of Keras, which prints whole configurations, that says what is wrong."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return next((line for line in reversed(lines) if line.startswith("Exception encountered")), lines[0])
