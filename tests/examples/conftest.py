"""The examples are scripts beside each other, so their folder must be on the path as when Python runs one."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))
