"""What each kind of NIR's nodes is in torch: a row a kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import nir
import numpy as np
import torch
from torch import nn

from hw_models.arrays import Floats
from hw_models.errors import InputError
from ltc2neuro.frontends.nir.neurons import Leak, NeuronChain, Scale, Spiking, Subtracting, SumPool2d, Threshold

NORSE = (
    "norse writes time constants that are its own times its dt: write its graph with norse.torch.to_nir(..., dt=1). "
)


@dataclass(frozen=True)
class NodePlace:
    """Where a node is built: its name, the shape that it reads, the time step in s, and how its neurons are reset."""

    name: str
    shape: tuple[int, ...]
    dt: float
    subtracts: bool

    def spread(self, values: object) -> Floats:
        """Parameters of a node for the shape that it reads: one number, or one for each element."""
        array = numbers(values)
        shape = (1,) * (len(self.shape) - array.ndim) + array.shape
        if array.size == 1 or shape == self.shape:
            return np.broadcast_to(array.reshape(shape if array.size > 1 else ()), self.shape)
        raise self.refusal(
            "parameters of a node do not fit its input",
            numbers=f"parameters of shape {array.shape}, input of {self.shape}",
        )

    def leak(self, tau: object, gain: Floats, rest: object) -> Leak:
        """tau x. = rest - x + gain input, a step of Euler."""
        constant = self.spread(tau)
        if not np.all(constant >= self.dt):
            least = float(np.min(constant))
            raise self.refusal(
                "a time constant is shorter than the time step",
                numbers=f"tau = {least:g} s, dt = {self.dt:g} s",
                advice=f"Such a step overshoots. Give the dt that the graph was made for, in s. {NORSE}"
                if least > 0
                else "A time constant is above 0.",
            )
        part = self.dt / constant
        return Leak(1 - part, part * gain, part * self.spread(rest))

    def refusal(self, what: str, numbers: str = "", advice: str = "") -> InputError:
        """The error for this node."""
        return InputError(what, where=f"node {self.name}", numbers=numbers, advice=advice)


Build = Callable[..., nn.Module]


def numbers(values: object) -> Floats:
    """An array of float64 from what a node holds: arrays, numbers, or tensors, as norse leaves them."""
    array = values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
    return array.astype(np.float64)


def _linear(node: nir.Linear | nir.Affine, place: NodePlace) -> nn.Module:
    weight = numbers(node.weight)
    if weight.ndim != 2:
        raise place.refusal("weights are a matrix", numbers=f"their shape is {weight.shape}")
    affine = isinstance(node, nir.Affine)
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=affine)
    return _filled(layer, weight, node.bias if affine else None)


_CONVOLUTIONS: dict[int, Callable[..., nn.Conv1d | nn.Conv2d]] = {1: nn.Conv1d, 2: nn.Conv2d}


def _convolution(node: nir.Conv1d | nir.Conv2d, place: NodePlace) -> nn.Module:
    weight = numbers(node.weight)
    axes = 1 if isinstance(node, nir.Conv1d) else 2
    groups = int(node.groups)
    layer = _CONVOLUTIONS[axes](
        weight.shape[1] * groups,
        weight.shape[0],
        weight.shape[2:],
        _sizes(node.stride, axes),
        node.padding if isinstance(node.padding, str) else _sizes(node.padding, axes),
        _sizes(node.dilation, axes),
        groups,
    )
    return _filled(layer, weight, node.bias)


def _filled(layer: nn.Linear | nn.Conv1d | nn.Conv2d, weight: Floats, bias: object) -> nn.Module:
    with torch.no_grad():
        layer.weight.copy_(torch.as_tensor(weight))
        if layer.bias is not None:
            layer.bias.copy_(torch.as_tensor(numbers(bias)))
    return layer


def _sizes(value: object, axes: int) -> tuple[int, ...]:
    """One whole number for each axis."""
    return tuple(int(size) for size in np.broadcast_to(np.asarray(value).reshape(-1), axes))


def _pool(kind: Callable[..., nn.Module]) -> Build:
    return lambda node, place: kind(*(_sizes(size, 2) for size in (node.kernel_size, node.stride, node.padding)))


def _flatten(node: nir.Flatten, place: NodePlace) -> nn.Module:
    """NIR counts axes without the batch, torch with it."""
    return nn.Flatten(*(int(axis) + (axis >= 0) for axis in (node.start_dim, node.end_dim)))


def _integrator(node: nir.I | nir.IF, place: NodePlace) -> Leak:
    one = np.ones(())
    return Leak(one, place.dt * place.spread(node.r), 0 * one)


def _membrane(node: nir.LI | nir.LIF, place: NodePlace) -> Leak:
    return place.leak(node.tau, place.spread(node.r), node.v_leak)


def _current_based(node: nir.CubaLI | nir.CubaLIF, place: NodePlace) -> tuple[Leak, Leak]:
    synapse = place.leak(node.tau_syn, place.spread(node.w_in), 0.0)
    return synapse, place.leak(node.tau_mem, place.spread(node.r), node.v_leak)


def _spiking(chain: list[Leak], node: nir.IF | nir.LIF | nir.CubaLIF, place: NodePlace) -> nn.Module:
    kind = Subtracting if place.subtracts else Spiking
    return kind(chain, place.spread(node.v_threshold), place.spread(node.v_reset))


NODES: dict[type[nir.NIRNode], Build] = {
    nir.Affine: _linear,
    nir.AvgPool2d: _pool(nn.AvgPool2d),
    nir.Conv1d: _convolution,
    nir.Conv2d: _convolution,
    nir.CubaLI: lambda node, place: NeuronChain(_current_based(node, place)),
    nir.CubaLIF: lambda node, place: _spiking([*_current_based(node, place)], node, place),
    nir.Delay: lambda node, place: nn.Identity(),  # its edges are those of a sample ago
    nir.Flatten: _flatten,
    nir.I: lambda node, place: NeuronChain([_integrator(node, place)]),
    nir.IF: lambda node, place: _spiking([_integrator(node, place)], node, place),
    nir.Input: lambda node, place: nn.Identity(),
    nir.LI: lambda node, place: NeuronChain([_membrane(node, place)]),
    nir.LIF: lambda node, place: _spiking([_membrane(node, place)], node, place),
    nir.Linear: _linear,
    nir.Output: lambda node, place: nn.Identity(),
    nir.Scale: lambda node, place: Scale(place.spread(node.scale)),
    nir.SumPool2d: _pool(SumPool2d),
    nir.Threshold: lambda node, place: Threshold(place.spread(node.threshold)),
}
"""Kinds of nodes, and the module of each from the node and its `NodePlace`."""
