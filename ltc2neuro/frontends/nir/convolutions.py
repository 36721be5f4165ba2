"""Convolutions and poolings that a linear map of images is, found by trying which fits to every entry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import gcd

import numpy as np

from hw_models.arrays import Floats, Integers
from ltc2neuro.frontends.nir.maps import Map

FARTHEST, WIDEST = 8, 16
"""the longest stride and the widest padding that are tried"""
SAMPLE = 1000
"""entries that a guess must fit before all are looked at"""


@dataclass(frozen=True)
class Axis:
    """A convolution along one axis of `size` elements, with `out` places."""

    size: int
    out: int
    kernel: int
    stride: int
    padding: int
    dilation: int

    def entry(self, place: Integers, element: Integers) -> Integers:
        """Which entry of the kernel meets an element at a place; -1 where none does."""
        entry, beside = np.divmod(element + self.padding - place * self.stride, self.dilation)
        return np.where((beside == 0) & (entry >= 0) & (entry < self.kernel), entry, -1)

    def met(self) -> Integers:
        """At how many places each entry of the kernel meets an element."""
        element = np.arange(self.out)[:, None] * self.stride - self.padding + np.arange(self.kernel) * self.dilation
        return ((element >= 0) & (element < self.size)).sum(0)


@dataclass(frozen=True)
class Convolution:
    """Weights (out channels, in channels of a group, height, width) and how they move along both axes."""

    weight: Floats
    height: Axis
    width: Axis
    groups: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of the answer."""
        return len(self.weight), self.height.out, self.width.out


def find_convolution(linear: Map, channels: int, tall: int, wide: int) -> Convolution | None:
    """The convolution of images (channels, height, width) that a map is, or None; one of a single place is none."""
    shape = (channels, tall, wide)
    if linear.values.size in (0, linear.shape[0] * linear.shape[1]):
        return None
    channel, y, x = np.unravel_index(linear.columns, shape)
    fullest = linear.rows == np.argmax(np.bincount(linear.rows))
    moves = product(_axes(y[fullest], tall), _axes(x[fullest], wide))
    for height, width in sorted(moves, key=lambda move: -move[0].out * move[1].out):  # of few weights at most places
        places = height.out * width.out
        if places < 2 or linear.shape[0] % places:
            continue
        out, at_y, at_x = np.unravel_index(linear.rows, (linear.shape[0] // places, height.out, width.out))
        few = slice(0, SAMPLE)
        if np.any(height.entry(at_y[few], y[few]) < 0) or np.any(width.entry(at_x[few], x[few]) < 0):
            continue
        i, j = height.entry(at_y, y), width.entry(at_x, x)
        if np.any(i < 0) or np.any(j < 0):
            continue
        weight = np.zeros((linear.shape[0] // places, channels, height.kernel, width.kernel))
        weight[out, channel, i, j] = linear.values
        times = np.outer(height.met(), width.met())
        if np.array_equal(weight[out, channel, i, j], linear.values) and np.sum((weight != 0) * times) == i.size:
            return _grouped(weight, height, width)
    return None


def _axes(elements: Integers, size: int) -> Iterator[Axis]:
    """How a kernel that meets these elements at one place may move: least padding and stride first."""
    met = np.unique(elements)
    dilation = int(np.gcd.reduce(np.diff(met))) if met.size > 1 else 1
    reach = int(met[-1] - met[0])
    for padding in range(min(reach, WIDEST) + 1):
        for stride in range(1, FARTHEST + 1):
            out = (size + 2 * padding - reach - 1) // stride + 1
            if out > 0 and (stride == 1 or out > 1):
                yield Axis(size, out, reach // dilation + 1, stride, padding, dilation)


def _grouped(weight: Floats, height: Axis, width: Axis) -> Convolution:
    """The same with as many groups as there can be, of channels that do not meet."""
    out, channels = weight.shape[:2]
    for groups in range(gcd(out, channels), 0, -1):
        if out % groups == channels % groups == 0:
            split = weight.reshape(groups, out // groups, groups, channels // groups, *weight.shape[2:])
            own = np.stack([split[n, :, n] for n in range(groups)])
            if np.count_nonzero(own) == np.count_nonzero(weight):
                return Convolution(own.reshape(out, channels // groups, *weight.shape[2:]), height, width, groups)
    raise AssertionError  # one group always fits
