"""The executors of both kinds of networks: a new one is a line here."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

import compiler.further_ops  # noqa: F401  # the rows of these ops, before anything is run
from compiler.lava.executor import LAVA, LAVA_FUSED, LIBRARY, LIBRARY_LOIHI2, LOIHI2
from compiler.library_processes.executor import REFERENCE as LIBRARY_REFERENCE
from compiler.library_processes.process_graph import ProcessGraph
from compiler.native.executor import NATIVE
from compiler.onnx.executor import ONNX
from compiler.running.executor import Compiled, Executor
from compiler.running.interpreted import FLOATING, REFERENCE
from compiler.simulator.executor import SIMULATOR

EXECUTORS: dict[str, Executor[Compiled]] = {
    e.name: e for e in (REFERENCE, FLOATING, NATIVE, SIMULATOR, LAVA, LAVA_FUSED, ONNX, LOIHI2)
}
LIBRARY_EXECUTORS: dict[str, Executor[ProcessGraph]] = {e.name: e for e in (LIBRARY_REFERENCE, LIBRARY, LIBRARY_LOIHI2)}
"""Those of networks without microcode"""


def page(text: str) -> str:
    """The text of docs/executors.md with the tables of what there is now."""
    tables = map(table, (EXECUTORS, LIBRARY_EXECUTORS))
    return re.sub(r"^\| executor \|(.*\n)+?(?=\n)", lambda _: next(tables) + "\n", text, flags=re.M)


def table(executors: Mapping[str, Executor[Any]]) -> str:
    """What each of them runs, returns, shows, takes and needs."""
    head = "| executor | runs | returns | shows, besides outputs | counts saturations | starts from a state | "
    lines = [head + "options | needs |", "|---|---|---|---|---|---|---|---|"]
    for e in executors.values():
        needs = "a chip, " * (not e.simulates) + (", ".join(e.needs.parts) if e.needs else "")
        cells = (
            f"`{e.name}`", e.runs, "integers" if e.integers else "real values", e.shows.value,
            "all" if e.counts else "of the input", _yes(e.starts), _yes(e.mapped), needs or "NumPy",
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


if __name__ == "__main__":
    sys.stdout.write(page(sys.stdin.read()))
