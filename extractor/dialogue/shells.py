"""The two loops around a dialogue. They wait and post, and decide nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

from ..messages import Completion, Extraction, Failure, Request
from .states import Ask, Step

T = TypeVar("T")
Clock: TypeAlias = Callable[[], float]
Chance: TypeAlias = Callable[[], float]
Exchange: TypeAlias = Callable[[Request, float], Completion | Failure]
AExchange: TypeAlias = Callable[[Request, float], Awaitable[Completion | Failure]]


def converse(
    step: Step[T], exchange: Exchange, sleep: Callable[[float], None], clock: Clock, chance: Chance
) -> Extraction[T]:
    """Carry a dialogue to its end. exchange: takes a request and the seconds that it may take."""
    while isinstance(step, Ask):
        if step.wait:
            sleep(step.wait)
        step = step.tell(step.receive(exchange(step.request, step.timeout), clock(), chance()))
    return step


async def aconverse(
    step: Step[T],
    exchange: AExchange,
    sleep: Callable[[float], Awaitable[None]],
    clock: Clock,
    chance: Chance,
) -> Extraction[T]:
    """`converse` for async code."""
    while isinstance(step, Ask):
        if step.wait:
            await sleep(step.wait)
        step = step.tell(step.receive(await exchange(step.request, step.timeout), clock(), chance()))
    return step
