"""Helpers that the tests of this folder share: `cell_test` here, `layer_agreement` of the tracing tests."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "tracing")]
