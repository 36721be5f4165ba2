"""What the variables of a model's own functions are called: looked up when these return."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TypeAlias

import torch

from ltc2neuro.tracing.recording.recorder import Recorder
from ltc2neuro.tracing.recording.source import is_models
from ltc2neuro.tracing.recording.symbolic import ComplexPair, Symbolic

Profile: TypeAlias = Callable[[FrameType, str, object], None]


@contextmanager
def local_variables(recorder: Recorder, standing: Callable[[object], object]) -> Iterator[Profile | None]:
    """Let the recorder know the variables of each of the model's functions that returns.

    `standing` gives what stands for a tensor that was written into. Yields what Python calls at each call and return.
    """
    if sys.getprofile() is not None:  # a profiler is at work: states are called after lines
        yield None
        return

    def seen(frame: FrameType, event: str, _: object) -> None:
        if event == "return" and is_models(frame.f_code.co_filename):
            for name, group, tensor in reversed(list(_tensors(frame.f_locals, standing))):
                recorder.held(name, tensor, group)

    sys.setprofile(seen)
    try:
        yield seen
    finally:
        sys.setprofile(None)


def _tensors(
    variables: Mapping[str, object], standing: Callable[[object], object]
) -> Iterator[tuple[str, str, Symbolic]]:
    """Those of variables, then those in lists and dicts, then those in attributes of objects, `self` among them."""
    yield from _named({name: standing(value) for name, value in variables.items() if name.strip("_")})
    for value in variables.values():
        if isinstance(value, torch.nn.Module) or is_models(_file(value)):
            kept = {name: standing(own) for name, own in vars(value).items() if name not in _TORCHS}
            yield from _named({name.strip("_"): own for name, own in kept.items()})


def _named(values: Mapping[str, object], group: str = "") -> Iterator[tuple[str, str, Symbolic]]:
    """Tensors by themselves first, then those in lists, which are their `group`, in named tuples, and in dicts, whose
    keys are their names."""
    yield from ((name, group, value) for name, value in values.items() if isinstance(value, Symbolic))
    for name, value in values.items():
        if isinstance(value, ComplexPair):
            yield from _named({f"{name}.real": value.re, f"{name}.imag": value.im}, group)
        elif fields := getattr(type(value), "_fields", ()):  # not of the value, whose own __getattr__ may raise
            yield from _named({f"{name}.{field}": getattr(value, field) for field in fields})
        elif isinstance(value, (tuple, list)) and len(value) > MANY:
            yield from _named({name: value[-1]})
        elif isinstance(value, (tuple, list)):
            yield from _named({f"{name}_{n}": tensor for n, tensor in enumerate(value)}, name)
        elif isinstance(value, dict):
            words = {key: isinstance(key, str) and key.isidentifier() for key in value}
            yield from _named({str(key) if words[key] else f"{name}_{key}": own for key, own in value.items()})


def _file(value: object) -> str:
    """That of the class of an object that has attributes; that of no model's code else."""
    found = getattr(sys.modules.get(type(value).__module__), "__file__", None) if type(value).__dictoffset__ else None
    return found or "<none>"


MANY = 32
"""A list of more has one for each step"""
_TORCHS = frozenset(vars(torch.nn.Module()))
