"""Passes over the float graph: each keeps the function and makes it simpler. One pass a file."""

from compiler.rewrite.extract_row_scales import rows_out
from compiler.rewrite.fold_host_affine import host
from compiler.rewrite.rescale import normalise_quotients, scale_inputs
from compiler.rewrite.runner import PASSES, PassRecord, simplify

__all__ = ["PASSES", "PassRecord", "host", "normalise_quotients", "rows_out", "scale_inputs", "simplify"]
