"""The proof's long probe has 1,024 steps, a third of what `compile` costs. Tests of something else take 48 of them.

Keras reads its backend when it is first imported.
"""

import gc
import os
import sys

import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")

WHOLE, SHORT = 1024, 48


def pytest_collection_finish() -> None:
    """All that the tests import stays: the garbage collector need not go through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked `whole_proof` prove as users do."""
    probes = sys.modules.get("ltc2neuro.tracing.proof.probes")
    if probes is not None:
        probes.LONG_STEPS = WHOLE if item.get_closest_marker("whole_proof") else SHORT
