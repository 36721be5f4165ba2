"""A precision that makes no sense is refused at once."""

import pytest

from compiler.quantize.precision import Precision
from hw_models.errors import InputError


@pytest.mark.parametrize(
    "wrong", [{"word": 0}, {"weight": -1}, {"degree": 9}, {"operand": 40}, {"segments": "a"}, {"margin": float("nan")}]
)
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=r"must (lie|be a whole number) in"):
        Precision(**wrong)


def test_overrides_are_checked_when_they_are_used():
    with pytest.raises(InputError, match="degree must be a whole number in"):
        Precision(overrides={"v": {"degree": 0}}).at("v")
