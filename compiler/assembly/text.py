"""Listings as text, one instruction a line. The syntax stands in docs/instruction-set.md; `parser` reads it back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields

from compiler.assembly.population import Population
from hw_models import isa

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.@']*")
"""A name that is written as it is; any other one is a JSON string."""
RESERVED = re.compile(r"skip|to|unless|min|max|(?:sum|send)[0-9]+")
"""What looks like a name and is none."""

HEADERS = {
    "population": "population {name}",
    "size": "size {count}",
    "sums": "sums {count}",
    "messages": "messages {count}",
    "word": "word {name} = {integers}",
    "state": "state {name} in {word}",
    "program": "program",
}
"""The lines before a population's listing, in order; words and states as many as there are. `end` follows it."""


def populations_text(populations: Sequence[Population], titles: Mapping[str, str] | None = None) -> str:
    """Populations complete: name, size, ports, words, states, listing. `parse` reads them back. Titles are comments."""
    return "\n\n".join(_population(p, (titles or {}).get(p.name)) for p in populations) + "\n"


def _population(p: Population, title: str | None) -> str:
    words = [
        HEADERS["word"].format(name=name_text(name), integers=w if isinstance(w, int) else w.tolist())
        for name, w in p.words.items()
    ]
    states = [HEADERS["state"].format(name=name_text(s), word=name_text(w)) for s, w in p.states.items()]
    return "\n".join(
        [
            HEADERS["population"].format(name=name_text(p.name)) + (f"  ; {title}" if title else ""),
            *(HEADERS[n].format(count=c) for n, c in (("size", p.size), ("sums", p.sum_ports))),
            HEADERS["messages"].format(count=p.message_ports),
            *words,
            *states,
            HEADERS["program"],
            *map(instruction_text, p.listing),
            "end",
        ]
    )


def listing_text(listing: Sequence[isa.Instruction]) -> str:
    """The listing, one instruction a line: words as they are named, registers with %, immediates with #.

    >>> print(listing_text([isa.Add(isa.Register("z"), isa.Accumulator(0), isa.Immediate(5))]))
      %z = sum0 + #5
    """
    return "\n".join(map(instruction_text, listing))


def instruction_text(instruction: isa.Instruction) -> str:
    """One line. The name of the value that goes to an allocated register follows it, as a comment."""
    parts = {f.name: _part(getattr(instruction, f.name)) for f in fields(instruction)}
    line = instruction.form.format_map(parts)
    if not isinstance(instruction, isa.Label):
        line = f"  {line}"
    dest = isa.target(instruction)
    note = dest.value if isinstance(dest, isa.Register) else ""
    return f"{line:40}  ; {name_text(note)}" if note else line


def name_text(name: str) -> str:
    """A name as the text has it.

    >>> print(name_text("v.rest@23"), name_text("softplus(cell.w)"), name_text("skip"))
    v.rest@23 "softplus(cell.w)" "skip"
    """
    if PLAIN.fullmatch(name) and not RESERVED.fullmatch(name):
        return name
    return json.dumps(name, ensure_ascii=not name.isprintable())


def source_text(source: isa.Source) -> str:
    """A place or number as the text has it."""
    if isinstance(source, isa.Immediate):
        return f"#{source.value}"
    if isinstance(source, isa.Accumulator):
        return f"sum{source.port}"
    return f"%{name_text(source.name)}" if isinstance(source, isa.Register) else name_text(source.name)


def _part(value: isa.Source | isa.Test | str | int) -> str:
    if isinstance(value, isa.Test):
        return value.value
    if isinstance(value, str):
        return name_text(value)
    return str(value) if isinstance(value, int) else source_text(value)
