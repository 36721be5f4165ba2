"""Small faults in the packages' code, one each: `or` for `and`, `<=` for `<`, a number one more, a statement left out.

A mutant's name follows from the function and the code that it changes, not from line numbers: it stays the same while
other code moves.
"""

from __future__ import annotations

import ast
import copy
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
PACKAGES = ("hw_models", "compiler", "ltc2neuro")

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
FUNCTIONS = {
    "min": "max", "max": "min", "any": "all", "all": "any", "minimum": "maximum", "maximum": "minimum", "floor": "ceil",
    "ceil": "floor", "argmin": "argmax", "argmax": "argmin", "zeros": "ones", "ones": "zeros",
}  # fmt: skip
LEFT_OUT = (ast.Expr, ast.AugAssign, ast.Raise, ast.Continue, ast.Break)
"""statements that a mutant lacks"""


@dataclass(frozen=True)
class Mutant:
    """One fault: in `path`, in the function `where` (empty outside of all), `what` it does to which code."""

    path: str
    where: str
    what: str
    first: int
    """the lines of the statement, or of a compound statement's head"""
    last: int
    number: int
    """of the fault among all of the file"""
    occurrence: int
    """among those alike in the same function"""

    @property
    def name(self) -> str:
        """What does not change while other code moves."""
        text = "\n".join((self.path, self.where, self.what, str(self.occurrence)))
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    def __str__(self) -> str:
        return f"{self.name}  {self.path}:{self.first}  {self.where or 'module'}: {self.what}"

    def source(self) -> str:
        """The whole file with this fault in it."""
        tree = ast.parse((HOME / self.path).read_text("utf-8"))
        for number, fault in enumerate(_faults(tree)):
            if number == self.number:
                fault.make()
                return ast.unparse(ast.fix_missing_locations(tree))
        raise ValueError(f"{self.path} has no fault {self.number}")


def mutants() -> list[Mutant]:
    """All faults of the packages, in the order of their names: the first N are N by chance."""
    paths = sorted(p for package in PACKAGES for p in (HOME / package).rglob("*.py"))
    return sorted((m for path in paths for m in _of_file(path)), key=lambda m: m.name)


def _of_file(path: Path) -> Iterator[Mutant]:
    tree = ast.parse(path.read_text("utf-8"))
    seen: Counter[tuple[str, str]] = Counter()
    for number, fault in enumerate(_faults(tree)):
        key = (fault.where, fault.what)
        name, lines = path.relative_to(HOME).as_posix(), (fault.statement.lineno, _last_line(fault.statement))
        yield Mutant(name, *key, *lines, number, seen[key])
        seen[key] += 1


def _last_line(statement: ast.stmt) -> int:
    body = getattr(statement, "body", None)
    if isinstance(body, list) and body:
        return max(statement.lineno, body[0].lineno - 1)
    return statement.end_lineno or statement.lineno


@dataclass
class _Fault:
    """`holder.field`, or its element `index`, becomes `new`."""

    where: str
    statement: ast.stmt
    holder: ast.AST
    field: str
    index: int | None
    new: ast.AST | list[ast.cmpop]
    what: str

    def make(self) -> None:
        if self.index is None:
            setattr(self.holder, self.field, self.new)
        else:
            getattr(self.holder, self.field)[self.index] = self.new


def _faults(tree: ast.Module) -> Iterator[_Fault]:
    for statement, holder, field, index, where in _statements(tree, ""):
        if isinstance(statement, LEFT_OUT) and not _is_text(statement):
            new = ast.copy_location(ast.Pass(), statement)
            yield _Fault(where, statement, holder, field, index, new, f"leaves out `{_short(statement)}`")
        yield from _inside(statement, statement, where)


def _statements(node: ast.AST, where: str) -> Iterator[tuple[ast.stmt, ast.AST, str, int, str]]:
    """Every statement with its place, and the function that it is in."""
    for field in ("body", "orelse", "finalbody", "handlers"):
        children = getattr(node, field, [])
        for index, child in enumerate(children if isinstance(children, list) else []):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.stmt):
                yield child, node, field, index, where
            inner = isinstance(child, (ast.FunctionDef, ast.ClassDef))
            yield from _statements(child, f"{where}.{child.name}".lstrip(".") if inner else where)


def _is_text(statement: ast.stmt) -> bool:
    """Whether it is a docstring or a comment in the form of one."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _inside(node: ast.AST, statement: ast.stmt, where: str) -> Iterator[_Fault]:
    """Faults in the expressions of a statement, not in those that it holds, nor in annotations and names."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or isinstance(child, (ast.stmt, ast.ExceptHandler, ast.JoinedStr)):
                continue
            for new in _changed(child):
                what = f"`{_short(child)}` becomes `{_short(new)}`"
                yield _Fault(where, statement, node, field, index, new, what)
            yield from _inside(child, statement, where)


def _changed(node: ast.AST) -> Iterator[ast.AST]:
    """What an expression becomes."""
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            new = copy.deepcopy(node)
            new.ops[i] = COMPARISONS[type(op)]()
            yield new
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield node.operand
    elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS and not _has_text(node):
        yield ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right)
    elif isinstance(node, ast.Constant) and type(node.value) in (bool, int):
        yield ast.Constant(not node.value if isinstance(node.value, bool) else node.value + 1)
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    elif isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
        name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        if name in FUNCTIONS:
            new = copy.deepcopy(node)
            setattr(new.func, "id" if isinstance(node.func, ast.Name) else "attr", FUNCTIONS[name])
            yield new


def _has_text(node: ast.BinOp) -> bool:
    """Texts that are put together are messages, and types that are put together are aliases."""
    return any(isinstance(n, (ast.JoinedStr, ast.Constant)) and not _number(n) for n in ast.walk(node))


def _number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, (int, float))


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 100 else text[:97] + "..."
