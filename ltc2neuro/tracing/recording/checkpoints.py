"""What torch shows of a run besides its output, for the proof to compare: modules' results and cells' states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch

from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.symbolic import Symbolic


@dataclass(frozen=True)
class Checkpoint:
    """A value that torch shows, too: what the `call`-th call of `module` returned.

    `codes` are those of the module's result. Without codes `value` names a state, the `position`-th that the forward
    of the cell `module` returns in each step of the `call`-th sequence.
    """

    value: str
    module: str
    call: int
    codes: torch.Tensor | None = None
    position: int = 0

    @property
    def is_state(self) -> bool:
        """Whether `value` names a state."""
        return self.codes is None

    @cached_property
    def layout(self) -> axes.TensorLayout | None:
        """Where rows and steps are in the module's result; None for a state, and where neither leads."""
        return None if self.codes is None else axes.layout(self.codes)

    def renamed(self, names: Mapping[str, str]) -> Checkpoint:
        """The same with the final name of its value."""
        return replace(self, value=names.get(self.value, self.value))


@dataclass
class Checkpoints:
    """All checkpoints so far, in the order of computation, and how often each module was called."""

    found: list[Checkpoint] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)

    def enter(self, module: str) -> int:
        """Count a call of a module: which one it is, from 1."""
        self.calls[module] = self.calls.get(module, 0) + 1
        return self.calls[module]

    def output(self, module: str, result: object) -> None:
        """A call of `module` has returned `result`, or a tuple that begins with it."""
        first = result[0] if isinstance(result, tuple) and result else result
        if isinstance(first, Symbolic):
            self.found.append(Checkpoint(first.value, module, self.calls.get(module, 0), first.codes))

    def state(self, state: str, cell: str, position: int) -> None:
        """`state` is what the forward of the cell at path `cell` returns as its `position`-th state."""
        earlier = sum(w.is_state and w.module == cell and w.position == position for w in self.found)
        self.found.append(Checkpoint(state, cell, earlier + 1, None, position))

    def final(self, names: Mapping[str, str]) -> list[Checkpoint]:
        """All with their values' final names; without values that are no longer there."""
        return [w.renamed(names) for w in self.found if w.is_state or w.value in names]
