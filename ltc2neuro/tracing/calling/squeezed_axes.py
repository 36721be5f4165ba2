"""Axes that a model drops where they have one element, as `y.squeeze()` does: put back here, dropped again by `net(x)`.

A network must answer one row as many; its user sees the shape that torch gives.
"""

from __future__ import annotations

from itertools import product

from hw_models.arrays import Floats
from hw_models.errors import ProofError
from ltc2neuro.compiled.answers import Answer


def restored(y: Floats, rows: int, steps: int, answer: Answer, *, time_first: bool) -> Floats:
    """torch's answer with the axes of a single row or step put back, where that is all that it lacks."""
    dropped = _dropped(y.shape, rows, steps, answer, time_first)
    return y.reshape(_shape(answer, (rows,), answer.steps(steps), time_first)) if dropped else y


def drops(shape: tuple[int, ...], rows: int, steps: int, answer: Answer, *, time_first: bool) -> bool:
    """Whether an answer of this `shape` lacks an axis of a single row or step.

    Raises `ProofError` where it has another shape altogether than more rows or steps have.
    """
    wanted = _shape(answer, (rows,), answer.steps(steps), time_first)
    if shape == wanted:
        return False
    if _dropped(shape, rows, steps, answer, time_first):
        return True
    single = "row" if rows == 1 else "step"
    raise ProofError(
        f"the model answers in another shape where there is one {single}",
        where=answer.title,
        numbers=f"torch returns {shape} for {rows} x {steps} (rows x steps), expected {wanted}",
        advice="Drop only the axis that you mean, as in y.squeeze(-1), not every axis of one element.",
    )


def _dropped(shape: tuple[int, ...], rows: int, steps: int, answer: Answer, time_first: bool) -> bool:
    row, step = (rows,), answer.steps(steps)
    choices = product({row, ()} if row == (1,) else {row}, {step, ()} if step == (1,) else {step})
    return shape != _shape(answer, row, step, time_first) and shape in {
        _shape(answer, *choice, time_first) for choice in choices
    }


def _shape(answer: Answer, row: tuple[int, ...], step: tuple[int, ...], time_first: bool) -> tuple[int, ...]:
    """The shape of torch's answer, in torch's order."""
    return (*step, *row, *answer.step_shape) if time_first else (*row, *step, *answer.step_shape)
