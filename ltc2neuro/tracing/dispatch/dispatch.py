"""What happens with a torch call on a symbolic tensor: recorded, decomposed, answered, or refused."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence

import torch
from torch.overrides import TorchFunctionMode

from hw_models.errors import Ltc2NeuroError
from ltc2neuro.nn.recurrence import repeat
from ltc2neuro.tracing.dispatch.dtypes import in_torch, promoted, typed
from ltc2neuro.tracing.dispatch.solver import repeated
from ltc2neuro.tracing.dispatch.unsupported import CUTS, misused, no_complex, refusal, refuse_taken
from ltc2neuro.tracing.dispatch.writing import Written, write_through
from ltc2neuro.tracing.ops.complex_numbers import COMPLEX_NUMBERS, cast
from ltc2neuro.tracing.ops.convolution import CONVOLUTIONS
from ltc2neuro.tracing.ops.decompositions import DECOMPOSITIONS
from ltc2neuro.tracing.ops.logic import truth
from ltc2neuro.tracing.ops.torch_ops import RULES, TorchRule, spellings
from ltc2neuro.tracing.recording.extents import counted, noted
from ltc2neuro.tracing.recording.held_inputs import held
from ltc2neuro.tracing.recording.held_inputs import recorded as recorded_held
from ltc2neuro.tracing.recording.local_variables import Profile
from ltc2neuro.tracing.recording.symbolic import (
    ComplexPair,
    Symbolic,
    aliased,
    is_complex,
    paired,
    plain,
    rebind,
    symbolic,
    symbols,
)
from ltc2neuro.tracing.recording.tape import Tape

TorchFunction = Callable[..., object]


class Recording(TorchFunctionMode):
    """Sees every torch call while a model is traced: names constants, records what touches a symbolic tensor."""

    def __init__(self, recorder: Tape, written: Written) -> None:
        super().__init__()
        self._recorder, self._written = recorder, written
        self.profile: Profile | None = None
        """what sees the model's functions return: of ours, in a call of torch, it need not see any"""

    def __torch_function__(
        self,
        func: TorchFunction,
        types: Iterable[type],
        args: Sequence[object] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        """Dispatch one call."""
        if self.profile is None or func in _STRUCTURE or sys.getprofile() is not self.profile:
            return self._done(func, tuple(args), kwargs or {})
        sys.setprofile(None)
        try:
            return self._done(func, tuple(args), kwargs or {})
        finally:
            sys.setprofile(self.profile)

    def _done(self, func: TorchFunction, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        refuse_taken(self._recorder, (args, kwargs))
        args = tuple(map(self._written.standing, args))
        kwargs = {key: self._written.standing(value) for key, value in kwargs.items()}
        if func is torch.Tensor.__setitem__ and symbols(args):
            with self:
                return self._written.write(*args)
        if func in _FILLS and symbols((args, kwargs)) and (func in _COPIES or not isinstance(args[0], Symbolic)):
            with self:
                return self._written.whole(args[0], _filling(func, args, kwargs))
        if func is repeat and self._recorder.all_at_once:  # the first of all steps may start from a constant
            step, state, times = args
            args = (step, self._started(state), times)
        if func in _UNFILLED or (func is torch.Tensor.new and _is_shape(args[1:])):
            return torch.zeros_like(torch.as_tensor(func(*plain(args), **plain(kwargs))))
        if symbols(args) or symbols(kwargs):
            with self:
                return dispatch(func, args, kwargs)
        if func in _OF_NUMBERS and args:
            noted(args[0])
        if func in _RANDOM:
            raise self._recorder.refusal(
                "the model draws random numbers", "A compiled network is deterministic: leave the noise to training."
            )
        whole = args[0] if func in _DETACHED and args else None
        if isinstance(whole, torch.Tensor) and not whole.requires_grad:
            result = whole[...]
        else:
            result = func(*args, **kwargs)
        self._recorder.names.follow(func, args, result)
        return result

    def _started(self, state: object) -> object:
        """What the first of all steps repeats from: a tensor, or several in a tuple."""
        if isinstance(state, ComplexPair) or (isinstance(state, torch.Tensor) and state.is_complex()):
            return paired(self._recorder.started(state.real), self._recorder.started(state.imag))
        if isinstance(state, torch.Tensor):
            return self._recorder.started(state)
        return tuple(map(self._started, state)) if isinstance(state, tuple) else state


def _is_shape(sizes: tuple[object, ...]) -> bool:
    return all(isinstance(size, (int, torch.Size)) for size in sizes)


def _filling(func: TorchFunction, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    """What the first argument of an in-place function becomes."""
    target, *rest = args
    if func in _NUMBERS and isinstance(target, torch.Tensor):
        value = rest[0] if rest else kwargs.get("value", 0.0)
        value = value if isinstance(value, torch.Tensor) else torch.tensor(value)
        return value.to(target.dtype).expand(target.shape)
    if func not in _COPIES or not isinstance(target, torch.Tensor):
        return _IN_PLACE[func](*args, **kwargs)
    value = rest[0] if rest else kwargs["src"]
    return value.to(target.dtype).expand(target.shape) if isinstance(value, torch.Tensor) else value


def dispatch(func: TorchFunction, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    """Do one torch call that has a symbolic tensor among its arguments."""
    recorder = [*symbols(args), *symbols(kwargs)][0].recorder
    if func in _STRUCTURE:
        return _STRUCTURE[func](*args, **kwargs)
    if func in _METADATA and not (func in _OF_VALUES and symbols(args[1:])):
        return _metadata(func, args, kwargs)
    if func in _CASTS:
        return _cast(func, args, kwargs)
    if is_complex((args, kwargs)):
        return _complex(recorder, func, args, kwargs)
    rule, in_place = _rule(func), bool(kwargs.get("inplace", False))
    if rule is None and func in _IN_PLACE:
        rule, in_place = _rule(_IN_PLACE[func]), True
    if rule is None and func in COMPLEX_NUMBERS:
        return _complex(recorder, func, args, kwargs)
    if rule is None:
        raise refusal(recorder, func)
    target = args[0] if args else None
    with recorder.doing(func):
        result = in_torch(func, args, kwargs, in_place=in_place)  # what fails in torch fails here as it does there
        if isinstance(result, torch.Tensor) and result.dtype.is_complex:
            return _complex(recorder, func, args, kwargs)
        kwargs = _named(recorder, kwargs)
        try:
            if func not in _OF_OWN_TYPES:
                numbers = rule in _DECOMPOSED
                args = promoted(args, result, constants=numbers)
                kwargs = promoted(kwargs, result, constants=numbers)
            recorded = rule(*args, **kwargs)
        except Ltc2NeuroError:
            raise
        except Exception as error:
            raise misused(recorder, error) from error
        recorded = typed(recorder, recorded, result)
    return _store(recorder, target, recorded) if in_place else recorded


def _complex(recorder: Tape, func: TorchFunction, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    """A call that takes complex numbers, or gives them: what is made of it is recorded part by part."""
    rule = COMPLEX_NUMBERS.get(func)
    with recorder.doing(func):
        if rule is None:
            raise no_complex(recorder, func)
        result = in_torch(func, args, kwargs, in_place=False)
        try:
            recorded = rule(*args, **_named(recorder, kwargs))
        except Ltc2NeuroError:
            raise
        except Exception as error:
            raise misused(recorder, error) from error
        return typed(recorder, recorded, result)


def _named(recorder: Tape, kwargs: dict[str, object]) -> dict[str, object]:
    """The arguments that a rule takes by their names."""
    if kwargs.get("out") is not None:
        raise recorder.refusal(
            f"{recorder.operation} writes its result into a tensor that is given as out=",
            "Leave out= away and use what the call returns: y = torch.mul(a, b).",
        )
    return {_ALIASES.get(key, key): value for key, value in kwargs.items() if key not in ("inplace", "out")}


def _rule(func: TorchFunction) -> TorchRule | None:
    return DECOMPOSITIONS.get(func) or RULES.get(func) or CONVOLUTIONS.get(func)


def _store(recorder: Tape, target: object, result: object) -> object:
    """The in-place op: the target now stands for the result."""
    if isinstance(target, Symbolic) and not target.numel():  # as the later steps of a single one
        return target
    if not isinstance(target, Symbolic) or not isinstance(result, Symbolic):
        raise recorder.refusal(
            "a computed value is written into a plain tensor",
            "Use the operation that returns a new tensor (x = x + y), or torch.cat and torch.stack.",
        )
    if target.example.shape != result.example.shape:
        raise recorder.refusal(
            "an in-place operation gives another shape",
            "Use the operation that returns a new tensor (x = x + y).",
        )
    if aliased(target):
        write_through(target, result)
    else:
        rebind(target, result.example, result.codes, result.value)
    return target


def _metadata(func: TorchFunction, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
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


def _cast(func: TorchFunction, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    x, recorder = args[0], [*symbols(args), *symbols(kwargs)][0].recorder
    example = func(*plain(args), **plain(kwargs)) if isinstance(x, torch.Tensor) else None
    if isinstance(x, torch.Tensor) and not symbols(x):  # a constant, in the type of what is computed
        recorder.names.follow(func, args, example)
        return example
    if not isinstance(x, (Symbolic, ComplexPair)):
        raise refusal(recorder, func)
    if not isinstance(example, torch.Tensor):
        return example
    if isinstance(x, ComplexPair) or example.dtype.is_complex:
        return cast(x, example)
    if func is torch.tensor and isinstance(copy := x.clone(), Symbolic):
        x = copy
    if example.dtype == x.example.dtype:
        return x
    if example.dtype == torch.bool:
        return truth(x)
    if not example.dtype.is_floating_point and x.example.dtype.is_floating_point:
        raise x.recorder.refusal(f"a computed value is truncated to {example.dtype}", CUTS)
    x.recorder.narrowed |= example.dtype == torch.float32 and x.example.dtype == torch.float64
    return symbolic(x.recorder, example, x.codes, x.value)


_STRUCTURE: dict[TorchFunction, TorchRule] = {repeat: repeated, held: recorded_held}
"""What records blocks, whose calls are the model's own, and what is ours"""
_PROPERTIES = (
    "shape", "dtype", "device", "ndim", "layout", "requires_grad", "is_leaf", "is_cuda", "is_sparse", "is_quantized",
    "is_meta", "is_mps", "is_nested", "itemsize", "nbytes", "grad_fn", "is_cpu", "is_xpu", "is_mkldnn", "names",
)  # fmt: skip
_METADATA: set[TorchFunction] = {
    *spellings(
        "size", "dim", "ndimension", "numel", "nelement", "stride", "is_contiguous", "is_floating_point", "is_complex",
        "is_signed", "get_device", "element_size", "storage_offset", "is_same_size", "__len__", "__hash__", "__repr__",
        "__str__", "__format__", "zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones",
        "new_full", "new_empty", "new_tensor", "new", "result_type", "has_names", "is_inference", "is_conj", "is_neg",
    ),
    *(getattr(torch.Tensor, name).__get__ for name in _PROPERTIES if hasattr(torch.Tensor, name)),
}  # fmt: skip
_OF_VALUES = set(spellings("new_tensor", "new"))
"""What takes a shape, or values"""
_UNFILLED = set(spellings("empty", "empty_like", "new_empty"))
"""What makes a buffer, whose numbers are whatever was in the memory"""
_DETACHED = {*spellings("detach"), torch.Tensor.data.__get__}  # type: ignore[attr-defined]
"""What of a tensor without gradients is taken as a view: what is written into it is written into the tensor, too"""
_SIZES = {**dict.fromkeys(spellings("size", "__len__"), 0), **dict.fromkeys(spellings("numel", "nelement"))}
"""What returns one size -> of which axis, where it is not said; None: of all"""
_CASTS = set(
    spellings("to", "float", "double", "half", "bfloat16", "int", "long", "short", "char", "byte", "bool", "type",
              "type_as", "cpu", "as_tensor", "asarray", "tensor", "cfloat", "cdouble")
)  # fmt: skip
_DECOMPOSED = set(DECOMPOSITIONS.values())
_OF_OWN_TYPES = set(
    spellings("where", "masked_fill", "masked_fill_", "pow", "__pow__", "__rpow__", "float_power", "index_copy",
              "index_copy_", "index_add", "index_add_", "index_fill", "index_fill_")
)  # fmt: skip
"""Whose masks stay of type bool, and whole exponents and places whole"""
_RANDOM = set(
    spellings("rand", "randn", "randint", "randperm", "rand_like", "randn_like", "normal", "bernoulli", "multinomial",
              "normal_", "uniform_", "bernoulli_", "random_", "exponential_")
)  # fmt: skip
_IN_PLACE: dict[TorchFunction, TorchFunction] = {
    changing: getattr(torch.Tensor, name)
    for name in dir(torch.Tensor)
    for changing in spellings(f"__i{name[2:]}" if name.startswith("__") else f"{name}_")
}
"""in-place function -> the function that returns a new tensor"""
_NUMBERS = set(spellings("zero_", "fill_"))
_COPIES = {*spellings("copy_"), *_NUMBERS}
_OF_NUMBERS = {torch.tensor, torch.as_tensor}
_FILLS = {*_IN_PLACE, *_COPIES}
"""What writes all of its first argument"""
_ALIASES = {"axis": "dim", "keepdims": "keepdim"}
"""NumPy's words, which torch takes, too"""
