"""Lava is imported whatever start method was chosen before, and says what to type where Lava is not complete."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest

from hw_models.errors import LavaError, MissingExtraError

try:
    from compiler.lava.runtime.import_lava import logging_kept
except (LavaError, MissingExtraError) as missing:
    pytest.skip(str(missing), allow_module_level=True)

pytestmark = pytest.mark.timeout(60)


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code],
        capture_output=True,
        text=True,
        timeout=50,
        cwd=os.getcwd(),
    )


@pytest.mark.parametrize("before", ["mp.Lock()", "mp.set_start_method('fork')", "mp.set_start_method('spawn')"])
def test_lava_runs_after_any_choice_of_start_method(before: str) -> None:
    done = python(
        f"import multiprocessing as mp\n{before}\nfrom compiler.lava.selftest import selftest\nprint(selftest())"
    )
    assert done.returncode == 0, done.stderr
    assert "exchanged 100 integers" in done.stdout


@pytest.mark.parametrize(
    ("hidden", "command"),
    [
        ("lava-nc", "pip install --no-deps --ignore-requires-python lava-nc==0.10.0"),
        ("networkx", "pip install networkx"),
    ],
)
def test_what_is_missing_is_named_with_its_command(hidden: str, command: str) -> None:
    done = python(
        "import importlib.metadata as m, importlib.util as u, sys\n"
        "version, find = m.version, u.find_spec\n"
        f"hidden = {hidden!r}\n"
        "def no_version(name):\n"
        "    if name == hidden: raise m.PackageNotFoundError(name)\n"
        "    return version(name)\n"
        "m.version = no_version\n"
        "u.find_spec = lambda name, *a: None if name == hidden else find(name, *a)\n"
        "import compiler.lava.runtime.import_lava"
    )
    assert done.returncode == 1
    assert "MissingExtraError" in done.stderr
    assert command in done.stderr


def test_other_systems_are_refused() -> None:
    done = python("import sys\nsys.platform = 'darwin'\nimport compiler.lava.runtime.import_lava")
    assert "LavaError: Lava runs on Linux only" in done.stderr


def test_logging_is_kept() -> None:
    before = list(logging.getLogger().handlers)
    with logging_kept():
        logging.getLogger().addHandler(logging.StreamHandler())
    assert logging.getLogger().handlers == before


def test_nothing_opens_lava_by_importing_the_compiler() -> None:
    done = python(
        "import sys, compiler.mapping.mapped_network, compiler.simulator.interpreter\n"
        "import compiler.lava.runtime.shared_memory\n"
        "assert not [n for n in sys.modules if n == 'lava' or n.startswith('lava.')]"
    )
    assert done.returncode == 0, done.stderr
