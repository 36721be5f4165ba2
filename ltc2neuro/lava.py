"""A compiled network as a Lava process."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING

from hw_models.errors import InputError
from ltc2neuro.extras import LAVA
from ltc2neuro.runs import refuse_without_lava

if TYPE_CHECKING:
    from compiler.backends.lava.processes.nets import Net
    from compiler.mapping.options import Options
    from ltc2neuro.network import Network


def to_lava(net: Network, mode: str, reset_interval: int | None, lanes: int, options: Options | None) -> Net:
    """See `Network.to_lava`."""
    if mode not in ("mapped", "fused"):
        raise InputError(f"no mode {mode!r}", advice="Use 'mapped' or 'fused'.")
    for name, value in (("reset_interval", reset_interval), ("lanes", lanes)):
        if value is not None and not (isinstance(value, Integral) and value >= 1):
            raise InputError(f"{name} must be a whole number, at least 1", numbers=f"{name} = {value!r}")
    if mode == "mapped" and lanes != 1:
        raise InputError(
            "a mapped network has one lane", numbers=f"lanes = {lanes}", advice="Use mode='fused', or lanes=1."
        )
    refuse_without_lava(net)
    LAVA.require()
    from compiler.backends.lava.processes.nets import FusedNet, MappedNet
    from compiler.mapping.options import Options, Overlap

    reset_interval = None if reset_interval is None else int(reset_interval)
    if mode == "mapped":
        return MappedNet(network=net.mapped(reset_interval, options), reset_interval=reset_interval)
    network = net.mapped(reset_interval, Options(Overlap.NONE, merged=False))
    return FusedNet(network=network, reset_interval=reset_interval, lanes=int(lanes))
