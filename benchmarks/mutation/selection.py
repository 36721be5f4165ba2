"""Which tests run a line, and how long each takes: measured once, in a folder that the mutants read.

The first: coverage of the whole suite by test (`.coverage`). The second: the suite's own report (`tests.xml`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.mutation.mutants import HOME, PACKAGES, Mutant

ALIKE = 4
"""So many parameters of one test come first, then those of other tests."""


def measure(folder: Path, processes: int, tests: Iterable[str]) -> None:
    """Run the tests, all where none is named, and note in `folder` which lines each runs."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(processes), *tests, f"--junitxml={folder / 'tests.xml'}"]
    command += ["-o", "junit_family=xunit1", *(f"--cov={p}" for p in PACKAGES), "--cov-context=test", "--cov-report="]
    environment = {**os.environ, "COVERAGE_FILE": str(folder / ".coverage"), "OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=HOME, env=environment, check=False)


@dataclass(frozen=True)
class TimedTest:
    """A test by pytest's name, and the seconds it took."""

    name: str
    seconds: float

    @property
    def function(self) -> str:
        """Without its parameters."""
        return self.name.split("[")[0]


class Selection:
    """What `measure` noted in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _seconds(self) -> dict[str, float]:
        """Of the tests that held without a fault; one that fails anyway tells nothing."""
        found: dict[str, float] = {}
        for case in ElementTree.parse(self._folder / "tests.xml").iter("testcase"):
            if case.find("failure") is None and case.find("error") is None:
                found[_node(case.get("classname") or "", case.get("name") or "")] = float(case.get("time") or 0)
        return found

    def tests(self, mutant: Mutant) -> list[TimedTest]:
        """The tests that run a mutant's lines: those of its own folder first, the fastest before the others.

        Where the lines run on import, or in processes that no coverage sees, as Lava's, they are those that run
        anything of the file.
        """
        from coverage import CoverageData

        data = CoverageData(str(self._folder / ".coverage"))
        data.read()
        lines = data.contexts_by_lineno(str(HOME / mutant.path))
        contexts: set[str] = set()
        if mutant.where and not mutant.where.split(".")[-1][:1].isupper():  # else of the module or of a class
            contexts = {c for line in range(mutant.first, mutant.last + 1) for c in lines.get(line, ())}
        contexts = contexts or {c for found in lines.values() for c in found}
        names = {c.rsplit("|", 1)[0] for c in contexts if c}
        own = "tests/" + mutant.path.rsplit("/", 1)[0]
        found = [TimedTest(n, self._seconds[n]) for n in names if n in self._seconds]
        found.sort(key=lambda t: (not t.name.startswith(own), t.seconds, t.name))
        seen: dict[str, int] = {}
        first, later = [], []
        for test in found:
            seen[test.function] = seen.get(test.function, 0) + 1
            (first if seen[test.function] <= ALIKE else later).append(test)
        return first + later


def _node(classname: str, name: str) -> str:
    """pytest's name of a test; a test that a class inherits is that class's, in its file."""
    parts = classname.split(".")
    module = next((n for n in range(len(parts), 0, -1) if (HOME / Path(*parts[:n]).with_suffix(".py")).is_file()), 0)
    return "::".join(["/".join(parts[:module]) + ".py", *parts[module:], name])
