"""The graph that grows while a model is recorded: its ops and constants, with the lines they come from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

from compiler.graph import Op
from compiler.graph.builder import GraphBuilder
from compiler.graph.ops import Apply, Gather, Input, StateRead
from compiler.graph.origin import Origin
from compiler.ranges.observed import Interval
from hw_models.arrays import Floats, Integers
from ltc2neuro.tracing.recording.lookups import TOKENS
from ltc2neuro.tracing.recording.position import Position
from ltc2neuro.tracing.recording.source import code_line, is_torchs_module, user_line
from ltc2neuro.tracing.recording.whole_numbers import whole_reach

_ENDLESS = (
    "Nothing on the chip is infinite: leave out an infinite limit, and before a softmax mask with a number some 30 "
    "below all others. If the model computes it:"
)
_OF_TOKENS = Interval(np.zeros(1), np.full(1, 2.0**31 - 1))
"""The host checks that tokens are in their vocabulary"""
_NUMBER = re.compile(r"_\d+$")
"""That of one of several values of a name"""
_DIVERGED = "Look for a training that diverged, or a division by zero in the model."


class Writer(Position):
    """What has been computed so far, and what is known of it."""

    def __init__(self, modules: Mapping[int, str]) -> None:
        super().__init__(modules)
        self._graph = GraphBuilder()
        self._reaches: dict[str, Interval] = {}
        self._spelled: dict[str, tuple[str, str]] = {}
        """by value what its op is called, and the model's call that made it"""

    def emit(self, make: Callable[[str], Op], size: int, hint: str = "") -> str:
        """Append the op that `make` gives for the name of its result; an equal op that is in sight is used again."""
        op = make("")
        hint = hint or (op.function if isinstance(op, Apply) else type(op).__name__.lower())
        keeps_hint = isinstance(op, (Input, StateRead, Gather))
        origin = self._origin(hint, keeps_hint=keeps_hint)
        value = self._graph.known(op) or self._graph.append(make, size, origin)
        of_torch = origin.code is not None and is_torchs_module(origin.code.file)
        if of_torch or self._doing:
            self._spelled.setdefault(value, (hint, self.path if of_torch else self.named(self._doing[0])))
        return value

    def titles(self, final: Mapping[str, str], results: Mapping[str, str]) -> dict[str, str]:
        """By its final name what each value is that has no variable's: the module whose result it is, or torch's one
        that computes it, else torch's function that the model has called there."""
        found = dict[str, str]()
        for value, (hint, spelled) in self._spelled.items():
            name = final.get(value, "")
            if _NUMBER.sub("", name.rpartition(".")[2]) == hint:
                found[name] = results.get(name) or spelled
        return found

    def _origin(self, hint: str, *, keeps_hint: bool) -> Origin:
        return Origin(self.path, hint, user_line(), code_line(), keeps_hint)

    def constant(self, array: Floats, name: str) -> str:
        """A constant of that name, or a numbered one where the name already has another content."""
        missing = self.operation.endswith(" where") and bool(np.isnan(array).all())  # see ltc2neuro.nn.Missing
        if not missing and not np.all(np.isfinite(array)):
            raise self.refusal(
                f"the constant {name} is not finite",
                _DIVERGED if np.isnan(array).any() else f"{_ENDLESS} {_DIVERGED}",
                f"{int(np.sum(~np.isfinite(array)))} of {array.size} elements",
            )
        return self._graph.constant(np.asarray(array, np.float64), name)

    def index(self, array: Integers, hint: str) -> str:
        """The constant that holds an index or segment array."""
        return self._graph.index(array, hint)

    def size(self, name: str) -> int:
        """The size of a value or constant."""
        return self._graph.size(name)

    def in_sight(self, value: str) -> bool:
        """Whether the ops that follow may read a value."""
        return self._graph.in_sight(value)

    def reach(self, name: str) -> Interval:
        """The interval that a value or constant never leaves, whatever the input; infinite where it is not known."""
        return _OF_TOKENS if name == TOKENS else whole_reach(name, self._graph, self._reaches)
