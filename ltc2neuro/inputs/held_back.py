"""Which sequences are worked with, and which only judge what comes of it."""

from __future__ import annotations

import numpy as np

HELD_BACK = 1 / 3
"""The part of the sequences that judges"""


def halves(count: int, seed: int) -> tuple[list[int], list[int]]:
    """Which of `count` sequences, two at least, are looked at, and which only judge."""
    order = np.random.default_rng(seed).permutation(count)
    held = max(1, round(count * HELD_BACK))
    judging, looked_at = ([int(i) for i in np.sort(part)] for part in (order[:held], order[held:]))
    return looked_at, judging
