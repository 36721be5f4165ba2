"""Helpers of this folder (`graph_strategies`) can be imported by all tests below it."""

import sys
from pathlib import Path

import compiler.further_ops  # noqa: F401  # as `ltc2neuro` does

sys.path.insert(0, str(Path(__file__).parent))
