"""Torch functions that are refused, and what to do instead."""

from __future__ import annotations

import re
from collections.abc import Callable

import torch
from torch._C import _functorch  # type: ignore[attr-defined]

from hw_models.errors import TraceError
from ltc2neuro.tracing.ops.embedding import LOOKED_UP
from ltc2neuro.tracing.ops.mixing import ATTENDS
from ltc2neuro.tracing.ops.reductions import CHOSEN
from ltc2neuro.tracing.ops.shape_ops import CHOOSES
from ltc2neuro.tracing.ops.torch_ops import by_spelling
from ltc2neuro.tracing.recording.symbolic import Symbolic, check_computed
from ltc2neuro.tracing.recording.tape import Tape

_ESCAPES = (
    "The value would become a constant. Compute with torch operations on the tensor itself, without numpy or Python "
    "numbers; decide with torch.where instead of if."
)
_ROUNDS = "The chip's programs do not round: keep it a float, and round after the network, or its input before it."
CUTS = f"{_ROUNDS} {LOOKED_UP}"
"""What to do where a computed value is cut to a whole number"""
_WRITES = (
    "Use the operation that returns a new tensor (x = x + y; x = torch.where(mask, value, x) for x[mask] = value), or "
    "collect results in a list and torch.stack or torch.cat them."
)
_KERNELS = (
    "Use the module torch.nn.LSTM, GRU or RNN itself, as an attribute of the model or in nn.ModuleList (a Python list "
    "or dict hides it), or a cell under ltc2neuro.nn.Recurrent."
)
_SCATTERED = (
    "A network's connections are fixed. To places that constants tell, features go by a matrix: m = torch.zeros(4, 6); "
    "m[range(4), places] = 1; x + y @ m adds four of them to six."
)
_BEFORE = (
    "Use the calls in docs/supported.md. What depends on the input alone can be computed before the network and be one "
    "more input channel; what comes last can be computed after it."
)
_TRANSFORMS = (
    "A transform over time needs all samples at once, and a network has one: step the state that it stands for, "
    "h = A * h + B * x_t, y_t = (C * h).real, as state spaces do when they run step by step. Over features it is a "
    "matrix: x.to(F.dtype) @ F of F = torch.fft.fft(torch.eye(n))."
)
_COMPLEX = (
    "A network computes with real numbers, and takes complex ones apart: sums, products, matrices, exp, abs, conj, "
    ".real and .imag of them compile. Write the rest with their real and imaginary parts."
)
ADVICE = by_spelling(
    (
        ("item", "tolist", "numpy", "__array__", "__bool__", "__float__", "__int__", "__index__", "__complex__",
         "__contains__", "__deepcopy__", "tensor", "as_tensor", "asarray", "from_numpy", "new_tensor",
         "data_ptr", "untyped_storage", "storage", "is_nonzero", "equal", "allclose", "__dlpack__",
         "__reduce_ex__", "apply_", "map_"),
        _ESCAPES,
    ),
    (("__setitem__", "copy_", "index_put_", "scatter_", "set_"), _WRITES),
    (("masked_select", "masked_scatter", "nonzero", "argwhere", "take", "index_put", "one_hot"), CHOOSES),
    (("scatter", "scatter_add", "scatter_reduce", "index_add", "index_copy"), _SCATTERED),
    (("multi_head_attention_forward", "scaled_dot_product_attention"), ATTENDS),
    (("sort", "topk", "kthvalue", "median", "nanmedian", "mode", "quantile", "unique", "msort"), CHOSEN),
    (("argmax", "argmin", "argsort"), CHOSEN),
    (("stft", "istft"), _TRANSFORMS),
    (("embedding_bag",), LOOKED_UP),
    (
        ("_pack_padded_sequence", "_pad_packed_sequence"),
        "Give it whole sequences, without packing: a compiled network takes lists of sequences of any lengths.",
    ),
    (
        ("local_response_norm",),
        "Use nn.LayerNorm over the features, or nn.BatchNorm1d, which becomes constants, and train again.",
    ),
    (("lstm", "gru", "rnn_tanh", "rnn_relu"), _KERNELS),
    (("dropout", "rand_like", "randn_like", "bernoulli"), "A compiled network is deterministic: leave it out."),
)  # fmt: skip
"""What to do instead of a torch function; docs/troubleshooting.md lists them"""
_QUANTIZED = "Compile the float model that was quantized: ltc2neuro makes the integers itself."


def refusal(recorder: Tape, func: Callable[..., object]) -> TraceError:
    """The error for a torch function that has no rule."""
    if isinstance(func, (torch.jit.ScriptFunction, torch._C.ScriptMethod)):
        return scripted(recorder, str(func.name))
    return recorder.refusal(*told(func))


def told(func: Callable[..., object]) -> tuple[str, str]:
    """What is wrong with a torch function that has no rule, and what to do."""
    name = getattr(func, "__name__", str(func))
    if name in ("__get__", "__set__"):
        name = "." + str(getattr(getattr(func, "__self__", None), "__name__", ""))
    other = _TRANSFORMS if name.startswith("fft_") else _QUANTIZED if "quantized" in name else _BEFORE
    advice = ADVICE.get(func, other)
    if advice is _ESCAPES:
        return f"a computed value leaves the recording through {name}", advice
    if advice is _WRITES:
        return f"a computed value is written into a tensor by {name}", advice
    return f"the operation {name} is not supported", advice


def no_complex(recorder: Tape, func: Callable[..., object]) -> TraceError:
    """The error for a torch function that is not done with complex numbers."""
    what, advice = told(func)
    if advice not in (_BEFORE, _ESCAPES, _WRITES):
        return recorder.refusal(what, advice)
    return recorder.refusal(f"{recorder.operation} of complex numbers is not supported", _COMPLEX)


def misused(recorder: Tape, error: Exception) -> TraceError:
    """The error for arguments that torch takes and the rule of its function does not."""
    text = str(error)
    unknown = re.search(r"unexpected keyword argument '(\w+)'", text)
    if unknown is not None:
        text = f"its argument {unknown[1]} is not known"
    elif isinstance(error, TypeError) and "positional argument" in text:
        text = "it has more arguments, or fewer, than are supported"
    return recorder.refusal(
        f"{recorder.operation} is called in a way that is not supported",
        "Leave the argument out where its default will do, or write it with simpler operations.",
        text,
    )


def scripted(recorder: Tape, name: str) -> TraceError:
    """The error for what torch.jit has compiled: it runs outside of Python, where nothing can be recorded."""
    return recorder.refusal(
        f"{name} was made by torch.jit and cannot be recorded",
        "Use the Python function or module that it was made from: without @torch.jit.script, script() or trace().",
    )


def refuse_taken(recorder: Tape, values: object) -> None:
    """Raise `TraceError` where a call takes what the chip cannot compute, or torch.func is at work, by vmap or grad,
    and a symbolic tensor among its `values`.

    It wraps this in a tensor of torch's own, which runs on its zeros and records nothing.
    """
    check_computed(values)
    if _functorch.peek_interpreter_stack() is not None and _within(values):
        raise recorder.refusal(
            "torch.vmap, or another function of torch.func, takes a computed value",
            "Write it for whole batches: torch's calls take (batch, time, features) as they are, and a product of "
            "vectors is torch.einsum. A gradient belongs outside of the network.",
        )


def _within(value: object) -> bool:
    """Whether there is a symbolic tensor in nested tuples, lists, dicts and torch's wrappers."""
    if isinstance(value, (tuple, list)):
        return any(map(_within, value))
    if isinstance(value, dict):
        return any(map(_within, value.values()))
    while isinstance(value, torch.Tensor) and _functorch.is_functorch_wrapped_tensor(value):
        value = _functorch.get_unwrapped(value)
    return isinstance(value, Symbolic)
