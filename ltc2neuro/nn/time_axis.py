"""Models whose samples have time along another axis, as those of torch's convolutions."""

from __future__ import annotations

import torch

from hw_models.arguments import check_count

MOST = (-9, 9)
"""Axes, from the last and from the first"""


class TimeAxis(torch.nn.Module):
    """A model that reads time along another axis, as one that reads (batch, time, features).

    `model` takes (batch, features, time), as `nn.Conv1d` does, or has time at the `axis` given: (batch, kinds, time,
    features) has it at 2. This one takes (batch, time, ...), and answers (batch, time, ...) where the model answers
    with time along `answers`. What has two axes, or another number of elements there, is returned as it is: answers to
    the last step, states.

    >>> x = torch.zeros(1, 9, 3)  # (batch, time, features)
    >>> TimeAxis(torch.nn.Conv1d(3, 5, 1))(x).shape
    torch.Size([1, 9, 5])
    """

    def __init__(self, model: torch.nn.Module, axis: int = -1, answers: int = -1) -> None:
        super().__init__()
        self.model = model
        self.axis: int = check_count(axis, "axis", *MOST)
        self.answers: int = check_count(answers, "answers", *MOST)

    def forward(self, x: torch.Tensor) -> object:
        """What the model answers."""
        return self._turned(self.model(x.movedim(1, self.axis)), x.shape[1])

    def _turned(self, y: object, steps: int) -> object:
        if isinstance(y, torch.Tensor):
            turns = y.dim() > 2 and y.shape[self.answers] == steps
            return y.movedim(self.answers, 1) if turns else y
        if isinstance(y, dict):
            return {key: self._turned(own, steps) for key, own in y.items()}
        if isinstance(y, (tuple, list)):
            turned = [self._turned(own, steps) for own in y]
            return turned if isinstance(y, list) else tuple(turned)
        return y
