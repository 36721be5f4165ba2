"""The random float graphs of the rewrites are quantized here too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "rewrite"))
