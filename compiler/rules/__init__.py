"""Design rules: what a chip cannot do with a network, or does badly, all of it at once. One function a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from compiler.rules.design import Design
from compiler.rules.finding import Finding, Severity, errors
from compiler.rules.instructions import division, table
from compiler.rules.ports import delay, ports, schedule
from compiler.rules.ranges import denominator, resolution
from compiler.rules.refusal import refusal
from compiler.rules.sizes import fan, fits, program_length, sum_width
from compiler.rules.slow import small_steps, time_constant
from compiler.rules.slow_decay import decay
from compiler.rules.widths import accumulator, message, overflow, product, weight, word

DesignRule = Callable[[Design], Iterable[Finding]]

REAL_RULES: list[DesignRule] = [denominator, sum_width, resolution]
"""What can be said of the float graph, before there are integers."""

STATE_RULES: list[DesignRule] = [time_constant, small_steps, decay]
"""What the states of an integer graph should hold."""

INTEGER_RULES: list[DesignRule] = [weight, message, word, accumulator, product, overflow, division, table]
"""What an integer graph must keep."""

MAPPED_RULES: list[DesignRule] = [schedule, ports, delay, fan, program_length, fits]
"""What populations, ticks and cores must keep."""

RULES: list[DesignRule] = [refusal, *REAL_RULES, *STATE_RULES, *INTEGER_RULES, *MAPPED_RULES]
"""All rules; each yields nothing where the design has not come so far."""


def apply_rules(design: Design, rules: Sequence[DesignRule] = RULES) -> list[Finding]:
    """All findings of `rules`. Of a chip that refuses the network, the reasons: no other rule has a meaning then."""
    refused = list(refusal(design)) if refusal in rules else []
    return refused or [finding for rule in rules if rule is not refusal for finding in rule(design)]


__all__ = [
    "INTEGER_RULES",
    "MAPPED_RULES",
    "REAL_RULES",
    "RULES",
    "STATE_RULES",
    "Design",
    "DesignRule",
    "Finding",
    "Severity",
    "apply_rules",
    "errors",
]
