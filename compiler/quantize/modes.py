"""Modes: what decays as one where neurons feed one another; the eigenvectors of a sample's step, linearised."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compiler.graph.graph import Graph
from compiler.graph.ops import MatVec, StateRead
from compiler.interpreters.execution import prepare
from compiler.interpreters.float64 import KERNELS
from hw_models.arrays import Floats

Complex = npt.NDArray[np.complex128]
StateStep = Callable[[Floats, dict[str, Floats]], Mapping[str, Floats]]
"""States (rows, size) after one sample, from samples (rows, channels) and states (rows, size)."""

MOST = 320
"""Elements of all states up to which modes are looked at."""
STAYS = 1e-9
"""Modes that lose less than this in a sample add up, or do not decay: what they lose is noise."""
NUDGE = 2.0**-8
"""How far an element is moved, as a part of its state's largest value."""


@dataclass(frozen=True, eq=False)
class Linearised:
    """A sample's step near a point: what the states, concatenated, become there, and the derivative."""

    at: Floats
    after: Floats
    slope: Floats


def mixed(graph: Graph) -> frozenset[str]:
    """The states that a matrix reads: their neurons have no time constant each for itself."""
    reads = {op.out: op.state for _, op in graph.ops() if isinstance(op, StateRead)}
    found = {reads[s] for _, op in graph.ops() if isinstance(op, MatVec) for s in op.sources if s in reads}
    few = sum(s.size for s in graph.states) <= MOST
    return frozenset(found) if few else frozenset()


def linear(step: StateStep, x: Floats, states: Mapping[str, Floats]) -> Linearised:
    """`step` near the sample `x` (channels) and the states, each (size)."""
    at = np.concatenate(list(states.values()))
    sizes = [s.size for s in states.values()]
    largest = [np.full(s.size, np.abs(s).max(initial=0.0)) for s in states.values()]
    nudge = NUDGE * np.where((reach := np.concatenate(largest)) > 0, reach, 1.0)
    rows = np.concatenate([at[None], at + np.diag(nudge)])
    parts = np.split(rows, np.cumsum(sizes)[:-1], axis=1)
    final = step(np.tile(x, (len(rows), 1)), dict(zip(states, parts, strict=True)))
    after = np.concatenate([final[n] for n in states], axis=1)
    return Linearised(at, after[0], ((after[1:] - after[0]) / nudge[:, None]).T)


def real_step(graph: Graph) -> StateStep:
    """The step of a float graph."""
    program = prepare(graph, KERNELS)
    return lambda x, states: program.run(x[:, None], states).final


def slowest(graph: Graph, sequences: Sequence[Floats]) -> float:
    """What the slowest mode of a float graph loses in a sample, at the end of the first sequence; 1 without any."""
    if not mixed(graph) or not len(sequences) or not len(sequences[0]):
        return 1.0
    run = prepare(graph, KERNELS).run(sequences[0][None])
    near = linear(real_step(graph), sequences[0][-1], {n: s[0] for n, s in run.final.items()})
    if not np.all(np.isfinite(near.slope)):
        return 1.0
    leak = 1.0 - np.abs(np.linalg.eigvals(near.slope))
    return float(leak[leak > STAYS].min(initial=1.0))
