"""What a model returns: which of it are answers, and what they are called."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import torch

from hw_models.errors import TraceError
from ltc2neuro.compiled.answers import Answer, Answers, alone
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.symbolic import ComplexPair, Symbolic, symbols

Place: TypeAlias = "int | str | tuple[int | str, ...]"
"""Where a tensor is in what a model returns; of one inside another tuple or dict the whole way there"""


class NotRecordedError(TraceError):
    """What the model returns is a tensor that is not made of its input."""


@dataclass(frozen=True)
class Returned:
    """The answers of a model that was recorded, the tensors that they are, and their places in what it returns.

    `dropped` are the places of what is neither an answer nor a state, `states` the states that are no answers.
    """

    answers: Answers
    tensors: tuple[Symbolic, ...]
    places: tuple[Place, ...]
    time_first: bool
    dropped: tuple[Place, ...] = ()
    states: Mapping[Place, Symbolic] = field(default_factory=dict)


def returned(result: object, is_state: Callable[[Symbolic], bool], asked: Collection[Place] = frozenset()) -> Returned:
    """The answers in a model's result: a tensor, the tensors of a dict or a named tuple, or those of another tuple, of
    which those that hold last states, as torch's recurrent layers return them, are none, unless they are `asked` for.
    What is inside another tuple or dict is no answer.

    Raises `TraceError` where there is none, or where answers lie differently.
    """
    if isinstance(result, Mapping):
        members = {key: value for key, value in result.items() if value is not None}
        if not members or not all(isinstance(key, str) for key in members):
            raise TraceError(
                "the model returns a dict without answers, or with keys that are not names",
                numbers=f"its keys are {list(result)}",
                advice="Return answers by their names: {'pose': pose, 'gate': gate}.",
            )
        inside = {key: value for key, value in members.items() if isinstance(value, _HOLDS)}
        answers = {k: _checked(v, f" {k!r}") for k, v in members.items() if k not in inside}
        if answers:
            return _beside(_together(answers, list(answers), keyed=True), inside, is_state)
        raise TraceError(
            "the model's results were not recorded: all are inside other tuples or dicts",
            numbers=", ".join(f"{key!r} is a {type(value).__name__}" for key, value in inside.items()),
            advice="Return answers by their names: {'pose': pose, 'gate': gate}.",
        )
    if not isinstance(result, (tuple, list)) or not result:
        return _together({"": _checked(result)}, [], keyed=False)
    found = {0: _checked(result[0])}
    others, fields = dict[Place, object](), getattr(type(result), "_fields", ())
    for place, member in enumerate(result[1:], 1):
        layout = axes.layout(member.codes) if isinstance(member, Symbolic) and member.numel() else None
        if (
            isinstance(member, Symbolic)
            and layout is not None
            and (layout.every or layout.first or fields or place in asked or not is_state(member))
        ):
            found[place] = member
        else:
            others[place] = member
    names = [fields[place] if fields else f"y{number}" for number, place in enumerate(found)]
    return _beside(_together(dict(zip(names, found.values(), strict=True)), list(found), keyed=False), others, is_state)


def members(result: object, way: tuple[int | str, ...] = ()) -> Iterator[tuple[Place, object]]:
    """What a tuple, list or dict holds, and what is inside others in it, each with its place."""
    pairs = result.items() if isinstance(result, Mapping) else enumerate(result) if isinstance(result, _HOLDS) else ()
    for key, value in pairs:
        if isinstance(value, _HOLDS):
            yield from members(value, (*way, key))
        else:
            yield ((*way, key) if way else key), value


def at_places(result: object, places: Sequence[Place]) -> list[torch.Tensor]:
    """torch's answers in what a model returns; of a tuple the first, where there are no places."""
    if isinstance(result, torch.Tensor):
        return [result]
    found = dict(members(result))
    tensors = [found[place] for place in places or (0,)]
    assert all(isinstance(tensor, torch.Tensor) for tensor in tensors)
    return [tensor for tensor in tensors if isinstance(tensor, torch.Tensor)]


def spelled(place: Place) -> str:
    """A place as it is written."""
    return "".join(f"[{key!r}]" for key in (place if isinstance(place, tuple) else (place,)))


def _beside(found: Returned, others: Mapping[Place, object], is_state: Callable[[Symbolic], bool]) -> Returned:
    """The answers with what is none, which other members of the result are or hold."""
    values = {place: value for place, value in members(others) if value is not None}
    states = {p: value for p, value in values.items() if isinstance(value, Symbolic) and is_state(value)}
    complex_states = [p for p, v in values.items() if isinstance(v, ComplexPair) and all(map(is_state, symbols(v)))]
    dropped = [place for place in values if place not in states and place not in complex_states]
    return replace(found, dropped=tuple(dropped), states=states)


_HOLDS = (tuple, list, Mapping)


def _together(tensors: Mapping[str, Symbolic], places: Sequence[Place], *, keyed: bool) -> Returned:
    layouts = {name: axes.layout(tensor.codes) for name, tensor in tensors.items()}
    first = {name: found.time_first for name, found in layouts.items() if found is not None and found.every}
    if len(set(first.values())) > 1:
        raise TraceError(
            "some of the model's answers have batch first, others time first",
            numbers=", ".join(f"{n} {'(time, batch)' if turned else '(batch, time)'}" for n, turned in first.items()),
            advice="Return all of them in one order.",
        )
    each = []
    for name, tensor in tensors.items():
        layout = layouts[name]
        assert layout is not None  # those that have none are refused or dropped
        each.append(Answer(name, layout.readout, tuple(layout.sample(tensor.codes).shape)))
    several = keyed or len(each) > 1
    answers = Answers(tuple(each), keyed) if several else alone(each[0].readout, each[0].step_shape)
    return Returned(answers, tuple(tensors.values()), tuple(places), any(first.values()))


def _checked(output: object, name: str = "") -> Symbolic:
    """A result that is an answer."""
    if isinstance(output, ComplexPair):
        raise complex_answer(tuple(output.example.shape), name)
    if not isinstance(output, Symbolic):
        raise (NotRecordedError if isinstance(output, torch.Tensor) else TraceError)(
            f"the model's result{name} was not recorded",
            numbers=f"it is a {type(output).__name__}",
            advice="Return a tensor computed from the input, or a tuple that begins with one. What went through .data, "
            "numpy or torch.tensor is lost. Where a largest value is, nothing on the chip tells: numpy.argmax(net(x), "
            "axis=-1) does.",
        )
    if axes.layout(output.codes) is None or output.numel() == 0:
        raise TraceError(
            f"the model's result{name} is neither one answer per step nor one for the last step",
            numbers=f"its shape is {tuple(output.shape)} for a batch of {axes.ROWS} and {axes.STEPS} steps",
            advice="Return (batch, time, ...) or (batch, ...) of the last step, such as y[:, -1].",
        )
    return output


def complex_answer(shape: tuple[int, ...], name: str = "") -> TraceError:
    """The error for a result that is complex."""
    return TraceError(
        f"the model's result{name} is complex",
        numbers=f"its shape is {shape}",
        advice="A network answers with real numbers: return y.real, y.abs(), or torch.view_as_real(y).",
    )
