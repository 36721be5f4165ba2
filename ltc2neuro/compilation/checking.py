"""`check`: what a chip cannot do with a model or a compiled network, or does badly; all findings at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compiler.quantize.precision import Precision
from compiler.rewrite.runner import simplify as rewritten
from compiler.rules import Design, Finding, apply_rules, errors
from compiler.rules.finding import of_error
from compiler.rules.library import library_findings
from hw_models.chip import Chip, load_chip
from hw_models.errors import InputError, QuantizeError
from ltc2neuro.compilation.asking import ask
from ltc2neuro.compilation.findings import errors_first, few
from ltc2neuro.inputs.arguments import check_dt
from ltc2neuro.inputs.arrays import Samples
from ltc2neuro.network import Network
from ltc2neuro.stock.network import LibraryNetwork

if TYPE_CHECKING:
    import torch

    from ltc2neuro.compilation.stages import Asked


def check(
    model_or_net: torch.nn.Module | Network | LibraryNetwork,
    chip: str | Path | Chip | None = None,
    calibration: Samples | None = None,
    *,
    timespans: Samples | None = None,
    precision: Precision | str | None = None,
    dt: float = 1.0,
    batch_first: bool | None = None,
) -> list[Finding]:
    """Check a torch module or a compiled network against a chip's design rules; returns every finding, errors first.

    A module needs `calibration`, as `compile` does, and may be checked before it is compiled: ranges, sums and time
    constants are looked at on the float graph, the rest on the integers, where there can be any. A network has all it
    needs; `chip` may be another one than its own. `chip` is a name, a .toml file or a `Chip`: `load_chip` chooses
    boards. `batch_first` says how an array of calibration data lies, as for `compile`. An empty list means that no rule
    is broken.

    Raises `TraceError` for a module that cannot be compiled for any chip, `InputError` for wrong arguments.
    """
    if isinstance(model_or_net, (Network, LibraryNetwork)):
        given = {"calibration": calibration, "timespans": timespans, "precision": precision, "batch_first": batch_first}
        given |= {"dt": None if check_dt(dt, None) == 1.0 else dt}
        if extra := [name for name, value in given.items() if value is not None]:
            raise InputError(
                "a compiled network is checked as it was compiled",
                numbers=f"given {', '.join(extra)}",
                advice="Leave that out; check(model, ...) takes it.",
            )
        return check_network(model_or_net, model_or_net.chip if chip is None else load_chip(chip))
    if calibration is None:
        raise InputError(
            "a module is checked on calibration data", advice="Give samples (batch, time, features), as to compile."
        )
    return _findings(
        ask(
            model_or_net,
            calibration,
            timespans=timespans,
            chip="loihi2" if chip is None else chip,
            precision=precision,
            dt=dt,
            batch_first=batch_first,
        )
    )


def check_network(net: Network | LibraryNetwork, chip: Chip) -> list[Finding]:
    """The findings on a compiled network."""
    if isinstance(net, LibraryNetwork):
        return errors_first(library_findings(chip, net.float_graph, net.processes))
    sequences, prepared = few(list(net.known.x)), net.parts.prepared.on(chip)
    design = Design(chip, net.float_graph, sequences, net.precision, net.graph, prepared=prepared)
    return errors_first(apply_rules(design))


def _findings(asked: Asked) -> list[Finding]:
    from ltc2neuro.compilation.stages import design, record, simplify, with_integers

    simplified = simplify(record(asked), rewritten)
    made, found = design(simplified)
    if not errors(found):
        try:
            found += with_integers(made, simplified)[1]
        except QuantizeError as error:
            found.append(of_error("quantization", error))
    return errors_first(found)
