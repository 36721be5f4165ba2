"""The recorder of raw float graphs writes the graphs of the rules too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "rewrite"))
