"""The executors: a new one is a line here."""

from __future__ import annotations

from compiler.lava.executor import LAVA, LAVA_FUSED, LOIHI2
from compiler.running.executor import Executor
from compiler.running.interpreted import FLOATING, REFERENCE
from compiler.simulator.executor import SIMULATOR
from hw_models.arguments import check_choice

EXECUTORS: dict[str, Executor] = {e.name: e for e in (REFERENCE, FLOATING, SIMULATOR, LAVA, LAVA_FUSED, LOIHI2)}


def executor_of(name: object) -> Executor:
    """The executor of that name. Raises `InputError` for another."""
    return EXECUTORS[check_choice(name, EXECUTORS, "executor")]


def compared() -> list[Executor]:
    """Those that `verify` compares with the reference unless told otherwise: of integers, and without a chip."""
    return [e for e in EXECUTORS.values() if e.integers and e.simulates and e is not REFERENCE]


def table() -> str:
    """The table of docs/executors.md: what each runs, returns, shows, takes and needs."""
    head = "| executor | runs | returns | shows, beside outputs | counts saturations | starts from a state | options | "
    lines = [head + "needs |", "|---|---|---|---|---|---|---|---|"]
    for e in EXECUTORS.values():
        needs = "a chip, " * (not e.simulates) + (", ".join(e.needs.modules) if e.needs else "")
        cells = (
            f"`{e.name}`", e.runs, "integers" if e.integers else "real values", e.shows.value,
            "all" if e.counts else "of the input", _yes(e.starts), _yes(e.mapped), needs or "NumPy",
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
