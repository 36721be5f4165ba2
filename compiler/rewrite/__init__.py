"""Passes over the float graph: each keeps the function and makes it simpler. One pass a file."""

from compiler.rewrite.host import host
from compiler.rewrite.rows import rows_out
from compiler.rewrite.runner import PASSES, PassRecord, simplify
from compiler.rewrite.units import normalise_quotients, scale_inputs

__all__ = ["PASSES", "PassRecord", "host", "normalise_quotients", "rows_out", "scale_inputs", "simplify"]
