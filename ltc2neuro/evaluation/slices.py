"""Arrays and lists that are there, in memory or mapped into it, as batches of a few sequences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import cast

import numpy as np

from hw_models.errors import InputError
from ltc2neuro.compiled.runs import AnyParts
from ltc2neuro.evaluation.batches import Batch
from ltc2neuro.evaluation.chunks import ENTERING, SEQUENCES
from ltc2neuro.inputs.arrays import Samples, as_array
from ltc2neuro.inputs.several import TIMESPANS, Inlet, is_several
from ltc2neuro.verification.task_metric import Targets, of_each


@dataclass(frozen=True)
class _SequenceRows:
    """Sequences along an `axis` of an array, or of anything that has a shape and is sliced as one; or a list."""

    rows: np.ndarray | list | tuple
    axis: int

    @property
    def count(self) -> int:
        return len(self.rows) if isinstance(self.rows, (list, tuple)) else self.rows.shape[self.axis]

    @property
    def numbers(self) -> int:
        """How many a sequence has, or the first of a list."""
        if isinstance(self.rows, (list, tuple)):
            return as_array(self.rows[0], "a sequence").size if self.rows else 0
        return prod(self.rows.shape) // max(1, self.count)

    def part(self, part: slice) -> Samples:
        if isinstance(self.rows, (list, tuple)) or self.axis == 0:
            return self.rows[part]
        return self.rows[:, part]


def _rows(given: object, axis: int, name: str) -> _SequenceRows:
    if isinstance(given, (list, tuple)):
        return _SequenceRows(given, 0)
    array = cast("np.ndarray", given)
    if not hasattr(given, "shape") or hasattr(given, "detach"):
        array = as_array(given, name)
    if not array.shape:
        raise InputError(f"{name} has no axis of sequences", numbers=f"shape {tuple(array.shape)}")
    return _SequenceRows(array, min(axis, len(array.shape) - 1))


def sliced(
    parts: AnyParts, x: Inlet, targets: Targets | None, timespans: Samples | None
) -> tuple[Iterator[Batch], int]:
    """All sequences in order, and their number. Raises `InputError` where targets or time spans are not as many."""
    record, (names, given) = parts.record, _named(parts, x)
    tall, held = int(bool(record.layout.time_first)), set[str]()
    if record.inputs is not None:
        held = {one.name for one in record.inputs.each if one.held}
    inputs = [_rows(one, 0 if name in held else tall, name) for name, one in zip(names, given, strict=False)]
    lead = next((part for name, part in zip(names, inputs, strict=False) if name not in held), None)
    if lead is None:
        parts.host.sequences(x, timespans)  # it says what is missing
        raise InputError("no input has sequences", advice="Give at least one that has a time axis.")
    times = None if timespans is None else _rows(timespans, tall, TIMESPANS)
    own = [None] * len(record.answers.each) if targets is None else of_each(record.answers, targets)
    listed = isinstance(lead.rows, (list, tuple))
    axes = [0 if listed else record.layout.batch_axis(stepped=a.stepped) for a in record.answers.each]
    wanted = [None if t is None else _rows(t, axis, "targets") for t, axis in zip(own, axes, strict=True)]
    beside = [*zip(names, inputs, strict=False), (TIMESPANS, times), *(("targets", t) for t in wanted)]
    for name, rows in beside:
        if rows is not None and rows.count != lead.count:
            raise InputError(
                f"{name} {'do' if name.endswith('s') else 'does'} not fit the samples",
                numbers=f"{rows.count} for {lead.count} sequences",
                advice="Give as many as there are sequences, in the same order.",
            )

    def batches() -> Iterator[Batch]:
        step = max(1, min(SEQUENCES, ENTERING // max(1, lead.numbers)))
        for first in range(0, lead.count, step):
            part = slice(first, first + step)
            cut = [rows.part(part) for rows in inputs]
            whole = dict(zip(names, cut, strict=False)) if isinstance(x, Mapping) else tuple(cut)
            last = min(first + step, lead.count) - 1
            told = {a.name: t.part(part) for a, t in zip(record.answers.each, wanted, strict=True) if t is not None}
            yield Batch(
                whole if isinstance(x, Mapping) or is_several(x) else cut[0],
                None if targets is None else told if record.answers.several else next(iter(told.values())),
                None if times is None else times.part(part),
                f"sequences {first} to {last}" + (f", here 0 to {last - first}" if first else ""),
            )

    return batches(), lead.count


def _named(parts: AnyParts, x: Inlet) -> tuple[list[str], list[object]]:
    """Each input with its name. Raises `InputError` for an array of other axes than the network takes."""
    record = parts.record
    if isinstance(x, Mapping):
        return [str(name) for name in x], [*x.values()]
    if is_several(x):
        return [*(("x", TIMESPANS) if record.inputs is None else record.inputs.order)], [*cast("tuple", x)]
    if not isinstance(x, (list, tuple)) and np.ndim(cast("np.ndarray", x)) != 2 + len(record.sample_shape):
        parts.host.sequences(x)  # it says what is wrong
    return ["x"], [x]
