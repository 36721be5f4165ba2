"""A function for each type of op: what an analysis, or a lowering, makes of it.

>>> from compiler.graph.ops import Add, Mul, Sub
>>> SIGNS: OpTable[[], str] = OpTable("signs")
>>> @SIGNS.on(Add, Sub)
... def _(op: Add | Sub) -> str:
...     return f"{op.a} {'+' if isinstance(op, Add) else '-'} {op.b}"
>>> SIGNS(Sub("y", "a", "b")), SIGNS.kinds == {Add, Sub}
('a - b', True)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, Generic, ParamSpec, TypeVar

from compiler.graph.ops import Op
from hw_models.errors import GraphError

P = ParamSpec("P")
R = TypeVar("R")
OpT = TypeVar("OpT", bound=Op)


class OpTable(Generic[P, R]):
    """Called with an op, it calls what was registered for the op's type `on` it. `name` says in errors whose it is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._rules: dict[type[Op], Callable[..., R]] = {}

    @property
    def kinds(self) -> frozenset[type[Op]]:
        """The ops that it knows."""
        return frozenset(self._rules)

    def extended(self, name: str) -> OpTable[P, R]:
        """Another table, which knows what this one does until it is told otherwise."""
        other: OpTable[P, R] = OpTable(name)
        other._rules.update(self._rules)
        return other

    def on(self, *kinds: type[OpT]) -> Callable[[Callable[Concatenate[OpT, P], R]], Callable[Concatenate[OpT, P], R]]:
        """Decorates the function for ops of these types: the op comes first, then what the table is called with."""

        def register(rule: Callable[Concatenate[OpT, P], R]) -> Callable[Concatenate[OpT, P], R]:
            self._rules.update(dict.fromkeys(kinds, rule))
            return rule

        return register

    def __call__(self, op: Op, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function for `op` returns. Raises `GraphError` where there is none."""
        rule = self._rules.get(type(op))
        if rule is None:
            raise GraphError(f"{self.name}: nothing is known of the op {type(op).__name__}", where=op.result or "")
        return rule(op, *args, **kwargs)
