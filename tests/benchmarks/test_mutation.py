"""Mutants: every kind of fault is made, each has a name of its own, and the tests find one that they should."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest

from benchmarks.fuzz.journal import Chunk, Journal
from benchmarks.mutation import mutants as made
from benchmarks.mutation.__main__ import show

SOURCE = '''
"""A docstring stays."""
LIMIT = 3

def f(x: int = 2) -> bool:
    """So does this."""
    if x < LIMIT and not x == 1:
        raise ValueError(f"{x + 1}")
    x += 1
    y = max(x, 2) * 4
    return y if x in (1,) else -y
'''


def faults_of(source: str) -> Iterator[str]:
    tree = ast.parse(source)
    for number in range(len(list(made._faults(tree)))):
        copy = ast.parse(source)
        list(made._faults(copy))[number].make()
        lines = zip(ast.unparse(tree).split("\n"), ast.unparse(copy).split("\n"), strict=True)
        yield next(after for before, after in lines if before != after)


def test_every_kind_of_fault_is_made() -> None:
    found = [line.strip() for line in faults_of(SOURCE)]
    for line in (
        "LIMIT = 4",
        "def f(x: int=3) -> bool:",
        "if x < LIMIT or not x == 1:",
        "if x <= LIMIT and (not x == 1):",
        "if x < LIMIT and x == 1:",
        "if x < LIMIT and (not x != 1):",
        "if x < LIMIT and (not x == 2):",
        "pass",
        "x += 2",
        "y = max(x, 2) + 4",
        "y = min(x, 2) * 4",
        "y = max(x, 3) * 4",
        "return y if not x in (1,) else -y",
        "return y if x not in (1,) else -y",
        "return y if x in (1,) else y",
    ):
        assert line in found, line
    assert found.count("pass") == 2  # the raise and the sum; no docstring
    assert not any("docstring" in line or "So does" in line for line in found)


def test_the_packages_have_thousands_each_by_a_name_of_its_own() -> None:
    found = made.mutants()
    assert len(found) > 5000 and len({m.name for m in found}) == len(found)
    assert [m.name for m in found] == sorted(m.name for m in found)
    for mutant in found[::500]:
        changed = mutant.source()
        assert changed != ast.unparse(ast.parse((made.HOME / mutant.path).read_text("utf-8")))


FOUND = """
from benchmarks.mutation import faults, mutants
from benchmarks.mutation.selection import TimedTest
wanted = "`0 <= self.low <= self.default <= self.high < float('inf')`"
file = mutants.HOME / "hw_models/bands.py"
mutant = next(m for m in mutants._of_file(file) if m.what.startswith(wanted))
bands, memory = "tests/hw_models/test_bands.py", "tests/hw_models/test_memory.py"
found = [
    faults.found_by(mutant, [TimedTest(name, 1.0) for name in names])
    for names in ((bands,), ("hw_models/bands.py::hw_models.bands.Band", bands), (memory,))
]
print("found by", found)
"""


@pytest.mark.timeout(120)
def test_the_tests_of_bands_find_that_an_order_is_not_kept() -> None:
    """In an interpreter of its own, which has not yet imported what is to have the fault; beside its examples too."""
    run = subprocess.run([sys.executable, "-c", FOUND], capture_output=True, text=True, timeout=100, cwd=made.HOME)
    assert "found by ['found', 'found', '']" in run.stdout, run.stdout + run.stderr


def test_survivors_need_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal("mutants")
    journal.add(Chunk(0, 20))
    assert show(journal, "") == 0
    survivor = "AssertionError: 0a1b2c3d4e  compiler/x.py:3  f: `a`"
    journal.chunks[0].failures[3] = f"Traceback\n{survivor}\n(not found by 3 tests)"
    assert show(journal, "") == 1 and "0a1b2c3d4e" in capsys.readouterr().out
    assert show(journal, "- 0a1b2c3d4e: it is the same") == 0
    journal.chunks[0].failures |= {n: f"AssertionError: {n:010x} x" for n in range(4, 7)}
    assert show(journal, " ".join(["0a1b2c3d4e", *(f"{n:010x}" for n in range(4, 7))])) == 1  # 16 of 20
