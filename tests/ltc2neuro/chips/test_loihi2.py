"""Chip loihi2 is held to what every chip that takes liquid networks is."""

from chip_test import ChipTest


class TestLoihi2(ChipTest):
    name = "loihi2"
    floor = {"ltc": 55.0, "cfc": 35.0}  # noqa: RUF012
