"""Tokens of a model whose sequence is one sample: what all steps look up there, one step looks up of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from compiler.graph.draft import Draft, sweep
from compiler.graph.graph import Graph, Value
from compiler.graph.names import fresh, numbered
from compiler.graph.ops import Gather, Input, Op
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
    size = tokens.count // own.count * own.features

    def looked_up(draft: Draft, op: Op) -> Op | None:
        if not isinstance(op, Input):
            return None
        name = fresh(numbered(op.out), draft.values)
        draft.values[name] = Value(name, size)
        scale, offset = draft.constant(np.ones(size), f"{name}.scale"), draft.constant(np.zeros(size), f"{name}.offset")
        draft.append(Input(name, scale, offset))
        return Gather(op.out, (name,), draft.constant(np.array(index, np.int64), f"{name}.order"))

    return sweep(Draft(graph), looked_up).whole()
