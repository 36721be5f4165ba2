"""Seeded damage to a saved network: to its bytes, its zip, its JSON, its tensors. Every function returns a file."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

Rng = np.random.Generator
Members = dict[str, bytes]
MANIFEST, TENSORS = "manifest.json", "tensors.safetensors"

STRANGE = [
    None, True, False, 0, 1, -1, 2, 7, 24, 31, 63, 64, 255, 2**15, 2**31 - 1, 2**31, -(2**63), 2**63, 2**70, 10**40,
    0.5, -0.0, 1e-300, 1e308, -1e308, "", "x", "0", "\x00", "../x", "é" * 40, "a" * 5000,
    [], {}, [[]], [None], [0] * 300, {"": {}},
]  # fmt: skip
"""what JSON may hold where something else belongs"""


class Holder(Protocol):
    """A dict or a list."""

    def __getitem__(self, key, /) -> object: ...
    def __setitem__(self, key, value, /) -> None: ...
    def __delitem__(self, key, /) -> None: ...


@dataclass
class Place:
    """A value inside a JSON tree: `holder[key]`."""

    holder: Holder
    key: str | int

    @property
    def value(self) -> object:
        return self.holder[self.key]

    @value.setter
    def value(self, new: object) -> None:
        self.holder[self.key] = new


def members_of(file: bytes) -> Members:
    """The members of a zip."""
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(members: Members | list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A zip of the members as they are."""
    buffer = io.BytesIO()
    entries = members.items() if isinstance(members, dict) else members
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as archive:
        warnings.simplefilter("ignore")  # a name may be there twice
        for name, data in entries:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, compression)
    return buffer.getvalue()


def signed(members: Members) -> Members:
    """The members with the sizes and hashes that the manifest needs: what someone who means harm would do."""
    try:
        manifest = json.loads(members[MANIFEST])
        for name in manifest["members"].keys() & members.keys():
            data = members[name]
            manifest["members"][name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return members  # the manifest itself is spoiled
    return {**members, MANIFEST: json.dumps(manifest).encode()}


# --- bytes -----------------------------------------------------------------------------------------------


def damaged_bytes(rng: Rng, file: bytes) -> bytes:
    """Bits flipped, stretches overwritten, cut, repeated or exchanged, the end cut off."""
    raw = bytearray(file)
    for _ in range(int(rng.choice([1, 1, 1, 2, 5]))):
        # the directory at the end and the first header are few bytes, but steer everything
        near = int(rng.choice([0, 0, len(raw) - 400, 0]))
        start = int(rng.integers(max(0, near), len(raw))) if len(raw) else 0
        length = int(rng.choice([1, 2, 4, 8, 100, 5000]))
        kind = rng.integers(0, 8)
        if kind <= 2 and raw:
            raw[start] ^= 1 << int(rng.integers(0, 8))
        elif kind == 3:
            raw[start : start + length] = rng.bytes(length)
        elif kind == 4:
            raw[start : start + length] = bytes([int(rng.choice([0, 255]))]) * length
        elif kind == 5:
            del raw[start : start + length]
        elif kind == 6:
            raw[start:start] = raw[start : start + length]
        else:
            del raw[start:]
    return bytes(raw)


# --- the zip ---------------------------------------------------------------------------------------------


def damaged_zip(rng: Rng, file: bytes) -> bytes:
    """Members gone, renamed, twice, exchanged, compressed; and the zip's own numbers changed."""
    entries = list(members_of(file).items())
    one, other = rng.integers(0, len(entries), 2)
    name, data = entries[one]
    kind = rng.integers(0, 9)
    if kind == 0:
        del entries[one]
    elif kind == 1:
        entries[one] = (str(rng.choice(["", "/", "../m", "graphs/", name.upper(), name + "\0", "a" * 300])), data)
    elif kind == 2:
        entries.append((name, entries[other][1]))
    elif kind == 3:
        entries[one], entries[other] = (name, entries[other][1]), (entries[other][0], data)
    elif kind == 4:
        return packed(entries, int(rng.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])))
    elif kind == 5:
        entries[one] = (name, bytes(int(rng.choice([0, 1, 10**6]))))
    elif kind == 6:
        entries.append((str(rng.choice(["x", "../x", "graphs/other.json", "graphs/float.json/x", "/etc/x"])), data))
    raw = bytearray(packed(entries))
    if kind >= 7:
        for _ in range(int(rng.integers(1, 4))):
            headers = [i for mark in (b"PK\1\2", b"PK\3\4", b"PK\5\6") for i in _places(raw, mark)]
            at = int(rng.choice(headers)) + int(rng.integers(4, 46))
            number = int(rng.choice([0, 1, 9, 255, 2**16 - 1, 2**31, 2**32 - 1]))
            raw[at : at + 4] = struct.pack("<I", number)
    return bytes(raw)


def _places(raw: bytes | bytearray, mark: bytes) -> Iterator[int]:
    at = raw.find(mark)
    while at >= 0:
        yield at
        at = raw.find(mark, at + 1)


# --- JSON ------------------------------------------------------------------------------------------------


def damaged_json(rng: Rng, file: bytes) -> bytes:
    """Values of the manifest or of a graph gone, exchanged, changed or strange; the hashes are made right again."""
    members = members_of(file)
    name = str(rng.choice([n for n in members if n.endswith(".json")]))
    tree = json.loads(members[name])
    for _ in range(int(rng.choice([1, 1, 1, 2, 4]))):
        _damage(rng, tree)
    text = json.dumps(tree).encode()
    if rng.random() < 0.04:
        text = text[: rng.integers(0, len(text))] if rng.random() < 0.5 else b'{"a":' * 10**5 + text + b"}" * 10**5
    return packed(signed({**members, name: text}))


def _damage(rng: Rng, tree: dict | list) -> None:
    places = list(_inside(tree))
    if not places:
        return
    first = _some(rng, places)
    second = _some(rng, [p for p in places if type(p.value) is type(first.value)])
    kind = rng.integers(0, 8)
    if kind == 0:
        del first.holder[first.key]
    elif kind == 1:
        first.value = STRANGE[rng.integers(0, len(STRANGE))]
    elif kind == 2:
        first.value, second.value = second.value, first.value
    elif kind == 3:
        first.value = json.loads(json.dumps(second.value))
    elif kind == 4 and isinstance(first.key, str):
        value = first.value
        del first.holder[first.key]
        first.holder[str(rng.choice(["x", "", first.key + "s"]))] = value
    elif kind == 5 and isinstance(first.holder, list):
        first.holder.insert(int(rng.integers(0, len(first.holder) + 1)), json.loads(json.dumps(first.value)))
    elif kind == 6 and isinstance(first.holder, list):
        rng.shuffle(first.holder)
    else:
        number = _some(rng, [p for p in places if type(p.value) in (int, float)] or places)
        if isinstance(number.value, (int, float)):
            changes = [number.value + 1, number.value - 1, -number.value, number.value * 2, number.value * 10**6, 0]
            number.value = changes[rng.integers(0, len(changes))]


def _inside(tree: object) -> Iterator[Place]:
    if isinstance(tree, (dict, list)):
        for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
            place = Place(tree, key)
            yield place
            yield from _inside(place.value)


def _some(rng: Rng, places: list[Place]) -> Place:
    return places[rng.integers(0, len(places))]


# --- tensors ---------------------------------------------------------------------------------------------


def damaged_tensors(rng: Rng, file: bytes) -> bytes:
    """The tensors' table spoiled, or their numbers changed; the hashes are made right again."""
    members = members_of(file)
    data = members[TENSORS]
    (length,) = struct.unpack("<Q", data[:8])
    table, numbers = json.loads(data[8 : 8 + length]), bytearray(data[8 + length :])
    stated = None
    kind = rng.integers(0, 6)
    if kind <= 1:
        for _ in range(int(rng.choice([1, 1, 2]))):
            _damage(rng, table)
    elif kind == 2:
        stated = int(rng.choice([0, 1, 7, length - 1, length + 1, 10**9, 2**40, 2**62]))
    elif kind == 3:
        entry = table[sorted(table)[rng.integers(0, len(table))]]
        entry["dtype"] = str(rng.choice(["F64", "F32", "F16", "BF16", "I64", "I32", "U8", "BOOL", "F8_E4M3", "X"]))
        entry["shape"] = [int(n) for n in rng.choice([0, 1, 2, 3, 2**20, 2**40], rng.integers(0, 4))]
    elif kind == 4:
        del numbers[int(rng.integers(0, len(numbers))) :]
    if kind in (1, 5):
        for _ in range(int(rng.choice([1, 2, 8]))):
            entry = table[sorted(table)[rng.integers(0, len(table))]]
            _spoil(rng, entry, numbers)
    text = json.dumps(table).encode()
    head = struct.pack("<Q", len(text) if stated is None else stated)
    return packed(signed({**members, TENSORS: head + text + bytes(numbers)}))


def _spoil(rng: Rng, entry: dict, numbers: bytearray) -> None:
    """One number of a tensor of 8 bytes each becomes another."""
    try:
        start, stop = entry["data_offsets"]
        at = start + 8 * int(rng.integers(0, (stop - start) // 8))
        if entry["dtype"] == "F64":
            new = struct.pack("<d", rng.choice([0.0, -1.0, 1e-300, 1e300, float("nan"), float("inf"), 0.3]))
        else:
            old = int.from_bytes(numbers[at : at + 8], "little", signed=True)
            choices = [old + 1, old - 1, -old, 0, -1, 2 * old, 40, 2**15, 2**23, 2**31, 2**62, -(2**63)]
            new = (choices[rng.integers(0, len(choices))] % 2**64).to_bytes(8, "little")
        numbers[at : at + 8] = new
    except (KeyError, TypeError, ValueError):
        return  # the table was spoiled before, or the tensor is empty
