"""The `.l2n` file: a network on disk. Knows zip members, hashes and limits, and nothing of what a network is.

A zip of uncompressed members, read by name only:
- `manifest.json`: versions, the caller's header, size and SHA-256 of every other member;
- `graphs/<name>.json`: each graph, with its arrays in
- `tensors.safetensors`, as `graphs/<name>/<constant>`, beside the caller's own as `arrays/<name>`.

The same contents give the same bytes. As nothing is compressed, no member can be larger than the file itself;
what the graphs declare is checked before anyone allocates it. No pickle, no code, no path from the file is used.
The hashes detect damage; they are not a signature.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from compiler.graph.graph import Graph
from compiler.graph.serialize import to_json
from hw_models.arguments import check_path
from hw_models.arrays import AnyArray
from hw_models.errors import ArtifactError
from hw_models.fixed_point import SEMANTICS_VERSION
from hw_models.json_dataclasses import Json
from ltc2neuro.artifact.atomic_write import write_whole
from ltc2neuro.artifact.graphs import checked_graph
from ltc2neuro.version import __version__

FORMAT_VERSION = 3
"""The version of the file format; `SEMANTICS_VERSION` is that of what its integers mean."""

PARTED_VERSION = 4
"""The same with several parts that enter or leave, or tokens that are looked up: readers of version 3 do neither."""

READABLE = (2, 3, 4)
"""The file formats that are read: those of version 2 do not tell the order of batch and time, which is batch first."""

LONGEST_TEXT = 500
"""The longest text that an error repeats from a file."""

MANIFEST = "manifest.json"
TENSORS = "tensors.safetensors"
EPOCH = (1980, 1, 1, 0, 0, 0)
DAMAGED = "It is damaged or was not made by ltc2neuro: copy it again, or compile the model again."

RawHeader: TypeAlias = dict[str, Json]


def write(
    path: str | Path,
    header: RawHeader,
    graphs: Mapping[str, Graph],
    arrays: Mapping[str, AnyArray],
    version: int = FORMAT_VERSION,
) -> None:
    """Write a file at `path`, or leave what was there: the new one is written beside it and renamed.

    `header` is anything that JSON holds, without NaN and infinity. Raises `ArtifactError` where the folder cannot be
    written to, `ValueError` where the header is not JSON.
    """
    path = check_path(path)
    tensors: dict[str, AnyArray] = {f"arrays/{name}": np.asarray(array) for name, array in arrays.items()}
    members: dict[str, bytes] = {}
    for name, graph in graphs.items():
        table, constants = to_json(graph)
        members[_member(name)] = _dump(table)
        tensors |= {f"graphs/{name}/{constant}": array for constant, array in constants.items()}
    # safetensors writes an array's memory as it lies, so each must lie in order.
    members[TENSORS] = save({name: np.asarray(array, order="C") for name, array in tensors.items()})
    manifest: RawHeader = {
        "format": version,
        "semantics": SEMANTICS_VERSION,
        "tool": __version__,
        "header": header,
        "graphs": [name for name in sorted(graphs)],
        "members": {n: {"size": len(data), "sha256": _hash(data)} for n, data in members.items()},
    }
    members[MANIFEST] = _dump(manifest)

    def zipped(part: Path) -> None:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as file:
            for name in sorted(members):
                file.writestr(_entry(name), members[name])

    write_whole(path, zipped)


def read(path: str | Path) -> tuple[RawHeader, dict[str, Graph], dict[str, AnyArray]]:
    """What `write` was given: the header, the graphs, each validated, and the arrays. Raises `ArtifactError`."""
    path = check_path(path)
    try:
        return _read(path)
    except ArtifactError as error:
        raise ArtifactError(
            f"cannot load this network: {shortened(error.what)}",
            where=str(path),
            numbers=shortened(error.numbers),
            advice=error.advice or DAMAGED,
        ) from error
    except OSError as error:
        raise ArtifactError(
            f"cannot open the network: {error.strerror}", where=str(path), advice="Check the path."
        ) from error


def not_a_network(reason: str, path: str | Path) -> ArtifactError:
    """The error for a sound file whose contents are not a network."""
    return ArtifactError(f"not a network: {shortened(reason)}", where=str(path), advice=DAMAGED)


def shortened(text: str) -> str:
    """A text that may hold names out of a file, which can be of any length.

    >>> shortened("a" * 1000) == "a" * 500 + " ..."
    True
    """
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + " ..."


def _read(path: Path) -> tuple[RawHeader, dict[str, Graph], dict[str, AnyArray]]:
    try:
        with zipfile.ZipFile(path) as file:
            _check_entries(file.infolist(), path.stat().st_size)
            manifest = _manifest(file)
            names = _names(manifest)
            _check_members({MANIFEST, TENSORS, *map(_member, names)}, set(file.namelist()))
            members = {n: _checked(file.read(n), n, manifest) for n in [TENSORS, *map(_member, names)]}
    except (zipfile.BadZipFile, EOFError, RuntimeError, ValueError, struct.error) as error:  # all that zipfile raises
        raise ArtifactError(f"it is truncated, or not a zip file ({error})") from error
    tensors = _tensors(members[TENSORS])
    header = manifest.get("header")
    if not isinstance(header, dict):
        raise ArtifactError("its manifest has no header")
    graphs = {n: checked_graph(n, _load(members[_member(n)], n), below(f"graphs/{n}/", tensors)) for n in names}
    return header, graphs, below("arrays/", tensors)


# --- the zip ---------------------------------------------------------------------------------------------


def _member(graph: str) -> str:
    return f"graphs/{graph}.json"


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, EPOCH)
    info.create_system = 3  # the same bytes on every system
    info.external_attr = 0o644 << 16
    return info


def _check_entries(entries: list[zipfile.ZipInfo], size: int) -> None:
    names = [entry.filename for entry in entries]
    for name in sorted({n for n in names if names.count(n) > 1}):
        raise ArtifactError(f"its member {name!r} is there more than once")
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise ArtifactError(f"its member {entry.filename!r} is compressed or encrypted")
        if entry.file_size != entry.compress_size:
            raise ArtifactError(f"its member {entry.filename!r} states two different sizes")
    declared = sum(entry.file_size for entry in entries)
    if declared > size:
        raise ArtifactError("its members are larger than the file", numbers=f"{declared} of {size} bytes")


def _manifest(file: zipfile.ZipFile) -> RawHeader:
    if MANIFEST not in file.namelist():
        raise ArtifactError(f"it has no {MANIFEST}")
    manifest = _load(file.read(MANIFEST), MANIFEST)
    made_by = f"ltc2neuro {manifest.get('tool')}"
    for key, ours, what in (
        ("format", READABLE, "file format"),
        ("semantics", (SEMANTICS_VERSION,), "integer semantics"),
    ):
        if type(manifest.get(key)) is not int or manifest[key] not in ours:
            raise ArtifactError(
                f"it needs another version of the {what}",
                numbers=f"it needs {manifest.get(key)}, this ltc2neuro {__version__} has {', '.join(map(str, ours))}",
                advice=f"{made_by} wrote and ran it: install that version, or compile the model again with this one.",
            )
    return manifest


def _names(manifest: RawHeader) -> list[str]:
    names = manifest.get("graphs")
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise ArtifactError("its manifest does not list its graphs")
    return [str(n) for n in names]


def _check_members(wanted: set[str], found: set[str]) -> None:
    for name in sorted(wanted - found):
        raise ArtifactError(f"its member {name!r} is missing")
    for name in sorted(found - wanted):
        raise ArtifactError(f"it has a member that does not belong there, {name!r}")


def _checked(data: bytes, name: str, manifest: RawHeader) -> bytes:
    members = manifest.get("members")
    stated = members.get(name) if isinstance(members, dict) else None
    if stated != {"size": len(data), "sha256": _hash(data)}:
        raise ArtifactError(f"its member {name!r} does not have the size and hash that the manifest states")
    return data


# --- the contents ----------------------------------------------------------------------------------------


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _dump(table: Mapping[str, Json]) -> bytes:
    return json.dumps(table, sort_keys=True, indent=1, allow_nan=False).encode()


def _load(data: bytes, name: str) -> RawHeader:
    try:
        table = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{name} is not JSON ({error})") from error
    if not isinstance(table, dict):
        raise ArtifactError(f"{name} is not a table")
    return table


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not a JSON number")


def _tensors(data: bytes) -> dict[str, AnyArray]:
    try:  # safetensors compares the declared shapes with the bytes that are there before it allocates
        return dict(load(data))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"{TENSORS} is inconsistent ({error})") from error


def below(prefix: str, tensors: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    """The arrays whose names begin so, without that."""
    return {name[len(prefix) :]: array for name, array in tensors.items() if name.startswith(prefix)}
