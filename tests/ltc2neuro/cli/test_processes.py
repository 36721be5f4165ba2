"""Processes that work for a command: gone as soon as it is, whatever has ended it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.timeout(60)

AT_WORK = """
import time
from ltc2neuro.cli.processes import processes

if __name__ == "__main__":
    with processes(2) as pool:
        work = [pool.submit(time.sleep, seconds) for seconds in (0, 60, 60, 60)]
        work[0].result()
        print("begun", flush=True)
        work[1].result()
"""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_they_end_with_the_command(ending, tmp_path):
    """A terminal interrupts them all, and somebody who is impatient does so twice. Output ends with the last process
    that could write to it."""
    script = tmp_path / "at_work.py"
    script.write_text(AT_WORK)
    command = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        assert command.stdout is not None and command.stdout.readline() == b"begun\n"
        if ending == signal.SIGINT:
            os.killpg(command.pid, ending)
            time.sleep(0.02)
            os.killpg(command.pid, ending)
        else:
            command.send_signal(ending)
        command.communicate(timeout=20)
        assert command.returncode == -ending
    finally:
        if command.poll() is None:
            os.killpg(command.pid, signal.SIGKILL)
