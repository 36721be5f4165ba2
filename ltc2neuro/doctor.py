"""What is installed here, at which version, whether Lava really runs, and how to install what is missing."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, version

from compiler.running.executor import Executor
from hw_models.errors import Ltc2NeuroError, MissingExtraError
from ltc2neuro import extras
from ltc2neuro.compiled.executors import EXECUTORS, LIBRARY_EXECUTORS
from ltc2neuro.extras import Extra
from ltc2neuro.version import __version__

DISTRIBUTIONS = {"lava": "lava-nc", "sklearn": "scikit-learn"}
"""Where a module and what pip calls it differ."""


class Status(Enum):
    """How something was found."""

    OK = "ok"
    MISSING = "missing"
    BROKEN = "broken"


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at: what it is, how it is, what was found, and what to type about it."""

    subject: str
    status: Status
    found: str
    advice: str = ""


def examine() -> list[Diagnosis]:
    """All findings, in order. Runs a Lava graph of two processes where Lava is installed: a second or two."""
    lava, kinds = _lava_runs(), (("", EXECUTORS.values()), (", without microcode", LIBRARY_EXECUTORS.values()))
    needed = [e.needs for _, executors in kinds for e in executors if e.needs is not None]
    return [
        Diagnosis("Python", Status.OK, f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        Diagnosis("ltc2neuro", Status.OK, __version__),
        *(_package(name) for name in ("numpy", "safetensors", "tqdm")),
        *_brought_by((extras.TORCH, extras.PLOT, extras.DEMO, extras.KERAS, extras.NIR, extras.DASK, *needed)),
        *_lava_alone(),
        lava,
        *(_executor(e, f'on="{e.name}"{kind}', lava) for kind, executors in kinds for e in executors),
    ]


def _package(module: str, advice: str = "") -> Diagnosis:
    name = DISTRIBUTIONS.get(module, module)
    try:
        return Diagnosis(name, Status.OK, version(name))
    except PackageNotFoundError:
        return Diagnosis(name, Status.MISSING, "not installed", advice)


def _brought_by(found: Iterable[Extra]) -> Iterator[Diagnosis]:
    """Each package once: more than one extra may bring it."""
    advice: dict[str, str] = {}
    for extra in found:
        for module in extra.modules:
            advice.setdefault(module, f"for {extra.needed_for}: {extra.command}")
    return (_package(module, text) for module, text in advice.items())


def _lava_alone() -> Iterator[Diagnosis]:
    """How a program has to import Lava: lava-nc 0.10.0 alone fails on Python 3.11 and newer."""
    subject = "import lava"
    if not sys.platform.startswith("linux") or extras.LAVA.missing():
        return
    code = "import lava.magma.core.process.process"
    alone = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    if alone.returncode == 0:
        yield Diagnosis(subject, Status.OK, "works by itself")
    else:
        error = alone.stderr.strip().rpartition("\n")[2]
        advice = "write `import ltc2neuro` above your first import of Lava: docs/lava.md"
        found = f"works after `import ltc2neuro`; by itself it fails in Lava: {error}"
        yield Diagnosis(subject, Status.OK, found, advice)


def _lava_runs() -> Diagnosis:
    subject = "Lava runs"
    if not sys.platform.startswith("linux"):
        return Diagnosis(subject, Status.MISSING, "it runs on Linux only", "use the reference: the same integers")
    if extras.LAVA.missing():
        return Diagnosis(subject, Status.MISSING, "not tried", extras.LAVA.command)
    try:
        from compiler.lava.selftest import selftest

        return Diagnosis(subject, Status.OK, selftest())
    except Ltc2NeuroError as error:
        return Diagnosis(subject, Status.BROKEN, error.what, error.advice)


def _executor(executor: Executor, subject: str, lava: Diagnosis) -> Diagnosis:
    """Whether an executor runs here; those of Lava do where `lava`, the finding that it runs, says so."""
    missing = executor.needs.missing() if executor.needs else ()
    if executor.needs and missing:
        return Diagnosis(subject, Status.MISSING, f"needs {', '.join(missing)}", executor.needs.command)
    if executor.needs is extras.LAVA and lava.status is not Status.OK:
        return Diagnosis(subject, lava.status, f"needs Lava: {lava.found}", lava.advice)
    if not executor.simulates:
        return Diagnosis(subject, Status.MISSING, "needs a chip: not tried", "what it takes: docs/hardware.md")
    try:
        executor.loads()
    except MissingExtraError as error:
        return Diagnosis(subject, Status.BROKEN, f"{error.what}: {error.numbers}", error.advice)
    return Diagnosis(subject, Status.OK, "runs here")
