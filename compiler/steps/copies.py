"""Elements that stand for others: what every step reads of an early one, and what starts otherwise for one reader.

`x - x[:, :1]` has the same operand at each step: an element that holds it follows from step to step. And where h starts
at a number, and what looks back at it at another, the second reads an element of its own that is h at each step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from compiler.graph.graph import Value
from compiler.steps.elements import NEVER, Elements, Home, Same
from compiler.steps.orbits import ANSWER, Orbits
from compiler.steps.predecessors import matched_operands
from hw_models.arrays import Integers


def told_apart(elements: Elements, found: Orbits, answers: Mapping[int, Integers]) -> dict[int, Integers] | None:
    """Let elements stand for those that orbits could not tell: the answers then. None where there are none."""
    last, new = max(answers), dict[int, tuple[int, ...]]()
    changed = _hold(elements, found, answers, last, new)
    after = _after(found)
    changed = _answer_otherwise(elements, found, changed)
    _start_otherwise(elements, found, after, new)
    _settle(elements, found, after, last, new)
    if changed is answers and not new:
        return None
    for element, operands in enumerate(elements.operands):
        if id(operands) in new:
            elements.operands[element] = new[id(operands)]
            elements.apart.add(element)
    return dict(changed)


def _chain(elements: Elements, element: int, last: int) -> list[int]:
    """What holds an element at each step: of what is held anyway, it itself."""
    kind = elements.kinds[element]
    if isinstance(kind, tuple) and kind[0] == "input" and kind[1] in elements.held:
        homes = [Home(elements.graph.entry.out, step * elements.features + kind[1]) for step in range(last + 1)]
        return [elements.add(("input", kind[1], t), (), home, t, 0.0) for t, home in enumerate(homes)]
    home, chain = _home(elements, element, "first"), [element]
    for step in range(1, last + 1):
        chain.append(elements.add(Same(element, True), (chain[-1],), home, step, 0.0))
    return chain


def _hold(
    elements: Elements, found: Orbits, answers: Mapping[int, Integers], last: int, new: dict[int, tuple[int, ...]]
) -> Mapping[int, Integers]:
    """Let what reads the same at every step, up to the `last`, read what holds it. Returns the answers."""
    chains: dict[int, list[int]] = {}
    for (_, element), readers in found.fixed.items():
        latest = max(last if reader == ANSWER else elements.known[reader] for reader in readers)
        if elements.known[element] != 0 or 2 * latest < last:
            continue
        chain = chains.setdefault(element, _chain(elements, element, last))
        for reader in readers - {ANSWER}:
            operands, step = elements.operands[reader], elements.known[reader]
            known = new.get(id(operands), operands)
            new[id(operands)] = tuple(chain[step] if o == element else o for o in known)
        if ANSWER in readers:
            answers = {
                t: np.array([chain[t] if e == element else e for e in answer.tolist()], np.int64)
                for t, answer in answers.items()
            }
    return answers


def _after(found: Orbits) -> Mapping[int, list[int]]:
    """What each element is one step later."""
    after: dict[int, list[int]] = defaultdict(list)
    for late, early in found.before.items():
        if late != early:
            after[early].append(late)
    return after


def _settle(
    elements: Elements, found: Orbits, after: Mapping[int, list[int]], last: int, new: dict[int, tuple[int, ...]]
) -> None:
    """Let readers of a number that is another in each of the first steps, as in a mean over the last k, read elements
    that are it."""
    done, made = set[tuple[int, int]](), dict[tuple[int, ...], int]()
    for reader, number, _ in found.numbers:
        place = elements.operands[reader].index(number) if reader != ANSWER else 0
        if reader == ANSWER or (reader, place) in done:
            continue
        chain = _orbit(elements, found, after, reader)
        done |= {(one, place) for one in chain}
        numbers = {elements.known[one]: elements.operands[one][place] for one in chain}
        each_step = len(numbers) == len(chain) == max(numbers) - min(numbers) + 1
        if not each_step or any(elements.known[e] != NEVER for e in numbers.values()):
            continue
        settled = max(t for t, e in numbers.items() if e != numbers[max(numbers)]) + 1
        if settled >= last or settled not in numbers:  # what is seen but once may change again
            continue
        for one in chain:
            operands = list(new.get(id(elements.operands[one]), elements.operands[one]))
            operands[place] = _settling(elements, one, numbers, settled, made)
            new[id(elements.operands[one])] = tuple(operands)


def _orbit(elements: Elements, found: Orbits, after: Mapping[int, list[int]], reader: int) -> list[int]:
    """An element as it is at other steps."""
    chain, kind = [reader], elements.kinds[reader]
    while (early := found.before.get(chain[0], NEVER)) not in (NEVER, chain[0]) and elements.kinds[early] == kind:
        chain.insert(0, early)  # what never changes is its own past
    while later := [one for one in after[chain[-1]] if elements.kinds[one] == kind]:
        chain.append(later[0])
    return chain


def _settling(
    elements: Elements, reader: int, numbers: Mapping[int, int], settled: int, made: dict[tuple[int, ...], int]
) -> int:
    """What is each of the numbers in its step, up to the one that it stays; those that are `made` are shared."""
    step, element = elements.known[reader], numbers[settled]
    for begins in range(settled, min(numbers), -1):  # from there on what comes later, before the number of that time
        before = numbers[begins - 1]
        if step < begins:
            element = before
            continue
        key = begins, step, before, element
        if key not in made:
            home = _home(elements, reader, f"of_{begins}")._replace(place=0)
            made[key] = elements.another(elements.add(Same(before, False), (element,), home, step, 0.0))
            elements.known[made[key]] = step
        element = made[key]
    return element


def _answer_otherwise(elements: Elements, found: Orbits, answers: Mapping[int, Integers]) -> Mapping[int, Integers]:
    """Let answers that were something else before the first step of what they are be elements of their own."""
    changed = {t: answer.tolist() for t, answer in answers.items()}
    own = {(late, start) for reader, late, start in found.otherwise if reader == ANSWER}
    for step in sorted(changed.keys() & {t + 1 for t in changed}) if own else ():
        before, now = answers[step - 1].tolist(), changed[step]
        starts = {column: start for column, start in enumerate(before) if (now[column], start) in own}
        for column, start in starts.items():
            for t in range(step, max(changed) + 1):
                changed[t][column] = _own(elements, changed[t][column], start)
    return {t: np.array(answer, np.int64) for t, answer in changed.items()} if own else answers


def _start_otherwise(
    elements: Elements, found: Orbits, after: Mapping[int, list[int]], new: dict[int, tuple[int, ...]]
) -> None:
    """Let readers to which an element was something else before the first step read one of their own."""
    for reader, late, start in found.otherwise:
        if reader == ANSWER:
            continue
        pairs = matched_operands(elements, found.before.get(reader, reader), reader) or []
        own = [place for place, pair in enumerate(pairs) if pair == (start, late)]
        if len(pairs) != len(elements.operands[reader]):
            continue
        waiting, seen = [reader], set[int]()
        while waiting:
            here = waiting.pop()
            if here in seen:
                continue
            seen.add(here)
            waiting += after[here]
            operands = new.get(id(elements.operands[here]), elements.operands[here])
            if own and len(operands) > own[-1]:
                changed = list(operands)
                for place in own:
                    changed[place] = _own(elements, changed[place], start)
                new[id(elements.operands[here])] = tuple(changed)


def _own(elements: Elements, element: int, start: int) -> int:
    kind = elements.kinds[element]
    if elements.known[element] == NEVER or (isinstance(kind, Same) and kind.start == start):
        return element
    home = _home(elements, element, "before")
    return elements.add(Same(start, False), (element,), home, elements.known[element], 0.0)


def _home(elements: Elements, element: int, title: str) -> Home:
    """A value of its own for what stands for elements of another."""
    home = elements.homes[element]
    assert home is not None
    name, values = f"{home.value}.{title}", elements.graph.values
    if name not in values:
        origin = values[home.value]
        elements.graph = replace(
            elements.graph, values={**values, name: Value(name, origin.size, origin.modules, origin.lines)}
        )
    return Home(name, home.place)
