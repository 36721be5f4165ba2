"""What a Keras model may have and a chip's program not: refused with the reason, and with what to do."""

from __future__ import annotations

import keras

from hw_models.errors import TraceError
from ltc2neuro.inputs.several import TIMESPANS

_SAMPLE_BY_SAMPLE = "a chip answers sample by sample, and has not seen the end when the first sample comes"
_MASKS = (
    "A network computes every sample that it is given. Leave the padding and the mask away: compile, run and verify "
    "take lists of sequences (time, features) of different lengths."
)
_AS_FUNCTIONS = (
    "Make the graph of it, which keeps its layers and weights: inputs = keras.Input((None, features)); "
    "functional = keras.Model(inputs, model.call(inputs)). With an LTC of ncps.keras do so before it is first called."
)


def check(operation: keras.Operation, path: str) -> None:
    """Raise `TraceError` where a Keras model, layer or operation is of a kind that is not compiled."""
    found = _refused(operation)
    if found is not None:
        what, advice = found
        raise TraceError(what, where=place(operation, path), advice=advice)


def check_graph(model: keras.Model, path: str) -> None:
    """Raise `TraceError` where a functional model has an input or layer that has to do with time and cannot."""
    if not path and TIMESPANS in [each.name for each in model.inputs]:
        advice = f"Call that keras.Input otherwise: as {TIMESPANS} are given times, which no Keras model takes."
        raise TraceError(f"an input is called {TIMESPANS}", where=place(model, path), advice=advice)
    steps = {each.shape[1] for each in model.inputs if len(each.shape) > 2}
    held = any(len(each.shape) < 3 for each in model.inputs)
    for layer in model.layers if held else []:
        if isinstance(layer, keras.layers.RepeatVector) and layer.n in steps:
            raise TraceError(
                f"a vector is repeated {layer.n} times, for as many steps: a network takes any number of them",
                where=place(layer, below(path, layer.name)),
                advice="Let an input s, (batch, features), have the steps of x: s[:, None] + 0 * x[..., :1]. What a "
                "layer answers to whole sequences is not known while they go on.",
            )


def masked(operation: keras.Operation) -> TraceError:
    """The error for a layer that is called with a mask."""
    return TraceError("a layer is given a mask", where=place(operation, operation.name), advice=_MASKS)


def place(operation: keras.Operation, path: str) -> str:
    """A layer in messages.

    >>> import types
    >>> place(types.SimpleNamespace(), "lstm")
    "layer 'lstm' (SimpleNamespace)"
    """
    return f"layer {path!r} ({type(operation).__name__})" if path else f"the model ({type(operation).__name__})"


def below(path: str, name: str) -> str:
    """The path of what is called `name` within the module at `path`."""
    return f"{path}.{name}" if path else name


def _shows_layers(model: keras.Model) -> bool:
    return isinstance(model, keras.Sequential) or hasattr(model, "operations")


def _calls_itself(model: keras.Model) -> bool:
    """Whether its `call` is the user's."""
    made = next(kind for kind in type(model).__mro__ if "call" in vars(kind))
    return made.__module__.partition(".")[0] != "keras"


def _refused(operation: keras.Operation) -> tuple[str, str] | None:
    """What is wrong with it, and what to do."""
    layers = keras.layers
    if isinstance(operation, layers.Layer) and not operation.built:
        return "a layer has no weights yet", "Call the model on samples once, and train it or load its weights."
    if isinstance(operation, keras.Model) and (_calls_itself(operation) or not _shows_layers(operation)):
        return "a model that is a class of its own shows no graph of its layers", _AS_FUNCTIONS
    if isinstance(operation, layers.Masking) or getattr(operation, "mask_zero", False):
        return "a mask leaves out samples", _MASKS
    if isinstance(operation, layers.Bidirectional) or getattr(operation, "go_backwards", False):
        return f"a layer that goes backwards: {_SAMPLE_BY_SAMPLE}", "Train it forwards."
    if isinstance(operation, (layers.ConvLSTM1D, layers.ConvLSTM2D, layers.ConvLSTM3D)):
        return "the states of a ConvLSTM are images", "Put Conv2D layers in TimeDistributed, before an LSTM of vectors."
    if getattr(operation, "stateful", False):
        return (
            "a stateful layer goes on from the batch before",
            "Set stateful=False: a network starts each sequence anew, and net.stream() goes on from sample to sample.",
        )
    dtype = getattr(operation, "compute_dtype", None)
    if dtype in ("float16", "bfloat16"):
        return (
            f"a layer computes in half precision ({dtype})",
            "Load the model under keras.config.set_dtype_policy('float32'): the weights keep their values.",
        )
    if getattr(operation, "quantization_mode", None):
        return "a quantized layer", "Compile the model that was quantized: ltc2neuro makes the integers itself."
    return None
