"""What is asked next of a model whose reply was no record. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf
from typing import Any, Protocol, TypeAlias

from ..messages import Completion, Message, Request
from ..reading import without_thoughts
from .continuation import Continuation, rest
from .judge import Part, Verdict
from .ladder import ModeLadder
from .moves import Remedy
from .patch import Patch, plan
from .policy import Policy
from .wording import go_on, repair, repair_places, shown_schema

MAX_TOKENS = frozenset({"max_tokens", "max_completion_tokens"})
Asking: TypeAlias = tuple[Request, Part | None]  # the next request, and what it asks for


class RejectedStep(Protocol):
    """A step of a dialogue whose reply was no record."""

    @property
    def request(self) -> Request:
        """What was asked."""
        ...

    @property
    def first(self) -> Request:
        """What the dialogue began with."""
        ...

    @property
    def patch(self) -> Part | None:
        """What `request` asks for, if it is not the whole record."""
        ...

    @property
    def ladder(self) -> ModeLadder | None:
        """In which modes a record may be asked for."""
        ...

    @property
    def policy(self) -> Policy:
        """The bounds of the dialogue."""
        ...

    @property
    def repairs(self) -> int:
        """How often something was asked for again."""
        ...


def _once_more(step: RejectedStep, reply: Completion, verdict: Verdict[Any]) -> Asking | None:
    return None if step.repairs else _same(step, reply, verdict)


def _same(step: RejectedStep, reply: Completion, verdict: Verdict[Any]) -> Asking:
    return step.request, step.patch


def _repaired(step: RejectedStep, reply: Completion, verdict: Verdict[Any]) -> Asking:
    """Ask only for what failed; for the whole if that cannot be separated."""
    if step.patch and verdict.text is None:
        return step.request, step.patch  # no JSON this time: the question stands
    strict, messages = step.first.response_schema, step.first.messages
    patch = plan(strict, verdict.text, verdict.problems) if strict and verdict.text else None
    if patch is None:
        rejected = verdict.text or without_thoughts(reply.content or "")
        whole = repair(messages, rejected, verdict.problems)
        return replace(step.request, messages=whole, response_schema=strict), None
    messages, schema = _few_values(step, patch)
    said = repair_places(messages, patch.pointers, verdict.problems, schema)
    asked_for = replace(patch, told=verdict.told)
    return replace(step.request, messages=said, response_schema=patch.schema), asked_for


def _few_values(step: RejectedStep, patch: Patch) -> tuple[tuple[Message, ...], str | None]:
    """The messages before the complaint, and the schema to show. If the server puts the schema
    before all messages, none of them is cached under another one, so they may be fewer.
    """
    if step.ladder is None:
        return step.first.messages, None
    if step.ladder.shows_schema(step.request.mode):
        return step.first.messages, shown_schema(patch.schema.schema, step.request.mode)
    return step.ladder.brief() if step.ladder.brief else step.first.messages, None


def _continued(step: RejectedStep, reply: Completion, verdict: Verdict[Any]) -> Asking | None:
    """The rest of a list that was cut off; None if the reply is none, or got no further."""
    strict, before = step.first.response_schema, step.patch
    if strict is None or verdict.text is None or not (before is None or isinstance(before, Continuation)):
        return None
    more = rest(strict, verdict.text, before)
    if more is None:
        return None
    said = go_on(step.first.messages, more.items)
    return replace(step.request, messages=said, response_schema=more.schema), more


def _larger(step: RejectedStep, reply: Completion, verdict: Verdict[Any]) -> Asking | None:
    """The same with twice the tokens, once, and only if the request's limit is what cut it off."""
    limits = {name: step.first.params.get(name) for name in MAX_TOKENS}
    larger = {
        name: min(2 * limit, step.policy.max_output or inf)
        for name, limit in limits.items()
        if isinstance(limit, int) and limit < (step.policy.max_output or inf)
    }
    if not larger or step.request.params != step.first.params:
        return None
    return replace(step.request, params={**step.request.params, **larger}), step.patch


AFTER_REPLIES: Mapping[Remedy, Callable[[RejectedStep, Completion, Verdict[Any]], Asking | None]] = {
    Remedy.REPAIR: _repaired,
    Remedy.CONTINUE: _continued,
    Remedy.ENLARGE: _larger,
    Remedy.ONCE_MORE: _once_more,
    Remedy.SAME: _same,
}
