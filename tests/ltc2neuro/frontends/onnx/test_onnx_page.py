"""docs/onnx.md lists the operators that have a rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

from ltc2neuro.frontends.onnx.ops import elementwise, linear, reductions, shapes
from ltc2neuro.frontends.onnx.ops.graph import RECURRENT

PAGE = (Path(__file__).parents[4] / "docs" / "onnx.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("row", "known"),
    [
        ("elements", elementwise.RULES),
        ("products", linear.RULES),
        ("sums", reductions.RULES),
        ("shapes", {*shapes.RULES, "Constant"}),
        ("over time", {*RECURRENT, "Scan", "Loop"}),
    ],
)
def test_the_page_lists_the_operators(row: str, known) -> None:
    (found,) = re.findall(rf"^\| {row} \| (.*) \|$", PAGE, re.M)
    assert found.split(", ") == sorted(known)
