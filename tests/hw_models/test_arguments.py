"""Arguments that are none are refused with their limits and what was given."""

from __future__ import annotations

import numpy as np
import pytest

from hw_models.arguments import check_count
from hw_models.errors import InputError


@pytest.mark.parametrize("count", [1, 2**31, np.int64(7)])
def test_counts_of_any_size_that_32_bits_count(count: int) -> None:
    assert check_count(count, "ticks") == count


@pytest.mark.parametrize("count", [0, -1, 2**31 + 1, 1.0, True, "3", None])
def test_what_is_no_count_is_refused(count: object) -> None:
    with pytest.raises(InputError) as error:
        check_count(count, "ticks")
    assert error.value.what == "ticks must be a whole number, at least 1"


def test_a_limit_of_ones_own_is_told() -> None:
    assert [check_count(n, "bits", 3, 24) for n in (3, 24)] == [3, 24]
    for count in (2, 25):
        with pytest.raises(InputError) as error:
            check_count(count, "bits", 3, 24)
        assert error.value.what == "bits must be a whole number, at least 3, at most 24"
        assert error.value.numbers == f"bits = {count}"
