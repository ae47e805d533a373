"""The bounds of attacks: what passes one is ended there, and told."""

from __future__ import annotations

import os
import time

import pytest

from tests.attacks.bounds import run


def sleep_for(seconds: float) -> str:
    time.sleep(seconds)
    return "awake"


def take(megabytes: int) -> int:
    return len(bytearray(os.urandom(1)) * (megabytes << 20))


def raise_a(name: str) -> None:
    raise ValueError(name)


def die() -> None:
    os._exit(3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trial", "args", "error"),
    [
        (sleep_for, (30.0,), "killed: over 0.5 s"),
        (take, (2_000,), "killed: over 300 MB"),
        (die, (), "died with exit code 3"),
    ],
)
def test_a_trial_that_passes_its_bounds_is_ended_there(trial: object, args: object, error: str) -> None:
    outcome = run(trial, args, 0.5 if trial is sleep_for else 20.0, 300.0)  # type: ignore[arg-type]
    assert (outcome.killed, outcome.error) == (True, error)
    assert outcome.seconds < 20
    assert outcome.megabytes < 1_500


def test_what_a_trial_returns_or_raises_is_its_outcome() -> None:
    assert run(sleep_for, (0.0,), 5.0, 300.0).value == "awake"
    assert run(raise_a, ("no",), 5.0, 300.0).error == "ValueError: no"
