"""`WrittenNetwork`: what is written of a network of either kind for those who do not have ltc2neuro."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ltc2neuro.artifact.onnx_file import to_onnx
from ltc2neuro.compiled.network import BaseNetwork
from ltc2neuro.inputs.arrays import Samples
from ltc2neuro.inputs.several import Inlet
from ltc2neuro.metrics import Metric
from ltc2neuro.report.material import ReportData
from ltc2neuro.report.writing import Sections, report
from ltc2neuro.verification.task_metric import Targets

if TYPE_CHECKING:
    import torch


class WrittenNetwork(BaseNetwork, ABC):
    """A network that can be shown to others: as a report, and as an ONNX model."""

    @property
    @abstractmethod
    def _sections(self) -> Sections:
        """Those of its report."""

    def to_onnx(self, path: str | Path, form: str = "sequence", *, graph: str = "integer", real: bool = True) -> None:
        """Write an ONNX model that any runtime executes to the integers of this network: docs/onnx.md.

        "sequence": x (batch, time, features) gives y, each state `NAME.all` after every sample and `NAME.last`
        after the last one. "step": x (batch, features) and the states give y and the next states `NAME.next`;
        states are integers, of which `metadata_props` has the initial ones. Both count in `NAME.saturated` how
        often each element of a value was clipped, `input.saturated` for the samples. `real`: samples and y are
        float64 in the model's units, and y is `net(x)`; else they are what `quantize` returns and `dequantize`
        takes. Batch and time are free. `graph="float"` writes the model itself, as it was traced, in float32:
        states are real values, too. Without microcode there is this graph only.

        Raises `MissingExtraError` where onnx is not installed, `InputError` for wrong arguments, `ArtifactError` where
        the file cannot be written.
        """
        to_onnx(self, path, form, graph, real)

    def report(
        self,
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
        """Write one HTML file that shows what the integers do to the network, to those who have nothing installed.

        It holds all it needs, and works from disk and without JavaScript: docs/report.md. The arguments after `path`
        are those of `verify`, `calibration` is that of `attribute`; without `x` all is shown on the sequence that is
        kept with the network. Without microcode the error is not split by cause: there is no calibration to give.

        Raises `MissingExtraError` where matplotlib is not installed, `InputError` for wrong arguments,
        `ArtifactError` where the file cannot be written.
        """
        report(self, path, ReportData(model, x, targets, metric, timespans, on, calibration), self._sections)
