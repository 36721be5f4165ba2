"""What lies between the steps that are looked at: a dilated convolution reads every eighth one of what it is made of.

An answer to the last step is made of some steps of each value alone. Those between are computed, too, and lie in the
same value, one place after the other: that one is what another was a step before is then tried for them.
"""

from __future__ import annotations

from compiler.steps.elements import NEVER
from compiler.steps.orbits import ANSWER, Orbits


def between(found: Orbits) -> list[tuple[int, int, int]]:
    """The pairs of elements, the newest last, that lie in a value as two do of which the one was the other a step
    before."""
    elements, places = found.elements, dict[str, dict[int, int]]()
    known, pairs = elements.known, set[tuple[int, int]]()
    for late, early in found.before.items():
        home = elements.homes[late]
        if home is None or home.value not in elements.of or NEVER in (known[early], known[late]):
            continue  # what stands for elements of a value lies in none
        if home.value not in places:
            places[home.value] = {element: place for place, element in enumerate(elements.of[home.value].tolist())}
        if early not in places[home.value]:
            continue
        own, here, stride = elements.of[home.value], early, home.place - places[home.value][early]
        place = home.place - 2 * stride
        while 0 <= place < len(own) and here not in found.before and known[own[place]] == known[here] - 1 != NEVER:
            pairs.add((int(own[place]), here))
            here, place = int(own[place]), place - stride
    return [(early, late, ANSWER) for early, late in sorted(pairs, key=lambda pair: known[pair[1]])]
