"""What an element and its operands were one step before, of their kinds alone."""

from __future__ import annotations

import math

import numpy as np

from compiler.steps.elements import ADD, MUL, NEVER, Elements, Sum

ONE_TERM = Sum((1.0,))
"""That with which a sum of all samples so far begins"""


def matched_operands(elements: Elements, early: int, late: int) -> list[tuple[int, int]] | None:
    """What the operands of an element were in the step before; None where that was no element of its kind."""
    kinds, operands = elements.kinds, elements.operands
    before, now = kinds[early], kinds[late]
    if isinstance(before, Sum) and isinstance(now, Sum):
        return _matched_terms(elements, (before, operands[early]), (now, operands[late]))
    if kinds[late] == ADD and kinds[early] == ONE_TERM and _may_follow(elements, operands[early][0], operands[late][1]):
        return [(elements.constant(np.zeros(1)).item(), operands[late][0]), (operands[early][0], operands[late][1])]
    if _same_kind(kinds[early], kinds[late]) and len(operands[early]) == len(operands[late]):
        theirs = operands[early][::-1] if _turned_round(elements, early, late) else operands[early]
        return list(zip(theirs, operands[late], strict=True))
    return None


def _turned_round(elements: Elements, early: int, late: int) -> bool:
    """Whether what the second adds or multiplies is in the first the other way round: torch computes 0.0 + x, where a
    loop's `h = 0.0` is no tensor yet, as x + 0.0."""
    if elements.kinds[late] not in (ADD, MUL):
        return False
    (a, b), (now, then) = elements.operands[early], elements.operands[late]
    number = elements.known[b] == NEVER != elements.known[then]
    return number and not _may_follow(elements, a, now) and _may_follow(elements, a, then)


def _matched_terms(
    elements: Elements, early: tuple[Sum, tuple[int, ...]], late: tuple[Sum, tuple[int, ...]]
) -> list[tuple[int, int]] | None:
    """The same of weighted sums and their terms; the early one may have fewer where samples before the first are 0."""
    (before, theirs), (now, ours), known = early, late, elements.known
    weights, others = now.weights, before.weights
    if len(ours) == len(theirs) and weights == others:
        return list(zip(theirs, ours, strict=True))
    found, at = [], 0
    zero = elements.constant(np.zeros(1)).item()
    for weight, term in zip(weights, ours, strict=True):
        fits = at < len(theirs) and others[at] == weight and _may_follow(elements, theirs[at], term)
        found.append((theirs[at] if fits else zero, term))
        at += fits
    missing = [term for early_term, term in found if early_term == zero]
    return found if at == len(theirs) and all(known[term] != NEVER for term in missing) else None


def _may_follow(elements: Elements, early: int, late: int) -> bool:
    """Whether the second can be the first one step later."""
    a, b = elements.known[early], elements.known[late]
    if a == NEVER or b == NEVER:
        return a == NEVER
    kinds = elements.kinds[early], elements.kinds[late]
    return a + 1 == b and (_same_kind(*kinds) or all(isinstance(kind, Sum) for kind in kinds))


def alike(elements: Elements, a: int, b: int) -> bool:
    """Whether both are the same number, whatever the samples."""
    one, other = elements.values[a], elements.values[b]
    return elements.known[a] == elements.known[b] == NEVER and (one == other or (math.isnan(one) and math.isnan(other)))


def _same_kind(early: object, late: object) -> bool:
    if isinstance(early, tuple) and isinstance(late, tuple) and early[0] == late[0] == "input":
        return early[1] == late[1] and early[2] + 1 == late[2]
    return early == late


def before_the_first(elements: Elements) -> frozenset[int]:
    """The elements that stand for what was before the first step, and what is made of them alone."""
    before = [name for name, at in elements.copies.items() if at == NEVER]
    found = {element for name in before for element in elements.read(name).tolist()}
    found = {element for element in found if elements.known[element] == 0}
    for element, operands in enumerate(elements.operands):
        if operands and elements.known[element] == 0:
            moving = {operand for operand in operands if elements.known[operand] != NEVER}
            if moving <= found:
                found.add(element)
    return frozenset(found)
