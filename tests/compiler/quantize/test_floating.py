"""The stages of `quantize` as docs/architecture.md lists them."""

from __future__ import annotations

import re
from pathlib import Path

from compiler.quantize.floating import STAGES

HOME = Path(__file__).parents[3]


def test_the_page_names_them_in_their_order():
    (row,) = (line for line in (HOME / "docs" / "architecture.md").read_text("utf-8").splitlines() if "STAGES" in line)
    listed = re.findall(r"`(\w+)`", row.split("|")[1])
    assert listed == [stage.__name__ for stage in STAGES]
