"""Maximum closures against all subsets."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np

from compiler.steps.closures import best_closure


def test_no_closure_gains_more():
    random = np.random.default_rng(0)
    for _ in range(60):
        gains = random.integers(-9, 10, 7).tolist()
        needs = [(int(a), int(b)) for a, b in random.integers(0, 7, (8, 2)) if a != b]
        subsets = chain.from_iterable(combinations(range(7), size) for size in range(8))
        closures = [own for own in subsets if all(b in own for a, b in needs if a in own)]
        found = best_closure(gains, needs)
        assert tuple(sorted(found)) in closures
        assert sum(gains[item] for item in found) == max(sum(gains[item] for item in own) for own in closures)
