"""What may be sent and read when: each answer of `Traffic` against ticks that are played through."""

from __future__ import annotations

import numpy as np
import pytest

from compiler.mapping.traffic import Link, Slot, Traffic

SAMPLES = range(-12, 13)
A, B, C = SLOTS = ((0, 0), (0, 1), (1, 0))


def played(traffic: Traffic, ticks: tuple[int, ...]) -> set[int]:
    """The ticks of all samples."""
    if traffic.period is None:
        return set(ticks)
    return {t + k * traffic.period for t in ticks for k in SAMPLES}


def meets(traffic: Traffic, ticks: tuple[int, ...]) -> bool:
    """Whether two samples, or one, need a tick twice."""
    period = traffic.period
    return len(set(ticks)) < len(ticks) or (
        period is not None and any(a != b and (a - b) % period == 0 for a in ticks for b in ticks)
    )


def may_send(traffic: Traffic, slot: Slot, ticks: tuple[int, ...]) -> bool:
    sent = played(traffic, ticks)
    if meets(traffic, ticks) or sent & played(traffic, tuple(traffic.sends.get(slot, {}))):
        return False
    for link in traffic.links:
        arriving = {t + 1 + link.delay for t in sent}
        if link.source == slot and arriving & played(traffic, tuple(traffic.reads.get(link.target, {}))):
            return False
    return True


def may_read(traffic: Traffic, target: Slot, ticks: tuple[int, ...], incoming: list[tuple[Slot | None, int]]) -> bool:
    read, others = played(traffic, ticks), played(traffic, tuple(traffic.reads.get(target, {})))
    if meets(traffic, ticks) or read & others:
        return False
    for link in traffic.links:
        if link.target != target:
            continue
        sent = played(traffic, tuple(traffic.sends.get(link.source, {}))) if link.source else set()
        if link.source is None or {t + 1 + link.delay for t in sent} & read:
            return False
    for source, delay in incoming:
        if source is None:
            if others:
                return False
            continue
        own = {t - 1 - delay for t in read}
        strays = {t + 1 + delay for t in played(traffic, tuple(traffic.sends.get(source, {}))) - own}
        if strays & (read | others):
            return False
    return True


def some(rng: np.random.Generator) -> Slot:
    return SLOTS[rng.integers(0, len(SLOTS))]


def random_traffic(rng: np.random.Generator) -> Traffic:
    period = None if rng.random() < 0.3 else int(rng.integers(2, 8))
    traffic = Traffic(period)
    for slot in SLOTS:
        traffic.send(slot, rng.integers(0, 9, rng.integers(0, 3)).tolist(), "v")
        traffic.read(slot, rng.integers(0, 9, rng.integers(0, 3)).tolist(), "n")
    for _ in range(rng.integers(0, 4)):
        source = None if rng.random() < 0.1 else some(rng)
        traffic.links.append(Link(source, some(rng), int(rng.integers(0, 5))))
    return traffic


def test_what_may_be_sent_and_read() -> None:
    rng = np.random.default_rng(0)
    answers = []
    for _ in range(1500):
        traffic, slot = random_traffic(rng), some(rng)
        ticks = tuple(rng.integers(0, 9, rng.integers(1, 4)).tolist())
        answers.append(traffic.can_send(slot, ticks))
        assert answers[-1] == may_send(traffic, slot, ticks)
        sources = [None if rng.random() < 0.1 else some(rng) for _ in range(rng.integers(0, 3))]
        incoming = [(source, int(rng.integers(0, 5))) for source in sources]
        answers.append(traffic.can_read(slot, ticks, incoming))
        assert answers[-1] == may_read(traffic, slot, ticks, incoming)
    assert 500 < sum(answers) < 2500


def test_the_horizon_is_beyond_all_that_can_be_in_the_way() -> None:
    rng = np.random.default_rng(1)
    assert Traffic(None).horizon() == 2
    for _ in range(300):
        traffic = random_traffic(rng)
        if traffic.period is None and all(link.source for link in traffic.links):
            at = (traffic.horizon(),)
            for slot in SLOTS:
                assert traffic.can_send(slot, at) and traffic.can_read(slot, at, [])
    traffic = Traffic(None)
    traffic.send(A, [3], "v")
    traffic.links.append(Link(A, B, 4))
    assert traffic.horizon() == 3 + 4 + 2


def test_a_copy_has_its_own_tables() -> None:
    traffic = Traffic(5)
    traffic.send(A, [1], "v")
    traffic.read(B, [2], "n")
    copy = traffic.copy()
    copy.send(A, [7], "w")
    copy.read(B, [9], "m")
    copy.links.append(Link(A, B, 0))
    assert (traffic.sends, traffic.reads, traffic.links) == ({A: {1: "v"}}, {B: {2: "n"}}, [])
    assert (copy.sends[A], copy.reads[B]) == ({1: "v", 2: "w"}, {2: "n", 4: "m"})


@pytest.mark.parametrize("period", [None, 3])
def test_ticks_of_one_sample_may_not_coincide(period: int | None) -> None:
    traffic = Traffic(period)
    assert traffic.can_send(A, (0, 1)) and not traffic.can_send(A, (1, 1))
    assert traffic.can_send(A, (0, 3)) == (period is None)
    assert traffic.can_read(A, (0, 3), []) == (period is None)
