"""Where a graph runs: its run configuration, and what goes between the host's processes and the network.

On the simulator nothing does. On Loihi 2 integers enter and leave the chip through adapters of Intel's extension
lava-loihi, which only members of its research community have: this module imports it where it is needed.
"""

from __future__ import annotations

from compiler.lava.runtime import import_lava  # isort: skip  # opens Lava

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.run_configs import Loihi2HwCfg, Loihi2SimCfg, RunConfig
from lava.utils import loihi

from hw_models.errors import LavaError, MissingExtraError

MESSAGE_BITS = 24
TAGS = ("fixed_pt", "floating_pt", "bit_accurate_loihi")
"""The tags of our models: they compute the same integers under each of Lava's own, and under none."""


PortPair: TypeAlias = tuple[InPort, OutPort]
"""Where integers enter an adapter, and where they leave it."""


@dataclass(frozen=True)
class Target:
    """Where a graph runs. `enter` and `leave` make a process that hands integers of a shape on; None: none needed."""

    name: str
    run_config: Callable[[], RunConfig]
    enter: Callable[[tuple[int, ...]], PortPair] | None = None
    leave: Callable[[tuple[int, ...]], PortPair] | None = None


def _simulator() -> RunConfig:
    """Python models, the fixed-point ones."""
    return Loihi2SimCfg(select_tag="fixed_pt")


def _chip() -> RunConfig:
    """Models for neuro-cores where there are some; they carry other tags than the simulator's models."""
    return Loihi2HwCfg()


CPU = Target("simulator", _simulator)
"""Lava's Python models on this machine."""


def loihi2() -> Target:
    """The chip.

    Raises `MissingExtraError` without the whole of Intel's extension, `LavaError` where no host is chosen.
    """
    if not loihi.is_installed():
        raise MissingExtraError(
            "Loihi 2 needs Intel's extension lava-loihi, which is not installed",
            numbers=f"lava-nc {import_lava.VERSION} alone simulates",
            advice="Members of Intel's research community (INRC) get it from Intel. Elsewhere use on='lava'.",
        )
    if loihi.host is None:
        raise LavaError(
            "no host of a Loihi 2 is chosen",
            where="lava.utils.loihi",
            advice="Call lava.utils.loihi.use_slurm_host(...) or use_ethernet_host(address) first.",
        )
    try:
        from lava.proc import embedded_io as eio  # pyright: ignore[reportAttributeAccessIssue]  # with the extension
    except ImportError as error:
        raise MissingExtraError(
            "Intel's extension lava-loihi is there, but not its adapters",
            where="lava.proc.embedded_io",
            numbers=str(error),
            advice=f"Install the lava-loihi that belongs to lava-nc {import_lava.VERSION}.",
        ) from error

    def enter(shape: tuple[int, ...]) -> PortPair:
        adapter = eio.spike.PyToNxAdapter(shape=shape, num_message_bits=MESSAGE_BITS)
        return adapter.inp, adapter.out

    def leave(shape: tuple[int, ...]) -> PortPair:
        adapter = eio.spike.NxToPyAdapter(shape=shape, num_message_bits=MESSAGE_BITS)
        return adapter.inp, adapter.out

    return Target("loihi2", _chip, enter, leave)


NEURON_MODELS = "compiler.lava.processes.neurons.ncmodels"
"""Lava finds a model for neuro-cores in this module; who has the vendor's assembler writes it."""


def require_neuron_model() -> None:
    """Raise `LavaError` where populations have no model for a neuro-core: Lava would run them on the host instead."""
    if importlib.util.find_spec(NEURON_MODELS) is None:
        raise LavaError(
            "the populations have no model for a neuro-core",
            where=NEURON_MODELS,
            advice="Write an NcProcessModel of Neurons there, from its listing; the vendor's assembler is not public. "
            "`ltc2neuro inspect --assembly` prints the listing, docs/instruction-set.md describes it. "
            "A network compiled with microcode=False needs none.",
        )
