"""What a model asks of a tensor besides its numbers: shape, type, and new tensors that are like it."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ltc2neuro.tracing.ops.torch_ops import spellings
from ltc2neuro.tracing.recording.extents import counted, noted
from ltc2neuro.tracing.recording.symbolic import ComplexPair, Symbolic, plain, symbols

_PROPERTIES = (
    "shape", "dtype", "device", "ndim", "layout", "requires_grad", "is_leaf", "is_cuda", "is_sparse", "is_quantized",
    "is_meta", "is_mps", "is_nested", "itemsize", "nbytes", "grad_fn", "is_cpu", "is_xpu", "is_mkldnn", "names",
)  # fmt: skip
METADATA: set[Callable[..., object]] = {
    *spellings(
        "size", "dim", "ndimension", "numel", "nelement", "stride", "is_contiguous", "is_floating_point", "is_complex",
        "is_signed", "get_device", "element_size", "storage_offset", "is_same_size", "__len__", "__hash__", "__repr__",
        "__str__", "__format__", "zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones",
        "new_full", "new_empty", "new_tensor", "new", "result_type", "has_names", "is_inference", "is_conj", "is_neg",
    ),
    *(getattr(torch.Tensor, name).__get__ for name in _PROPERTIES if hasattr(torch.Tensor, name)),
}  # fmt: skip
OF_VALUES: set[Callable[..., object]] = set(spellings("new_tensor", "new"))
"""What takes a shape, or values"""
_SIZES = {**dict.fromkeys(spellings("size", "__len__"), 0), **dict.fromkeys(spellings("numel", "nelement"))}
"""What returns one size -> of which axis, where it is not said; None: of all"""


def metadata(func: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    """What torch says of the tensor; sizes know whether they count rows or steps."""
    if func is torch.Tensor.__hash__:
        return id(args[0])
    result, x = func(*plain(args), **plain(kwargs)), args[0]
    if isinstance(x, ComplexPair):
        x = symbols(x)[0]
    if not isinstance(x, Symbolic):
        return result
    if isinstance(result, torch.Size):
        return torch.Size([counted(n, axis, x.codes, x.recorder.decisions) for axis, n in enumerate(result)])
    if func in _SIZES and isinstance(result, int):
        axis = kwargs.get("dim", args[1] if len(args) > 1 else _SIZES[func])
        size = counted(result, axis if isinstance(axis, int) else None, x.codes, x.recorder.decisions)
        if func is torch.Tensor.__len__:  # Python makes a plain number of it
            noted(size)
        return size
    return result
