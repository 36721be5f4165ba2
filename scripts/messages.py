"""What the packages say to their users: the errors and warnings of the sources, with their advice."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from os.path import commonpath
from pathlib import Path

from sources import OPEN, Names, constants, parsed, texts_of

from hw_models.chip import chip_names, load_chip

MOST = 64
"""So many ways through a function are followed"""


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
    """A function that raises for others: its text ends with one of its parameters, or with it and a value."""

    home: Path
    names: Names
    function: ast.FunctionDef
    call: ast.Call
    inside: ast.Call
    """In the function: the same, or what hands the parameter on"""

    @property
    def parameters(self) -> list[str]:
        """Those that a call gives by their place."""
        return [a.arg for a in self.function.args.args if a.arg != "self"]

    @property
    def defaults(self) -> Names:
        """What parameters are when they are not given."""
        own = self.function.args
        named = {a.arg: value for a, value in zip(own.kwonlyargs, own.kw_defaults, strict=True) if value}
        return named | dict(zip(reversed(self.parameters), reversed(own.defaults), strict=False))

    @property
    def known(self) -> Names:
        """Its module's names, and its parameters as they are by default; `None` is never what is told."""
        return self.names | {n: value for n, value in self.defaults.items() if ast.unparse(value) != "None"}

    def bound(self, call: ast.Call, names: Names) -> Iterator[Names]:
        """What it knows in one call: its module's names, and its parameters as they are given."""
        given = dict(zip(self.parameters, call.args, strict=False)) | {k.arg: k.value for k in call.keywords if k.arg}
        if not {*self.parameters} <= {*given, *self.defaults}:  # another function of this name
            return
        for texts in product(*(texts_of(value, names) for value in given.values())):
            yield self.known | {n: ast.Constant(t) for n, t in zip(given, texts, strict=True) if t != "None"}


def messages() -> list[Message]:
    """All of them, those of one kind side by side."""
    from ltc2neuro.tracing.dispatch.unsupported import ADVICE, told

    trees = parsed()
    names = {file: constants(tree, trees) for file, tree in trees.items()}
    helpers = [helper for file, tree in trees.items() for helper in _helpers(file, tree, names[file])]
    helpers += [helper for file, tree in trees.items() for helper in _handing(file, tree, helpers)]
    found = {message for file, tree in trees.items() for message in _of(file, tree, names[file], helpers)}
    found |= {Message(RULE, f"[refusal] {why.reason}", "") for name in chip_names() for why in load_chip(name).refuses}
    found |= {Message("TraceError", *told(function)) for function in ADVICE}
    return sorted(m for m in found if m.text.strip(f" {OPEN}:,;"))


def _helpers(file: Path, tree: ast.Module, names: Names) -> Iterator[Helper]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            parameters = {a.arg for a in function.args.args}
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and (said := _said(call)):
                    last = _last(said[1])
                    if isinstance(last, ast.Name) and last.id in parameters:
                        yield Helper(file, names, function, call, call)


def _handing(file: Path, tree: ast.Module, helpers: list[Helper]) -> Iterator[Helper]:
    """Functions that hand a helper's parameter on, by the same name."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for call in ast.walk(function):
                if (
                    isinstance(call, ast.Call)
                    and (helper := _helper(call, file, helpers))
                    and (said := _said(helper.call))
                ):
                    last = getattr(_last(said[1]), "id", "")
                    given = dict(zip(helper.parameters, call.args, strict=False)).get(last)
                    if isinstance(given, ast.Name) and given.id == last in [a.arg for a in function.args.args]:
                        yield Helper(file, helper.known, function, helper.call, call)


def _last(text: ast.expr) -> ast.expr:
    """What a text ends with; what is before the value, where it ends with a word and what is said of a value."""
    values = text.values if isinstance(text, ast.JoinedStr) else [text]
    match [value.value if isinstance(value, ast.FormattedValue) else value for value in values]:
        case [*_, before, ast.Constant(" "), ast.Call()]:
            return before
        case [*_, last]:
            return last
    return text


def _of(file: Path, tree: ast.Module, names: Names, helpers: list[Helper]) -> Iterator[Message]:
    own = {id(helper.inside) for helper in helpers}
    functions = [f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef)]
    inside = {id(call): f for f in functions for call in ast.walk(f) if isinstance(call, ast.Call)}  # the innermost
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or id(call) in own:
            continue
        helper = _helper(call, file, helpers)
        if helper is None and _said(call) is None:
            continue
        for one, known in _ways(call, inside.get(id(call)), functions):
            for space in helper.bound(one, names | known) if helper else [names | known]:
                yield from _message(helper.call if helper else one, space)


def _ways(
    call: ast.Call, function: ast.FunctionDef | None, functions: Sequence[ast.FunctionDef]
) -> Iterator[tuple[ast.Call, Names]]:
    """A call and what the names of its function stand for in it, of each way there that is known."""
    groups = _groups(call, function, functions) if function is not None else {}
    used, before = _used([call]), set[str]()
    while used != before:
        before, here = used, [e for key, each in groups.items() if used & {*key} for e in each]
        used = used | _used([value for one in here for value in one.values()])
    parts = [each for key, each in groups.items() if used & {*key}]
    for number, found in enumerate(product(*parts)):
        if number < MOST:
            names = {name: value for one in found for name, value in one.items()}
            for arguments in _starred(call, functions):
                yield ast.Call(call.func, arguments, call.keywords), names


def _used(trees: Sequence[ast.AST]) -> set[str]:
    return {n.id for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Name)}


def _groups(
    call: ast.Call, function: ast.FunctionDef, functions: Sequence[ast.FunctionDef]
) -> dict[tuple[str, ...], list[Names]]:
    """What a function binds for a call, by the names that are bound together: each of the values they are given."""
    found: dict[tuple[str, ...], list[Names]] = {}
    for statement in ast.walk(function):
        if isinstance(statement, ast.For) and not any(inner is call for inner in ast.walk(statement)):
            continue
        if isinstance(statement, ast.Assign):
            target, values = statement.targets[0], _values(statement.value, functions, found)
        elif isinstance(statement, ast.For):
            each = _values(statement.iter, functions, found)
            target, values = statement.target, [v for e in each if isinstance(e, (ast.Tuple, ast.List)) for v in e.elts]
        else:
            continue
        targets = target.elts if isinstance(target, ast.Tuple) else [target]
        names = [t.id for t in targets if isinstance(t, ast.Name)]
        rows = [v.elts if isinstance(v, ast.Tuple) and isinstance(target, ast.Tuple) else [v] for v in values]
        if len(names) == len(targets):
            here = [dict(zip(names, row, strict=True)) for row in rows if len(row) == len(names)]
            found.setdefault(tuple(names), []).extend(here)
    return {key: each for key, each in found.items() if each}


def _values(
    value: ast.expr, functions: Sequence[ast.FunctionDef], known: dict[tuple[str, ...], list[Names]]
) -> list[ast.expr]:
    """A value, or those that it may be: what a function of the same file returns, what a name was given."""
    if isinstance(value, ast.Call) and (returned := _returned(value, functions)):
        return returned
    if isinstance(value, ast.Name) and (value.id,) in known:
        return [one[value.id] for one in known[value.id,]]
    return [value]


def _returned(call: ast.Call, functions: Sequence[ast.FunctionDef]) -> list[ast.expr]:
    """The texts, or tuples of them, that a function of the same file returns."""
    own = [f for f in functions if isinstance(call.func, ast.Name) and f.name == call.func.id]
    each = [r.value for f in own for r in ast.walk(f) if isinstance(r, ast.Return) and r.value is not None]
    return [
        value
        for value in each
        if isinstance(value, (ast.Tuple, ast.JoinedStr, ast.Constant, ast.IfExp)) and texts_of(value, {})
    ]


def _starred(call: ast.Call, functions: Sequence[ast.FunctionDef]) -> Iterator[list[ast.expr]]:
    """A call's arguments, with those that a function of the same file returns together."""
    last = call.args[-1] if call.args else None
    value = last.value if isinstance(last, ast.Starred) else None
    rows = _returned(value, functions) if isinstance(value, ast.Call) else []
    tuples = [row.elts for row in rows if isinstance(row, ast.Tuple)]
    yield from ([*call.args[:-1], *row] for row in tuples) if tuples else [call.args]


def _helper(call: ast.Call, file: Path, helpers: list[Helper]) -> Helper | None:
    """The one that a call means: of those with its name the nearest; private ones and methods are not far from it."""
    name, method = _name(call), isinstance(call.func, ast.Attribute)
    named = [h for h in helpers if h.function.name == name and method == (h.function.args.args[0].arg == "self")]
    far = (h for h in named if not name.startswith("_") and (not method or h.home.parent == file.parent))
    near = [h for h in named if h.home == file] or list(far)
    return max(near, key=lambda h: len(commonpath([h.home, file])), default=None)


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


def _message(call: ast.Call, names: Names) -> Iterator[Message]:
    if said := _said(call):
        kind, advice = said[0], " / ".join(texts_of(said[2], names)) if said[2] else ""
        rule = texts_of(call.args[0], names)[0] if kind == RULE else ""
        for text in texts_of(said[1], names):
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
