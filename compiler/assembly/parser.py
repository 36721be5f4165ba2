"""Assembly text back to listings and populations. Its grammar stands in docs/instruction-set.md."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compiler.assembly.lexer import Field, Form, TextLine, lines, match
from compiler.assembly.population import Population, label_fault, place_fault
from compiler.assembly.text import HEADERS
from hw_models import isa
from hw_models.arrays import Integers
from hw_models.errors import AssemblyError

_KINDS = {kind.__name__: kind for kind in isa.INSTRUCTIONS}
_LISTING = [Form(name, kind.form) for name, kind in _KINDS.items()]
_HEADERS = [Form(name, form) for name, form in HEADERS.items()]
_POPULATION = _HEADERS[:1]
_NUMBERS = _HEADERS[1:4]
_BODY = _HEADERS[4:]
_END = Form("end", "end")


def parse_listing(text: str) -> tuple[isa.Instruction, ...]:
    """The listing that `listing_text` has written. Raises `AssemblyError` with the line and what was expected.

    >>> parse_listing("v = max(v, #0)")
    (Maximum(dest=Word(name='v'), a=Word(name='v'), b=Immediate(value=0)),)
    """
    found = lines(text)
    listing = [_instruction(*match(line, _LISTING), line) for line in found]
    _check(label_fault(listing), found)
    return tuple(listing)


def parse(text: str) -> tuple[Population, ...]:
    """The populations that `populations_text` has written. Raises `AssemblyError` as `parse_listing` does."""
    found = lines(text)
    populations: list[Population] = []
    at = 0
    while at < len(found):
        population, at = _population(found, at)
        if any(p.name == population.name for p in populations):
            raise AssemblyError("two populations have the same name", where=f"population {population.name}")
        populations.append(population)
    return tuple(populations)


def _population(found: Sequence[TextLine], at: int) -> tuple[Population, int]:
    """The population that begins at line number `at` of `found`, and where the next one begins."""
    start = found[at]
    _, fields = match(start, _POPULATION)
    name = str(fields["name"])
    counts: list[int] = []
    words: dict[str, Integers | int] = {}
    states: dict[str, str] = {}
    for form in _NUMBERS:
        at += 1
        counts.append(_number(match(_at(found, at, start), [form])[1]["count"]))
    size, sums, messages = counts
    while True:
        at += 1
        line = _at(found, at, start)
        kind, fields = match(line, _BODY)
        if kind == "program":
            break
        if kind == "word":
            word = str(fields["name"])
            if word in words:
                raise line.error("a word that is not declared yet")
            words[word] = _values(fields["integers"], size, line)
        else:
            state = str(fields["name"])
            if state in states:
                raise line.error("a state that is not declared yet")
            states[state] = _known(str(fields["word"]), words, line)
    listing: list[isa.Instruction] = []
    program: list[TextLine] = []
    while True:
        at += 1
        line = _at(found, at, start)
        kind, fields = match(line, [*_LISTING, _END])
        if kind == "end":
            break
        listing.append(_instruction(kind, fields, line))
        program.append(line)
    _check(label_fault(listing), program)
    _check(place_fault(listing, words, sums, messages), program)
    return Population(name, size, tuple(listing), words, sums, messages, states), at + 1


def _at(found: Sequence[TextLine], at: int, start: TextLine) -> TextLine:
    if at == len(found):
        raise AssemblyError(
            "the assembly text is wrong", where=f"line {start.number}: {start.text.strip()}", numbers="expected its end"
        )
    return found[at]


def _number(field: Field) -> int:
    assert isinstance(field, int)  # what the reader of counts gives
    return field


def _values(field: Field, size: int, line: TextLine) -> Integers | int:
    if isinstance(field, int):
        return field
    if not isinstance(field, tuple) or len(field) != size:
        raise line.error(f"a number, or one for each of {size} neurons")
    return np.array(field, np.int64)


def _known(word: str, words: dict[str, Integers | int], line: TextLine) -> str:
    if word not in words:
        raise line.error(f"a word that has been declared, not {word!r}")
    return word


def _instruction(kind: str, fields: dict[str, Field], line: TextLine) -> isa.Instruction:
    dest = fields.get("dest")
    if isinstance(dest, isa.Register) and line.comment:
        fields = {**fields, "dest": isa.Register(dest.name, _note(line.comment))}
    return _KINDS[kind](**fields)


def _note(comment: str) -> str:
    """The name in a comment; any other comment as it is."""
    tokens = lines(comment)[0].tokens
    return tokens[0].text if len(tokens) == 1 and tokens[0].kind in ("name", "string") else comment


def _check(fault: tuple[int, str] | None, found: Sequence[TextLine]) -> None:
    if fault is not None:
        raise found[fault[0]].error(fault[1])
