"""What a model is called with: its input, or each of several, out of the one array that the chip gets."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from ltc2neuro.inputs.several import TIMESPANS, Inputs
from ltc2neuro.tracing.calling.initial_states import first_states, without_default
from ltc2neuro.tracing.calling.modules import unwrapped
from ltc2neuro.tracing.recording.held_inputs import held


class NamedArguments(torch.nn.Module):
    """A module whose forward takes whatever it is given, and whose arguments have these names."""

    argument_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Arguments:
    """Of one call, in order and by names."""

    ordered: tuple[torch.Tensor, ...]
    named: Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class SampleForm:
    """How the one array that the chip gets becomes a model's arguments: several `inputs`, or one with samples of this
    `shape`; with batch or time first."""

    inputs: Inputs | None
    shape: tuple[int, ...]
    time_first: bool


def arguments(
    form: SampleForm, x: torch.Tensor, timespans: torch.Tensor | None = None, tokens: torch.Tensor | None = None
) -> Arguments:
    """The arguments that `x`, (batch, time, features) or with time first, and the time spans are; `tokens` is another
    tensor for those of its channels that are."""
    inputs = form.inputs
    named = {} if timespans is None else {TIMESPANS: timespans}
    if inputs is None:
        return Arguments((x.reshape(*x.shape[:2], *form.shape),), named)
    parts: dict[str, torch.Tensor] = {}
    for one in inputs.each:
        part = (x if tokens is None or not one.tokens else tokens)[..., inputs.where[one.name]]
        part = part.long() if one.tokens else part
        part = held(part, time_first=form.time_first) if one.held else part
        parts[one.name] = part if len(one.shape) == 1 else part.reshape(*part.shape[:-1], *one.shape)
    if inputs.keyed:
        return Arguments((), {**parts, **named})
    return Arguments(tuple(parts[name] for name in inputs.order if name in parts), named)


def order_of(model: torch.nn.Module, x: object = None) -> tuple[str, ...]:
    """The names of the arguments of a model's forward, in order: of one that takes any, what `x`, a tuple or dict, has.

    >>> order_of(torch.nn.Bilinear(1, 2, 3))
    ('input1', 'input2')
    """
    found = list(_told(model))
    for parameter in [] if found else _parameters(model):
        if parameter.kind is parameter.VAR_POSITIONAL and isinstance(x, tuple):
            found += [f"{parameter.name}{n}" for n in range(len(x) - len(found))]
        elif parameter.kind is parameter.VAR_KEYWORD and isinstance(x, Mapping):
            found += [str(name) for name in x if name not in found]
        elif parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            found.append(parameter.name)
    return tuple(found)


def needed(model: torch.nn.Module) -> tuple[str, ...]:
    """The names of the arguments that have no default, and are no states."""
    if told := _told(model):
        return told
    own = unwrapped(model)
    states = () if isinstance(own, NamedArguments) else first_states(own)
    return tuple(name for name in without_default(own) if name not in states)


def _told(model: torch.nn.Module) -> tuple[str, ...]:
    """The names that a module gives its arguments itself, where Python may have no such names."""
    return getattr(unwrapped(model), "argument_names", ())


def _parameters(model: torch.nn.Module) -> Sequence[inspect.Parameter]:
    own = unwrapped(model)
    if isinstance(own, NamedArguments):
        return [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in own.argument_names]
    try:
        return list(inspect.signature(own.forward).parameters.values())
    except (TypeError, ValueError):  # of what is not written in Python nothing is known
        return []
