"""`check`: what a chip cannot do with a model or a compiled network, or does badly; all findings at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compiler.library_processes.options import LibraryForm
from compiler.quantize.precision import Precision
from compiler.rewrite.runner import simplify
from compiler.rules import Finding, errors
from compiler.rules.finding import of_error
from hw_models.arguments import check_flag
from hw_models.chip import Chip, load_chip
from hw_models.errors import InputError, QuantizeError
from ltc2neuro.compilation.findings import Findings, errors_first
from ltc2neuro.compilation.request import Asked, Settings, ask
from ltc2neuro.compilation.without_microcode import form_of, lowered
from ltc2neuro.compiled.network import BaseNetwork
from ltc2neuro.inputs.arguments import check_dt
from ltc2neuro.inputs.arrays import Calibration, Samples
from ltc2neuro.inputs.several import Inlet
from ltc2neuro.progressing import shown_stages

if TYPE_CHECKING:
    import torch


def check(
    model_or_net: torch.nn.Module | BaseNetwork,
    chip: str | Path | Chip | None = None,
    calibration: Calibration | Inlet | None = None,
    *,
    timespans: Samples | None = None,
    precision: Precision | str | None = None,
    dt: float = 1.0,
    batch_first: bool | None = None,
    microcode: bool = True,
    form: LibraryForm | None = None,
) -> Findings:
    """Check a torch module or a compiled network against a chip's design rules; returns every finding, errors first.

    A module needs `calibration`, as `compile` does, and may be checked before it is compiled: ranges, sums and time
    constants are looked at on the float graph, the rest on the integers, where there can be any. A network has all it
    needs; `chip` may be another one than its own. `chip` is a name, a .toml file or a `Chip`: `load_chip` chooses
    boards. As for `compile`, `batch_first` says how an array of calibration data lies, `microcode` and `form` of which
    kind the network is to be. An empty list means that no rule is broken; printed, it
    says "no findings".

    Raises `TraceError` for a module that cannot be compiled for any chip, `InputError` for wrong arguments.
    """
    if isinstance(model_or_net, BaseNetwork):
        given = {"calibration": calibration, "timespans": timespans, "precision": precision, "batch_first": batch_first}
        given |= {"dt": None if check_dt(dt, None) == 1.0 else dt}
        given |= {"microcode": None if check_flag(microcode, "microcode") else microcode, "form": form}
        if extra := [name for name, value in given.items() if value is not None]:
            raise InputError(
                "a compiled network is checked as it was compiled",
                numbers=f"given {', '.join(extra)}",
                advice="Leave that out; check(model, ...) takes it.",
            )
        return errors_first(model_or_net.parts.findings(model_or_net.chip if chip is None else load_chip(chip)))
    if calibration is None:
        raise InputError(
            "a module is checked on calibration data", advice="Give samples (batch, time, features), as to compile."
        )
    form = form_of(microcode, form, precision)
    chip = "loihi2" if chip is None else chip
    asked = ask(model_or_net, calibration, Settings(timespans, chip, precision, dt, batch_first))
    with shown_stages("check", 5):
        return errors_first(_findings(asked, form))


def _findings(asked: Asked, form: LibraryForm | None) -> list[Finding]:
    from ltc2neuro.compilation.stages import design, record_and_prove, simplify_and_prove, with_integers

    recorded, found = record_and_prove(asked), list[Finding]()
    try:
        if form is not None:
            return lowered(recorded, form)[1]
        simplified = simplify_and_prove(recorded, simplify)
        made, found = design(simplified)
        return found if errors(found) else found + with_integers(made, simplified)[1]
    except QuantizeError as error:
        return [*found, of_error("quantization", error)]
