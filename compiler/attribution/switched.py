"""The integer graph with some of its losses lifted: as the reference computes it, and on real numbers behind those.

What no lifted loss has reached is computed in integers, by the reference's own kernels: with none lifted, all of it is.
A value behind one is real until it is rounded again. Where all is lifted it is the float graph.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from compiler.attribution.kernels import REAL, Here
from compiler.attribution.lifted import LESS, ROUNDS, TAKEN_BACK, LiftedErrors
from compiler.attribution.sites import Cause, Places, Site, find_places
from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.graph.integers import IntegerGraph
from compiler.graph.lowered import Lowered
from compiler.interpreters import float64, reference
from compiler.interpreters.execution import Frame, OpKernel, PreparedGraph, column, prepare
from compiler.ranges.proven import Proven
from hw_models.arrays import Array, Floats

NOTHING = Places()


@dataclass(frozen=True, eq=False)
class Switched:
    """An integer graph whose losses can be lifted one by one."""

    proven: Proven
    lowered: Lowered

    @cached_property
    def places(self) -> Mapping[str, Places]:
        """What each op loses."""
        return find_places(self.proven, self.lowered)

    @cached_property
    def sites(self) -> list[Site]:
        """All that is lost, in the order of the program."""
        return [*dict.fromkeys(s for places in self.places.values() for s in places.sites)]

    @cached_property
    def _kernels(self) -> dict[str, OpKernel]:
        return {}

    def reference(self, op: ops.Op) -> OpKernel:
        """The reference's own kernel, made once: its tables take a while."""
        name = op.result or ""
        if name not in self._kernels:
            self._kernels[name] = reference.KERNELS(op, self.proven.graph)
        return self._kernels[name]

    def looked_up(self, op: ops.PiecewisePolynomial) -> OpKernel:
        """A table of what lifting may have moved a little beyond its format: there it keeps its end."""
        graph, name = self.proven.graph, f"{op.out} to its ends"
        form = graph.format(op.x)
        if form.high - form.low >= reference.TABLE_LIMIT:
            return self.reference(op)
        if name not in self._kernels:
            table = reference.evaluate_polynomial(graph, op, np.arange(form.low, form.high + 1))
            self._kernels[name] = lambda frame: np.take(table, frame.values[op.x] - form.low, mode="clip")
        return self._kernels[name]

    def lifting(self, sites: Collection[Site], *, real: bool = False) -> PreparedGraph:
        """The graph without what is lost at `sites`, for samples in LSB, unrounded.

        `real`: states start from real numbers, so that nothing counts on integers in them.
        """
        return _Variant(self, frozenset(sites), real).program()


@dataclass(frozen=True, eq=False)
class _Variant:
    """The graph with one choice of losses lifted."""

    whole: Switched
    lifted: frozenset[Site]
    real: bool

    @property
    def graph(self) -> IntegerGraph:
        return self.whole.proven.graph

    def lifts(self, site: Site | None) -> bool:
        return site in self.lifted

    def places(self, op: ops.Op) -> Places:
        return self.whole.places.get(op.result or "", NOTHING)

    def is_whole(self, op: ops.Op) -> bool:
        """Whether an op becomes what its float op makes of what that is computed from."""
        whole = self.places(op).whole
        return bool(whole) and all(self.lifts(s) for s in whole)

    @cached_property
    def constants(self) -> dict[tuple[str, str], Floats]:
        """What ops read in place of integer constants: unrounded, or with less bias where floors are lifted."""
        graph, lowered = self.graph, self.whole.lowered
        found: dict[tuple[str, str], Floats] = {}
        less: dict[str, Floats] = {}
        for _, op in graph.ops():
            if op.result is None:
                continue
            wanted, places = lowered.made_for.get(op.result), self.places(op)
            for name, site in places.constants.items():
                if self.lifts(site):
                    found[op.result, name] = lowered.exact[name].values - lowered.exact[name].bias
            here = LiftedErrors(graph, less, self.lifts(places.rounding), wanted, lowered)
            less[op.result] = LESS(op, here)
            for name, taken in TAKEN_BACK(op, here).items():
                base = found.get((op.result, name), graph.constants[name].astype(np.float64))
                found[op.result, name] = base + taken
        return found

    @cached_property
    def starts(self) -> dict[str, Floats]:
        """Initial states that are unrounded: those of states whose words are not rounded."""
        exact, found = self.whole.lowered.exact, {}
        for state in self.graph.states:
            words = [s for s in self.lifted if s.value == state.name]
            if state.initial in exact and words:
                found[state.name] = exact[state.initial].values
        return found

    @cached_property
    def integral(self) -> frozenset[str]:
        """The values and states that are integers, whatever is lifted before them."""
        graph = self.graph
        if any(s.cause is Cause.CLIPPING for s in self.lifted):  # beyond its format no table knows a value
            return frozenset(graph.constants)
        states = set() if self.real else {s.name for s in graph.states} - self.starts.keys()
        while True:
            found = {n for n in graph.constants}
            for _, op in graph.ops():
                if op.result is None:
                    continue
                if (set(op.follows_from) <= found | states and self._keeps(op)) or self._rounds(op):
                    found.add(op.result)
            left = {op.state for _, op in graph.ops() if isinstance(op, ops.StateWrite) and op.x not in found}
            if not left & states:
                return frozenset(found | states)
            states -= left

    def _keeps(self, op: ops.Op) -> bool:
        """Whether integers remain integers."""
        places = self.places(op)
        replaced = any((op.result, n) in self.constants for n in (*op.operands, *op.arrays))
        return not (self.lifts(places.rounding) or self.is_whole(op) or replaced)

    def _rounds(self, op: ops.Op) -> bool:
        """Whether reals become integers."""
        places = self.places(op)
        if self.is_whole(op):
            return places.rounding is not None and not self.lifts(places.rounding)
        return ROUNDS(op, self.graph, self.lifts(places.rounding))

    def program(self) -> PreparedGraph:
        """Ready to run: what nobody reads any more is left out."""
        graph, states = self.graph, []
        constants = dict(graph.constants)
        for state in graph.states:
            if state.name in self.integral:
                states.append(state)
                continue
            name = f"{state.name}.unrounded start"
            constants[name] = self.starts.get(state.name, constants[state.initial].astype(np.float64))
            states.append(replace(state, initial=name))
        read = {op: self._reads(op) for _, op in graph.ops()}
        needed: set[str] = set()
        todo = [n for op in read if op.result is None for n in read[op]]
        makers = graph.makers
        while todo:
            name = todo.pop()
            if name not in needed and name in makers:
                needed.add(name)
                todo += read[makers[name]]
        blocks = tuple(
            replace(b, ops=tuple(op for op in b.ops if op.result is None or op.result in needed)) for b in graph.blocks
        )
        smaller = replace(graph, blocks=blocks, constants=constants, states=tuple(states))
        return prepare(smaller, lambda op, graph: self._kernel(op, graph))

    def _reads(self, op: ops.Op) -> tuple[str, ...]:
        wanted = self.whole.lowered.made_for.get(op.result or "")
        if wanted is None or not self._needs_whole(op):
            return op.operands
        own = self.whole.lowered.operands[wanted.result or ""]
        near = self.whole.lowered.near.constants
        real = tuple(n for n, of in zip(own, wanted.operands, strict=True) if of not in near)
        return real if self.is_whole(op) else (*op.operands, *real)

    def _needs_whole(self, op: ops.Op) -> bool:
        """Whether the result is, or is corrected by, what the float op makes of what it is computed from."""
        places = self.places(op)
        return self.is_whole(op) or (bool(places.whole) and self.lifts(places.rounding))

    # --- kernels -------------------------------------------------------------------------------------------

    def _kernel(self, op: ops.Op, graph: Graph) -> OpKernel:
        places = self.places(op)
        wanted = self.whole.lowered.made_for.get(op.result or "")
        if wanted is not None and self._needs_whole(op):
            whole = self._whole(op, wanted)
            if self.is_whole(op):
                if places.rounding is None or self.lifts(places.rounding):
                    return whole
                return self._here(op).whole(lambda frame: np.floor(whole(frame) + 0.5))
            plain = self._plain(op)
            return lambda frame: plain(frame) + (exact := whole(frame)) - np.floor(exact + 0.5)
        return self._plain(op)

    def _plain(self, op: ops.Op) -> OpKernel:
        if self._keeps(op) and not isinstance(op, ops.Input) and all(n in self.integral for n in op.operands):
            if self.lifted and isinstance(op, ops.PiecewisePolynomial):
                return self.whole.looked_up(op)
            return self.whole.reference(op)
        return REAL(op, self._here(op))

    def _here(self, op: ops.Op) -> Here:
        places, result = self.places(op), op.result or ""
        return Here(
            self.graph,
            self.constants,
            self.whole.lowered.made_for.get(result),
            lifted=self.lifts(places.rounding),
            unclipped=self.lifts(places.clip),
            saturates=any(s.value == result for s in self.whole.proven.saturations),
            integral=result in self.integral,
        )

    def _whole(self, op: ops.Op, wanted: ops.Op) -> OpKernel:
        """The float op, of the values that stand for its operands, in LSB of the result."""
        graph, near = self.graph, self.whole.lowered.near
        scale = 2.0 ** graph.fraction(op.result or "")
        own = self.whole.lowered.operands[wanted.result or ""]
        pairs = [(of, n, 2.0 ** -graph.fraction(n)) for of, n in zip(wanted.operands, own, strict=True)
                 if of not in near.constants]  # fmt: skip
        kernel = float64.KERNELS(wanted, near)
        fixed = {n: column(near.constants[n]) for n in (*wanted.operands, *wanted.arrays) if n in near.constants}

        def whole(frame: Frame) -> Array:
            values = {**fixed, **{of: frame.values[n] * lsb for of, n, lsb in pairs}}
            return kernel(Frame(values, frame.sample)) * scale

        return whole
