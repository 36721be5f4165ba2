"""Each table that is keyed by op has a row for every op that it can meet, and none for another.

The tables are collected from the packages: a new one is held to this with no line here, unless it meets other ops
than the kernels of an executor do.
"""

import re
from collections.abc import Set
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from compiler.graph.op_table import OpTable
from compiler.graph.ops import (
    OPS,
    Add,
    And,
    Div,
    Elementwise,
    Gather,
    Input,
    Linear,
    Lossless,
    MatVec,
    Mul,
    Op,
    Output,
    SegmentSum,
    StateRead,
    StateWrite,
)
from hw_models.errors import GraphError

HOME = Path(__file__).resolve().parents[2]
MADE = re.compile(r"^(\w+)(?:: .*)? = OpTable\(", re.M)

REAL = {op for op in OPS.values() if op.real}
INTEGER = {op for op in OPS.values() if op.integer}
BOTH = REAL & INTEGER
EFFECTS = {StateWrite, Output}
KERNELS = EFFECTS | {StateRead}
"""What no kernel is asked for: an executor reads and writes states itself"""
POPULATION = KERNELS | {op for op in INTEGER if issubclass(op, Elementwise)}
"""What the neurons of a population do: linear ops are connections by then"""

MEETS: dict[str, Set[type[Op]]] = {
    "sizes": REAL | INTEGER,
    "measures": REAL,
    "plan": INTEGER,
    "copies": INTEGER,
    "elements": REAL - EFFECTS - {Input, StateRead, Gather},
    "loops": INTEGER - EFFECTS,
    "flat readers": INTEGER,
    "guarded messages": REAL,
    "sites": REAL,
    "prune": REAL,
    "lowering": REAL,
    "wanted fractions": REAL,
    "clipping": REAL,
    "shifts": REAL,
    "changes of units": REAL,
    "bounds": REAL - EFFECTS,
    "too wide": REAL - EFFECTS,
    "readouts": REAL - EFFECTS,
    "sums of values": REAL - EFFECTS,
    "under roots": REAL - EFFECTS,
    "multiples": REAL - EFFECTS,
    "multiples at least": REAL - EFFECTS,
    "spans": INTEGER - EFFECTS,
    "assumptions": INTEGER,
    "bias": INTEGER - EFFECTS,
    "lifted bias": INTEGER - EFFECTS,
    "taken back": INTEGER - EFFECTS,
    "rounds": INTEGER - EFFECTS,
    "what integers reach": REAL - EFFECTS,
    "natural fractions": REAL - EFFECTS,
    "units upwards": REAL - EFFECTS,
    "zeros": REAL - EFFECTS,
    "what NIR has not": REAL,
    "needs": REAL - EFFECTS,
    "slopes": REAL - EFFECTS,
    "library processes": REAL - EFFECTS,
    "C": INTEGER - EFFECTS - {Input, MatVec},
    "native": INTEGER - EFFECTS - {Input, MatVec},
    "torch": INTEGER - EFFECTS,
    "templates": {op for op in INTEGER if issubclass(op, Elementwise)},
    "meeting": POPULATION,
    "leveling": POPULATION,
    "programs": POPULATION,
    "coordinates": {op for op in OPS.values() if issubclass(op, Linear)},
    "interval arithmetic": {op for op in BOTH if issubclass(op, (Elementwise, Linear))} | {Mul},
    "float64": REAL - KERNELS,
    "onnx, floats": REAL - KERNELS,
    "numbers of both kinds": {op for op in BOTH if issubclass(op, Elementwise)} | {Gather, SegmentSum},
    "nodes of both kinds": {op for op in BOTH if issubclass(op, Elementwise)} | {Gather, SegmentSum},
}
"""Which ops each table meets; any other has the kernels of integer ops."""

REFUSING = {"torch"}
"""Tables of an extra that refuses a network with an op that has no row there: a new op may wait for it"""


@dataclass(frozen=True)
class Found:
    """A table, and the module that makes it."""

    table: OpTable[..., object]
    module: str

    @property
    def meets(self) -> Set[type[Op]]:
        return MEETS.get(self.table.name, INTEGER - KERNELS)


def collect() -> dict[str, Found]:
    found: dict[str, Found] = {}
    for path in sorted(p for package in ("hw_models", "compiler", "ltc2neuro") for p in (HOME / package).rglob("*.py")):
        for name in MADE.findall(path.read_text("utf-8")):
            module = ".".join(path.relative_to(HOME).with_suffix("").parts)
            table = getattr(import_module(module), name)
            assert found.setdefault(table.name, Found(table, module)).table is table
    return found


TABLES = collect()


def test_the_tables_are_found():
    assert {"reference", "switched", "unrounded", "onnx", *MEETS} <= set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_covers_every_op_that_it_can_meet_and_no_other(name):
    found = TABLES[name]
    assert {op for op in OPS.values() if not found.table.knows(op)} & found.meets == set()
    assert found.table.kinds & set(OPS.values()) <= found.meets


@dataclass(frozen=True)
class OfBoth(Lossless):
    """A new op of graphs of both kinds."""


@dataclass(frozen=True)
class OfReals(Elementwise):
    """A new op of float graphs only."""


@dataclass(frozen=True)
class OfIntegers(Elementwise):
    """A new op of integer graphs only."""


@pytest.mark.parametrize(
    ("new", "like", "words"),
    [
        (OfBoth, Add, "takes {} rows for an op of both graphs"),
        (OfReals, Div, ", {} for one of the float graph only"),
        (OfIntegers, And, ", and {} for one of the integer graph only"),
    ],
)
def test_the_recipe_for_an_op_tells_how_many_rows_it_takes(new, like, words):
    """In the words of docs/architecture.md: in the tables that meet it and have no row for ops of its base."""
    met = {n: found for n, found in TABLES.items() if like in found.meets and n not in REFUSING}
    lacking = {n for n, found in met.items() if not found.table.knows(new)}
    rows = [n for n in lacking if not any(n != m and TABLES[n].table.is_like(TABLES[m].table) for m in lacking)]
    page = " ".join((HOME / "docs" / "architecture.md").read_text("utf-8").split())
    assert words.format(len(rows)) in page, sorted(rows)


WHOLE = sorted(p for p in (HOME / "compiler" / "further_ops").glob("*.py") if p.name != "__init__.py")


@pytest.mark.parametrize("file", WHOLE, ids=lambda file: file.stem)
def test_a_further_op_has_its_rows_in_one_file_alone_and_its_test(file):
    """Of what `tune` learns by, torch's, there may be a row besides."""
    (name,) = (op for op in OPS if op.lower() == file.stem.replace("_", ""))
    row = re.compile(rf"\.on\([^)]*\b{name}\b")
    homes = [p for package in ("hw_models", "compiler") for p in (HOME / package).rglob("*.py")]
    assert [p for p in homes if row.search(p.read_text("utf-8"))] == [file]
    test = HOME / "tests" / "compiler" / "further_ops" / f"test_{file.stem}.py"
    assert f"class Test{name}(OpTest)" in test.read_text("utf-8")
    assert f"| {name}(" in (HOME / "docs" / "integer-semantics.md").read_text("utf-8")


def test_an_op_that_a_table_does_not_know_is_an_error():
    table: OpTable[[], int] = OpTable("sizes")

    @table.on(Input)
    def _(op: Op) -> int:
        return 1

    assert table(Input("x", "one", "nil")) == 1
    message = r"(?s)sizes: nothing is known of the op StateRead.*compiler\.further_ops.*please report it"
    with pytest.raises(GraphError, match=message):
        table(StateRead("v", "s"))
