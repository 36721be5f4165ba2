"""Chip loihi1 refuses."""

from chip_test import RefusingChipTest


class TestLoihi1(RefusingChipTest):
    name = "loihi1"
    always = {"program", "product", "division", "message", "accumulator"}  # noqa: RUF012
