"""Chip spinnaker2 is held to what every chip that takes liquid networks is."""

from chip_test import ChipTest


class TestSpiNNaker2(ChipTest):
    name = "spinnaker2"
    floor = {"ltc": 90.0, "cfc": 60.0}  # noqa: RUF012
