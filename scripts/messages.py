"""What the packages say to their users: the errors and warnings of the sources, with their advice."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from os.path import commonpath
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


@dataclass(frozen=True)
class Helper:
    """A function that raises for others: its text ends with one of its parameters."""

    home: Path
    names: dict[str, ast.expr]
    function: ast.FunctionDef
    call: ast.Call

    def bound(self, call: ast.Call, names: dict[str, ast.expr]) -> dict[str, ast.expr]:
        """What it knows in one call: its module's names, and its parameters as they are given."""
        own = self.function.args
        parameters = [a.arg for a in own.args if a.arg != "self"]
        defaults = dict(zip(reversed(parameters), reversed(own.defaults), strict=False))
        given = dict(zip(parameters, call.args, strict=False)) | {k.arg: k.value for k in call.keywords if k.arg}
        texts = {name: ast.Constant(_text(value, names)) for name, value in given.items()}
        return self.names | defaults | texts


def messages() -> list[Message]:
    """All of them, those of one kind side by side."""
    files = [file for package in PACKAGES for file in sorted((HOME / package).rglob("*.py"))]
    trees = {file: ast.parse(file.read_text("utf-8")) for file in files}
    helpers = [helper for file, tree in trees.items() for helper in _helpers(file, tree)]
    found = {message for file, tree in trees.items() for message in _of(file, tree, helpers)}
    return sorted(m for m in found if m.text.strip(f" {OPEN}:,;"))


def _helpers(file: Path, tree: ast.Module) -> Iterator[Helper]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            parameters = {a.arg for a in function.args.args}
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and (said := _said(call)):
                    last = said[1].values[-1] if isinstance(said[1], ast.JoinedStr) else said[1]
                    last = last.value if isinstance(last, ast.FormattedValue) else last
                    if isinstance(last, ast.Name) and last.id in parameters:
                        yield Helper(file, _constants(tree), function, call)


def _of(file: Path, tree: ast.Module, helpers: list[Helper]) -> Iterator[Message]:
    names, own = _constants(tree), {id(helper.call) for helper in helpers}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and id(call) not in own:
            helper = _helper(call, file, helpers)
            yield from _message(helper.call, helper.bound(call, names)) if helper else _message(call, names)


def _helper(call: ast.Call, file: Path, helpers: list[Helper]) -> Helper | None:
    """The one that a call means: of those with its name the nearest; private ones and methods are not far from it."""
    name, method = _name(call), isinstance(call.func, ast.Attribute)
    named = [h for h in helpers if h.function.name == name and method == (h.function.args.args[0].arg == "self")]
    far = (h for h in named if not name.startswith("_") and (not method or h.home.parent == file.parent))
    near = [h for h in named if h.home == file] or list(far)
    return max(near, key=lambda h: len(commonpath([h.home, file])), default=None)


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    found = [s for s in tree.body if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name)]
    return {s.targets[0].id: s.value for s in found if isinstance(s.targets[0], ast.Name)}


def _said(call: ast.Call) -> tuple[str, ast.expr, ast.expr | None] | None:
    """Kind, text and advice of a call that makes an error, a warning or a finding."""
    given = [k.value for k in call.keywords if k.arg == "advice"]
    if _name(call) == RULE and isinstance(call.func, ast.Name):
        given += call.args[5:6]
        return (RULE, call.args[2], given[0] if given else None) if len(call.args) > 2 else None
    if not (kind := _kind(call)) or not call.args:
        return None
    given += call.args[1:2] * (kind == "TraceError")
    return kind, call.args[0], given[0] if given else None


def _message(call: ast.Call, names: dict[str, ast.expr]) -> Iterator[Message]:
    if said := _said(call):
        kind, text, advice = said[0], _text(said[1], names), _text(said[2], names) if said[2] else ""
        rule = _text(call.args[0], names) if kind == RULE else ""
        if OPEN not in (rule, text):
            yield Message(kind, f"[{rule}] {text}" if rule else text, "" if advice == OPEN else advice)


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _kind(call: ast.Call) -> str:
    """Which error a call makes, or that it warns; empty for other calls."""
    name = _name(call)
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
    if isinstance(value, ast.BoolOp):
        return next((text for one in value.values if (text := _text(one, names)) and text != OPEN), OPEN)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "format":
        return re.sub(r"\{.*?\}", OPEN, _text(value.func.value, names))
    known = value.value if isinstance(value, ast.FormattedValue) else value
    if isinstance(known, ast.Name) and known.id in names and not isinstance(names[known.id], ast.Name):
        return _text(names[known.id], names)
    return OPEN
