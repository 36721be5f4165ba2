"""What a symbolic tensor, and the rules of torch's functions, know of the recorder: the tape that they write on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

import torch

from compiler.graph import Op
from compiler.ranges.observed import Interval
from hw_models.arrays import Floats, Integers
from hw_models.errors import TraceError
from ltc2neuro.tracing.recording.constant_names import ConstantNames
from ltc2neuro.tracing.recording.extents import Decisions
from ltc2neuro.tracing.recording.lookups import Lookups
from ltc2neuro.tracing.recording.over_time import OverTime

LoopBody: TypeAlias = "Callable[[tuple[torch.Tensor, ...]], Sequence[torch.Tensor]]"


class Tape(Protocol):
    """Takes ops and constants, and says where the model is."""

    names: ConstantNames
    """of constant tensors"""
    decisions: Decisions
    """by the number of rows or steps, which the model makes"""
    narrowed: bool
    """whether a value in float64 was cast to float32"""
    lookups: Lookups | None
    """where the input is of tokens"""
    over_time: OverTime
    """where the model joins its answers at all steps"""
    all_at_once: bool
    """whether the model's sequence is one sample of what is recorded"""
    growing: list[str]
    """states that may grow without bound"""

    # --- where the model is ---

    @property
    def operation(self) -> str:
        """The torch function that the model has called, for messages."""
        ...

    def doing(self, func: Callable[..., object]) -> AbstractContextManager[None]:
        """Execute a torch function."""
        ...

    def named(self, name: str) -> str:
        """`name` after the path of the module that is being executed."""
        ...

    def refusal(self, what: str, advice: str, numbers: str = "") -> TraceError:
        """The error for something at the user's current line."""
        ...

    # --- what is written ---

    def dispatch(self, func: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        """Do one torch call that has a symbolic tensor among its arguments."""
        ...

    def emit(self, make: Callable[[str], Op], size: int, hint: str = "") -> str:
        """The value of the op that `make` gives for the name of its result: a new one, or that of an equal op."""
        ...

    def constant(self, array: Floats, name: str) -> str:
        """A constant of that name, or a numbered one where the name already has another content."""
        ...

    def index(self, array: Integers, hint: str) -> str:
        """The constant that holds an index or segment array."""
        ...

    def started(self, tensor: torch.Tensor) -> torch.Tensor:
        """What the first of all steps repeats from: a new state, where that is a constant with equal rows."""
        ...

    def repeat(self, step: LoopBody, state: Sequence[torch.Tensor], times: int) -> tuple[torch.Tensor, ...]:
        """One block that runs `times` times: the tensors in `state` become its states."""
        ...

    def add_state(self, name: str, initial: Floats, low: Floats | None = None, high: Floats | None = None) -> str:
        """A new state; returns its name."""
        ...

    def read(self, state: str, shape: Sequence[int], like: torch.Tensor, step: int = ...) -> torch.Tensor:
        """The state as a tensor (rows, *shape)."""
        ...

    def write(self, state: str, tensor: torch.Tensor) -> None:
        """Let a symbolic `tensor` be the state's next value."""
        ...

    def variable(self, name: str, after: object) -> None:
        """A variable of the model is now `after`."""
        ...

    # --- what is known of a value or constant ---

    def size(self, name: str) -> int:
        """Its size."""
        ...

    def in_sight(self, value: str) -> bool:
        """Whether the ops that follow may read a value."""
        ...

    def reach(self, name: str) -> Interval:
        """The interval that it never leaves, whatever the input; infinite where it is not known."""
        ...
