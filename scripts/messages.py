"""What the packages say to their users: the errors and warnings of the sources, with their advice."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
PACKAGES = ("ltc2neuro", "compiler", "hw_models")
OPEN = "..."
"""What stands in a text for what is only known when it is said"""


RULE = "Finding"
"""What a design rule finds: its text is the third argument, its advice the sixth"""


@dataclass(frozen=True, order=True)
class Message:
    """An error or a warning."""

    kind: str
    text: str
    advice: str


def messages() -> list[Message]:
    """All of them, those of one kind side by side."""
    files = [file for package in PACKAGES for file in sorted((HOME / package).rglob("*.py"))]
    found = {message for file in files for message in _of(ast.parse(file.read_text("utf-8")))}
    return sorted(m for m in found if m.text.strip(f" {OPEN}:,;"))


def _of(tree: ast.Module) -> Iterator[Message]:
    names: dict[str, ast.expr] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            names[statement.targets[0].id] = statement.value
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and (kind := _kind(node.func)):
            given = [k.value for k in node.keywords if k.arg == "advice"] + node.args[1:2] * (kind == "TraceError")
            text, advice = _text(node.args[0], names), _text(given[0], names) if given else ""
            if text != OPEN:
                yield Message(kind, text, "" if advice == OPEN else advice)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == RULE and len(node.args) > 2:
            rule, _, text = (_text(argument, names) for argument in node.args[:3])
            advice = _text(node.args[5], names) if len(node.args) > 5 else OPEN
            if OPEN not in (rule, text):
                yield Message(RULE, f"[{rule}] {text}", "" if advice == OPEN else advice)


def _kind(function: ast.expr) -> str:
    """Which error a call makes, or that it warns; empty for other calls."""
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in ("refusal", "warn"):
        return "TraceError" if name == "refusal" else "UserWarning"
    return name if name.endswith("Error") and name[0].isupper() else ""


def _text(value: ast.expr, names: dict[str, ast.expr]) -> str:
    """A text of the sources, as far as it is known there."""
    if isinstance(value, ast.Constant):
        return str(value.value)
    if isinstance(value, ast.JoinedStr):
        return "".join(_text(part, names) for part in value.values)
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        return _text(value.left, names) + _text(value.right, names)
    known = value.value if isinstance(value, ast.FormattedValue) else value
    if isinstance(known, ast.Name) and known.id in names and not isinstance(names[known.id], ast.Name):
        return _text(names[known.id], names)
    return OPEN
