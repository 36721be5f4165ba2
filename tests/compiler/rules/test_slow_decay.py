"""What is tried where a state decays at another rate than torch's, one setting after the other."""

from __future__ import annotations

import pytest

from compiler.quantize.precision import Precision
from compiler.rules.slow_decay import _candidates


def test_settings_are_tried_from_the_cheapest_on_and_say_what_they_are() -> None:
    assert [text for text, _ in _candidates(Precision())] == [
        "Precision(segments=32)",
        "Precision(argument_fraction=17)",
        "Precision(argument_fraction=17, segments=32)",
        "Precision(split_weights=True, split_messages=True)",
        "Precision(split_weights=True, split_messages=True, argument_fraction=17, segments=32)",
        "Precision(parameter=22)",
    ]
    assert next(_candidates(Precision(carry=False)))[0] == "Precision()"
    assert "margin=3.0" in next(_candidates(Precision(margin=3.0)))[0]


@pytest.mark.parametrize(("above", "count"), [(0, 6), (1, 1)])
def test_only_settings_that_there_are_are_tried(above: int, count: int) -> None:
    widest = {"segments": 2**14, "argument_fraction": 26, "parameter": 26}
    tried = list(_candidates(Precision(**{name: number + above for name, number in widest.items()})))
    assert len(tried) == count
    assert all(eval(text, {"Precision": Precision}) == precision for text, precision in tried)
