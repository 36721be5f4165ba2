"""The user's own source line: where in the model the traced op was called."""

from __future__ import annotations

import inspect
import sys
import sysconfig
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import TypeVar

import torch

from compiler.graph.origin import SourceLine

_OWN = str(Path(__file__).parents[2])
_ON_THE_WAY = tuple(
    str(Path(_OWN, "tracing", *parts))
    for parts in (("recording", "source.py"), ("recording", "extents.py"), ("recording", "symbolic.py"),
                  ("recording", "recorder.py"), ("dispatch", "dispatch.py"))
)  # fmt: skip
"""What a torch call on a symbolic tensor passes, whoever made it"""
_TORCH = str(Path(torch.__file__).parent)
_TORCH_MODULES = str(Path(_TORCH, "nn", "modules"))
_INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_PACKAGES = tuple({sysconfig.get_path(name) for name in ("purelib", "platlib")})

Result = TypeVar("Result")


def call(function: Callable[..., Result], *arguments: torch.Tensor, **keywords: torch.Tensor) -> Result:
    """Call the user's model. Frames outside of this call are not the model's."""
    return function(*arguments, **keywords)


def user_line() -> SourceLine | None:
    """The line of the model that is being executed, innermost first; None inside libraries alone.

    Lines of installed packages count only where there is no other.
    """
    frame = _users()
    return None if frame is None else SourceLine(frame.f_code.co_filename, frame.f_lineno)


def user_place() -> tuple[SourceLine | None, int | None]:
    """That line, and what tells expressions on it apart, where anything does: where this one ends."""
    frame = _users()
    if frame is None:
        return None, None
    return SourceLine(frame.f_code.co_filename, frame.f_lineno), _columns(frame.f_code)[frame.f_lasti // 2]


@cache
def _columns(code: CodeType) -> tuple[int | None, ...]:
    """By instruction; before Python 3.11, which keeps no columns, its number. A call that the interpreter has
    specialized is at another number than before, in the same column."""
    if sys.version_info >= (3, 11):
        return tuple(end for _, _, _, end in code.co_positions())
    return tuple(range(len(code.co_code) // 2))


def _users() -> FrameType | None:
    library: FrameType | None = None
    for frame in frames():
        file = frame.f_code.co_filename
        if file.startswith((_OWN, _TORCH)):
            continue
        if not file.startswith(_INSTALLED):
            return frame
        library = library or frame
    return library


@cache
def is_models(file: str) -> bool:
    """Whether the code in a file is the model's own: no library's, and not ours."""
    return not file.startswith((_OWN, *_INSTALLED)) and not file.startswith("<")


def is_torchs_module(file: str) -> bool:
    """Whether the code in a file is that of torch's layers."""
    return file.startswith(_TORCH_MODULES)


def is_models_or_a_librarys(file: str) -> bool:
    """Whether the code in a file is neither torch's, nor Python's, nor ours."""
    if file.startswith(_PACKAGES):
        return not file.startswith((_OWN, _TORCH))
    return not file.startswith((_OWN, "<string>", *_INSTALLED))


def in_model() -> bool:
    """Whether the model's own code, or that of a library, is being executed, and nothing of ours for it."""
    files = (frame.f_code.co_filename for frame in frames())
    return not next((file for file in files if not file.startswith((*_ON_THE_WAY, _TORCH))), _OWN).startswith(_OWN)


def code_line() -> SourceLine | None:
    """The innermost line that computes, a library's included: what a value is named after."""
    for frame in frames():
        file = frame.f_code.co_filename
        if not file.startswith(_OWN) and (not file.startswith(_TORCH) or file.startswith(_TORCH_MODULES)):
            column = _columns(frame.f_code)[frame.f_lasti // 2] if sys.version_info >= (3, 11) else None
            return SourceLine(file, frame.f_lineno, column)
    return None


def raised_at(error: BaseException) -> SourceLine | None:
    """The innermost line of the user's that an error came through."""
    found: SourceLine | None = None
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith((_OWN, _TORCH, *_INSTALLED)):
            found = SourceLine(file, trace.tb_lineno)
        trace = trace.tb_next
    return found


def frames() -> Iterator[FrameType]:
    """The frames of the model that is being executed, innermost first."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code is not call.__code__:
        yield frame
        frame = frame.f_back
