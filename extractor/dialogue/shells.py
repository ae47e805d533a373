"""The two loops around a dialogue. They wait and post, and decide nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

from ..messages import Completion, Failure
from ..results import Extraction
from .states import Ask, Step

T = TypeVar("T")
Clock: TypeAlias = Callable[[], float]
Chance: TypeAlias = Callable[[], float]
Exchange: TypeAlias = Callable[[Ask[Any]], Completion | Failure]
AExchange: TypeAlias = Callable[[Ask[Any]], Awaitable[Completion | Failure]]


def drive(
    step: Step[T], exchange: Exchange, sleep: Callable[[float], None], clock: Clock, chance: Chance
) -> Extraction[T]:
    """Carry a dialogue to its end. exchange: posts the request of a step to its model."""
    while isinstance(step, Ask):
        if step.wait:
            sleep(step.wait)
        step = step.tell(step.receive(exchange(step), clock(), chance()))
    return step


async def adrive(
    step: Step[T],
    exchange: AExchange,
    sleep: Callable[[float], Awaitable[None]],
    clock: Clock,
    chance: Chance,
) -> Extraction[T]:
    """`drive` for async code."""
    while isinstance(step, Ask):
        if step.wait:
            await sleep(step.wait)
        step = step.tell(step.receive(await exchange(step), clock(), chance()))
    return step
