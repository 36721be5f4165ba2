"""Where a model's own code goes another way at some step: what each condition decided, step by step, in one run."""

from __future__ import annotations

import dis
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from types import CodeType, FrameType
from typing import TypeAlias

from compiler.graph.origin import SourceLine
from ltc2neuro.tracing.recording.source import is_models_or_a_librarys

_STARTED = 3
"""What changes only before this step is how a sequence starts"""
_Seen: TypeAlias = "Callable[[FrameType, str, object], _Seen | None]"


@dataclass(frozen=True)
class Branch:
    """A line that decides something at these `steps` that it did not decide in the step before."""

    line: SourceLine
    steps: tuple[int, ...]


def changing_branches(run: Callable[[], object], steps: int) -> list[Branch]:
    """Those of the code that is `run` over so many steps, but Python's, torch's and ours, the earliest first; the first
    steps and the last are left out. None where a debugger is at work."""
    if sys.gettrace() is not None:
        return []
    taken: dict[tuple[CodeType, int], list[int]] = defaultdict(list)

    def entered(frame: FrameType, event: str, _: object) -> _Seen | None:
        code, before = frame.f_code, -1
        if not is_models_or_a_librarys(code.co_filename):
            return None
        frame.f_trace_opcodes, jumps = True, _conditions(code)

        def seen(frame: FrameType, event: str, _: object) -> _Seen:
            nonlocal before
            if event == "opcode":
                if before in jumps:
                    taken[code, before].append(frame.f_lasti)
                before = frame.f_lasti
            return seen

        return seen

    sys.settrace(entered)
    try:
        with suppress(Exception):
            run()
    finally:
        sys.settrace(None)
    found = [
        Branch(SourceLine(code.co_filename, _conditions(code)[place]), changed)
        for (code, place), decided in taken.items()
        if max(changed := tuple(_changes(decided, steps)), default=0) >= _STARTED
    ]
    return sorted(found, key=lambda branch: branch.steps[0])


@cache
def _conditions(code: CodeType) -> dict[int, int]:
    """The lines of a function's conditional jumps, by where these are."""
    starts, line, found = dict(dis.findlinestarts(code)), code.co_firstlineno, dict[int, int]()
    for op in dis.get_instructions(code):
        line = starts.get(op.offset) or line
        if op.opname.startswith(("POP_JUMP", "JUMP_IF")):
            found[op.offset] = line
    return found


def _changes(decided: Sequence[int], steps: int) -> Iterator[int]:
    """The steps at which something else was decided than at the step before, by what is decided as often in each."""
    missing = steps - len(decided) if len(decided) in (steps - 1, steps - 2) else 0  # the first are done apart
    each, rest = divmod(len(decided) + missing, steps)
    if not rest:
        for step in range(max(_STARTED - 1, missing + 1), steps - 1):
            here = (step - missing) * each
            if decided[here : here + each] != decided[here - each : here]:
                yield step
