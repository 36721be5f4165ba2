"""How a traced model is called in torch: the order of its axes, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from ltc2neuro.compiled.answers import Answers
from ltc2neuro.inputs.layout import Layout, layout_of
from ltc2neuro.inputs.model_input import ModelInput
from ltc2neuro.inputs.several import Inputs
from ltc2neuro.inputs.tokens import Tokens
from ltc2neuro.tracing.calling.answering import Place


@dataclass(frozen=True)
class Calling(ModelInput):
    """How torch calls a model.

    `answers` are those that it returns, at `places` of a tuple or dict, `()` where it returns a tensor alone;
    `time_first` and `output_time_first`: whether its input and its answers at every step have time before batch; `dt`:
    the time of a step; `timed`: whether it is given the time before each sample, too, which then is the last channel of
    the input.
    """

    answers: Answers
    time_first: bool
    output_time_first: bool
    dt: float
    timed: bool = field(default=False, kw_only=True)
    sample_shape: tuple[int, ...] = field(kw_only=True)
    """the shape of one sample as the model takes it; the graph takes it flat"""
    tokens: Tokens | None = field(default=None, kw_only=True)
    """where samples are tokens, the rows that the graph takes for them"""
    inputs: Inputs | None = field(default=None, kw_only=True)
    """those of a model that takes several: then a sample is flat"""
    places: tuple[Place, ...] = field(default=(), kw_only=True)

    @property
    def readout(self) -> str:
        """ "every" where any answer is given at every step, else what all are, or "last"."""
        return self.answers.readout

    @property
    def step_shape(self) -> tuple[int, ...]:
        """The shape of one answer to one row, of several that of their vector."""
        return self.answers.step_shape

    @property
    def several(self) -> Answers | None:
        """The answers, where they come in a tuple or dict, or one has more to it than its readout and shape."""
        return self.answers if self.answers.several or self.answers.each[0].added else None

    def layout(self, batch_first: bool | None) -> Layout:
        """How arrays lie, for what was said of them."""
        answers = self.output_time_first if any(a.stepped for a in self.answers.each) else self.time_first
        layout = layout_of(batch_first, reads_time_first=self.time_first, answers_time_first=answers)
        if self.answers.several:
            return layout
        one = self.answers.each[0]
        return Layout(layout.time_first, layout.answers_time_first, one.drops_row, one.drops_step)
