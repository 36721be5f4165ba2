"""Where a value of the graph was made: the module and the line of the user's model, and the name that tells both."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from compiler.graph.names import unique


class Assigned(NamedTuple):
    """A statement that is assigned to the variable of that name, between these columns."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class SourceLine:
    """A source line, and where in it the expression ends that is computed, where that is known."""

    file: str
    number: int
    column: int | None = field(default=None, compare=False)

    @property
    def text(self) -> str:
        """The code on it."""
        return linecache.getline(self.file, self.number).strip()

    @property
    def short(self) -> str:
        """File name and number, as a value's origin keeps them."""
        return f"{Path(self.file).name}:{self.number}"

    @property
    def assigned(self) -> Assigned | None:
        """The line's statement, if it is a plain assignment; of several the one that is computed."""
        here = _assigned(self.file).get(self.number, [])
        if len(here) > 1:
            here = [one for one in here if self.column is not None and one.start <= self.column <= one.end]
        return here[0] if len(here) == 1 else None

    @property
    def decides(self) -> bool:
        """Whether the line is the condition of an `if` or `while`, and nothing else."""
        return self.number in _conditions(self.file)

    def __str__(self) -> str:
        return f"{self.file}, line {self.number}: {self.text}"


def _tree(file: str) -> ast.AST:
    try:
        return ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):  # such as a cell of a notebook with magic commands
        return ast.Module([], [])


@lru_cache(maxsize=64)
def _conditions(file: str) -> frozenset[int]:
    """The lines of a file that hold conditions, and no part of what is done under them."""
    found = set[int]()
    for node in ast.walk(_tree(file)):
        if isinstance(node, (ast.If, ast.While)):
            lines = set(range(node.test.lineno, (node.test.end_lineno or node.test.lineno) + 1))
            found |= lines - {line.lineno for line in node.body}
    return frozenset(found)


@lru_cache(maxsize=64)
def _assigned(file: str) -> dict[int, list[Assigned]]:
    """Those of a file, by the numbers of their lines, of which one may span many."""
    found: dict[int, list[Assigned]] = {}
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
            target = node.target
        else:
            continue
        name = target.id.strip("_") if isinstance(target, ast.Name) else ""
        if name:
            own = Assigned(name, node.col_offset, node.end_col_offset or node.col_offset)
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                found.setdefault(line, []).append(own)
    return found


@dataclass(frozen=True)
class Origin:
    """Where a value was made.

    `path` is the module's, `line` the user's own line, `code` the line that computes, which may be a library's; `hint`
    is what the op is called, and `keeps_hint` says that no variable may stand for it.
    """

    path: str
    hint: str
    line: SourceLine | None = None
    code: SourceLine | None = None
    keeps_hint: bool = False

    @property
    def modules(self) -> tuple[str, ...]:
        """As a value has them."""
        return (self.path,) if self.path else ()

    @property
    def lines(self) -> tuple[str, ...]:
        """As a value has them."""
        return (self.line.short,) if self.line is not None else ()

    @property
    def statement(self) -> tuple[object, ...]:
        """The module, the line, and which of the line's assignments."""
        return self.path, self.code, None if self.code is None else self.code.assigned

    def name(self, following: Origin | None) -> str:
        """The name, if `following` is the value made next: only the last one of a line is the variable's."""
        last = following is None or following.statement != self.statement
        assigned = self.code.assigned if self.code is not None and last and not self.keeps_hint else None
        name = self.hint if assigned is None else assigned.name
        return f"{self.path}.{name}" if self.path else name


def final_names(origins: Mapping[str, Origin], taken: set[str]) -> dict[str, str]:
    """The final name of each value, in the order they were made, none of them `taken`."""
    made = list(origins.values())
    names = [origin.name(following) for origin, following in zip(made, [*made[1:], None], strict=True)]
    return dict(zip(origins, unique(names, taken), strict=True))
