"""Names of values: the module's path and, for what an assignment ends with, the variable; else the op."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ltc2neuro.tracing.source import Line


@dataclass(frozen=True)
class Origin:
    """Where a value was made.

    `block` is the number of its block, `line` the user's own line, `code` the line that computes, which may be a
    library's; `hint` is what the op is called, and `keeps_hint` says that no variable may stand for it.
    """

    block: int
    path: str
    hint: str
    line: Line | None
    code: Line | None
    size: int
    keeps_hint: bool

    @property
    def _place(self) -> tuple[str, Line | None]:
        return self.path, self.code

    def name(self, following: Origin | None) -> str:
        """The name, if `following` is the value made next: only the last one of a line is the variable's."""
        last = following is None or following._place != self._place
        target = self.code.target if self.code is not None and last and not self.keeps_hint else None
        return f"{self.path}.{target or self.hint}" if self.path else target or self.hint


def final_names(origins: Mapping[str, Origin], taken: set[str]) -> dict[str, str]:
    """The final name of each value, in the order they were made, none of them `taken`."""
    made = list(origins.values())
    names = [origin.name(following) for origin, following in zip(made, [*made[1:], None], strict=True)]
    return dict(zip(origins, unique(names, taken), strict=True))


def unique(names: Sequence[str], taken: set[str]) -> list[str]:
    """The names with a number behind those that are taken.

    >>> unique(["add", "add", "mul"], {"mul"})
    ['add', 'add_2', 'mul_2']
    """
    result: list[str] = []
    taken = set(taken)
    for name in names:
        candidate, count = name, 1
        while candidate in taken:
            count += 1
            candidate = f"{name}_{count}"
        taken.add(candidate)
        result.append(candidate)
    return result
