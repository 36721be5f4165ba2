"""Sums of several steps that a model adds up one by one, and windows of fewer steps at first.

`sum(answers) / len(answers)` is a mean over all steps, which the host takes. Where a window has fewer steps at first,
as `window[-4:]` has, what is missing is said: zeros of a sum, and of a largest value the oldest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from ltc2neuro.tracing.ops.mixing import mixed
from ltc2neuro.tracing.ops.over_time import marked, valued
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.extents import Extent
from ltc2neuro.tracing.recording.over_time import ADDED, DIVIDED, count_below, count_of
from ltc2neuro.tracing.recording.source import user_line, user_place
from ltc2neuro.tracing.recording.symbolic import Symbolic, symbolic, symbols

Rule = Callable[..., Symbolic]


def adding(rule: Rule) -> Rule:
    """A rule of `add` that keeps what has been added up."""

    def add(input: object, other: object, **options: float) -> Symbolic:
        result = rule(input, other, **options)
        terms = _terms(result, input, other) if result.recorder.all_at_once and not options else ()
        if not terms:
            return result
        known = result.recorder.over_time
        width = known.places.windows.get((*user_place(), ADDED), 0) if known.places.windows else 0
        result = valued(torch.stack(terms).sum(0)) if len(terms) <= width else result
        known.terms[result.value] = user_line(), terms
        return result

    return add


def _terms(result: Symbolic, first: object, second: object) -> tuple[torch.Tensor, ...]:
    """What a sum has been made of, one by one; nothing of one with numbers in it, or of other shapes."""
    known, here = result.recorder.over_time.terms, user_line()
    parts: list[torch.Tensor] = [part for part in (first, second) if isinstance(part, Symbolic)]
    if any(torch.as_tensor(part).any() for part in (first, second) if not isinstance(part, Symbolic)):
        return ()
    sums = [part for part in symbols(parts) if part.value in known and known[part.value][0] == here]
    if len(parts) == 2 and sums:  # the first goes on, as in total = total + y
        parts = [*known[sums[0].value][1], *(part for part in parts if part is not sums[0])]
    return tuple(parts) if all(part.shape == result.shape for part in parts) else ()


def dividing(rule: Rule) -> Rule:
    """A rule of a quotient that knows means."""

    def divide(input: object, other: object) -> Symbolic:
        count = count_of(other)
        mean = _mean(input, count) if isinstance(input, Symbolic) and count is not None else None
        return rule(input, other) if mean is None else mean

    return divide


def scaling(rule: Rule) -> Rule:
    """The same of a product with the reciprocal of a number."""

    def scale(input: object, other: object) -> Symbolic:
        total, factor = (input, other) if isinstance(input, Symbolic) else (other, input)
        count = count_below(factor)
        if isinstance(total, Symbolic) and count == axes.STEPS and _may_be_a_mean(total):
            raise mixed(total.recorder, "is by one over the number of steps, or by a number that is like it")
        mean = _mean(total, count) if isinstance(total, Symbolic) and count is not None else None
        return rule(input, other) if mean is None else mean

    return scale


def _may_be_a_mean(total: Symbolic) -> bool:
    """Whether a sum over all steps is scaled by what may be one over their number: 1.0 / x.shape[1] does not show."""
    known, recorder = total.recorder.over_time, total.recorder
    return known.marks.get(total.value) == "sum" and not recorder.all_at_once and not recorder.decisions.steps


def _mean(total: Symbolic, count: int) -> Symbolic | None:
    """What stands for the mean over all steps where a sum over them is divided by their number."""
    known = total.recorder.over_time
    (_, terms), summed = known.terms.get(total.value, (None, ())), known.marks.get(total.value) == "sum"
    if total.recorder.all_at_once:
        counts = known.places.joins.get((*user_place(), DIVIDED)) == 0 and (summed or len(terms) == count)
    else:
        looked = count.counted if isinstance(count, Extent) else None
        counts = summed and (
            looked.steps and not looked.rows
            if looked is not None
            else count == axes.STEPS and total.recorder.decisions.steps
        )
    if not terms or not counts:
        return None
    mean = marked("mean", valued(terms[-1]))
    return symbolic(total.recorder, total.example / count, total.codes if summed else mean.codes, mean.value)


def whole_window(x: torch.Tensor, dim: int | Sequence[int] | None, missing: torch.Tensor | None = None) -> torch.Tensor:
    """A window of which the sum or largest is wanted: where it has too few steps, what is `missing`, or the oldest."""
    if not isinstance(x, Symbolic) or not x.recorder.over_time.places.windows:
        return x
    over = (dim,) if isinstance(dim, int) else tuple(dim or ())
    if len(over) != 1:
        return x
    axis = over[0] % x.dim()
    few = x.recorder.over_time.places.windows.get((*user_place(), axis), 0) - x.shape[axis]
    oldest = x.narrow(axis, 0, 1) if x.shape[axis] else x
    return torch.cat([oldest if missing is None else missing.expand(oldest.shape)] * few + [x], axis) if few > 0 else x
