"""What executors have made ready is made once, where they can run, and left behind in copies."""

from __future__ import annotations

import copy

import pytest

from compiler.running.executor import Executor
from compiler.running.extra import Extra
from compiler.running.runners import Runners
from hw_models.chip import load_chip
from hw_models.errors import ChipError, MissingExtraError

CHIP = load_chip("loihi2")


def counted(made: list[int]) -> Executor[int]:
    """An executor that notes for which networks it was made ready."""

    def prepare(net: int):
        made.append(net)
        return len

    return Executor("counted", "a number", prepare)


def test_an_executor_is_made_ready_once():
    made: list[int] = []
    runners, executor = Runners(7, CHIP), counted(made)
    assert not runners.has(executor)
    assert runners.on(executor) is runners.on(executor) is len
    assert runners.has(executor) and made == [7]


def test_a_copy_makes_ready_its_own():
    made: list[int] = []
    runners, executor = Runners(7, CHIP), counted(made)
    runners.on(executor)
    runners.replayed.add((executor, 1))
    other = copy.copy(runners)
    assert not other.has(executor) and not other.replayed and runners.replayed
    other.on(executor)
    assert made == [7, 7]


def test_where_it_cannot_run_nothing_is_made_ready():
    made: list[int] = []
    prepare = counted(made).prepare
    absent = Executor("absent", "a number", prepare, needs=Extra("absent", ("no_such_module",), "this"))
    refusing = Executor("refusing", "a number", prepare, refuses=lambda chip: ChipError(f"not on {chip.name}"))
    assert absent.missing(CHIP) == "no_such_module not installed; run: " + absent.needs.command
    assert refusing.missing(CHIP) == "not on loihi2"
    with pytest.raises(MissingExtraError, match="no_such_module"):
        Runners(7, CHIP).on(absent)
    with pytest.raises(ChipError, match="not on loihi2"):
        Runners(7, CHIP).on(refusing)
    assert made == []
