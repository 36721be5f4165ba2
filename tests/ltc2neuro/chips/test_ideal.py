"""Chip ideal is held to what every chip that takes liquid networks is."""

from chip_test import ChipTest


class TestIdeal(ChipTest):
    name = "ideal"
    floor = {"ltc": 100.0, "cfc": 80.0}  # noqa: RUF012
