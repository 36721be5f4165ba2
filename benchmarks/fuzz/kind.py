"""What the runner knows of a kind of fuzzing: every module of this folder that offers one has it as `KIND`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """`trial(seed)` tries one thing and says in few words how it came out; it raises where something is wrong.

    `seconds` is the longest that a trial may compute, by the clock more where the machine is busy. `memory` is how many
    bytes a process may take beyond what it has when `prepare`, which loads what all trials need, is done.
    """

    trial: Callable[[int], str]
    seconds: float
    memory: int | None = None
    prepare: Callable[[], object] | None = None
