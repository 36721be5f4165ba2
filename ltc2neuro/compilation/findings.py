"""What comes of the design rules' findings: an error that lists them, warnings, or a list."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

from compiler.rules import Finding, Severity, errors
from compiler.rules.sizes import PLACEMENT
from hw_models.chip import Chip
from hw_models.errors import ChipError
from hw_models.notebook_repr import Shown


def later_fit(findings: Sequence[Finding]) -> list[Finding]:
    """The same, but that it does not fit is a warning: a compiled network may yet be put on more chips."""
    return [replace(f, severity=Severity.WARNING) if f.rule == PLACEMENT else f for f in findings]


def refuse(findings: Sequence[Finding], chip: Chip) -> None:
    """Raise one `ChipError` that lists all errors among `findings`, where there is one."""
    found = errors(findings)
    if found:
        many = f"{len(found)} findings" if len(found) > 1 else "a finding"
        raise ChipError(
            "\n\n".join([f"{chip.name} cannot take this network: {many} of its design rules", *map(str, found)]) + "\n",
            where=f"chip {chip.name}",
            advice="ltc2neuro.check(model, chip, calibration) returns them as a list.",
        )


def warn(findings: Sequence[Finding], stacklevel: int) -> None:
    """One warning for each finding that is none."""
    for finding in findings:
        if finding.severity is Severity.WARNING:
            warnings.warn(str(finding), stacklevel=stacklevel + 1)


class Findings(Shown, list[Finding]):
    """A list that is shown as its findings are."""

    def __str__(self) -> str:
        return "\n\n".join(map(str, self)) or "no findings"


def errors_first(findings: Sequence[Finding]) -> Findings:
    """Errors, then warnings."""
    return Findings([*errors(findings), *(f for f in findings if f.severity is Severity.WARNING)])
