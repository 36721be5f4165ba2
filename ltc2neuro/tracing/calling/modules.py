"""Copies of the user's model whose modules' `forward` is wrapped. The model itself is never touched."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TypeAlias

import numpy as np
import torch

from hw_models.errors import InputError, TraceError
from ltc2neuro.tracing.calling.initial_states import Starts, first_states
from ltc2neuro.tracing.calling.kept_attributes import as_it_was

Forward: TypeAlias = Callable[..., object]
Wrap: TypeAlias = Callable[[str, torch.nn.Module, Forward], Forward]


def unwrapped(model: torch.nn.Module) -> torch.nn.Module:
    """The module itself, out of torch.compile and DataParallel."""
    if not isinstance(model, torch.nn.Module):
        raise InputError("a torch.nn.Module is expected", numbers=f"given a {type(model).__name__}")
    if isinstance(model, torch.nn.DataParallel):
        return unwrapped(model.module)
    original = getattr(model, "_orig_mod", None)
    return unwrapped(original) if isinstance(original, torch.nn.Module) else model


def looks_up(model: torch.nn.Module) -> bool:
    """Whether it has tables in which tokens are looked up: samples of an integer type are tokens then."""
    return bool(vocabularies(model))


def vocabularies(model: torch.nn.Module) -> list[int]:
    """How many tokens each of these tables has."""
    return [m.num_embeddings for m in model.modules() if isinstance(m, torch.nn.Embedding)]


def instrumented(
    model: torch.nn.Module,
    wrap: Wrap,
    dtype: torch.dtype | None = None,
    kept: set[str] | None = None,
    *,
    anew: bool = True,
) -> torch.nn.Module:
    """A copy of the model on the CPU, in eval mode, with `wrap(path, module, forward)` as each module's forward.

    Its floating tensors are of the type `dtype`, if given; where that is not its own, so are those that it makes and
    says no type of, such as torch.zeros(batch, units). Where each call is `anew`, it finds the attributes as they are;
    `kept` takes the names of those that a call had changed.
    """
    model = unwrapped(model)
    try:
        clone = copy.deepcopy(model, dict(_others(model))).cpu().eval()
    except Exception as error:  # whatever the model's attributes raise
        raise TraceError(
            "the model cannot be copied",
            numbers=f"{type(error).__name__}: {error}",
            advice="copy.deepcopy(model) must work: keep no computed tensors, open files or locks in its attributes; "
            "detach tensors, or register them as buffers. An object whose __getattr__ raises KeyError must raise "
            "AttributeError.",
        ) from error
    default = torch.get_default_dtype()
    if dtype is not None:
        default = default if _is_all(clone, dtype) else dtype
        convert(clone, dtype)
    for path, module in clone.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise TraceError(
                "a module made by torch.jit cannot be recorded",
                where=path or type(model).__name__,
                advice="Compile the Python module that it was made from, before torch.jit.script or torch.jit.trace.",
            )
        setattr(module, "forward", wrap(path, module, module.forward))  # noqa: B010  # a method is replaced
    forward, starts = clone.forward, Starts(model, first_states(model))

    def as_the_first(*args: object, **kwargs: object) -> object:
        with as_it_was(clone, kept) if anew else nullcontext(), _by_default(default):
            return forward(*args, **kwargs, **(starts.besides(args, kwargs) if anew else {}))

    setattr(clone, "forward", as_the_first)  # noqa: B010
    return clone


def _is_all(model: torch.nn.Module, dtype: torch.dtype) -> bool:
    """Whether its parameters and buffers that are no whole numbers, of which there are some, are of this type."""
    found = {t.dtype for t in (*model.parameters(), *model.buffers()) if t.is_floating_point() or t.is_complex()}
    return {kind.to_real() for kind in found} == {dtype}


@contextmanager
def _by_default(dtype: torch.dtype) -> Iterator[None]:
    """Tensors are of this type where none is said."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _others(model: torch.nn.Module) -> Iterator[tuple[int, torch.Tensor]]:
    """What stands in a copy for a tensor, by its identity: pruned modules keep a computed one, which deepcopy refuses;
    of sparse ones nobody sees the strides."""
    for module in model.modules():
        for own in (vars(module), module._buffers, module._parameters):
            for tensor in own.values():
                if isinstance(tensor, torch.Tensor) and (tensor.layout != torch.strided or not tensor.is_leaf):
                    yield id(tensor), tensor.detach().to_dense().clone()


def convert(model: torch.nn.Module, dtype: torch.dtype) -> torch.nn.Module:
    """The model itself, its parameters, buffers and tensors that are plain attributes, or in a tuple that is one, of
    this floating type, or the complex one of two such: `Module.to` drops imaginary parts."""

    def converted(tensor: torch.Tensor) -> torch.Tensor:
        kind = dtype.to_complex() if tensor.is_complex() else dtype if tensor.is_floating_point() else tensor.dtype
        return tensor.to(kind)

    model._apply(converted)
    for module in model.modules():
        for name, value in vars(module).items():
            if isinstance(value, torch.Tensor):
                setattr(module, name, converted(value))
            elif isinstance(value, tuple) and any(isinstance(own, torch.Tensor) for own in value):
                own = [converted(own) if isinstance(own, torch.Tensor) else own for own in value]
                setattr(module, name, type(value)(*own) if hasattr(value, "_fields") else tuple(own))
    return model


@contextmanager
def undisturbed() -> Iterator[None]:
    """No gradients, and the random states of torch and NumPy as they were before."""
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()
    try:
        with torch.no_grad(), uncompiled():
            yield
    finally:
        torch.set_rng_state(torch_state)
        np.random.set_state(numpy_state)


@contextmanager
def uncompiled() -> Iterator[None]:
    """Compile nothing: only Python code can be recorded, and a proof's few batches are not worth the wait."""
    if "torch._dynamo" not in sys.modules or not hasattr(torch.compiler, "set_stance"):
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield
