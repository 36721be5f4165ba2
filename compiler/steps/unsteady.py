"""What cannot be one program of a step, in words: the errors of time inference."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from compiler.steps.elements import Elements
from compiler.steps.orbits import BEFORE_THE_FIRST, CopiesError, SettlesLateError, UnsteadyError
from hw_models.arrays import Integers


def check_causal(elements: Elements, answers: Mapping[int, Integers]) -> None:
    """Raise `UnsteadyError` where an answer needs later samples, or all are made of the first one."""
    for t, answer in answers.items():
        late = [e for e in answer.tolist() if elements.known[e] > t]
        if late:
            raise UnsteadyError(
                "the model is not causal: an answer depends on later samples",
                where=where(elements, late[0]),
                numbers=f"the answer of step {t} needs the sample of step {elements.known[late[0]]}",
                advice="Leave out what looks ahead, or delay the answer.",
            )
    last = answers[max(answers)]
    if _runs_free(elements, answers[max(answers) - 1], last):
        raise UnsteadyError(
            "the answers to all samples are made of the first one alone",
            where=where(elements, int(last[0])),
            advice="A network reads a sample at each step. What goes on by itself is fed back by the host: compile one "
            "step, stream = net.stream(), and give each answer of stream.step(x) as the next sample. What comes once a "
            "sequence may be an input that is held.",
        )


def _runs_free(elements: Elements, before: Integers, now: Integers) -> bool:
    """Whether answers change though no other sample than the first is looked at."""
    return all(elements.known[e] == 0 for e in now.tolist()) and not np.array_equal(before, now) and len(now) > 0


def changes(elements: Elements, late: int, early: int) -> UnsteadyError:
    """The error for a number that is another in the step before."""
    return SettlesLateError(
        "a number changes from step to step",
        where=where(elements, late),
        numbers=_told_apart(elements.values[early], elements.values[late]),
        advice="A network does the same at every step. A mean of all steps so far counts them itself, y.cumsum(1) / "
        "(y[..., :1] * 0 + 1).cumsum(1), and one that forgets is m = 0.9 * m + 0.1 * y; one over time that ends the "
        "model is the host's: torch.stack(answers, 1).mean(1), not sum / steps. Give what else changes with time as an "
        "input. Differences that a layer with biases reads begin at x[:, :1] * 0: torch.cat([x[:, :1] * 0, x[:, 1:] - "
        "x[:, :-1]], 1).",
    )


def _told_apart(early: float, late: float) -> str:
    """Both numbers, with as many digits as show that they differ."""
    digits = next((n for n in range(6, 17) if f"{early:.{n}g}" != f"{late:.{n}g}"), 17)
    return f"{early:.{digits}g}, then {late:.{digits}g}"


def two_starts(elements: Elements, late: int, *early: int) -> UnsteadyError:
    """The error for an element that was these to its readers."""
    return UnsteadyError(
        "two readers of a value look back at different starts of it",
        where=where(elements, late),
        numbers=", then ".join(f"{name(elements, e)}" for e in early),
        advice="Let what looks back at a value start where the value itself starts, such as h at 0. What is done at "
        "some steps, as under `if t % 4 == 0` or `if t >= 3`, is chosen by an input: torch.where(mask > 0.5, new, h).",
    )


def begins_late(elements: Elements, node: int) -> CopiesError:
    """The error for a block that starts otherwise than what it leaves."""
    return CopiesError(
        "steps of a solver read the first sample again",
        where=where(elements, node),
        advice=f"{BEFORE_THE_FIRST} A solver's steps may read that: write it so, in a loop p = (...)[:, t].",
    )


def where(elements: Elements, element: int) -> str:
    """The module and the line that compute an element, for messages."""
    home = elements.homes[element]
    if home is None:
        return ""
    value = elements.graph.values[home.value]
    return ", ".join([*value.modules[:1], *value.lines[:1]])


def origin(elements: Elements, element: int) -> tuple[object, ...]:
    """The module and the line that compute it, at whichever call."""
    home = elements.homes[element]
    if home is None:
        return ()
    value = elements.graph.values[home.value]
    return (*(module.partition("#")[0] for module in value.modules), *value.lines)


def name(elements: Elements, element: int) -> str:
    """What an element is called there, or its number."""
    home = elements.homes[element]
    return f"{elements.values[element]:g}" if home is None else home.value
