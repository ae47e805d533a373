"""An answer that was valid by itself, and not beside others: what asks for a better one. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from ..errors import Problem
from ..messages import Attempt
from .states import Ask
from .wording import repair

T = TypeVar("T")


@dataclass(frozen=True)
class RejectedPart:
    """An answer that was valid by itself, and what is wrong with it beside others. reply: as the model wrote
    it. attempts: of its dialogue, which count for the budget. began: when that was, of a monotonic clock.
    """

    reply: str | None
    problems: tuple[Problem, ...]
    attempts: tuple[Attempt, ...]
    began: float


def corrected(step: Ask[T], rejected: RejectedPart, now: float) -> Ask[T]:
    """Return the step that asks for a better answer, after those attempts and within their deadline.

    now: seconds of the clock that `rejected.began` is of.
    """
    messages = repair(step.request.messages, rejected.reply, rejected.problems)
    deadline, earlier = step.policy.deadline, len(rejected.attempts)
    ends = None if deadline is None else rejected.began + deadline
    asked = replace(
        step,
        request=replace(step.request, messages=messages),
        repairs=step.policy.max_repairs,
        earlier=earlier,
        note="asked again, since the parts together are not a valid record",
    )
    return asked.within(rejected.attempts, ends, now)
