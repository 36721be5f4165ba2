"""A function for each type of op: what an analysis, or a lowering, makes of it.

>>> from compiler.graph.ops import Add, Mul, Sub
>>> SIGNS: OpTable[[], str] = OpTable("signs")
>>> @SIGNS.on(Add, Sub)
... def _(op: Add | Sub) -> str:
...     return f"{op.a} {'+' if isinstance(op, Add) else '-'} {op.b}"
>>> SIGNS(Sub("y", "a", "b")), SIGNS.kinds == {Add, Sub}
('a - b', True)
>>> SIGNS.always("a product", Mul)
>>> SIGNS(Mul("y", "a", "b"))
'a product'

A row on a base class is for all ops of that base that have none of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, Generic, ParamSpec, TypeVar

from compiler.graph.ops import Op
from hw_models.errors import BUG, GraphError

P = ParamSpec("P")
R = TypeVar("R")
OpT = TypeVar("OpT", bound=Op)


class OpTable(Generic[P, R]):
    """Called with an op, it calls what was registered for the op's type `on` it. `name` says in errors whose it is.

    It knows what the table `like` does until it is told otherwise.
    """

    def __init__(self, name: str, like: OpTable[..., R] | None = None) -> None:
        self.name = name
        self._like = like
        self._rules: dict[type[Op], Callable[..., R]] = {}

    @property
    def kinds(self) -> frozenset[type[Op]]:
        """The ops, and bases of ops, that have a row here."""
        return frozenset(self._rules)

    def is_like(self, other: OpTable[..., object]) -> bool:
        """Whether it knows what the table `other` does."""
        return self._like is not None and (self._like is other or self._like.is_like(other))

    def knows(self, kind: type[Op]) -> bool:
        """Whether there is a row for this type of op, its own or that of a base."""
        return self._rule(kind) is not None

    def _rule(self, kind: type[Op]) -> Callable[..., R] | None:
        own = next((self._rules[base] for base in kind.__mro__ if base in self._rules), None)
        return self._like._rule(kind) if own is None and self._like is not None else own

    def on(self, *kinds: type[OpT]) -> Callable[[Callable[Concatenate[OpT, P], R]], Callable[Concatenate[OpT, P], R]]:
        """Decorates the function for ops of these types: the op comes first, then what the table is called with."""

        def register(rule: Callable[Concatenate[OpT, P], R]) -> Callable[Concatenate[OpT, P], R]:
            self._rules.update(dict.fromkeys(kinds, rule))
            return rule

        return register

    def always(self, result: R, *kinds: type[Op]) -> None:
        """Ops of these types have this result, whatever the table is called with."""
        self._rules.update(dict.fromkeys(kinds, lambda op, *args, **kwargs: result))

    def otherwise(self, result: R) -> None:
        """Ops without a row have this result."""
        self.always(result, Op)

    def __call__(self, op: Op, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function for `op` returns. Raises `GraphError` where there is none."""
        rule = self._rules.get(type(op)) or self._rule(type(op))
        if rule is None:
            raise GraphError(
                f"{self.name}: nothing is known of the op {type(op).__name__}",
                where=op.result or "",
                advice=f"Import what knows it: compiler.further_ops, or the file of an op of your own. Else: {BUG}",
            )
        return rule(op, *args, **kwargs)
