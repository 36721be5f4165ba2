"""Where users' models come in: a Keras model becomes a torch module, any other stays what it is.

Whether it is one is read off its class: importing Keras would choose its backend.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from hw_models.errors import InputError
from ltc2neuro.inputs.arguments import check_module
from ltc2neuro.inputs.several import Inputs

if TYPE_CHECKING:
    import torch

_BEFORE = (
    "KERAS_BACKEND=torch must be set before Keras is first imported: in the shell, or by os.environ['KERAS_BACKEND'] = "
    "'torch' above the imports. A .keras or .weights.h5 file that another backend wrote loads as it is."
)
_TIME = "in a Keras model, the cells of ncps assume a time of 1 for every sample"


def is_keras(model: object) -> bool:
    """Whether it is a model or layer of Keras, of any version and backend."""
    return any(base.__module__.partition(".")[0] in ("keras", "tf_keras") for base in type(model).__mro__)


def check_model(model: object) -> None:
    """Raise `InputError` unless it is a torch module, or a Keras model on its torch backend."""
    if is_keras(model):
        _check_backend(model)
        return
    check_module(model)
    import torch

    assert isinstance(model, torch.nn.Module)
    recurrent = [path for path, inner in model.named_modules() if is_keras(inner) and hasattr(inner, "go_backwards")]
    if recurrent:
        raise InputError(
            "a torch module has a recurrent layer of Keras in it",
            where=f"module {recurrent[0]!r}",
            advice="Make the whole a Keras model, or take the layer of torch or of ncps.torch.",
        )


def _check_backend(model: object) -> None:
    import keras  # it is there: the model is of it

    backend = keras.config.backend() if isinstance(model, keras.Operation) else "tf_keras"
    if backend != "torch":
        raise InputError(
            "a Keras model is compiled on Keras 3 and its torch backend",
            numbers=f"this {type(model).__name__} runs on {backend}",
            advice=_BEFORE,
        )


def entered(model: torch.nn.Module) -> torch.nn.Module:
    """The torch module of a Keras model, any other model as it is. Raises `InputError` for what is none.

    What was made of a Keras model is still to be compared with it: see `prove_entered`.
    """
    check_model(model)
    if not is_keras(model):
        return model
    import keras

    from ltc2neuro.frontends.keras.conversion import whole
    from ltc2neuro.tracing.calling.dtype import model_dtype

    assert isinstance(model, keras.layers.Layer)
    module = whole(model).float().eval()  # in which Keras multiplies even float64
    model_dtype(module)
    return module


class _InTime(Protocol):
    """What knows how samples lie in time, and of which inputs they were put together."""

    @property
    def inputs(self) -> Inputs | None: ...

    @property
    def dt(self) -> float: ...

    @property
    def timed(self) -> bool: ...


def prove_entered(
    module: torch.nn.Module, model: torch.nn.Module, sequences: Sequence[npt.NDArray[np.generic]], of: _InTime
) -> None:
    """Raise `ProofError` where a `module` that was made of a `model` answers `sequences` (time, ...) otherwise.

    Raises `InputError` for times that Keras does not know.
    """
    if module is model:
        return
    if of.timed:
        raise InputError(
            "a Keras model takes no timespans",
            numbers="the layers of ncps.keras 1.0.1 fail on (x, timespans) in Keras itself",
            advice="Train the torch module of ncps, or a cell of ltc2neuro.nn, for samples at irregular times.",
        )
    from ltc2neuro.frontends.keras.agreement import prove_keras
    from ltc2neuro.frontends.keras.keras_modules import Held

    held = [m.operation for m in module.modules() if isinstance(m, Held)]
    if of.dt != 1.0 and any(type(operation).__module__.startswith("ncps.") for operation in held):
        raise InputError(_TIME, numbers=f"dt = {of.dt:g}", advice="Leave out dt: time constants are in samples.")
    prove_keras(module, model, sequences, of.inputs)
