"""Each table that is keyed by op has an entry for every op that it can meet, and for no other.

The tables are collected from the packages: a new one is held to this without a word here, unless it meets other ops
than the kernels of an executor do.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from compiler.graph.op_table import OpTable
from compiler.graph.ops import OPS, Elementwise, Input, Linear, MatVec, Mul, Op, Output, Rescale, StateRead, StateWrite
from hw_models.errors import GraphError

HOME = Path(__file__).resolve().parents[2]
MADE = re.compile(r"^(\w+)(?:: .*)? = (OpTable|\w+(?:\.\w+)*\.extended)\(", re.M)

REAL = {op for op in OPS.values() if op.real}
INTEGER = {op for op in OPS.values() if op.integer}
EFFECTS = {StateWrite, Output}

MISSED: dict[str, set[type[Op]]] = {
    "sizes": set(),
    "sites": set(),
    "lowering": set(),
    "wanted fractions": set(),
    "clipping": set(),
    "shifts": set(),
    "changes of units": set(),
    "bounds": EFFECTS,
    "spans": EFFECTS,
    "bias": EFFECTS,
    "what integers reach": EFFECTS,
    "natural fractions": EFFECTS,
    "units upwards": EFFECTS,
    "zeros": EFFECTS,
    "needs": EFFECTS,
    "slopes": EFFECTS,
    "library processes": EFFECTS,
    "C": EFFECTS | {Input, MatVec},
    "native": EFFECTS | {Input, MatVec},
    "templates": {op for op in INTEGER if not issubclass(op, Elementwise)},
    "interval arithmetic": {op for op in REAL if not issubclass(op, (Elementwise, Linear))} | (REAL - INTEGER - {Mul}),
}
"""What a table never meets of the ops of its graphs"""
KERNELS = EFFECTS | {StateRead}
"""What any other table never meets: an executor reads and writes states itself"""


@dataclass(frozen=True)
class Found:
    """A table, and the module that makes it: from nothing, or from another table, which it extends."""

    table: OpTable[..., object]
    module: str
    extends: bool

    def has_row(self, op: type[Op]) -> bool:
        rule = self.table._rules.get(op)
        return rule is not None and (not self.extends or rule.__module__ == self.module)


def collect() -> dict[str, Found]:
    found: dict[str, Found] = {}
    for path in sorted(p for package in ("hw_models", "compiler", "ltc2neuro") for p in (HOME / package).rglob("*.py")):
        for name, how in MADE.findall(path.read_text("utf-8")):
            module = ".".join(path.relative_to(HOME).with_suffix("").parts)
            table = getattr(import_module(module), name)
            assert found.setdefault(table.name, Found(table, module, how != "OpTable")).table is table
    return found


TABLES = collect()


def test_the_tables_are_found():
    assert {"reference", "float64", "unrounded", "onnx", "native", "C", *MISSED} <= set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_covers_every_op_that_it_can_meet(name):
    """Of float graphs, where it knows a product of floats, and of integer graphs, where it knows a rescale."""
    covered = TABLES[name].table.kinds
    met = (REAL if Mul in covered else set()) | (INTEGER if Rescale in covered else set())
    assert covered == met - MISSED.get(name, KERNELS)


def test_the_recipe_for_an_op_tells_how_many_rows_it_takes():
    """In the words of docs/architecture.md, from the tables that there are."""
    page = " ".join((HOME / "docs" / "architecture.md").read_text("utf-8").split())
    counts = defaultdict(set)
    for op in OPS.values():
        if issubclass(op, (Elementwise, Linear)):
            rows = [found.module for found in TABLES.values() if found.has_row(op)]
            counts[op.real, op.integer].add((len(rows), len(set(rows))))
    for (real, integer), words in {
        (True, True): "up to {} rows in {} files for an op of both graphs",
        (True, False): "{} in {} for one of the float graph only",
        (False, True): "{} in {} for one of the integer graph only",
    }.items():
        assert words.format(*max(counts[real, integer])) in page, (words, counts[real, integer])


def test_an_op_that_a_table_does_not_know_is_an_error():
    table: OpTable[[], int] = OpTable("sizes")

    @table.on(Input)
    def _(op: Op) -> int:
        return 1

    assert table(Input("x", "one", "nil")) == 1
    with pytest.raises(GraphError, match="sizes: nothing is known of the op StateRead"):
        table(StateRead("v", "s"))
