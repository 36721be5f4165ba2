"""Batches: what they are, and how one that the user made, or a file, becomes one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import numpy as np

from hw_models.arguments import nearest
from hw_models.errors import InputError, Ltc2NeuroError
from ltc2neuro.compiled.record import BaseRecord
from ltc2neuro.compiled.runs import AnyParts
from ltc2neuro.evaluation.chunks import Example, narrowed
from ltc2neuro.inputs.arrays import Samples, as_targets
from ltc2neuro.inputs.batches import inputs_of
from ltc2neuro.inputs.several import TIMESPANS, Inlet, is_several
from ltc2neuro.verification.task_metric import Targets, of_each

X, TARGETS = "x", "targets"
"""What arrays are called in files, and in batches that are dicts"""


@dataclass(frozen=True)
class Batch:
    """Samples as a run takes them, what should be answered, and where they are from, in words."""

    x: Inlet
    targets: Targets | None
    timespans: Samples | None
    where: str


def batch_of(record: BaseRecord, given: object, where: str, wanted: str | None) -> Batch:
    """A batch as users make it: x, (x, targets), or a dict of x, targets and timespans. Several inputs are a tuple, or
    stand before the targets, or in the dict by their names.

    `wanted`: what the targets are called, where there must be any. Raises `InputError`.
    """
    if isinstance(given, Mapping):
        return _named(record, {str(name): value for name, value in given.items()}, where, wanted)
    parts = given if isinstance(given, (tuple, list)) else ()
    count = len(parts) or 1
    if wanted is not None and count not in (2, 1 + len(record.inputs.order if record.inputs is not None else "x")):
        raise InputError(
            "the metric needs targets, and this batch does not tell which they are",
            where=where,
            numbers=f"a {type(given).__name__}" + (f" of {count}" if parts else ""),
            advice=f"Give batches (x, targets), or dicts with {X!r} and {wanted!r}.",
        )
    x, targets = given, None
    if wanted is not None:
        *x, targets = cast("tuple", given)
    if record.inputs is not None:
        order = record.inputs.order
        x = inputs_of(x, order, lambda _: order)
    elif wanted is not None or (parts and _is_batch(record, parts[0])):
        x = cast("tuple", x)[0]
    elif not record.timed and count > 1 and isinstance(given, tuple) and _axes(given) == 2 + len(record.sample_shape):
        raise InputError(
            "a tuple of single sequences may be several of them, or one and its target",
            where=where,
            numbers=f"a tuple of {len(given)}",
            advice="Give a list of sequences, or batches (x, targets) with an axis for the batch.",
        )
    return Batch(cast("Inlet", x), targets, None, where)


def are_batches(record: BaseRecord, listed: Sequence[object]) -> bool:
    """Whether a list is one of batches, and not of sequences, or of several inputs: its first element tells."""
    first = listed[0] if listed else None
    if record.inputs is None or not isinstance(first, (tuple, list)):
        return isinstance(first, Mapping) or (record.inputs is None and _axes(first) >= 2 + len(record.sample_shape))
    return any(isinstance(part, Mapping) for part in first) or is_several(tuple(first))


def _is_batch(record: BaseRecord, first: object) -> bool:
    """Whether it is a whole batch, alone or with something beside, and not one of several sequences, or of x and its
    time spans."""
    if record.timed:
        return isinstance(first, (tuple, Mapping))
    return isinstance(first, list) or _axes(first) >= 2 + len(record.sample_shape)


def _axes(x: object) -> float:
    """How many axes it has, where that can be told by its first elements; a dict is a whole batch."""
    if isinstance(x, (tuple, list)):
        return 1 + (_axes(x[0]) if x else 0)
    return math.inf if isinstance(x, Mapping) else getattr(x, "ndim", 0)


def _named(record: BaseRecord, given: dict[str, object], where: str, wanted: str | None) -> Batch:
    for name in ([X] if record.inputs is None else []) + ([wanted] if wanted else []):
        if name not in given:
            raise InputError(
                f"there is no array {name!r}",
                where=where,
                numbers=f"it holds {', '.join(given) or 'nothing'}",
                advice=f"{nearest(name, given)}Samples are {X!r}, targets {TARGETS!r} or as targets= names them.",
            )
    targets, times = cast("Targets | None", given.pop(wanted, None)) if wanted else None, None
    if record.inputs is not None:
        return Batch(cast("Inlet", {n: given[n] for n in record.inputs.order if n in given}), targets, None, where)
    x, times = cast("Samples", given[X]), cast("Samples | None", given.get(TIMESPANS))
    if np.ndim(cast("np.ndarray", x)) == 1 + len(record.sample_shape) and not isinstance(x, (list, tuple)):  # one alone
        own = None if targets is None else _alone(record, targets)
        return Batch([cast("np.ndarray", x)], own, None if times is None else [cast("np.ndarray", times)], where)
    return Batch(x, targets, times, where)


def _alone(record: BaseRecord, targets: Targets) -> Targets:
    """The targets of one sequence, as those of a list of one."""
    if not record.answers.several:
        return [cast("np.ndarray", targets)]
    own = zip(record.answers.names, of_each(record.answers, targets), strict=True)
    return {name: [cast("np.ndarray", one)] for name, one in own if one is not None}


def sequences_of(parts: AnyParts, batch: Batch) -> Iterator[Example]:
    """The sequences of a batch: copies, as whoever makes batches may use their memory again. Raises `InputError`."""
    record = parts.record
    with _placed(batch.where):
        x = parts.host.sequences(batch.x, batch.timespans)
        if any(not len(a) for a in x.arrays):
            raise InputError("a sequence has no samples", advice="Leave it out.")
        given = [None] * len(record.answers.each) if batch.targets is None else of_each(record.answers, batch.targets)
        pairs = zip(record.answers.each, given, strict=True)
        targets = [None if own is None else as_targets(own, x, record.layout, stepped=a.stepped) for a, own in pairs]
    for number, array in enumerate(x.arrays):
        yield Example(narrowed(array), tuple(None if own is None else np.array(own[number]) for own in targets))


@contextmanager
def _placed(where: str) -> Iterator[None]:
    """Errors inside tell of which batch they are."""
    try:
        yield
    except Ltc2NeuroError as error:
        error.where = f"{where}; {error.where}" if error.where else where
        raise
