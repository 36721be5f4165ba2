"""What the variables of a model's own functions are called: looked up when these return."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TypeAlias

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
            own = {name: standing(value) for name, value in frame.f_locals.items()}
            for name, tensor in reversed(list(_tensors(own))):
                recorder.variable(recorder.named(name), tensor)

    sys.setprofile(seen)
    try:
        yield seen
    finally:
        sys.setprofile(None)


def _tensors(variables: Mapping[str, object]) -> Iterator[tuple[str, Symbolic]]:
    for name, value in variables.items():
        if isinstance(value, Symbolic):
            yield name, value
        elif isinstance(value, ComplexPair):
            yield from _tensors({f"{name}.real": value.re, f"{name}.imag": value.im})
        elif isinstance(value, (tuple, list)) and len(value) < MANY:
            yield from _tensors({f"{name}_{n}": tensor for n, tensor in enumerate(value)})


MANY = 5
"""A list of more is no tuple of states"""
