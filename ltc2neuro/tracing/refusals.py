"""Torch functions that are refused, and what to do instead."""

from __future__ import annotations

from collections.abc import Callable

import torch

from hw_models.errors import TraceError
from ltc2neuro.tracing.elementwise import MIXES
from ltc2neuro.tracing.recorder import Recorder
from ltc2neuro.tracing.torch_ops import spellings

_ESCAPES = (
    "The value would become a constant. Compute with torch operations on the tensor itself, without .data, numpy or "
    "Python numbers; decide with torch.where instead of if."
)
_WRITES = "Use the operation that returns a new tensor (x = x + y), or collect results in a list and torch.stack them."
_KERNELS = "Use the module torch.nn.LSTM, GRU or RNN itself, or a cell under ltc2neuro.nn.Recurrent."
_NORMALISE = (
    "It divides by a spread over features, which the chip's programs cannot do. Use nn.BatchNorm1d, which becomes "
    "constants, or leave it out and train again."
)
_ADVICE: dict[Callable[..., object], str] = {
    f: advice
    for names, advice in (
        (
            ("item", "tolist", "numpy", "__array__", "__bool__", "__float__", "__int__", "__index__", "__complex__",
             "__contains__", "__deepcopy__", "tensor", "as_tensor", "asarray", "from_numpy", "new_tensor", "nonzero",
             "data_ptr", "untyped_storage", "storage", "is_nonzero", "equal", "allclose", "any", "all", "__dlpack__",
             "__reduce_ex__", "apply_", "map_"),
            _ESCAPES,
        ),
        (("__setitem__", "copy_", "index_copy_", "index_put_", "scatter_", "fill_", "set_", "masked_fill_"), _WRITES),
        (
            ("mean", "cumsum", "cumprod", "prod", "sort", "topk", "median", "mode", "logsumexp",
             "norm", "multi_head_attention_forward", "scaled_dot_product_attention"),
            MIXES,
        ),
        (
            ("_pack_padded_sequence", "_pad_packed_sequence"),
            "Give it whole sequences, without packing: a compiled network takes lists of sequences of any lengths.",
        ),
        (("layer_norm", "group_norm", "instance_norm", "rms_norm", "std", "var", "normalize"), _NORMALISE),
        (("lstm", "gru", "rnn_tanh", "rnn_relu"), _KERNELS),
        (
            ("log_softmax",),
            "Leave it out: it does not change which output is the largest. Apply it behind the network.",
        ),
        (("argmax", "argmin"), "Return the values, and choose behind the network."),
        (("dropout", "rand_like", "randn_like", "bernoulli"), "A compiled network is deterministic: leave it out."),
    )
    for f in spellings(*names)
}  # fmt: skip
_ADVICE[torch.Tensor.data.__get__] = _ESCAPES  # type: ignore[attr-defined]


def refusal(recorder: Recorder, func: Callable[..., object]) -> TraceError:
    """The error for a torch function that has no rule."""
    name = getattr(func, "__name__", str(func))
    if name in ("__get__", "__set__"):
        name = "." + str(getattr(getattr(func, "__self__", None), "__name__", ""))
    advice = _ADVICE.get(func, "Write it with operations that are supported, or take it out of the model.")
    if advice is _ESCAPES:
        return recorder.refusal(f"a computed value leaves the recording through {name}", advice)
    if advice is _WRITES:
        return recorder.refusal(f"a computed value is written into a tensor by {name}", advice)
    return recorder.refusal(f"the operation {name} is not supported", advice)
