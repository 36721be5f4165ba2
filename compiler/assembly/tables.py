"""Populations as plain tables for JSON, instructions field by field, and back."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from compiler.assembly.json_reader import JsonObject
from compiler.assembly.population import Population, label_fault, place_fault
from hw_models import isa
from hw_models.arrays import Integers
from hw_models.json_dataclasses import Json

_KINDS = {kind.__name__: kind for kind in isa.INSTRUCTIONS}


def population_table(population: Population) -> dict[str, Json]:
    """Name, size, ports, registers, constants, words, states and program of a population."""
    listing = population.listing
    places = [p for i in listing for p in (isa.target(i), *i.sources)]
    written = {isa.target(i) for i in listing}
    states = {word: state for state, word in population.states.items()}
    words: list[Json] = []
    for name, word in population.words.items():
        kind = "state" if name in states else "variable" if isa.Word(name) in written else "parameter"
        initial: Json = word if isinstance(word, int) else word.tolist()
        words.append({"name": name, "kind": kind, "initial": initial})
    return {
        "name": population.name,
        "size": population.size,
        "sum_ports": population.sum_ports,
        "message_ports": population.message_ports,
        "registers": [*sorted({p.name for p in places if isinstance(p, isa.Register)})],
        "constants": [*sorted({p.value for p in places if isinstance(p, isa.Immediate)})],
        "words": words,
        "states": dict(population.states),
        "program": [_instruction_table(i) for i in listing],
    }


def population_of(table: JsonObject) -> Population:
    """The population of such a table. Raises `AssemblyError` where it is none."""
    size = table.count("size")
    words: dict[str, Integers | int] = {}
    for word in table.tables("words"):
        name = word.text("name")
        if name in words:
            raise word.error("name", "a word that is not declared yet")
        words[name] = _initial(word, size)
    program = table.tables("program")
    listing = tuple(map(_instruction_of, program))
    sums, messages = table.count("sum_ports"), table.count("message_ports")
    fault = label_fault(listing) or place_fault(listing, words, sums, messages)
    if fault is not None:
        raise program[fault[0]].error("program", fault[1])
    states = table.texts("states")
    for word in states.values():
        if word not in words:
            raise table.error("states", f"a word that has been declared, not {word!r}")
    return Population(table.text("name"), size, listing, words, sums, messages, states)


def _initial(word: JsonObject, size: int) -> Integers | int:
    if not word.is_list("initial"):
        return word.integer("initial")
    numbers = word.integers("initial")
    if len(numbers) != size:
        raise word.error("initial", f"an integer, or one for each of {size} neurons")
    return np.array(numbers, np.int64)


def _instruction_table(instruction: isa.Instruction) -> dict[str, Json]:
    table: dict[str, Json] = {"op": type(instruction).__name__}
    for f in fields(instruction):
        value = getattr(instruction, f.name)
        if isinstance(value, isa.Test):
            table[f.name] = value.value
        elif isinstance(value, (str, int)):
            table[f.name] = value
        else:
            table[f.name] = _place_table(value)
    return table


def _place_table(place: isa.Source) -> dict[str, Json]:
    if isinstance(place, isa.Immediate):
        return {"constant": place.value}
    if isinstance(place, isa.Accumulator):
        return {"sum": place.port}
    if isinstance(place, isa.Word):
        return {"word": place.name}
    return {"register": place.name, "value": place.value} if place.value else {"register": place.name}


def _instruction_of(table: JsonObject) -> isa.Instruction:
    op = table.text("op")
    if op not in _KINDS:
        raise table.error("op", f"one of {', '.join(_KINDS)}")
    kind = _KINDS[op]
    return kind(**{f.name: _field(table, f.name) for f in fields(kind)})


def _field(table: JsonObject, name: str) -> isa.Source | isa.Test | str | int:
    if name == "port":
        return table.count(name)
    if name in ("to", "name"):
        return table.text(name)
    if name == "test":
        found = [t for t in isa.Test if t.value == table.text(name)]
        if not found:
            raise table.error(name, f"one of {', '.join(t.value for t in isa.Test)}")
        return found[0]
    place = _place_of(table.table(name))
    if name == "dest" and not isinstance(place, (isa.Register, isa.Word)):
        raise table.error(name, "a register or a word")
    return place


def _place_of(table: JsonObject) -> isa.Source:
    if table.has("constant"):
        return isa.Immediate(table.integer("constant"))
    if table.has("sum"):
        return isa.Accumulator(table.count("sum"))
    if table.has("word"):
        return isa.Word(table.text("word"))
    return isa.Register(table.text("register"), table.text("value") if table.has("value") else "")
