"""Lines of assembly text as tokens, and forms such as `{dest} = {a} + {b}` that such lines follow."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from compiler.assembly.json_reader import is_integer
from compiler.assembly.text import RESERVED
from hw_models import isa
from hw_models.errors import AssemblyError

_TOKEN = re.compile(
    r"""[ \t\r]*(?:
    (?P<comment>;.*)
  | (?P<string>"(?:[^"\\]|\\.)*")
  | (?P<number>-?[0-9]+)
  | (?P<immediate>\#-?[0-9]+)
  | (?P<name>[A-Za-z_][A-Za-z0-9_.@']*)
  | (?P<mark><<|>>|<=|==|!=|[-<=+&*?:(),%\[\]])
  | (?P<other>.)
  | $)""",
    re.VERBOSE,
)
_LONGEST = len(f"#{-(2**63)}")
_FORM = re.compile(r"send\{port\}|\{\w+\}|[A-Za-z]+|<<|>>|[^\sA-Za-z]")


@dataclass(frozen=True)
class Token:
    """A piece of a line: its `kind` is the name of its group in the pattern, `text` is what a name or string says."""

    kind: str
    text: str


@dataclass(frozen=True)
class TextLine:
    """A line with something on it, and the comment at its end."""

    number: int
    text: str
    tokens: tuple[Token, ...]
    comment: str

    def error(self, expected: str) -> AssemblyError:
        """What is wrong with this line."""
        where = f"line {self.number}: {self.text.strip()}"
        return AssemblyError("the assembly text is wrong", where=where, numbers=f"expected {expected}")


Field: TypeAlias = "isa.Source | isa.Test | str | int | tuple[int, ...]"
"""What a field of a form holds."""
Reader: TypeAlias = Callable[[Sequence[Token]], "tuple[Field, int] | None"]
"""Reads a field from the start of the tokens: what it says and how many tokens it takes; None where it is none."""


def lines(text: str) -> list[TextLine]:
    """The lines of a text that say something."""
    found = [_line(number, line) for number, line in enumerate(text.split("\n"), 1)]
    return [line for line in found if line.tokens]


def _line(number: int, text: str) -> TextLine:
    tokens: list[Token] = []
    comment = ""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind is None:
            continue
        piece = match.group(kind)
        if kind == "comment":
            comment = piece[1:].strip()
            break
        if kind == "string":
            try:
                piece = json.loads(piece)
            except json.JSONDecodeError:
                kind = "other"
        if kind in ("number", "immediate") and (len(piece) > _LONGEST or not is_integer(int(piece.lstrip("#")))):
            kind = "other"
        tokens.append(Token(kind, piece))
    return TextLine(number, text, tuple(tokens), comment)


class Form:
    """A form, ready to be matched with lines. `name` tells it from others."""

    def __init__(self, name: str, form: str) -> None:
        self.name = name
        self._elements = [e.replace("send{port}", "{port}") for e in _FORM.findall(form)]

    def match(self, line: TextLine) -> tuple[dict[str, Field], int, str]:
        """The fields, how far the line follows the form, and what was expected there; nothing where it fits."""
        fields: dict[str, Field] = {}
        at = 0
        for element in self._elements:
            if element[0] == "{":
                expected, read = READERS[element[1:-1]]
                found = read(line.tokens[at:])
                if found is None:
                    return fields, at, expected
                fields[element[1:-1]], taken = found
                at += taken
            elif at < len(line.tokens) and line.tokens[at].text == element and line.tokens[at].kind in ("name", "mark"):
                at += 1
            else:
                return fields, at, element
        return fields, at, "" if at == len(line.tokens) else "the end of the line"


def match(line: TextLine, forms: Sequence[Form]) -> tuple[str, dict[str, Field]]:
    """The form that the line follows, and its fields. Raises `AssemblyError` with what was expected instead."""
    best, wanted = -1, dict[str, None]()
    for form in forms:
        fields, at, expected = form.match(line)
        if not expected:
            return form.name, fields
        if at > best:
            best, wanted = at, {}
        if at == best:
            wanted[expected] = None
    found = f"{line.tokens[best].text!r}" if best < len(line.tokens) else "the end of the line"
    raise line.error(f"{', or '.join(wanted)}; found {found}")


# --- fields ---------------------------------------------------------------------------------------------------


def _name(tokens: Sequence[Token]) -> tuple[str, int] | None:
    if not tokens or tokens[0].kind not in ("name", "string"):
        return None
    if tokens[0].kind == "name" and RESERVED.fullmatch(tokens[0].text):
        return None
    return tokens[0].text, 1


def _target(tokens: Sequence[Token]) -> tuple[isa.Target, int] | None:
    if tokens and tokens[0] == Token("mark", "%"):
        name = _name(tokens[1:])
        return (isa.Register(name[0]), 2) if name else None
    name = _name(tokens)
    return (isa.Word(name[0]), 1) if name else None


def _source(tokens: Sequence[Token]) -> tuple[isa.Source, int] | None:
    if tokens and tokens[0].kind == "immediate":
        return isa.Immediate(int(tokens[0].text[1:])), 1
    port = _numbered("sum", tokens)
    return (isa.Accumulator(port[0]), 1) if port else _target(tokens)


def _numbered(name: str, tokens: Sequence[Token]) -> tuple[int, int] | None:
    if not tokens or tokens[0].kind != "name":
        return None
    found = re.fullmatch(name + "([0-9]{1,4})", tokens[0].text)
    return (int(found.group(1)), 1) if found else None


def _port(tokens: Sequence[Token]) -> tuple[int, int] | None:
    return _numbered("send", tokens)


def _test(tokens: Sequence[Token]) -> tuple[isa.Test, int] | None:
    found = [t for t in isa.Test if tokens and tokens[0] == Token("mark", t.value)]
    return (found[0], 1) if found else None


def _integer(tokens: Sequence[Token]) -> tuple[int, int] | None:
    return (int(tokens[0].text), 1) if tokens and tokens[0].kind == "number" else None


def _count(tokens: Sequence[Token]) -> tuple[int, int] | None:
    found = _integer(tokens)
    return found if found and found[0] >= 0 else None


def _integers(tokens: Sequence[Token]) -> tuple[int | tuple[int, ...], int] | None:
    """A number, or numbers in brackets."""
    if not tokens or tokens[0] != Token("mark", "["):
        return _integer(tokens)
    if Token("mark", "]") not in tokens:
        return None
    end = tokens.index(Token("mark", "]"))
    numbers, commas = tokens[1:end:2], tokens[2:end:2]
    if any(t.kind != "number" for t in numbers) or any(t != Token("mark", ",") for t in commas):
        return None
    return (tuple(int(t.text) for t in numbers), end + 1) if len(commas) == max(len(numbers) - 1, 0) else None


_SOURCE = ("a word, %register, #number or sum0, sum1 ..", _source)
READERS: dict[str, tuple[str, Reader]] = {
    "dest": ("a word or %register", _target),
    "a": _SOURCE,
    "b": _SOURCE,
    "condition": _SOURCE,
    "shift": _SOURCE,
    "amount": _SOURCE,
    "test": ("<, <=, == or !=", _test),
    "to": ("a label", _name),
    "port": ("send0, send1 ..", _port),
    "name": ("a name", _name),
    "word": ("a word", _name),
    "count": ("a number, at least 0", _count),
    "integers": ("a number, or [numbers]", _integers),
}
"""By the name of the field: what is expected, and who reads it."""
