"""docs/instruction-set.md says what the code has."""

from __future__ import annotations

import json
import re
from pathlib import Path

from compiler.assembly import listing_text, parse, populations_text
from compiler.assembly.json_reader import JsonObject
from compiler.assembly.tables import population_of, population_table
from hw_models import isa

PAGE = (Path(__file__).parents[3] / "docs" / "instruction-set.md").read_text(encoding="utf-8")


NAMES = {name: name for name in ("dest", "a", "b", "condition", "shift", "amount", "test")}


def row(kind: type[isa.Instruction]) -> str:
    """The instruction's row: its form, its docstring, its cost, its family."""
    form = kind.form.format_map({**NAMES, "to": "label", "name": "label", "port": "0"})
    text = " ".join((kind.__doc__ or "").split()).rstrip(".")
    return f"| `{form}` | {text} | {kind.cost} | {kind.family} | {kind.sure} |"


def test_the_table_of_instructions_is_not_stale():
    table = re.findall(r"^\| `.*\| (?:recalled|documented|inferred) \|$", PAGE, re.MULTILINE)
    assert "\n".join(table) == "\n".join(map(row, isa.INSTRUCTIONS))
    kinds = {*isa.Instruction.__subclasses__(), *isa.OfTwo.__subclasses__()}
    assert set(isa.INSTRUCTIONS) == kinds - {isa.OfTwo}


def test_the_examples_are_read():
    text = PAGE[PAGE.index("population v\n") :].split("```")[0]
    (population,) = parse(text)
    assert parse(populations_text([population]))[0].listing == population.listing
    line = "%r0 = sum0 * w >> #9"
    assert line in listing_text([isa.MultiplyShift(*REGISTER_EXAMPLE)])
    example = re.search(r"^\{\"op\".*$", PAGE, re.MULTILINE)
    assert example
    table = population_table(population)
    table["words"] = [{"name": "w", "kind": "parameter", "initial": 1}]
    table["states"] = {}
    table["program"] = [json.loads(example.group())]
    assert population_of(JsonObject(table)).listing == (isa.MultiplyShift(*REGISTER_EXAMPLE),)


REGISTER_EXAMPLE = (isa.Register("r0"), isa.Accumulator(0), isa.Word("w"), isa.Immediate(9))
