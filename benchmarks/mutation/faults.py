"""Whether the tests find a fault: the tests that run its line are run with the fault in the code, in a forked process.

No file is changed: the fault is put in when the module is imported. What tests start as processes of their own is
without it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import resource
import signal
import sys
import time
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType
from typing import NoReturn

from benchmarks.fuzz.kind import Kind
from benchmarks.mutation.mutants import HOME, Mutant, mutants
from benchmarks.mutation.selection import Selection, TimedTest

FOLDER = Path(os.environ.get("MUTATION_FOLDER", "build/mutation"))
"""where `measure` has left what it noted"""
BUDGET_S = float(os.environ.get("MUTATION_BUDGET", "60"))
"""Tests are left out, the slowest first, that would take longer together."""
PATIENCE_S = 240.0
"""A fault that takes tests so long has been found: nothing ends any more."""
PRELOADED = ("numpy", "torch", "ncps.torch", "scipy.sparse", "scipy.integrate", "hypothesis", "pytest", "safetensors")


@cache
def all_mutants() -> list[Mutant]:
    return mutants()


@cache
def selection() -> Selection:
    return Selection(FOLDER)


def prepare() -> None:
    """Import what all tests need, and nothing of the packages."""
    for name in PRELOADED:
        importlib.import_module(name)
    all_mutants()


def trial(seed: int) -> str:
    """The fate of the mutant of that number. Raises `AssertionError` with its name where no test finds it."""
    mutant = all_mutants()[seed]
    tests = chosen(selection().tests(mutant))
    assert tests, f"{mutant}\n(no test runs it)"
    found = found_by(mutant, tests)
    assert found, f"{mutant}\n(not found by {len(tests)} tests)"
    return found


def chosen(tests: list[TimedTest]) -> list[TimedTest]:
    """The first tests that are over within the budget."""
    total, found = 0.0, []
    for test in tests:
        if total + test.seconds <= BUDGET_S or not found:
            total += test.seconds
            found.append(test)
    return found


def found_by(mutant: Mutant, tests: list[TimedTest], quiet: bool = True) -> str:
    """How tests find a fault, empty where they do not."""
    source, path = mutant.source(), HOME / mutant.path
    child = os.fork()
    if child == 0:
        _run_tests(source, path, [test.name for test in tests], quiet)
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            _end_group(child)
            return _fate(os.waitstatus_to_exitcode(status))
        time.sleep(0.02)
    _end_group(child)
    os.waitpid(child, 0)
    return "found: tests did not end"


def _fate(code: int) -> str:
    """What pytest's exit code says."""
    if code == 0:
        return ""
    if code in (4, 5):
        raise RuntimeError(f"pytest ended with {code}: the tests noted are not those of this tree")
    return "found"


def _end_group(child: int) -> None:
    """End what the tests have started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)


def _run_tests(source: str, path: Path, names: list[str], quiet: bool) -> NoReturn:
    """In the forked process: pytest, with the fault in the module at `path`."""
    code = 3
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2) if quiet else (0,):
            os.dup2(null, stream)
        os.chdir(HOME)
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(HOME))
        sys.meta_path.insert(0, _Finder(path, source))
        import pytest

        plain = "--assert=plain"  # else pytest loads a module whose examples run itself, without the fault
        code = int(pytest.main(["-q", "-x", plain, "-p", "no:xdist", "-p", "no:cov", "--timeout=60", *names]))
    finally:
        os._exit(code)


class _Loader(SourceFileLoader):
    """Loads a file from another source than its own."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.path, "exec")


class _Finder(MetaPathFinder):
    """Finds one module, with a fault."""

    def __init__(self, path: Path, source: str) -> None:
        parts = path.relative_to(HOME).with_suffix("").parts
        self._name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        self._path, self._source = str(path), source

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return spec_from_file_location(fullname, self._path, loader=_Loader(fullname, self._path, self._source))


KIND = Kind(trial, seconds=PATIENCE_S + 60, prepare=prepare)
