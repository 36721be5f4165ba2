"""The table of two networks side by side."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs the extra torch")

from ltc2neuro.comparison import table


def test_columns_are_as_wide_as_their_longest_text():
    assert table([("", "one", "two"), ("neurons", "1,024", "7")]).split("\n") == [
        "           one  two",
        "neurons  1,024    7",
    ]


def test_rows_have_as_many_columns_as_the_first():
    for rows in ([("a", "b"), ("c",)], [("a", "b"), ("c", "d", "e")]):
        with pytest.raises((IndexError, ValueError)):
            table(rows)
