"""The proof is half of what `compile` costs: its long probe has 1,024 steps or 4,096, that of special values 32, and
others have 14 numbers of rows.

Tests of something else take 32 steps, 8, and 2 of these numbers.

Keras reads its backend when it is first imported.
"""

import ctypes
import gc
import os
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")

SHORT = {"LONG_STEPS": 32, "LOOP_STEPS": 32, "MOST_STEPS": 32, "SPECIAL_STEPS": 8, "ROW_COUNTS": (3, 128)}
"""What `ltc2neuro.tracing.proof.probes` has other values of"""
ROOM = 2**17 + 1
"""Words of 8 bytes: the chunk has twice as many, and of those of which nothing is used none are in memory."""
YOUNG = 50_000
"""Objects that may be new before the garbage collector looks which of them are garbage"""
LARGE, COLLAPSE = 2**21, 25
"""Bytes of a large page, and what asks Linux for such; an older one says no, and nothing is different"""
WHOLE: dict[str, object] = {}
"""Those values, once it has been imported"""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """All that the tests import stays: the garbage collector need not go through it, then or again and again.

    Nor may it count it: it goes through all when what is new is a quarter of what there was the last time. What a
    compile makes is gone, or kept, after many more than 700 objects: looked through so often it is a tenth of the time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.collect()
        _join_pages()
        gc.set_threshold(YOUNG)
        gc.enable()


def _join_pages() -> None:
    """Half a gigabyte in pages of 4 KiB: where Lava forks, half of the time is the list of them. Linux joins them."""
    if not sys.platform.startswith("linux"):
        return
    advise = ctypes.CDLL(None).madvise
    for line in Path("/proc/self/maps").read_text("ascii", "replace").splitlines():
        place, access, _, _, _, *name = line.split()
        low, high = (int(end, 16) // LARGE for end in place.split("-"))
        if access == "rw-p" and name in ([], ["[heap]"]) and low + 1 < high:
            advise(ctypes.c_void_p((low + 1) * LARGE), ctypes.c_size_t((high - low - 1) * LARGE), COLLAPSE)


def _run(run: Callable[..., object], item: pytest.Item, nextitem: pytest.Item | None) -> object:
    return run(item, nextitem=nextitem)


_run.__code__ = _run.__code__.replace(co_stacksize=ROOM)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> object:
    """As pytest runs a test, with room for the frames of all that it calls.

    Python keeps them in chunks of 16 KiB, and maps and unmaps one at each call that happens to cross its end: of a loop
    that does, this takes more time than the calls. A frame for which a chunk is too small gets a larger one, where
    those of its callees find room, too.
    """
    runner = item.config.pluginmanager.get_plugin("runner")
    assert runner is not None
    return _run(runner.pytest_runtest_protocol, item, nextitem)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked `whole_proof` prove as users do."""
    probes = sys.modules.get("ltc2neuro.tracing.proof.probes")
    if probes is not None:
        WHOLE.update({name: getattr(probes, name) for name in SHORT if name not in WHOLE})
        vars(probes).update(WHOLE if item.get_closest_marker("whole_proof") else SHORT)
