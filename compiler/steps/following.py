"""The orbits of all that was matched: which elements are one at different steps, and what each was before its first."""

from __future__ import annotations

from dataclasses import replace

from compiler.graph.ops import Elementwise
from compiler.steps.elements import NEVER, Sum
from compiler.steps.orbits import BEFORE_THE_FIRST, FirstSampleError, Orbits, Past
from compiler.steps.pasts import early_lag
from compiler.steps.predecessors import alike
from compiler.steps.repeated_blocks import Repeated
from compiler.steps.unsteady import where


def follow(found: Orbits) -> None:
    """The orbits of all that was matched, and those of what is computed in the first steps alone."""
    elements, before = found.elements, found.before
    waiting, seen = [*found.instead.values(), *found.begins.values(), *found.even_before.values()], set[int]()
    while waiting:
        here = waiting.pop()
        if here not in seen and elements.known[here] != NEVER:
            seen.add(here)
            waiting += elements.operands[here]
    after = dict[int, int]()
    for late, early in list(before.items()):
        while elements.known[early] != NEVER and after.setdefault(early, late) != late:
            # Equal ones that differ a step later, as what starts at the same number: each has its own past.
            before[late] = elements.another(early)
            after[before[late]] = late
            if early in found.instead:
                found.instead[before[late]] = found.instead[early]
            if early not in before:
                break
            late, early = before[late], before[early]
            before[late] = early
    moving = {e for pair in before.items() for e in pair if elements.known[e] != NEVER} | seen
    for head in sorted(e for e in moving if e not in after):
        here, number, end = head, 0, head
        while True:
            found.newest[here], found.ago[here] = head, number
            found.first[head] = elements.known[head] - number
            if elements.known[here] > found.first[head]:
                starts = elements.late_starts or here in elements.past
                if elements.known[here] != 0 or not (starts or (here not in before and found.first[head] >= -1)):
                    problem = "a value of an earlier step needs later samples than that of a later step"
                    advice = "Let it start from a constant such as torch.zeros, or give its start as an input. "
                    advice += BEFORE_THE_FIRST
                    raise FirstSampleError(problem, where=where(elements, here), advice=advice)
                found.later[head] = -found.first[head]
            if here not in before:
                found.start[head] = None
                break
            end, here, number = here, before[here], number + 1
            if elements.known[here] == NEVER:
                found.start[head], found.past[head] = elements.values[here], _past(found, end, found.first[head])
                break
            end = here
        _begin(found, head, found.instead[end] if end in found.instead and found.first[head] == 1 else end)
        if here in found.instead:
            found.instead[head] = found.instead[here]
        elif found.start[head] is None:
            found.first[head] = 0  # it may be anything before
    _remake(found)


def _begin(found: Orbits, head: int, end: int) -> None:
    """What stands for a newest element before the first step, as for the end of its orbit."""
    if end in found.begins:
        found.begins[head] = found.begins[end]
    own = {(head, ago): start for (one, ago), start in found.even_before.items() if one == end}
    found.even_before |= own
    if own and head in found.past and found.past[head].ever:
        shown = found.past[head].numbers * (min(ago for _, ago in own) - 1)
        found.past[head] = replace(found.past[head], numbers=shown, ever=False)


def _past(found: Orbits, element: int, reached: int) -> Past:
    """That of an element which was a number before a sample reached it."""
    elements, numbers, earlier = found.elements, [found.before[element]], found.earlier.get(element, {})
    while (ago := len(numbers)) in earlier or found.before.get(numbers[-1], numbers[-1]) not in numbers:
        numbers.append(earlier[ago] if ago in earlier else found.before[numbers[-1]])
    moves = any(not alike(elements, one, numbers[0]) or isinstance(elements.kinds[one], Repeated) for one in numbers)
    return Past(reached, tuple(numbers if moves else numbers[:1]), not moves)


def _remake(found: Orbits) -> None:
    """Of what begins with something computed in the first step, find what its op makes of that with which its operands
    begin: it may be computed a step later as well."""
    for head, start in [*found.begins.items()]:
        if head in found.start:
            made = _made_of_starts(found, head, start)
            if made is not None:
                found.begins |= made
                found.remade |= {head, *made}


def _made_of_starts(found: Orbits, head: int, start: int) -> dict[int, int] | None:
    """The operands of a newest element that are no states, and what stands for them; None where its op does not make
    its start of these and of those of states."""
    elements, made = found.elements, dict[int, int]()
    kind, operands, starts = elements.kinds[head], elements.operands[head], elements.operands[start]
    if not isinstance(kind, (Sum, Elementwise)) or kind != elements.kinds[start] or head in found.instead:
        return None
    for operand, own in zip(operands, starts, strict=True):
        if elements.known[operand] == NEVER:
            if not alike(elements, operand, own):
                return None
            continue
        newest, lag = found.newest[operand], early_lag(found, head, operand)
        if found.begun(newest, 1 + lag) == own:
            continue
        free = lag == 0 and found.start[newest] is None and found.first[newest] == 0 and newest not in found.begins
        below = _made_of_starts(found, newest, own) if free and elements.known[own] != NEVER else None
        if below is None:
            return None
        made |= {newest: own, **below}
    return made
