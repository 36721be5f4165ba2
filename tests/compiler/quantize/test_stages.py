"""The stages of `quantize`, in one list: each takes what the one before returns; docs/architecture.md names them."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import get_type_hints

from compiler.quantize.floating import Floating
from compiler.quantize.to_integers import STAGES
from compiler.ranges.proven import Proven

PAGE = Path(__file__).parents[3] / "docs" / "architecture.md"


def test_each_takes_what_the_one_before_returns():
    hints = [[*get_type_hints(stage).values()] for stage in STAGES]
    assert all(len(types) == 2 for types in hints)
    assert all(before[1] is after[0] for before, after in pairwise(hints))
    assert (hints[0][0], hints[-1][1]) == (Floating, Proven)


def test_the_page_names_them_in_their_order():
    table = PAGE.read_text("utf-8").partition("| stage |")[2].partition("\n\n")[0]
    rows = [re.split(r"(?<!\\)\|", row) for row in table.splitlines()[2:]]
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row[1])] == [stage.__name__ for stage in STAGES]
