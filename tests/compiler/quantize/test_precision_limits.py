"""A precision that makes no sense is refused at once."""

import pytest

from compiler.quantize.precision import Precision, precision_for
from hw_models.chip import load_chip
from hw_models.errors import InputError


@pytest.mark.parametrize(
    "wrong", [{"word": 0}, {"weight": -1}, {"degree": 9}, {"operand": 40}, {"segments": "a"}, {"margin": float("nan")}]
)
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=r"must (lie|be a whole number) in"):
        Precision(**wrong)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("word", 8, 48), ("operand", 4, 32), ("parameter", 4, 32), ("weight", 1, 24), ("argument_fraction", 0, 30),
        ("segments", 1, 65536), ("degree", 1, 5), ("margin", 1.0, 1e6),
    ],
)  # fmt: skip
def test_both_ends_of_each_limit(name, least, most):
    step = 1e-9 if name == "margin" else 1
    assert [getattr(Precision(**{name: end}), name) for end in (least, most)] == [least, most]
    for beyond in (least - step, most + step):
        with pytest.raises(InputError, match=rf"{name} must .* in {least}\.\.{most}") as refused:
            Precision(**{name: beyond})
        assert refused.value.numbers == f"{name} = {beyond}"


def test_overrides_are_checked_when_they_are_used():
    with pytest.raises(InputError, match="degree must be a whole number in"):
        Precision(overrides={"v": {"degree": 0}}).at("v")


@pytest.mark.parametrize(
    ("field", "most", "width"),
    [
        ("word", 24, "word_bits"),
        ("operand", 24, "word_bits"),
        ("parameter", 24, "word_bits"),
        ("weight", 8, "weight_bits"),
    ],
)
def test_no_width_is_more_than_the_chips(field, most, width):
    chip = load_chip("loihi2")
    for overrides in (False, True):
        widths = [{"overrides": {"v": {field: n}}} if overrides else {field: n} for n in (most, most + 1)]
        held = Precision(**widths[0])
        assert precision_for(chip, held) is held
        with pytest.raises(InputError, match=f"{field} is wider than the chip's {width}") as refused:
            precision_for(chip, Precision(**widths[1]))
        assert refused.value.where == ("overrides['v']" if overrides else "precision")
        assert refused.value.numbers == f"{field} = {most + 1}, {width} of loihi2 = {most}"


def test_a_margin_is_of_all_values():
    with pytest.raises(InputError, match="margin holds for all values alike"):
        precision_for(load_chip("loihi2"), Precision(overrides={"input": {"margin": 4.0}}))
