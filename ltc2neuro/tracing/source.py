"""The user's own source line: where in the model the traced op was called."""

from __future__ import annotations

import ast
import inspect
import linecache
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import TypeVar

import torch

_OWN = str(Path(__file__).parents[1])
_TORCH = str(Path(torch.__file__).parent)
_TORCH_MODULES = str(Path(_TORCH, "nn", "modules"))
_INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})

Result = TypeVar("Result")


@dataclass(frozen=True)
class Line:
    """A source line."""

    file: str
    number: int

    @property
    def text(self) -> str:
        """The code on it."""
        return linecache.getline(self.file, self.number).strip()

    @property
    def short(self) -> str:
        """File name and number, as a value's origin keeps them."""
        return f"{Path(self.file).name}:{self.number}"

    @property
    def target(self) -> str | None:
        """The variable that the line's statement is assigned to, if it is a plain assignment."""
        return _targets(self.file).get(self.number)

    def __str__(self) -> str:
        return f"{self.file}, line {self.number}: {self.text}"


@lru_cache(maxsize=64)
def _targets(file: str) -> dict[int, str]:
    """The variable that a file's lines are assigned to, by the lines' numbers; a statement may span many lines."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):  # such as a cell of a notebook with magic commands
        return {}
    found: dict[int, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
            target = node.target
        else:
            continue
        name = target.id.strip("_") if isinstance(target, ast.Name) else ""
        if name:
            found.update(dict.fromkeys(range(node.lineno, (node.end_lineno or node.lineno) + 1), name))
    return found


def call(function: Callable[..., Result], argument: torch.Tensor, **keywords: torch.Tensor) -> Result:
    """Call the user's model. Frames outside of this call are not the model's."""
    return function(argument, **keywords)


def user_line() -> Line | None:
    """The line of the model that is being executed, innermost first; None inside libraries alone.

    Lines of installed packages count only where there is no other.
    """
    library: Line | None = None
    for frame in frames():
        file = frame.f_code.co_filename
        if file.startswith((_OWN, _TORCH)):
            continue
        if not file.startswith(_INSTALLED):
            return Line(file, frame.f_lineno)
        library = library or Line(file, frame.f_lineno)
    return library


def code_line() -> Line | None:
    """The innermost line that computes, a library's included: what a value is named after."""
    for frame in frames():
        file = frame.f_code.co_filename
        if not file.startswith(_OWN) and (not file.startswith(_TORCH) or file.startswith(_TORCH_MODULES)):
            return Line(file, frame.f_lineno)
    return None


def raised_at(error: BaseException) -> Line | None:
    """The innermost line of the user's that an error came through."""
    found: Line | None = None
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith((_OWN, _TORCH, *_INSTALLED)):
            found = Line(file, trace.tb_lineno)
        trace = trace.tb_next
    return found


def frames() -> Iterator[FrameType]:
    """The frames of the model that is being executed, innermost first."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code is not call.__code__:
        yield frame
        frame = frame.f_back
