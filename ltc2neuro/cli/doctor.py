"""Say what is installed here, whether Lava really runs, and how to install what is missing."""

from __future__ import annotations

import argparse

from ltc2neuro.cli.output import HELD, MISSED, say

NAME = "doctor"
HELP = "show what is installed, and how to install what is missing"


def add(parser: argparse.ArgumentParser) -> None:
    """This command has no options of its own."""


def run(options: argparse.Namespace) -> int:
    """Examine and print. What is missing is not a failure, as the reference needs none of it; what is broken is."""
    from ltc2neuro.doctor import Status, examine

    findings = examine()
    width = max(len(f.subject) for f in findings)
    lines = []
    for f in findings:
        lines.append(f"{f.subject:{width}}  {f.status.value:7}  {f.found}")
        if f.advice:
            lines.append(f"{'':{width}}           {f.advice}")
    data = [{"subject": f.subject, "status": f.status.value, "found": f.found, "advice": f.advice} for f in findings]
    say(options, "\n".join(lines), {"findings": data})
    return MISSED if any(f.status is Status.BROKEN for f in findings) else HELD
