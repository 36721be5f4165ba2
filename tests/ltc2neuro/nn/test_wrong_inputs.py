"""Layers called with tensors that torch cannot multiply: one error of ours."""

import inspect

import pytest
import torch

from hw_models.errors import InputError
from ltc2neuro import nn

torch.set_num_threads(1)

SIZES = {"input_size": 3, "hidden_size": 2}
OTHERS = ("repeat", "Recurrent", "Missing", "TimeAxis", "with_masks")
LAYERS = [name for name in nn.__all__ if name not in OTHERS and not name.endswith("Cell")]
X = torch.zeros(2, 4, 3)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(
    ("x", "advice"),
    [
        (X.to("meta"), "make it anew"),
        (X.to_sparse(), "x.to_dense()"),
        (X.long(), "x.to(torch.float32)"),
        (X.double(), "x.to(torch.float32)"),
        (X.to(torch.complex64), "x.to(torch.float32)"),
    ],
)
def test_one_error_of_ours(name, x, advice):
    kind = getattr(nn, name)
    layer = kind(**{n: v for n, v in SIZES.items() if n in inspect.signature(kind).parameters})
    layer(X)
    with pytest.raises(InputError) as caught:
        layer(x)
    assert advice in caught.value.advice and caught.value.numbers


class Tokens(torch.nn.Module):
    state_size = 2

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(5, 2)

    def forward(self, x, h):
        return 0.5 * h + self.table(x[:, 0])


def test_a_cell_of_the_users_own_takes_what_it_likes():
    assert nn.Recurrent(Tokens())(torch.ones(2, 4, 1, dtype=torch.long))[0].shape == (2, 4, 2)


def test_mixed_precision_is_torchs_own_affair():
    with torch.autocast("cpu", torch.bfloat16):
        nn.CTRNN(3, 2)(X.bfloat16())
