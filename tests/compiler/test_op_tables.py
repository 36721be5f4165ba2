"""Each table that is keyed by op has an entry for every op that it can meet, and for no other."""

import pytest

from compiler.assembly.templates import select
from compiler.executors import float64, reference, unrounded
from compiler.graph.op_table import OpTable
from compiler.graph.ops import OPS, Elementwise, Input, Op, Output, StateRead, StateWrite
from compiler.graph.shapes import FAULTS
from compiler.onnx import integer_ops, real_ops
from compiler.quantize.bias import BIAS
from compiler.quantize.fractions import WANTS
from compiler.quantize.lowering import LOWER
from compiler.quantize.natural import NATURAL, REACH
from compiler.quantize.retention import SLOPES
from compiler.quantize.shifted_ops import SHIFTED
from compiler.ranges.clipping import GOES_ON
from compiler.ranges.integer_spans import SPANS
from compiler.ranges.real_intervals import BOUNDS
from compiler.rewrite.in_units import IN_UNITS
from compiler.rewrite.needs import NEEDED
from compiler.rewrite.scale_propagation import UPWARDS
from compiler.rewrite.zeros import ZERO
from compiler.stock.lower import AFFINE
from hw_models.errors import GraphError

REAL = {op for op in OPS.values() if op.real}
INTEGER = {op for op in OPS.values() if op.integer}
EFFECTS = {StateWrite, Output}

TABLES = {
    "sizes": (FAULTS.kinds, REAL | INTEGER),
    "bounds": (BOUNDS.kinds, REAL - EFFECTS),
    "spans": (SPANS.kinds, INTEGER - EFFECTS),
    "lowering": (LOWER.kinds, REAL),
    "bias": (BIAS.kinds, INTEGER - EFFECTS),
    "what integers reach": (REACH.kinds, REAL - EFFECTS),
    "natural fractions": (NATURAL.kinds, REAL - EFFECTS),
    "wanted fractions": (WANTS.kinds, REAL),
    "clipping": (GOES_ON.kinds, REAL),
    "shifts": (SHIFTED.kinds, REAL),
    "changes of units": (IN_UNITS.kinds, REAL),
    "units upwards": (UPWARDS.kinds, REAL - EFFECTS),
    "zeros": (ZERO.kinds, REAL - EFFECTS),
    "needs": (NEEDED.kinds, REAL - EFFECTS),
    "slopes": (SLOPES.kinds, REAL - EFFECTS),
    "library processes": (AFFINE.kinds, REAL - EFFECTS),
    "templates": (select.kinds, {op for op in INTEGER if issubclass(op, Elementwise)}),
    "float64": (float64.KERNELS.kinds, REAL - EFFECTS - {StateRead}),
    "reference": (reference.KERNELS.kinds, INTEGER - EFFECTS - {StateRead}),
    "onnx, floats": (real_ops.NODES.kinds, REAL - EFFECTS - {StateRead}),
    "onnx": (integer_ops.NODES.kinds, INTEGER - EFFECTS - {StateRead}),
    "unrounded": (unrounded.KERNELS.kinds - (REAL - INTEGER), INTEGER - EFFECTS - {StateRead}),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_covers_every_op_that_it_can_meet(name):
    covered, met = TABLES[name]
    assert covered == met


def test_an_op_that_a_table_does_not_know_is_an_error():
    table: OpTable[[], int] = OpTable("sizes")

    @table.on(Input)
    def _(op: Op) -> int:
        return 1

    assert table(Input("x", "one", "nil")) == 1
    with pytest.raises(GraphError, match="sizes: nothing is known of the op StateRead"):
        table(StateRead("v", "s"))
