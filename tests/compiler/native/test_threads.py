"""Shared work: each part is done once, by however many threads, also after a fork and from within."""

import os
import subprocess
import sys
import threading
import time

import pytest

from compiler.native.threads import each


@pytest.mark.parametrize("threads", [1, 2, 3, 50])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_each_part_once(threads, count):
    done, seen = list[int](), set[int]()

    def one(number: int) -> None:
        time.sleep(0.002)
        seen.add(threading.get_ident())
        done.append(number)

    each(one, count, threads)
    assert sorted(done) == list(range(count))
    assert len(seen) <= min(threads, count)


def test_an_error_ends_the_work():
    def one(number: int) -> None:
        if number == 3:
            raise ValueError(number)

    with pytest.raises(ValueError, match="3"):
        each(one, 8, 2)


def test_work_within_work_waits_for_nobody():
    done = list[tuple[int, int]]()
    each(lambda a: each(lambda b: done.append((a, b)), 4, 4), 4, 4)
    assert sorted(done) == [(a, b) for a in range(4) for b in range(4)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_has_threads_of_its_own():
    each(lambda n: time.sleep(0.01), 2, 2)
    child = os.fork()
    if not child:
        seen = set[int]()

        def one(number: int) -> None:
            seen.add(threading.get_ident())
            time.sleep(0.1)

        each(one, 4, 2)
        os._exit(0 if len(seen) == min(2, os.cpu_count() or 1) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


ENDING = """
import {module}, time
from compiler.native.threads import each

done = []

def late():
    time.sleep(0.2)  # the main thread has ended
    each(done.append, 5, 4)
    print(sorted(done))

each(lambda n: None, 4, 4)
{start}
"""


@pytest.mark.parametrize(
    ("module", "start"), [("threading", "threading.Thread(target=late).start()"), ("atexit", "atexit.register(late)")]
)
def test_a_program_that_ends_does_the_work_by_itself(module, start):
    code = ENDING.format(module=module, start=start)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.returncode) == ("[0, 1, 2, 3, 4]\n", 0), ended.stderr
