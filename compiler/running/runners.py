"""What executors have made ready of a network, and kept."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from compiler.running.executor import Executor, Runner
from hw_models.chip import Chip

T = TypeVar("T")


class Runners(Generic[T]):
    """What executors have made ready of a network, each when it is first asked for."""

    def __init__(self, net: T, chip: Chip) -> None:
        self.net, self._chip = net, chip
        self._ready: dict[Executor[T], Runner] = {}
        self.replayed: set[tuple[Executor[T], Hashable]] = set()
        """kinds of runs whose compiled code has returned the known answer"""

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_ready": {}, "replayed": set()}  # what is ready lies in this process

    def has(self, executor: Executor[T]) -> bool:
        """Whether it is ready."""
        return executor in self._ready

    def on(self, executor: Executor[T]) -> Runner:
        """The executor, ready to run the network. Raises `ChipError` or `MissingExtraError` where it cannot."""
        if executor not in self._ready:
            executor.require(self._chip)
            self._ready[executor] = executor.prepare(self.net)
        return self._ready[executor]
