"""`report`: a network as one HTML file that shows itself anywhere, for those who have nothing installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from compiler.mapping.titles import state_title
from hw_models.arguments import check_path
from hw_models.errors import InputError
from ltc2neuro.artifact.atomic_write import write_whole
from ltc2neuro.compiled.microcode import needs_microcode
from ltc2neuro.compiled.network import BaseNetwork
from ltc2neuro.extras import PLOT
from ltc2neuro.inputs.arrays import Sequences
from ltc2neuro.inputs.layout import BATCH_FIRST
from ltc2neuro.progressing import begin, shown_stages
from ltc2neuro.report.causes import causes
from ltc2neuro.report.chip import chip
from ltc2neuro.report.material import Material, ReportData
from ltc2neuro.report.page import Section, page
from ltc2neuro.report.picture import network
from ltc2neuro.report.provenance import provenance
from ltc2neuro.report.ranges import ranges
from ltc2neuro.report.time import time
from ltc2neuro.report.verdict import verdict
from ltc2neuro.verification.verifying import verify

Sections: TypeAlias = Sequence[Callable[[Material], Section]]

SECTIONS: Sections = (verdict, network, time, ranges, causes, chip, provenance)
"""Those of networks with microcode, in the order of the page"""


def report(net: BaseNetwork, path: str | Path, data: ReportData, sections: Sections) -> None:
    """Write the report of `net` on `data`: see `WrittenNetwork.report`."""
    path = _checked(path)
    if data.x is None and data.targets is not None:
        raise InputError("targets belong to samples", advice="Give x, too.")
    if data.calibration is not None and causes not in sections:
        raise needs_microcode("splitting the error by cause", instead="leave calibration= out")
    PLOT.require()
    with shown_stages("report", len(sections) + 15):
        seen = verify(net, data.model, data.x, data.targets, data.metric, data.on, timespans=data.timespans)
        if data.x is None:
            x = Sequences(tuple(net.known.x), ragged=True)
        else:
            x = replace(net.parts.host.sequences(data.x, data.timespans), layout=BATCH_FIRST, ragged=True)
        material, written = Material(net, data, x, seen), []
        for section in sections:
            begin(f"writing: {section.__name__}")
            written.append(section(material))
        text = page(f"{path.stem}: a network for {net.chip.title}", _intro(material), written)
        write_whole(path, lambda part: part.write_text(text, "utf-8"), what="report")


def _checked(path: str | Path) -> Path:
    path = check_path(path)
    if path.suffix not in (".html", ".htm"):
        raise InputError("a report is an HTML file", where=str(path), advice="Give it a name that ends in .html.")
    if not path.parent.is_dir():
        raise InputError("there is no such folder to write to", where=str(path.parent))
    return path


def _intro(material: Material) -> str:
    net, samples = material.net, material.amount
    states = ", ".join(f"state {state_title(s.name)} ({s.size})" for s in net.model_states)
    if material.data.x is None:
        samples = f"{samples} that is kept in its file, for no data were given"
    note = f", recorded values{material.note}" if material.note else ""
    return f"{net.signature}, with {states}. All is shown on {samples}{note}."
