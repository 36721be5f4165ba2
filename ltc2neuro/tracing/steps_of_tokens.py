"""Tokens of a model whose sequence is one sample: what all steps look up there, one step looks up of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from compiler.graph.graph import Graph, Value
from compiler.graph.names import fresh, numbered
from compiler.graph.ops import Gather, Input
from ltc2neuro.inputs.tokens import Table, Tokens


def of_one_step(tokens: Tokens, count: int) -> Tokens:
    """Those of a step, of so many channels, of the `tokens` of a sample that holds many steps."""
    tables = list[Table]()
    for table in tokens.tables:
        known = next((n for n, own in enumerate(tables) if np.array_equal(own.rows, table.rows)), None)
        places = {place % count for place in table.places}
        if known is None:
            tables.append(replace(table, places=tuple(sorted(places))))
        else:
            tables[known] = replace(tables[known], places=tuple(sorted(places.union(tables[known].places))))
    return Tokens(count, tuple(tables), tuple(sorted({n % count for n in tokens.numbers})))


def places(tokens: Tokens) -> Iterator[tuple[int, Table | None, int]]:
    """Of each feature the channel it comes from, the table, None of a number, and the place in its row."""
    for table in tokens.tables:
        for place in table.places:
            yield from ((place, table, column) for column in range(table.rows.shape[1]))
    yield from ((place, None, 0) for place in tokens.numbers)


def step_by_step(graph: Graph, tokens: Tokens, own: Tokens) -> Graph:
    """A graph whose input holds what the `tokens` of many steps look up, as one that has each step's beside another's:
    what that looks up as its `own`."""
    index = list[int]()
    for place, table, column in places(tokens):
        step, channel = divmod(place, own.count)
        first = own.selected + own.numbers.index(channel) if table is None else own.start(table.rows, channel)
        assert first is not None
        index.append(step * own.features + first + column)
    entry, size = graph.entry, tokens.count // own.count * own.features
    name = fresh(numbered(entry.out), graph.values)
    scale, offset, order = (fresh(numbered(f"{name}.{what}"), graph.constants) for what in ("scale", "offset", "order"))
    constants = {scale: np.ones(size), offset: np.zeros(size), order: np.array(index, np.int64)}
    there = (Input(name, scale, offset), Gather(entry.out, (name,), order))
    blocks = tuple(
        replace(block, ops=tuple(new for op in block.ops for new in (there if op is entry else (op,))))
        for block in graph.blocks
    )
    values = {**graph.values, name: Value(name, size)}
    return replace(graph, blocks=blocks, values=values, constants={**graph.constants, **constants})
