"""Mutation testing: do the tests find small faults in the packages?

    python -m benchmarks.mutation measure --processes 2               # once: which tests run which lines
    python -m benchmarks.mutation run --count 500 --processes 2 --journal mutants.jsonl
    python -m benchmarks.mutation try 0a1b2c3d4e                      # one mutant, by its name, with pytest's words

`run` ends with 1 where a fault was not found that survivors.md does not explain, or where fewer than 9 in 10 are found.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

from benchmarks.fuzz.journal import Journal
from benchmarks.fuzz.runner import run
from benchmarks.mutation.selection import measure

LEAST = 0.9
SURVIVORS = Path(__file__).with_name("survivors.md")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation", description="Mutation testing.")
    parser.add_argument("--folder", type=Path, default=Path("build/mutation"), help="what `measure` notes")
    commands = parser.add_subparsers(dest="command", required=True)
    noting = commands.add_parser("measure", help="note which tests run which lines")
    noting.add_argument("--processes", type=int, default=1)
    noting.add_argument("tests", nargs="*", help="these alone")
    running = commands.add_parser("run", help="try mutants")
    running.add_argument("--count", type=int, default=500)
    running.add_argument("--processes", type=int, default=1)
    running.add_argument("--journal", type=Path)
    trying = commands.add_parser("try", help="try one")
    trying.add_argument("name")
    options = parser.parse_args()
    if options.command == "measure":
        measure(options.folder, options.processes, options.tests)
        return 0
    os.environ["MUTATION_FOLDER"] = str(options.folder.absolute())
    if options.command == "try":
        return _try(options.name)
    journal = Journal("mutants", options.journal)
    run("benchmarks.mutation.faults", journal, options.count, options.processes, chunk=4, report=_progress)
    return show(journal, SURVIVORS.read_text("utf-8") if SURVIVORS.exists() else "")


def _progress(journal: Journal) -> None:
    print(f"{journal.tried} tried, {len(journal.failures)} not found", file=sys.stderr, flush=True)


def _try(name: str) -> int:
    from benchmarks.mutation import faults

    (mutant,) = [m for m in faults.all_mutants() if m.name == name]
    print(mutant)
    tests = faults.chosen(faults.selection().tests(mutant))
    found = faults.found_by(mutant, tests, quiet=False) if tests else ""
    print(found or f"not found by {len(tests)} tests")
    return 0 if found else 1


def show(journal: Journal, explained: str) -> int:
    """Print how many were found, and which were not; returns 1 where too many were not, or one without a reason."""
    survivors = [text.split("AssertionError: ")[-1].strip() for text in journal.failures.values()]
    found = journal.tried - len(survivors)
    print(f"{found} of {journal.tried} mutants found, {100 * found / max(journal.tried, 1):.1f} %")
    unexplained = [text for text in survivors if re.split(r"\s", text)[0] not in explained]
    for text in unexplained:
        print(f"\n{text}")
    return 1 if unexplained or found < LEAST * journal.tried else 0


if __name__ == "__main__":
    sys.exit(main())
