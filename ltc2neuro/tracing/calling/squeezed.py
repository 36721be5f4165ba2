"""Axes that a model drops where they have one element, as `y.squeeze()` does: put back here, dropped again by `net(x)`.

A network must answer one row as many; its user sees the shape that torch gives.
"""

from __future__ import annotations

from itertools import product

from hw_models.arrays import Floats
from hw_models.errors import ProofError
from ltc2neuro.tracing.calling.call_convention import Calling


def restored(answer: Floats, rows: int, steps: int, calling: Calling) -> Floats:
    """torch's answer with the axes of a single row or step put back, where that is all that it lacks."""
    return answer.reshape(_shape(calling, rows, steps)) if _dropped(answer.shape, rows, steps, calling) else answer


def drops(shape: tuple[int, ...], rows: int, steps: int, calling: Calling) -> bool:
    """Whether an answer of this `shape` lacks an axis of a single row or step.

    Raises `ProofError` where it has another shape altogether than more rows or steps have.
    """
    if shape == _shape(calling, rows, steps):
        return False
    if _dropped(shape, rows, steps, calling):
        return True
    single = "row" if rows == 1 else "step"
    raise ProofError(
        f"the model answers in another shape where there is one {single}",
        where="the output",
        numbers=f"torch returns {shape} for {rows} x {steps} (rows x steps), expected {_shape(calling, rows, steps)}",
        advice="Drop only the axis that you mean, as in y.squeeze(-1), not every axis of one element.",
    )


def _dropped(shape: tuple[int, ...], rows: int, steps: int, calling: Calling) -> bool:
    every = calling.readout == "every"
    choices = product([False, True] if rows == 1 else [False], [False, True] if steps == 1 and every else [False])
    return shape in {_shape(calling, rows, steps, without_row=row, without_step=step) for row, step in choices} - {
        _shape(calling, rows, steps)
    }


def _shape(
    calling: Calling, rows: int, steps: int, *, without_row: bool = False, without_step: bool = False
) -> tuple[int, ...]:
    """The shape of torch's answer, in torch's order."""
    row, step = () if without_row else (rows,), () if without_step else (steps,)
    if calling.readout == "last":
        return (*row, *calling.step_shape)
    return (*step, *row, *calling.step_shape) if calling.output_time_first else (*row, *step, *calling.step_shape)
