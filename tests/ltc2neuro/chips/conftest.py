"""The tests of this folder need torch; `chip_test` can be imported by them."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("ncps", reason="compiling needs the extra torch")
sys.path.insert(0, str(Path(__file__).parent))
