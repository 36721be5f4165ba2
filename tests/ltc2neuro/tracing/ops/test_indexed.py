"""Places of one axis that numbers tell: what is written, added or filled in there equals torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from layer_agreement import over_many_steps
from torch import nn

X = np.random.default_rng(0).normal(size=(3, 12, 3))
PLACES = torch.tensor([0, 2])


def _written(h, new):
    h = h.clone()
    h[:, [2, 0]] = new[:, [1, 3]]
    return h


WAYS = {
    "index_copy": lambda h, new: h.index_copy(1, PLACES, new[:, PLACES]),
    "index_copy_": lambda h, new: h.clone().index_copy_(-1, PLACES, new[:, 1:3]),
    "index_add": lambda h, new: torch.index_add(0.5 * h, 1, torch.tensor([0, 2, 0]), new[:, :3], alpha=0.5),
    "index_fill": lambda h, new: (0.5 * h + 0.5 * new).index_fill(-1, PLACES, 0.3),
    "a list": _written,
}


class Loop(nn.Module):
    def __init__(self, way) -> None:
        super().__init__()
        self.cell, self.way = nn.GRUCell(3, 4), way

    def forward(self, x):
        h, answers = x.new_zeros(len(x), 4), []
        for x_t in x.unbind(1):
            h = self.way(h, self.cell(x_t, h))
            answers.append(h)
        return torch.stack(answers, 1)


@pytest.mark.parametrize("name", WAYS)
def test_each_equals_torch(name):
    torch.manual_seed(0)
    over_many_steps(Loop(WAYS[name]), X, 100)
