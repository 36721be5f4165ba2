"""How a traced model is called in torch: the order of its axes, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from ltc2neuro.inputs.layout import Layout, layout_of

Readout: TypeAlias = Literal["every", "last"]


@dataclass(frozen=True)
class Calling:
    """How torch calls a model.

    `readout`: whether it answers at every step or at the last; `step_shape`: the shape of one answer to one row;
    `time_first` and `output_time_first`: whether its input and output have time before batch; `dt`: the time of a step;
    `timed`: whether it is given the time before each sample, too, which then is the last channel of the input.
    """

    readout: Readout
    step_shape: tuple[int, ...]
    time_first: bool
    output_time_first: bool
    dt: float
    timed: bool = field(default=False, kw_only=True)
    drops_row: bool = field(default=False, kw_only=True)
    """whether the model drops the axis of rows where there is one, as y.squeeze() does"""
    drops_step: bool = field(default=False, kw_only=True)
    """the same of steps"""
    sample_shape: tuple[int, ...] = field(kw_only=True)
    """the shape of one sample as the model takes it; the graph takes it flat"""

    def layout(self, batch_first: bool | None) -> Layout:
        """How arrays lie, for what was said of them."""
        answers = self.output_time_first if self.readout == "every" else self.time_first
        layout = layout_of(batch_first, reads_time_first=self.time_first, answers_time_first=answers)
        return replace(layout, drops_row=self.drops_row, drops_step=self.drops_step)
