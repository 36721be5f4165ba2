"""`report`: a network as one HTML file that shows itself anywhere, for those who have nothing installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.mapping.titles import state_title
from hw_models.arguments import check_path
from hw_models.errors import InputError
from ltc2neuro.artifact.atomic_write import write_whole
from ltc2neuro.attribution.attributing import attribute
from ltc2neuro.attribution.attribution import Attribution
from ltc2neuro.compiled.microcode import with_microcode
from ltc2neuro.compiled.network import BaseNetwork
from ltc2neuro.extras import PLOT
from ltc2neuro.inputs.arrays import Samples, Sequences
from ltc2neuro.inputs.layout import BATCH_FIRST
from ltc2neuro.inputs.several import Inlet
from ltc2neuro.metrics import Metric
from ltc2neuro.progressing import begin, shown_stages
from ltc2neuro.report.causes import causes
from ltc2neuro.report.chip import chip
from ltc2neuro.report.material import Material
from ltc2neuro.report.page import Section, page
from ltc2neuro.report.picture import network
from ltc2neuro.report.provenance import provenance
from ltc2neuro.report.ranges import ranges
from ltc2neuro.report.time import time
from ltc2neuro.report.verdict import verdict
from ltc2neuro.verification.task_metric import Targets
from ltc2neuro.verification.verifying import verify

if TYPE_CHECKING:
    import torch

WORK = 4e8
"""For `attribute`: its share of some seconds"""
SECTIONS: tuple[Callable[[Material], Section], ...] = (verdict, network, time, ranges, causes, chip, provenance)
"""In the order of the page"""


def report(
    net: BaseNetwork,
    path: str | Path,
    model: torch.nn.Module | None = None,
    x: Inlet | None = None,
    targets: Targets | None = None,
    metric: str | Metric | None = None,
    *,
    timespans: Samples | None = None,
    on: Sequence[str] | None = None,
    calibration: Inlet | None = None,
) -> None:
    """Write the report of `net`; the arguments are those of `Network.report`."""
    path, parts = _checked(path), with_microcode(net, "report")
    if x is None and targets is not None:
        raise InputError("targets belong to samples", advice="Give x, too.")
    PLOT.require()
    with shown_stages("report", len(SECTIONS) + 15):
        seen = verify(net, model, x, targets, metric, on, timespans=timespans)
        if x is None:
            sequences = Sequences(tuple(net.known.x), ragged=True)
        else:
            sequences = replace(parts.host.sequences(x, timespans), layout=BATCH_FIRST, ragged=True)
        material = Material(parts, sequences, x is not None, seen, _causes(net, x, timespans, calibration))
        sections = []
        for section in SECTIONS:
            begin(f"writing: {section.__name__}")
            sections.append(section(material))
        text = page(f"{path.stem}: a network for {net.chip.title}", _intro(material), sections)
        write_whole(path, lambda part: part.write_text(text, "utf-8"), what="report")


def _causes(
    net: BaseNetwork, x: Inlet | None, timespans: Samples | None, calibration: Inlet | None
) -> Attribution | str:
    """Where the error comes from, on some of the data."""
    if x is None:
        return "Give data to split the error by value and by cause: it is not done on the sequence that is kept."
    return attribute(net, x, timespans=timespans, calibration=calibration, work=WORK)


def _checked(path: str | Path) -> Path:
    path = check_path(path)
    if path.suffix not in (".html", ".htm"):
        raise InputError("a report is an HTML file", where=str(path), advice="Give it a name that ends in .html.")
    if not path.parent.is_dir():
        raise InputError("there is no such folder to write to", where=str(path.parent))
    return path


def _intro(material: Material) -> str:
    record, samples = material.record, material.amount
    states = ", ".join(f"state {state_title(s.name)} ({s.size})" for s in record.model_states)
    if not material.given:
        samples = f"{samples} that is kept in its file, for no data were given"
    note = f", recorded values{material.note}" if material.note else ""
    return f"{record.signature}, with {states}. All is shown on {samples}{note}."
