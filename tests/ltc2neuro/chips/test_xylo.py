"""Chip xylo refuses, and more where the model is larger than it."""

import numpy as np
import torch
from chip_test import RefusingChipTest
from ncps.torch import LTC
from ncps.wirings import FullyConnected

import ltc2neuro


class TestXylo(RefusingChipTest):
    name = "xylo"
    always = {"program", "product", "division", "message", "word"}  # noqa: RUF012

    def test_limits_are_reasons_where_the_model_is_beyond_them(self):
        torch.manual_seed(0)
        model = LTC(17, FullyConnected(64, 9), ode_unfolds=2)
        found = ltc2neuro.check(model, "xylo", np.random.default_rng(0).normal(size=(2, 5, 17)))
        numbers = {f.message: (f.numbers, f.limit) for f in found}
        for reason, count, limit in (
            ("it has 16 inputs", "the model has 17 features", "16;"),
            ("it has 8 outputs", "the model has 9 outputs", "8;"),
            ("a neuron receives from at most 63 others", "the model has 64 values in the longest sum", "63;"),
        ):
            assert numbers[reason][0].startswith(count) and numbers[reason][1].startswith(limit)
        assert "it has 1,000 hidden neurons" not in numbers
