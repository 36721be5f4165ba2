"""The merged form of synapses: those of the input and those of the states as one vector.

A solver adds the sum of synapses that only the input drives, computed once, to the sum of others, computed in each of
its iterations. Where both do the same to each element, with other constants, they become one vector: all of it is
computed in each iteration, and one sum takes the place of two. It is a pass only where the user asks for
`merged`: `hoist` wants the opposite, and which of both is better depends on the chip.

In an integer graph it changes no integer, and so merges only what is added as it is: where one of the sums is rounded
first, nothing can be merged.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from compiler.graph.draft import Draft, sweep
from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Elementwise, Gather, MulShift, Op, Rescale, SegmentSum, Shift
from hw_models.arrays import Array
from hw_models.fixed_point import Format


def merge_synapses(graph: Graph, highest: int | None = None) -> Graph:
    """Synapses on the input and synapses on states that are alike become one vector.

    No sum of integers will exceed `highest`. What the old sums were made of is left in the graph.
    """
    merger = _Merger(Draft(graph), highest)
    draft = sweep(merger.draft, lambda _, op: merger.merged_sum(op))
    return draft.whole() if draft.changed else graph


class _Merger:
    """Merges what a block adds. New ops stand before the sum that they end in."""

    def __init__(self, draft: Draft, highest: int | None) -> None:
        self.draft, self.highest = draft, highest
        self.merged: dict[tuple[str, str], str] = {}

    def merged_sum(self, op: Op) -> Op | None:
        """One sum in the place of the two that `op` adds, if they can be one."""
        ends = self._ends(op)
        return None if ends is None else self._sum(op, *ends)

    # --- what can be merged -------------------------------------------------------------------------------

    def _ends(self, op: Op) -> tuple[SegmentSum, SegmentSum] | None:
        """The sums that `op` adds, the earlier one first, if they can be one."""
        if not isinstance(op, Add):
            return None
        early, late = sorted((op.a, op.b), key=self.draft.here)
        if self.draft.here(early) or not self.draft.here(late):
            return None
        first, then = self.draft.definition(early), self.draft.definition(late)
        if not isinstance(first, SegmentSum) or not isinstance(then, SegmentSum):
            return None
        alone = all(len(self.draft.readers[name]) == 1 for name in (early, late))
        fits = self.highest is None or self._reach(first, then) <= self.highest
        return (first, then) if alone and fits and self._alike(first.x, then.x) else None

    def _reach(self, *sums: SegmentSum) -> int:
        """The largest magnitude of all partial sums together."""
        total = np.zeros(self.draft.size(sums[0].out), np.int64)
        for op in sums:
            form = self.draft.values[op.x].format
            if form is not None:
                total += np.bincount(self.draft.constants[op.segment], minlength=total.size) * form.magnitude
        return int(total.max(initial=0))

    def _alike(self, early: str, late: str) -> bool:
        """Whether both names stand for the same computation, constants apart."""
        if early in self.draft.constants or late in self.draft.constants:
            both = early in self.draft.constants and late in self.draft.constants
            return both and self.draft.fractions.get(early) == self.draft.fractions.get(late)
        first, then = self.draft.definitions[early], self.draft.definitions[late]
        if type(first) is not type(then):
            return False
        if isinstance(first, Gather):
            return True
        one, other = self.draft.values[early].format, self.draft.values[late].format
        if not isinstance(first, Elementwise) or (one and one.fraction) != (other and other.fraction):
            return False
        if isinstance(first, (Rescale, Shift)) and one != other:
            return False
        arrays = (map(self._array, op.arrays) for op in (first, then))
        if not isinstance(first, MulShift) and not all(map(np.array_equal, *arrays)):
            return False
        plain = [f.name for f in fields(first) if "role" not in f.metadata]
        return all(getattr(first, name) == getattr(then, name) for name in plain) and all(
            map(self._alike, first.operands, then.operands)
        )

    def _array(self, name: str) -> Array:
        return np.asarray(self.draft.constants[name])

    # --- merging ------------------------------------------------------------------------------------------

    def _sum(self, add: Op, early: SegmentSum, late: SegmentSum) -> Op:
        sizes = self.draft.size(early.x), self.draft.size(late.x)
        segment = self._both(early.segment, late.segment, sizes)
        return SegmentSum(str(add.result), self._value(early.x, late.x, sizes), segment)

    def _value(self, early: str, late: str, sizes: tuple[int, int]) -> str:
        """The vector of both, of `sizes` elements; its ops are added once."""
        if early in self.draft.constants:
            return self._both(early, late, sizes)
        known = self.merged.get((early, late))
        if known is not None and self.draft.here(known):
            return known
        first, then = self.draft.definitions[early], self.draft.definitions[late]
        name = self.merged[early, late] = self._new_value(early, late)
        if isinstance(first, Gather) and isinstance(then, Gather):
            index = np.concatenate([self._array(first.index), self._array(then.index) + self._width(first)])
            gathered = self.draft.constant(index, f"{name}.index")
            self.draft.append(Gather(name, first.sources + then.sources, gathered))
        else:
            self.draft.append(self._elementwise(name, first, then, sizes))
        return name

    def _elementwise(self, name: str, first: Op, then: Op, sizes: tuple[int, int]) -> Op:
        names = dict(zip(first.operands, then.operands, strict=True))
        operands = {a: self._value(a, b, sizes) for a, b in names.items()}
        arrays = dict(zip(first.arrays, then.arrays, strict=True))
        if isinstance(first, MulShift):
            operands |= {a: self._both(a, b, sizes) for a, b in arrays.items()}
        operands[str(first.result)] = name
        return first.renamed(lambda n: operands.get(n, n))

    def _width(self, op: Gather) -> int:
        return sum(self.draft.size(s) for s in op.sources)

    def _both(self, early: str, late: str, sizes: tuple[int, int]) -> str:
        """Two constants, one after the other; one number where they are the same one."""
        first, then = self._array(early), self._array(late)
        if first.size == then.size == 1 and first.item() == then.item():
            return early
        whole = np.concatenate([np.broadcast_to(a.ravel(), n) for a, n in zip((first, then), sizes, strict=True)])
        name = self.draft.constant(whole, f"{early}+{late}")
        if early in self.draft.fractions:
            self.draft.fractions[name] = self.draft.fractions[early]
        return name

    def _new_value(self, early: str, late: str) -> str:
        """A value that holds either."""
        one, other = self.draft.values[early], self.draft.values[late]
        form = other.format
        if one.format is not None and form is not None:
            form = Format(form.fraction, min(one.format.low, form.low), max(one.format.high, form.high))
        name = self.draft.value(f"{late}.merged", late, one.size + other.size)
        modules = tuple(dict.fromkeys(one.modules + other.modules))
        self.draft.values[name] = replace(self.draft.values[name], modules=modules, format=form, represents=None)
        return name
