"""The parser of a command. What the end of its help says is made when help is asked for, as it may need imports."""

from __future__ import annotations

import argparse
from collections.abc import Callable

METRICS = ("accuracy", "mse", "mae", "correlation")
"""Those of `ltc2neuro.metrics`, whose import would take help too long"""

COSTS = ("time", "energy", "cores", "instructions", "synapses", "latency")
"""Those of `ltc2neuro.search`"""


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` whose help ends with what `ending` returns."""

    ending: Callable[[], str] | None = None
    epilog: str | None

    def format_help(self) -> str:
        """The help, with its ending."""
        if self.ending is not None:
            self.epilog = self.ending()
        return super().format_help()


def executors() -> str:
    """The executors and what each runs, for the end of a help."""
    from ltc2neuro.compiled.executors import EXECUTORS, LIBRARY_EXECUTORS

    with_microcode, without = (
        "; ".join(f"{e.name} ({e.runs})" for e in kind.values()) for kind in (EXECUTORS, LIBRARY_EXECUTORS)
    )
    return f"Executors: {with_microcode}. Of a network without microcode: {without}."


def listed(names: str | None) -> list[str] | None:
    """Names that are separated by commas.

    >>> listed("lava, native")
    ['lava', 'native']
    """
    return [name.strip() for name in names.split(",")] if names else None
