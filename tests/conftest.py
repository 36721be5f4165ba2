"""The proof is half of what `compile` costs: its long probe has 1,024 steps, and others have 14 numbers of rows.

Tests of something else take 48 steps, and 3 of these numbers.

Keras reads its backend when it is first imported.
"""

import gc
import os
import sys

import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")

SHORT = {"LONG_STEPS": 48, "ROW_COUNTS": (3, 17, 128)}
"""What `ltc2neuro.tracing.proof.probes` has other values of"""
WHOLE: dict[str, object] = {}
"""Those values, once it has been imported"""


def pytest_collection_finish() -> None:
    """All that the tests import stays: the garbage collector need not go through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked `whole_proof` prove as users do."""
    probes = sys.modules.get("ltc2neuro.tracing.proof.probes")
    if probes is not None:
        WHOLE.update({name: getattr(probes, name) for name in SHORT if name not in WHOLE})
        vars(probes).update(WHOLE if item.get_closest_marker("whole_proof") else SHORT)
