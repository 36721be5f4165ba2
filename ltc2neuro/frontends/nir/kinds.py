"""What must be known of the kinds of NIR's nodes before any is built."""

from __future__ import annotations

import nir

AXES: dict[type[nir.NIRNode], int] = {
    nir.Affine: 1,
    nir.AvgPool2d: 3,
    nir.Conv1d: 2,
    nir.Conv2d: 3,
    nir.Linear: 1,
    nir.SumPool2d: 3,
}
"""The axes of a sample that these kinds read"""

STATEFUL = (nir.CubaLI, nir.CubaLIF, nir.I, nir.IF, nir.LI, nir.LIF)
"""Neurons"""
