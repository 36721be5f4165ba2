"""What a design rule finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from hw_models.errors import Ltc2NeuroError
from hw_models.notebook_repr import Shown


class Severity(Enum):
    """Whether the chip cannot do it, or does it worse than one may think."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, repr=False)
class Finding(Shown):
    """One thing that the chip cannot do, or does badly: `rule` says which rule found it, `where` the object's name.

    `numbers` are the design's own, `limit` is what the chip or the format allows, `advice` what to do.
    """

    rule: str
    where: str
    message: str
    numbers: str = ""
    limit: str = ""
    advice: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        lines = [f"{self.severity.value} [{self.rule}] {self.where}: {self.message}"]
        for label, text in (("numbers", self.numbers), ("limit", self.limit), ("what to do", self.advice)):
            if text:
                lines.append(f"  {label}: {text}")
        return "\n".join(lines)


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Those that the chip cannot do."""
    return [f for f in findings if f.severity is Severity.ERROR]


def of_error(rule: str, error: Ltc2NeuroError, advice: str = "") -> Finding:
    """An error of a stage of the compiler, as a finding."""
    return Finding(rule, error.where or "network", error.what, error.numbers, "", error.advice or advice)
