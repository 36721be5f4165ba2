"""Loihi 2 itself: what is missing to run there."""

from __future__ import annotations

from compiler.backends.lava import door  # isort: skip  # opens Lava

from lava.utils import loihi

from hw_models.errors import LavaError, MissingExtraError


def refuse_without_loihi() -> LavaError | MissingExtraError:
    """The error that says what a run on the chip lacks here.

    With Intel's extension `Loihi2HwCfg` and the adapters of `lava.proc.embedded_io` would run the connections; the
    populations need a model for a neuro-core, and the assembler that makes one of a listing is not public.
    """
    if not loihi.is_installed():
        return MissingExtraError(
            "Loihi 2 needs Intel's extension lava-loihi, which is not installed",
            numbers=f"lava-nc {door.VERSION} alone simulates",
            advice="Members of Intel's research community (INRC) get it from Intel. Elsewhere use on='lava'.",
        )
    return LavaError(
        "the populations have no model for a neuro-core yet",
        where="compiler.backends.lava.processes.neurons.Neurons",
        advice="An NcProcessModel of Neurons from the listing is needed: `ltc2neuro inspect --assembly` prints it.",
    )
