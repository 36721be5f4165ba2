"""Which process of a graph that does not answer is at fault: the others wait for it, and it does something else.

A Lava process that has nothing to do waits for a message, in a futex of the kernel. Only Linux tells what processes
are doing; elsewhere no process is named.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

LOOKS, BETWEEN_S = 12, 0.025


def stuck(processes: Sequence[tuple[str, int]]) -> list[str]:
    """The names of those that never wait for messages, however often one looks; `processes` are names and pids."""
    found = list(processes)
    for look in range(LOOKS):
        if look:
            time.sleep(BETWEEN_S)
        found = [(name, pid) for name, pid in found if not _waits(pid)]
    return [name for name, _ in found]


def _waits(pid: int) -> bool:
    """Whether the process's main thread waits for a message, as far as one can see."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            state = file.read().rsplit(")", 1)[1].split()[0]
        with open(f"/proc/{pid}/wchan", encoding="ascii", errors="replace") as file:
            place = file.read()
    except OSError:
        return True
    return state != "R" and ("futex" in place or place in ("", "0"))
