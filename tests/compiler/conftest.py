"""Helpers of this folder (`graph_strategies`) can be imported by all tests below it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
