"""A layer takes what its cell takes, and two things more.

Types of one constructor cannot be made of another's with arguments after them: both stand in the code, and are held
to be equal here.
"""

from inspect import signature

import pytest

from ltc2neuro import nn

LAYERS = [name for name in nn.__all__ if f"{name}Cell" in nn.__all__]
TWO = list(signature(nn.Recurrent).parameters.values())[1:]


@pytest.mark.parametrize("name", LAYERS)
def test_of_each_layer(name):
    assert [p.name for p in TWO] == ["return_sequences", "batch_first"]
    layer, cell = (signature(getattr(nn, n)).parameters.values() for n in (name, f"{name}Cell"))
    assert [*layer] == [*cell, *TWO]


def test_these_are_all():
    kinds = {n for n in nn.__all__ if isinstance(getattr(nn, n), type) and issubclass(getattr(nn, n), nn.Recurrent)}
    assert kinds == {*LAYERS, "Recurrent"}
