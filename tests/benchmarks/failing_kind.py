"""A kind whose seeds fail in every way, for the tests of the runner."""

from __future__ import annotations

import os

from benchmarks.fuzz.kind import Kind


def trial(seed: int) -> str:
    if seed == 3:
        raise ValueError("three is wrong")
    if seed == 5:
        os._exit(7)
    if seed == 6:
        while True:
            pass
    if seed == 8:
        return str(len(bytearray(2**30)))
    return "even" if seed % 2 == 0 else "odd"


KIND = Kind(trial, seconds=1.5, memory=2**28)
