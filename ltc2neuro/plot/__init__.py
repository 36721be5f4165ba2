"""Pictures on matplotlib's axes: each function takes what the rest of the package returns, draws on `ax`, or on the
current one of pyplot, and returns it. Needs the extra `plot`. docs/report.md shows them."""

from ltc2neuro.plot.causes import causes
from ltc2neuro.plot.chip import cost, placement, schedule
from ltc2neuro.plot.network import network
from ltc2neuro.plot.pareto_front import pareto
from ltc2neuro.plot.ranges import ranges
from ltc2neuro.plot.time import errors, states, time_constants
from ltc2neuro.plot.traces import Traces, traces

__all__ = [
    "Traces",
    "causes",
    "cost",
    "errors",
    "network",
    "pareto",
    "placement",
    "ranges",
    "schedule",
    "states",
    "time_constants",
    "traces",
]
