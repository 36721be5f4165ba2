"""Provenance: what a paper's appendix needs to have it all again."""

from __future__ import annotations

import hashlib
import platform
import shlex
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from hw_models.fixed_point import SEMANTICS_VERSION
from ltc2neuro.compiled.network import BaseNetwork
from ltc2neuro.report.material import Material
from ltc2neuro.report.page import Section, fold, listing, table
from ltc2neuro.version import __version__

PACKAGES = ("numpy", "torch", "ncps", "lava-nc", "onnx", "onnxruntime", "llvmlite", "scipy", "keras", "matplotlib")


def provenance(material: Material) -> Section:
    """Versions, hashes, settings, the command."""
    net, own = material.net, _file_hash(material.net)
    body = [table(["", ""], _rows(material, own))]
    if net.passes:
        changes = [f"{p.name:24} ops {p.ops_before:4} -> {p.ops_after:4}  {p.note}" for p in net.passes]
        body.append(fold("what each pass over the float graph did", listing("\n".join(changes))))
    conclusion = (
        f"With ltc2neuro {__version__}, the network whose file begins {own[:12]} and these samples, every number "
        "here comes out again."
    )
    return Section("provenance", "Provenance", conclusion, tuple(body))


def _rows(material: Material, own: str) -> Iterator[tuple[str, str]]:
    net, x = material.net, material.x.arrays
    yield "written", datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    yield "ltc2neuro", f"{__version__}, integer semantics {SEMANTICS_VERSION}"
    yield "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield "packages", ", ".join(f"{name} {found}" for name in PACKAGES if (found := _version(name)))
    yield "command", shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    yield "network, SHA-256 of its .l2n file", own
    yield "chip", f"{net.chip.title} ({net.chip.name})"
    yield (
        type(net.settings).__name__,
        ", ".join(f"{f.name} {getattr(net.settings, f.name)}" for f in fields(net.settings)),
    )
    yield "data", f"{material.amount}; {net.signature}; dt = {net.dt:g}"
    yield "data, SHA-256", _data_hash(x)
    yield "seeds", "none: nothing here is drawn at random, and the proof draws its probes with fixed seeds"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _file_hash(net: BaseNetwork) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.l2n"
        net.save(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()


def _data_hash(arrays: Iterable[np.ndarray]) -> str:
    """Of all sequences (time, channels) in float64, one after the other, each behind its shape."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.shape}".encode())
        found.update(np.ascontiguousarray(array, np.float64).tobytes())
    return found.hexdigest()
