"""One dialogue, watched: its steps in, events out to whoever listens. Nobody listening costs nothing."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeAlias

from ..messages import Attempt, Request
from ..results import Extraction
from . import logs
from .events import AttemptEnded, DialogueEnded, DialogueStarted, Event

Listener: TypeAlias = Callable[[Event], None]


class Step(Protocol):
    """What a dialogue does next, or how it ended."""

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The requests so far."""
        ...


@dataclass(frozen=True, slots=True)
class Who:
    """Whose dialogues are watched, and by whom. capture_content: whether texts go into spans."""

    provider: str
    server: str | None
    on_event: Listener | None = None
    capture_content: bool = False


def watching(who: Who, request: Request) -> Watch | None:
    """Return what receives a dialogue's steps, in a `with` around them; None if nobody listens."""
    listeners = list[Listener]()
    if who.on_event is not None:
        listeners.append(who.on_event)
    if "opentelemetry.trace" in sys.modules:  # who exports anything has imported it
        from .otel import Exporting

        listeners.append(Exporting(who.capture_content))
    if logs.heard():
        listeners.append(logs.log)
    return Watch(who, request, listeners) if listeners else None


class Watch:
    """Is called with each step of a dialogue, those of fallback models too. What a listener raises is
    logged, and hurts neither the dialogue nor the others.
    """

    def __init__(self, who: Who, request: Request, listeners: list[Listener]) -> None:
        self._listeners = listeners
        self._id = uuid.uuid4().hex
        self._began = time.monotonic()
        self._last: Step | None = None
        schema = request.response_schema
        name = schema.name if schema else None
        self._tell(DialogueStarted(self._id, request.model, who.provider, who.server, name))

    def __call__(self, step: Step, asked: bool) -> None:
        """Tell of the attempt that led to this step. asked: whether it was made just now."""
        self._last = step
        if asked:  # what a journal answers is no attempt of today
            other_model = getattr(step, "earlier", 0) == len(step.attempts)
            wait: float | None = None if other_model else getattr(step, "wait", None)
            self._tell(AttemptEnded(self._id, len(step.attempts), step.attempts[-1], wait))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        result: Extraction[Any] | None = self._last if isinstance(self._last, Extraction) else None
        self._tell(DialogueEnded(self._id, result, time.monotonic() - self._began))

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:
                logs.LOG.exception("a listener failed on %s", type(event).__name__)
