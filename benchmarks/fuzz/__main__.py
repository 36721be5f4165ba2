"""Seeded fuzzing, as long as asked, in several processes; a run that was cut off goes on from its journal.

    python -m benchmarks.fuzz programs --count 100000 --processes 2 --journal programs.jsonl
    python -m benchmarks.fuzz programs --seed 17        # one trial again, with its traceback

Ends with 1 where something failed, and prints the seeds.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks.fuzz.journal import Journal
from benchmarks.fuzz.runner import kind_of, run

KINDS = {
    "programs": "random integer programs: reference, simulator of the mapped network and fused return the same",
    "onnx": "the same programs as ONNX models in onnxruntime, against the reference",
    "native": "the same programs as machine code, against the reference",
    "lava": "the same programs on Lava, mapped and fused, against the reference",
    "failures": "Lava's processes made to fail: each ends in time, named, and leaves nothing behind",
    "artifacts": "damaged files of networks: one error of ours each, or a sound network",
    "models": "composed torch models: compiled right, refused in our words, or warned of",
    "mixing": "torch models that mix steps: loops, differences, windows, convolutions, readouts over time",
    "functions": "torch models of norms and functions: compiled right, refused, or warned of",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description="Seeded fuzzing.")
    parser.add_argument("kind", choices=KINDS, help="; ".join(f"{name}: {text}" for name, text in KINDS.items()))
    parser.add_argument("--count", type=int, help="seeds to try in all")
    parser.add_argument("--minutes", type=float, help="stop after this many minutes")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--journal", type=Path, help="file to note in what is done, and to go on from")
    parser.add_argument("--seed", type=int, help="try this one alone, here")
    options = parser.parse_args()
    for name, least in (("count", 0), ("minutes", 0), ("processes", 1), ("seed", 0)):
        if (number := getattr(options, name)) is not None and not number >= least:
            parser.error(f"--{name} {number}: from {least} on")
    module = f"benchmarks.fuzz.{options.kind}"
    if options.seed is not None:
        print(kind_of(module).trial(options.seed))
        return 0
    if options.count is None and options.minutes is None:
        parser.error("say --count or --minutes")
    journal = Journal(options.kind, options.journal)
    minutes = None if options.minutes is None else options.minutes * 60
    try:
        run(module, journal, options.count, options.processes, minutes, report=_Progress())
    except KeyboardInterrupt:
        print("interrupted", "" if journal.path is None else f"; go on with --journal {journal.path}", sep="")
    return show(journal)


class _Progress:
    """A line every ten seconds."""

    def __init__(self) -> None:
        self._next = time.monotonic()

    def __call__(self, journal: Journal) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + 10
            print(f"{journal.tried:,} tried, {len(journal.failures):,} failed", file=sys.stderr, flush=True)


def show(journal: Journal) -> int:
    """Print how it came out; returns 1 where something failed."""
    print(f"{journal.tried:,} tried")
    for outcome, times in journal.outcomes.most_common():
        print(f"{times:10,}  {outcome}")
    for what, seeds in _alike(journal.failures).items():
        shown = ", ".join(map(str, seeds[:8])) + (", ..." if len(seeds) > 8 else "")
        print(f"\n{len(seeds)} failed, seeds {shown}: {what}")
    return 1 if journal.failures else 0


def _alike(failures: dict[int, str]) -> dict[str, list[int]]:
    """Seeds by where they failed, and the words of the first of them."""
    words: dict[str, str] = {}
    seeds: dict[str, list[int]] = {}
    for seed, text in failures.items():
        lines = text.strip().splitlines()
        where = next((line.strip() for line in reversed(lines) if line.startswith("  File")), "")
        words.setdefault(where, f"{lines[-1][:300]} {where}")
        seeds.setdefault(words[where], []).append(seed)
    return seeds


if __name__ == "__main__":
    sys.exit(main())
