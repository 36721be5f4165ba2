"""Chips are data: the files that come along, and the errors of one's own."""

from __future__ import annotations

from dataclasses import fields

import pytest

from hw_models.chip import CHIPS, Chip, chip_names, load_chip
from hw_models.errors import ChipError


def test_the_chips_that_come_along():
    assert {"loihi2", "ideal"} <= set(chip_names())
    loihi2, ideal = load_chip("loihi2"), load_chip("ideal")
    assert (loihi2.word_bits, loihi2.product_bits, loihi2.weight_bits) == (24, 31, 8)
    assert loihi2.lava and not loihi2.divide and not loihi2.table
    assert ideal.word_bits == 64 and ideal.divide and ideal.table and not ideal.lava


@pytest.mark.parametrize("name", chip_names())
def test_every_number_has_a_source(name):
    chip = load_chip(name)
    numbers = [f.name for f in fields(Chip) if isinstance(getattr(chip, f.name), int)]
    numbers.remove("chips")  # the user chooses it
    assert all(chip.sources[n].text for n in numbers), set(numbers) - set(chip.sources)


def test_a_file_of_ones_own(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text((CHIPS / "loihi2.toml").read_text().replace('name = "loihi2"', 'name = "mine"'))
    assert load_chip(mine).name == "mine" and load_chip(str(mine)).word_bits == 24
    assert load_chip(load_chip(mine)) == load_chip(mine)


def test_no_such_chip_lists_those_there_are():
    with pytest.raises(ChipError, match="no chip 'loihi3'") as error:
        load_chip("loihi3")
    assert "loihi2" in error.value.advice


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("value = 24", 'value = "24"', "must be an int"),
        ("value = 31", "value = true", "must be an int"),
        ("value = 31", "value = 99", "must be an int from 0 to 62, not 99"),
        ("value = 62", "value = -1", "max_delay must be an int from 0 to 1,024, not -1"),
        ("value = false", "value = 0", "divide must be a bool"),
        ('name = "loihi2"', "", "name must be a str"),
        ("[sums]", "[sums", "not a TOML file"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, old, new, text):
    path = tmp_path / "wrong.toml"
    path.write_text((CHIPS / "loihi2.toml").read_text().replace(old, new, 1))
    with pytest.raises(ChipError, match=text) as error:
        load_chip(path)
    assert "wrong.toml" in error.value.where or "loihi2" in error.value.where
