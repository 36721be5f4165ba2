"""What is the same one step later: orbits of elements, and what each was before the first sample."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heappop, heappush

from compiler.steps.columns import between
from compiler.steps.elements import NEVER, Elements, Sum
from compiler.steps.following import follow
from compiler.steps.orbits import (
    ANSWER,
    Orbits,
    StartsLateError,
    UnsteadyError,
)
from compiler.steps.pasts import compute_early, run_through
from compiler.steps.predecessors import alike, matched_operands
from compiler.steps.repeated_blocks import Repeated
from compiler.steps.unsteady import begins_late, changes, check_causal, name, origin, two_starts, where
from compiler.steps.wide_sums import WideRow
from hw_models.arrays import Integers


def orbits(elements: Elements, answers: Mapping[int, Integers], *, filled: bool = False) -> Orbits:
    """Match the answers of each step with those of the step before, and all that they are made of; `filled`: also what
    lies between that.

    Raises `UnsteadyError` where that cannot be one program.
    """
    check_causal(elements, answers)
    found = Orbits(elements)
    try:
        _matched(found, answers, filled=filled)
    except UnsteadyError as error:
        told = found.conflict or error
        told.found = found
        raise told from None
    return found


def _matched(found: Orbits, answers: Mapping[int, Integers], *, filled: bool) -> None:
    elements, entered = found.elements, dict[int, int]()
    steps = [(answers[t - 1].tolist(), answers[t].tolist()) for t in sorted(answers) if t - 1 in answers]
    _match(found, entered, [(early, late, ANSWER) for own in steps for early, late in zip(*own, strict=True)])
    if filled:
        _match(found, entered, between(found))
    found.numbers = run_through(found, answers)
    if found.numbers:
        found.conflict = found.conflict or changes(elements, *found.numbers[0][1:])
    if found.conflict is not None:
        raise found.conflict
    follow(found)
    for node, parts in elements.parts.items():
        if any(found.later.get(part) != found.later.get(node) for part in parts):
            raise begins_late(elements, node)
    changed = compute_early(found)
    if changed is not None:
        raise changes(elements, *changed)
    parts = [answers[max(answers)].tolist(), *(elements.operands[head] for head in found.start)]
    read = {int(element) for own in parts for element in own}
    for number in read:
        before = found.before.get(number, number)
        if elements.known[number] == NEVER and not alike(elements, before, number):
            raise changes(elements, number, before)
    unmatched = {e for e in read if elements.known[e] != NEVER} - found.newest.keys()
    last = max(answers)
    before_last = answers.get(last - 1, answers[last] * 0 + NEVER)
    still = {e for e in answers[last][answers[last] == before_last].tolist() if elements.known[e] != NEVER}
    if found.differs is not None and (
        unmatched or still - elements.past or max(found.first.values(), default=0) > last // 2
    ):
        raise found.differs  # not only in the first steps
    if unmatched:
        raise StartsLateError(
            "what a value was one step before was not found",
            where=where(elements, max(unmatched)),
            numbers=f"that of step {elements.known[max(unmatched)]}",
            advice="Write it as a recurrence: a = 0.9 * a + b at each step, not a sum whose weights depend on how many "
            "steps there are.",
        )


def _match(found: Orbits, entered: dict[int, int], pairs: list[tuple[int, int, int]]) -> None:
    """Let the first of each pair be what the second, which an element reads, was one step before, and so on for what
    they are made of; what is made of others before these, so that what a reader reads is known when those are matched
    that it was in steps before."""
    waiting, pushed = list[tuple[int, int, int, int]](), 0
    while pairs or waiting:
        for early, late, reader in pairs:
            heappush(waiting, (-late, pushed := pushed - 1, early, reader))
        late, _, early, reader = heappop(waiting)
        pairs = []
        if not _is_known(found, entered, (early, -late, reader)):
            found.by[-late] = reader
            pairs = _below(found, entered, early, -late)


def _is_known(found: Orbits, entered: dict[int, int], pair: tuple[int, int, int]) -> bool:
    """Whether it is known what the second was before; where that is something else, it is noted."""
    (early, late, reader), elements, before = pair, found.elements, found.before
    if early == late and (reader == ANSWER or early in elements.past) and elements.known[late] != NEVER:
        if early not in elements.past:
            _fixed(found, ANSWER, late)
        return True
    if reader == ANSWER and early in elements.past and _begins(found, early, late, reader):
        return True
    for known in (found.begins, before, entered):
        if late in known:
            same = known is not found.begins and known[late] == early
            if not same and not (known is before and alike(elements, before[late], early)):
                _otherwise(found, reader, late, known[late], early)
            return True
    return False


def _below(found: Orbits, entered: dict[int, int], early: int, late: int) -> list[tuple[int, int, int]]:
    """The pairs of what both are made of; none where the second starts from the first."""
    elements, before = found.elements, found.before
    known, kinds = elements.known, elements.kinds
    if known[late] == NEVER:
        if not alike(elements, early, late) or isinstance(kinds[late], Repeated):
            if known[early] != NEVER or not elements.operands[late]:
                if known[early] != NEVER:
                    raise changes(elements, late, early)
                _otherwise(found, found.by[late], late, early, early)
                return []
        else:
            before[late] = early
            return []
    both = id(elements.operands[early]), id(elements.operands[late])
    if both in found.matched and kinds[early] == kinds[late]:
        before[late] = early  # another row of a matrix
        return []
    operands = _operands_before(found, early, late)
    if operands is None and known[early] != NEVER:
        entered[late] = found.instead[late] = early
        return []
    before[late] = early
    pairs = [(a, b, late) for a, b in operands or []]
    if isinstance(kinds[late], (Sum, WideRow)) and kinds[early] == kinds[late]:
        found.matched.add(both)
    if operands is not None and late in elements.parts:  # what a block leaves moves together
        pairs += [(a, b, ANSWER) for a, b in zip(elements.parts[early], elements.parts[late], strict=True)]
    return pairs


def _operands_before(found: Orbits, early: int, late: int) -> list[tuple[int, int]] | None:
    """What each operand was one step before; None where both elements are not of the same program."""
    elements, known = found.elements, found.elements.known
    operands = matched_operands(elements, early, late)
    if operands is not None:
        whole = len(operands) == len(elements.operands[early])
        readers = (early, late) if whole else (NEVER, late)
        operands = [pair for place, pair in enumerate(operands) if not _stands_before(found, pair, readers, place)]
    same = [b for a, b in operands or [] if a == b and known[b] != NEVER and b not in elements.past]
    for element in same:
        for reader in (late, early) if known[early] > 0 else (late,):  # what the first of them was is not looked for
            _fixed(found, reader, element)
    if same or any(known[a] > known[b] for a, b in operands or []):
        operands = None
    if not same and operands is None and known[early] != NEVER:
        found.differs = StartsLateError(
            "the model does not do the same at every step",
            where=where(elements, late),
            numbers=f"step {known[late]} has {name(elements, late)} where the one before has {name(elements, early)}",
            advice="A network runs one program at every sample.",
        )
    return operands


def _fixed(found: Orbits, reader: int, element: int) -> None:
    elements, sample = found.elements, found.elements.known[element]
    kind = None if reader == ANSWER else elements.kinds[reader]
    found.fixed.setdefault((kind, element), set()).add(reader)
    found.differs = StartsLateError(
        f"every step looks at the {'same' if sample else 'first'} sample",
        where=where(elements, element if reader == ANSWER else reader),
        numbers=f"that of step {sample}",
        advice=f"Give what comes once a sequence as an input that is held{', or let it be the first' * (sample > 0)}. "
        "A step that does something else than others, as with `if t % 2 == 0`, is none: give a mask as an input, "
        "g = torch.where(mask > 0.5, new, g).",
    )


def _otherwise(found: Orbits, reader: int, late: int, before: int, early: int) -> None:
    """Note that an element was something else to a reader than to those before. Raises `UnsteadyError` where neither
    is where it starts."""
    elements = found.elements
    if elements.known[late] == elements.known[early] == NEVER:
        found.numbers.append((reader, late, early))
        return
    error = two_starts(elements, late, before, early)
    if min(elements.known[before], elements.known[early]) > 0:
        raise error
    other, numbers = found.by.get(late, ANSWER), elements.values
    folded = elements.known[before] == elements.known[early] == NEVER and numbers[before] == 0 != numbers[early]
    if other != ANSWER and (folded or isinstance(elements.kinds[reader], Repeated)):
        # What goes on from itself keeps its state, and what is made of a number before the first step finds it there.
        reader, early = other, before
    found.otherwise.append((reader, late, early))
    found.conflict = found.conflict or error


def _stands_before(found: Orbits, pair: tuple[int, int], readers: tuple[int, int], place: int) -> bool:
    """Whether a pair of operands, of the reader one step before and the late one, is what stands for an element before
    the first step; which is noted."""
    (early, late), (before, reader), known = pair, readers, found.elements.known
    if (reader, place) not in found.stood:
        starts = _begins(found, early, late, reader)
        if starts or (known[early] == NEVER and known[late] == 0):
            found.stood[before, place] = late, 1
        return starts
    element, ago = found.stood[reader, place]
    found.stood[before, place] = element, ago + 1
    if known[early] == known[late] == NEVER and (element, ago) not in found.even_before:
        return False
    if found.even_before.setdefault((element, ago + 1), early) != early:
        found.conflict = found.conflict or two_starts(found.elements, late, found.even_before[element, ago + 1], early)
    return True


def _begins(found: Orbits, early: int, late: int, reader: int) -> bool:
    """Whether the first is what the second starts from, and computed in the same step, as of the first sample."""
    known = found.elements.known
    starts = known[early] == known[late] == 0 and early != late and late not in found.before
    past = early in found.elements.past
    if starts and (past or origin(found.elements, early) == origin(found.elements, late)):
        starts = matched_operands(found.elements, early, late) is None  # else what reads a start, and that later
    if starts and found.begins.setdefault(late, early) != early:
        _otherwise(found, reader, late, found.begins[late], early)
    return starts
