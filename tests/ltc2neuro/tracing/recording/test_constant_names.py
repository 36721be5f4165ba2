"""What is made of a model's constants is named as the user wrote it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra torch")

from ltc2neuro.tracing.recording.constant_names import ConstantNames  # noqa: E402


@pytest.mark.parametrize(
    ("function", "others", "name"),
    [
        (torch.Tensor.__getitem__, (0,), "weight[0]"),
        (torch.nn.functional.softplus, (), "softplus(weight)"),
        (torch.flip, ((0,),), "flip(weight)"),
    ],
)
def test_a_constant_is_named_by_what_made_it(function, others, name):
    model = torch.nn.Linear(3, 4)
    names, made = ConstantNames(model), function(model.weight, *others)
    names.follow(function, (model.weight, *others), made)
    assert names.get(made) == name
