"""Passes over the float graph: each keeps the function and makes it simpler. One pass a file."""

from compiler.rewrite.extract_row_scales import extract_row_scales
from compiler.rewrite.runner import PASSES, PassRecord, simplify

__all__ = ["PASSES", "PassRecord", "extract_row_scales", "simplify"]
