"""What states can be: their proven bounds, or else what the calibration shows of them, and of what they are delays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.ranges.observed import Interval, Observed


def state_interval(graph: Graph, name: str, observed: Observed, margin: float) -> Interval:
    """A state's proven bound, or else the calibrated one; both contain the initial state.

    A delay's contains its source's: where it is longer than the calibration's sequences these show its start alone.
    """
    state = graph.state(name)
    initial = graph.constants[state.initial].astype(np.float64)
    if state.low is not None and state.high is not None:
        known = [Interval(graph.constants[state.low], graph.constants[state.high])]
    else:
        reads = [op.out for _, op in graph.ops() if isinstance(op, ops.StateRead) and op.state == name]
        writes: dict[str, list[str]] = {}
        for _, op in graph.ops():
            if isinstance(op, ops.StateWrite):
                writes.setdefault(op.state, []).append(op.x)
        once = {state: values[0] for state, values in writes.items() if len(values) == 1}
        seen = [_seen(graph, n, observed, margin) for n in (*reads, *writes.get(name, ()))]
        known = [*seen, *_delayed(graph, name, once, observed, margin)]
    low = np.min([initial, *(k.low for k in known)], axis=0)
    high = np.max([initial, *(k.high for k in known)], axis=0)
    return Interval(low, high)


def _delayed(
    graph: Graph, name: str, writes: Mapping[str, str], observed: Observed, margin: float
) -> Iterator[Interval]:
    """Of a state that another is written to as it is, and so on: what each of these starts with, and takes in.

    `writes` are those of the states that one block alone writes to, once.
    """
    here, passed = np.arange(graph.state(name).size), {name}
    value = writes.get(name, "")
    while True:
        op = graph.makers.get(value)
        if isinstance(op, ops.Gather) and len(op.sources) == 1:
            value, here = op.sources[0], graph.constants[op.index].astype(np.int64)[here]
        elif isinstance(op, ops.StateRead) and op.state in writes and op.state not in passed:
            start = graph.constants[graph.state(op.state).initial].astype(np.float64)[here]
            yield Interval(start, start)
            passed.add(op.state)
            value = writes[op.state]
        else:
            break
    if len(passed) > 1:
        seen = _seen(graph, value, observed, margin)
        yield Interval(seen.low[here], seen.high[here])


def _seen(graph: Graph, name: str, observed: Observed, margin: float) -> Interval:
    exact = graph.constants.get(name)
    return observed.interval(name, margin) if exact is None else Interval(*[exact.astype(np.float64)] * 2)
