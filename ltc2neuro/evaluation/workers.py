"""What a worker does, in this process or in another: it gets a network as the bytes of its file, and keeps it."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path

from hw_models.errors import InputError
from ltc2neuro.compiled.network import BaseNetwork
from ltc2neuro.evaluation.chunks import Chunk
from ltc2neuro.evaluation.totals import Totals
from ltc2neuro.evaluation.work import Sought, measured
from ltc2neuro.loading.networks import load
from ltc2neuro.version import __version__

KEPT = 2
"""How many networks a worker keeps"""

_lock = threading.Lock()
_networks: OrderedDict[str, BaseNetwork] = OrderedDict()


@dataclass(frozen=True)
class Parcel:
    """A network to travel: what tells it from others, and its file, left out where the worker may have it."""

    digest: str
    content: bytes | None
    version: str = __version__

    @property
    def name(self) -> Parcel:
        """The same without the file."""
        return replace(self, content=None)


def packed(net: BaseNetwork) -> Parcel:
    """A network's file; the same network has the same."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.l2n"
        net.save(path)
        content = path.read_bytes()
    return Parcel(hashlib.sha256(content).hexdigest(), content)


def work_on(parcel: Parcel, chunk: Chunk, asked: Sought) -> Totals | None:
    """What is counted of a chunk; None: this worker does not have the network, and needs its file."""
    if parcel.version != __version__:
        raise InputError(
            "a worker has another version of ltc2neuro",
            numbers=f"{__version__}, not {parcel.version}",
            advice="Install the same version everywhere.",
        )
    net = _unpacked(parcel)
    return None if net is None else measured(net.parts, chunk, asked, threads=1)


def _unpacked(parcel: Parcel) -> BaseNetwork | None:
    with _lock:
        if parcel.digest not in _networks:
            if parcel.content is None:
                return None
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "network.l2n"
                path.write_bytes(parcel.content)
                _networks[parcel.digest] = load(path)
        _networks.move_to_end(parcel.digest)
        while len(_networks) > KEPT:
            _networks.popitem(last=False)
        return _networks[parcel.digest]
