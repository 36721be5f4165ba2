"""What a run returns: `Run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from compiler.interpreters.execution import Clip, Execution
from compiler.running.executor import States
from hw_models.arrays import Floats, Integers
from hw_models.notebook_repr import Shown
from ltc2neuro.compiled.clipped import Clipped
from ltc2neuro.compiled.endpoints import OutputEnd
from ltc2neuro.compiled.initial_states import StateWord
from ltc2neuro.inputs.arrays import Sequences


@dataclass(frozen=True)
class Executed:
    """What an executor made of sequences `x`: of each group of equal length, by their numbers, an execution."""

    parts: tuple[tuple[list[int], Execution], ...]
    x: Sequences
    integers: bool
    """whether it computes in integers"""
    leaves: OutputEnd
    state_words: Mapping[str, StateWord]
    """of each state"""

    def laid(self, arrays: Sequence[np.ndarray], *, answers: bool = False) -> Any:
        """Of each group (batch, time, size): all together, as they came."""
        if len(arrays) == 1 and not self.x.ragged:
            return self.x.layout.laid(arrays[0], answers=answers)
        rows = [np.zeros(0)] * len(self.x.arrays)
        for (group, _), array in zip(self.parts, arrays, strict=True):
            for i, row in zip(group, array, strict=True):
                rows[i] = row
        return rows if self.x.ragged else self.x.layout.stacked(rows, answers=answers)

    @property
    def states(self) -> list[str]:
        """Those that it shows."""
        return [n for n in self.state_words if all(n in execution.states for _, execution in self.parts)]

    def state(self, name: str, values: np.ndarray) -> np.ndarray:
        """Of what it computed, integers or real values."""
        return values.astype(np.int64, copy=False) if self.integers else values * self.state_words[name].lsb

    def final(self, name: str) -> np.ndarray:
        """A state after the last sample of each sequence, (batch, size)."""
        kind = np.int64 if self.integers else np.float64
        found = np.zeros((len(self.x.arrays), self.state_words[name].size), kind)
        for group, execution in self.parts:
            found[group] = self.state(name, execution.final[name])
        return found


@dataclass(frozen=True)
class Counted:
    """How often a run clipped, as it adds up over runs."""

    entering: Integers
    """each channel that enters, the time before a sample last"""
    inside: Mapping[str, Clip]
    """values of the network, by their names in it"""


@dataclass(frozen=True)
class Run(Shown):
    """What a run returns. Arrays are (batch, time, size), or as the network's `layout` says; for a list of sequences,
    lists of (time, size).

    `outputs` are in the model's units, `integers` the same as integers (None on "floating"). `states` hold each
    state after every sample: integers, or real values on "floating". `record` holds what was asked for, in real
    values; `saturations` how often a value was clipped, by its name: on Lava those of the input only, for its processes
    count none ("reference" computes the same integers and counts all). `final_state` is (batch, size) by name, in the
    same, to be given to the next run. "loihi2" shows outputs only: it has no states.
    """

    on: str
    record: dict[str, Floats | list[Floats]]
    saturations: dict[str, int]
    made: Executed = field(repr=False)
    """what the next four are made of, when they are first asked for"""
    clipped: Clipped = field(default=Clipped(), repr=False)
    """how often and how far channels, time spans and states were beyond their ranges"""
    counted: Counted | None = field(default=None, repr=False)
    """what that was found from"""
    entered: tuple[tuple[np.ndarray, States | None], ...] = field(default=(), repr=False)
    """what the chip was given: batches (batch, time, features) as integers, and the states they started from"""

    @cached_property
    def outputs(self) -> Floats | list[Floats]:
        """The answers, in the model's units."""
        made = self.made
        return made.laid([made.leaves(execution.outputs) for _, execution in made.parts], answers=True)

    @cached_property
    def integers(self) -> Integers | list[Integers] | None:
        """The same as integers."""
        arrays = [execution.outputs.astype(np.int64, copy=False) for _, execution in self.made.parts]
        return self.made.laid(arrays, answers=True) if self.made.integers else None

    @cached_property
    def states(self) -> dict[str, np.ndarray | list[np.ndarray]]:
        """Each state after every sample."""
        made = self.made
        return {n: made.laid([made.state(n, e.states[n]) for _, e in made.parts]) for n in made.states}

    @cached_property
    def final_state(self) -> dict[str, np.ndarray]:
        """Each state after the last sample, (batch, size)."""
        return {name: self.made.final(name) for name in self.made.states}

    def __repr__(self) -> str:
        count = len(self.outputs)
        shape = f"{count} sequences" if isinstance(self.outputs, list) else f"outputs {self.outputs.shape}"
        clipped = sum(self.saturations.values())
        return f"Run(on {self.on}, {shape}, states {', '.join(self.made.states)}, {clipped} saturations)"
