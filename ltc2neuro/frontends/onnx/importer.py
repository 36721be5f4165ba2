"""`from_onnx`: an ONNX model as a torch module, to be compiled like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.running.extra import ONNX_FILES
from hw_models.arguments import check_names, check_path, shown
from hw_models.errors import InputError
from ltc2neuro.extras import TORCH

if TYPE_CHECKING:
    import torch


def from_onnx(
    path: str | Path, states: Mapping[str, str] | None = None, output: str | Sequence[str] | None = None
) -> torch.nn.Module:
    """The module of an ONNX model, which computes what the file says.

    A **step**, with a sample (batch, features) and states (batch, size) going in, an answer and new states coming out:
    `states` names the input and the output of each state, `{"h": "h2"}`, and the module is a `Recurrent`. An input
    called elapsed, timespan or dt is the time before the sample.

    A graph over whole **sequences** has inputs (batch, time, ...) or (time, batch, ...), and needs no `states`: layers
    `LSTM`, `GRU` and `RNN`, or a `Scan`, with what lies around them. Of several inputs those of two axes, (batch,
    features), are held over the sequence.

    `output` names the answer where the model has several; of sequences also several, `("y", "z")`, which come as a dict
    then. The module is compared with onnxruntime on random samples, or with onnx's own interpreter where that is not
    installed.

    Raises `InputError` for a file that is no valid model or has what is not supported, `TraceError` for a loop over the
    samples that an exporter wrote out, `ProofError` where the module computes something else than the file.
    """
    ONNX_FILES.require()
    TORCH.require()
    from ltc2neuro.frontends.onnx.conversion import opened

    wanted = output if output is None or isinstance(output, str) else check_names(output, "output")
    if wanted == []:
        raise InputError("no output is named", where="output", advice="Leave it out of a model that has one.")
    return opened(check_path(path), _checked(states), wanted)


def _checked(states: Mapping[str, str] | None) -> dict[str, str]:
    given = {} if states is None else states
    if isinstance(given, Mapping) and all(isinstance(name, str) for pair in given.items() for name in pair):
        return dict(given)
    raise InputError(
        "states must be names of inputs with those of outputs",
        numbers=f"states = {shown(states)}",
        advice='Write states={"h": "h2"}.',
    )
