"""What joins rows or steps: no step of a network on its own, but perhaps a program in time."""

from __future__ import annotations

from hw_models.errors import TraceError
from ltc2neuro.tracing.recording.hidden_layers import HiddenLayerError
from ltc2neuro.tracing.recording.source import user_line
from ltc2neuro.tracing.recording.tape import Tape

MIXES = (
    "A network computes one row and one step at a time. What joins steps belongs into a cell under "
    "ltc2neuro.nn.Recurrent; what joins rows belongs after the network. What decides, as h.abs().max() > 1, is chosen "
    "for each row: torch.where(h.abs() > 1, 0.5 * h, h). A loss or penalty that forward returns, too, belongs under "
    "`if self.training:`."
)
DECIDED = "the model goes by a computed value, all rows at once"
DECIDES = (
    "A network runs the same ops at every step, for every row: a loop runs a number of times, as `for _ in range(8):`, "
    "and what a value decides is chosen, h = torch.where(h.abs() > 0.5, 0.5 * h, h)."
)
ATTENDS = (
    "A network keeps states of a fixed size, not all that it has seen. Keep running sums, as linear attention does "
    "(torch.cumsum of k v and of k), attend to a window of the last samples (unfold), or use a recurrent layer. "
    "To pool answers takes two sums: w = torch.exp(a), (w * y).sum(1) / w.sum(1)."
)


class MixedStepsError(TraceError):
    """Rows or steps are joined, or taken apart: see `ltc2neuro.tracing.unrolled`."""


def decides() -> bool:
    """Whether the user's line is a condition."""
    line = user_line()
    return line is not None and line.decides


def mixed(recorder: Tape, what: str = "mixes batch rows or time steps") -> TraceError:
    """The error for the operation at the user's line; of another kind where it is a condition."""
    if decides():
        return recorder.refusal(DECIDED, DECIDES)
    error = recorder.refusal(f"{recorder.operation} {what}", MIXES)
    if isinstance(error, HiddenLayerError):
        return error
    return MixedStepsError(error.what, where=error.where, numbers=error.numbers, advice=error.advice)
