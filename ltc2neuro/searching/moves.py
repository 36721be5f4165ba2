"""Moves of a search: a `Precision` with other fields for one value, or for all."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.quantize.precision import Precision
from hw_models.chip import Chip
from ltc2neuro.attribution.settings import unescaped

SEGMENTS, DEGREES = (2, 4, 6, 8, 12, 16), (1, 2, 3)
PIECES = (2, 4, 8)
"""Segments from which a table of reciprocals follows"""
TABLES = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
"""Segments of tables, on chips that have them"""
WEIGHTS = (4, 6, 8)

Fields = Mapping[str, int | float | bool]


@dataclass(frozen=True)
class Move:
    """Other fields for the values that a glob matches; "*" for all that have none of their own."""

    glob: str
    fields: tuple[tuple[str, int | float | bool], ...]

    def of(self, precision: Precision) -> Precision:
        """The precision after it."""
        if self.glob == "*":
            return replace(precision, **dict(self.fields))
        before = precision.overrides.get(self.glob, {})
        return replace(precision, overrides={**precision.overrides, self.glob: {**before, **dict(self.fields)}})

    def __str__(self) -> str:
        fields = ", ".join(f"{name} {value}" for name, value in self.fields)
        return fields if self.glob == "*" else f"{self.glob}: {fields}"


def moves(near: Graph, chip: Chip, precision: Precision) -> list[Move]:
    """All moves from `precision` that change something, of a float graph in the units of its integers."""
    found = [Move("*", tuple(fields.items())) for fields in _everywhere(precision)]
    for _, op in near.ops():
        if type(op) in FIELDS and op.result is not None:
            name = glob.escape(op.result)
            found += [Move(name, tuple(fields.items())) for fields in FIELDS[type(op)](chip)]
    return [m for m in dict.fromkeys(found) if _changes(m, precision)]


def _changes(move: Move, precision: Precision) -> bool:
    held = precision if move.glob == "*" else precision.at(unescaped(move.glob))
    return any(getattr(held, name) != value for name, value in move.fields)


def _everywhere(precision: Precision) -> Iterator[Fields]:
    flags = ("split_readouts", "split_weights", "split_messages", "calibrated_weights")
    flags = ("wide_products", "whole_products", "carry", *flags)
    yield from ({flag: not getattr(precision, flag)} for flag in flags)
    yield from ({"weight": weight} for weight in WEIGHTS)
    for step in (-2, -1, 1, 2):
        yield {"argument_fraction": max(4, precision.argument_fraction + step)}
    for step in (-1, 1):  # of a product's bits one has what the other leaves
        yield {"parameter": precision.parameter + step, "operand": precision.operand - step}
    # what fits whole needs no halves: each of the two alone may gain nothing
    yield {"parameter": precision.parameter + 1, "operand": precision.operand - 1, "wide_products": False}


def _function(chip: Chip) -> list[Fields]:
    if chip.table:
        return [{"segments": segments} for segments in TABLES]
    return [{"segments": segments, "degree": degree} for segments, degree in product(SEGMENTS, DEGREES)]


def _matrix(_: Chip) -> list[Fields]:
    flags = ("split_weights", "split_messages", "calibrated_weights")
    return [*({flag: value} for flag in flags for value in (False, True)), *({"weight": w} for w in WEIGHTS)]


FIELDS: dict[type[ops.Op], Callable[[Chip], list[Fields]]] = {
    ops.Apply: _function,
    ops.Div: lambda chip: [] if chip.divide else [{"segments": s, "degree": d} for s, d in product(PIECES, DEGREES)],
    ops.Mul: lambda _: [{"wide_products": False}, {"wide_products": True}],
    ops.MatVec: _matrix,
}
"""The fields that matter where a float op is computed; of other ops none do."""
