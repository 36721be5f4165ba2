"""The sources of the packages, as they are read for what they say: classes, names and texts."""

from __future__ import annotations

import ast
import re
from itertools import product
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
PACKAGES = ("ltc2neuro", "compiler", "hw_models")
OPEN = "..."
"""What stands in a text for what is only known when it is said"""
SHORT = 8
"""In letters"""
Names = dict[str, ast.expr]
"""What names stand for, in one way through a function"""


def parsed() -> dict[Path, ast.Module]:
    """All of them, by their files."""
    files = [file for package in PACKAGES for file in sorted((HOME / package).rglob("*.py"))]
    trees = {file: ast.parse(file.read_text("utf-8")) for file in files}
    for tree in trees.values():
        for owner in ast.walk(tree):
            _name_classes(owner)
    return trees


def _name_classes(owner: ast.AST) -> None:
    """Write what `cls(...)` and `type(error)(...)` make by the class's name, which its owner tells."""
    stands: dict[str, str] = {}
    if isinstance(owner, ast.ClassDef):
        stands = {"cls": owner.name}
    elif isinstance(owner, ast.FunctionDef):
        typed = {a.arg: a.annotation for a in owner.args.args}
        stands = {f"type({name})": kind.id for name, kind in typed.items() if isinstance(kind, ast.Name)}
    for call in ast.walk(owner) if stands else ():
        if isinstance(call, ast.Call) and (name := stands.get(ast.unparse(call.func))):
            call.func = ast.Name(name)


def subclasses() -> dict[str, dict[str, str]]:
    """Those of each error, with the first line of what they are: the name that a traceback shows may be theirs."""
    found: dict[str, dict[str, str]] = {}
    classes = [node for tree in parsed().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    bases = {c.name: base.id for c in classes for base in c.bases[:1] if isinstance(base, ast.Name)}
    for one in sorted(classes, key=lambda c: c.name):
        base = bases.get(one.name)
        while base is not None:
            found.setdefault(base, {})[one.name] = (ast.get_docstring(one) or "").split("\n")[0]
            base = bases.get(base)
    return found


def constants(tree: ast.Module, trees: dict[Path, ast.Module]) -> Names:
    """What a module's own names stand for, and those that it imports, where they are one text."""
    found: Names = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            found[statement.targets[0].id] = statement.value
        elif isinstance(statement, ast.ImportFrom):
            home = trees.get(HOME / f"{(statement.module or '').replace('.', '/')}.py")
            for name in (alias.name for alias in statement.names if home and alias.name.isupper()):
                texts = texts_of(ast.Name(name), constants(home, trees)) if home else []
                if len(texts) == 1:
                    found[name] = ast.Constant(texts[0])
    return found


def _short(either: list[str]) -> list[str]:
    """What differs by a few letters, as a plural does, is one text.

    >>> _short(["", "s"]), _short(["vary", "varies"]), _short(["a model without microcode", "a file"])
    (['(s)'], ['vary/varies'], ['a model without microcode', 'a file'])
    """
    if max(map(len, either)) > SHORT or OPEN in either:
        return either
    return ["/".join(either)] if all(either) else [f"({''.join(either)})"]


def texts_of(value: ast.expr, names: Names) -> list[str]:
    """The texts that an expression of the sources may be, as far as they are known there."""
    if isinstance(value, ast.Constant):
        return [str(value.value)]
    if isinstance(value, ast.IfExp):
        return [*texts_of(value.body, names), *texts_of(value.orelse, names)]
    if isinstance(value, ast.JoinedStr):
        return ["".join(parts) for parts in product(*(texts_of(part, names) for part in value.values))]
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        return [a + b for a, b in product(texts_of(value.left, names), texts_of(value.right, names))]
    if isinstance(value, ast.BoolOp):
        return [text for one in value.values for text in texts_of(one, names) if text and text != OPEN] or [OPEN]
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "format":
        return [re.sub(r"\{.*?\}", OPEN, text) for text in texts_of(value.func.value, names)]
    known = value.value if isinstance(value, ast.FormattedValue) else value
    if isinstance(known, ast.IfExp):
        return _short(texts_of(known, names))
    if isinstance(known, ast.Name) and known.id in names:
        return texts_of(names[known.id], {n: v for n, v in names.items() if n != known.id})
    return [OPEN]
