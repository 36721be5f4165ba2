"""What docs/cells.md shows runs, and it has a section for each cell."""

import re
from pathlib import Path

import numpy as np
import pytest

import ltc2neuro
from ltc2neuro import nn
from ltc2neuro.nn import Recurrent

TEXT = (Path(__file__).parents[3] / "docs" / "cells.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs_and_compiles(example):
    names = {}
    exec(example, names)
    x = np.random.default_rng(0).normal(size=(2, 9, 3))
    net = ltc2neuro.compile(names["layer"], x)
    assert net(x).shape == (2, 9, 8)
    assert net.float_graph.states[0].low is not None


def test_each_layer_has_a_section():
    layers = {n for n, kind in vars(nn).items() if isinstance(kind, type) and issubclass(kind, Recurrent)}
    assert layers - {"Recurrent"} <= set(re.findall(r"^## (\w+)$", TEXT, re.MULTILINE))
