"""The errors a user meets. Each says what is wrong, where, with which numbers, and what to do.

Every error of the project derives from `Ltc2NeuroError`; `ltc2neuro.errors` re-exports them all.
"""

from __future__ import annotations

BUG = "This is a bug in ltc2neuro, please report it."
"""What to do about an error that no user can have caused."""


class Ltc2NeuroError(Exception):
    """Base of all errors: `what` went wrong, `where`, the `numbers` and the `advice`.

    >>> print(Ltc2NeuroError("the weight is not finite", where="rnn.w", advice="Retrain."))
    the weight is not finite
      where: rnn.w
      what to do: Retrain.
    """

    def __init__(self, what: str, *, where: str = "", numbers: str = "", advice: str = "") -> None:
        self.what = what
        self.where = where
        self.numbers = numbers
        self.advice = advice
        super().__init__(what)

    def __str__(self) -> str:
        lines = [self.what]
        for label, text in (("where", self.where), ("numbers", self.numbers), ("what to do", self.advice)):
            if text:
                lines.append(f"  {label}: {text}")
        return "\n".join(lines)


class InputError(Ltc2NeuroError, ValueError):
    """An argument has the wrong shape, type or value."""


class TraceError(Ltc2NeuroError):
    """The model does something that cannot be compiled."""


class ProofError(Ltc2NeuroError):
    """The traced graph does not compute what torch computes."""


class GraphError(Ltc2NeuroError):
    """A graph breaks one of its own rules: a bug in ltc2neuro, not an error of the user's."""

    def __init__(self, what: str, *, where: str = "", numbers: str = "", advice: str = BUG) -> None:
        super().__init__(what, where=where, numbers=numbers, advice=advice)


class QuantizeError(Ltc2NeuroError):
    """A value cannot be held in the chip's widths."""


class ChipError(Ltc2NeuroError):
    """A chip file is wrong, or a chip cannot do what is asked of it."""


class PlacementError(ChipError):
    """A network, or one neuron of it, does not fit the cores that a chip has."""


class AssemblyError(Ltc2NeuroError, ValueError):
    """The text or JSON of a program does not follow the instruction set."""


class ArtifactError(Ltc2NeuroError):
    """A saved network cannot be read or written."""


class WeightsError(Ltc2NeuroError):
    """A weights file cannot be read or does not fit the model."""


class MissingExtraError(Ltc2NeuroError, ImportError):
    """An optional package is not installed; the advice is the command that installs it."""


class LavaError(Ltc2NeuroError):
    """A Lava process graph failed, stopped or ran past its deadline."""


class WorkerError(Ltc2NeuroError):
    """A worker that others' work was given to is lost, or cannot do it."""
