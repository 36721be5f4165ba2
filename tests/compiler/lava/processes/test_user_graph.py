"""The example of a user's own Lava graph runs, and finds the integers of the reference."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[4] / "examples" / "lava_graph.py"
ABSENT = [name for name in ("lava", "torch", "ncps") if find_spec(name) is None]


@pytest.mark.timeout(300)
@pytest.mark.skipif(bool(ABSENT), reason=f"not installed: {', '.join(ABSENT)}")
def test_example() -> None:
    done = subprocess.run([sys.executable, str(EXAMPLE)], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    assert "The same integers as the NumPy reference: True." in done.stdout
