"""Numbers in the code that a model runs: it may do something else at a step, or over steps, of that number.

`if t == 1500:` does nothing for 1,500 steps. Which steps a model treats otherwise no short run shows, but they stand in
its code: as a number, in a variable or attribute that the code names, or as the length of a table.
"""

from __future__ import annotations

import dis
import inspect
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from types import CodeType, FrameType

import numpy as np
import torch

from compiler.graph.origin import SourceLine
from ltc2neuro.tracing.recording.source import is_models_or_a_librarys

NEAR = 2
"""What is done at a step of some number, or after it, shows so many steps later, at most: `if t > n`, `x[:, t - 1]`"""
_SMALL = 8
"""Smaller numbers are seldom those of steps"""
RECORDED = 144
"""What is done otherwise at one of these, which were recorded, depends on how many steps there are"""
_NAMES = ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FAST", "LOAD_DEREF", "LOAD_ATTR", "LOAD_METHOD", "STORE_FAST")
_CONSTANTS = ("LOAD_CONST", "LOAD_SMALL_INT", "RETURN_CONST")
_COMPARES = ("COMPARE_OP", "CONTAINS_OP", "BINARY_MODULO", "BINARY_FLOOR_DIVIDE")
_REMAINDERS = ("%", "//", "%=", "//=")
_REAL = (int, float, np.integer, np.floating)
_CHOICES = {"min", "max"}


@dataclass(frozen=True)
class StepNumbers:
    """Each number, and the line that names it; and whether numbers are compared at all, or divided."""

    lines: Mapping[int, SourceLine] = field(default_factory=dict)
    compares: bool = False

    def near(self, step: int, steps: int) -> SourceLine | None:
        """The line with this step's number; of one that is recorded, with the number of `steps`."""
        here = max((n for n in self.lines if n - 1 <= step <= n + NEAR), default=0)
        if step < RECORDED and here <= _SMALL:
            here = max((n for n in self.lines if abs(n - steps) <= 1), default=0)
        return self.lines[here] if here > _SMALL else None


def step_numbers(model: torch.nn.Module, run: Callable[[], object]) -> StepNumbers:
    """Those of the functions, but Python's, torch's and ours, that return while the `model` is `run`; none where a
    profiler is at work."""
    if sys.getprofile() is not None:
        run()
        return StepNumbers(compares=True)
    found: dict[CodeType, Mapping[str, object]] = {}

    def seen(frame: FrameType, event: str, _: object) -> None:
        if event == "return" and frame.f_code not in found and is_models_or_a_librarys(frame.f_code.co_filename):
            found[frame.f_code] = {**frame.f_globals, **frame.f_locals}

    sys.setprofile(seen)
    try:
        with suppress(Exception):
            run()
    finally:
        sys.setprofile(None)
    lines: dict[int, SourceLine] = {}
    for code, variables in found.items():
        mentions = _mentions(code)
        own = {name: variables[name] for name in mentions.names if name in variables}
        for name, value in _values(model, mentions.names, own):
            for number in _numbers(value):
                lines.setdefault(number, SourceLine(code.co_filename, mentions.names[name]))
        lines |= {number: SourceLine(code.co_filename, line) for number, line in mentions.constants.items()}
    return StepNumbers(lines, any(_mentions(code).compares for code in found))


@dataclass(frozen=True)
class _Mentions:
    """The constants and names in a function, each with its first line, and whether it compares."""

    constants: Mapping[int, int]
    names: Mapping[str, int]
    compares: bool


@cache
def _mentions(code: CodeType) -> _Mentions:
    starts, line = dict(dis.findlinestarts(code)), code.co_firstlineno
    constants: dict[int, int] = {}
    names: dict[str, int] = {}
    compares = False
    for op in dis.get_instructions(code):
        line = starts.get(op.offset) or line
        if op.opname in _CONSTANTS:
            constants |= {n: line for n in _numbers(op.argval) if n not in constants}
        elif op.opname.startswith(_NAMES):  # of two at once argval is a tuple
            for name in (op.argval,) if isinstance(op.argval, str) else op.argval:
                names.setdefault(name, line)
        compares |= op.opname in _COMPARES or (op.opname == "BINARY_OP" and op.argrepr in _REMAINDERS)
    return _Mentions(constants, names, compares or not _CHOICES.isdisjoint(names))


def _values(
    model: torch.nn.Module, names: Iterable[str], variables: Mapping[str, object]
) -> Iterator[tuple[str, object]]:
    """What a function may mean by names: variables, and attributes of modules and of what both hold."""
    found = [(name, _held(module, name)) for module in model.modules() for name in names]
    yield from (*variables.items(), *found)
    for _, value in (*variables.items(), *found):
        if hasattr(value, "__dict__") and not isinstance(value, (torch.nn.Module, torch.Tensor)):
            yield from ((name, _held(value, name)) for name in names)


def _held(holder: object, name: str) -> object:
    """An attribute, without running the model's code."""
    buffers = holder._buffers if isinstance(holder, torch.nn.Module) else {}
    return buffers[name] if name in buffers else inspect.getattr_static(holder, name, None)


def _numbers(value: object) -> Iterator[int]:
    """Whole numbers from 2 that a value holds, and how many there are in a list or table."""
    if isinstance(value, (list, tuple, set, frozenset)):
        yield len(value)
        for one in value:
            if isinstance(one, _REAL):
                yield from _numbers(one)
    elif isinstance(value, dict):
        yield from _numbers([*value.values()])
    elif isinstance(value, torch.Tensor) and not isinstance(value, torch.nn.Parameter):
        yield from _numbers(value.item()) if value.numel() == 1 else value.shape
    elif isinstance(value, _REAL) and not isinstance(value, bool) and math.isfinite(value):
        if value == int(value) and value > 1:
            yield int(value)
