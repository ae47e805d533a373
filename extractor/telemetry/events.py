"""The events of a dialogue. A call has one dialogue, a run of tools one a round, a bulk run one a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from ..messages import Attempt
from ..results import Extraction


@dataclass(frozen=True, slots=True)
class DialogueStarted:
    """A dialogue begins.

    - id: the same in all events of the dialogue.
    - server: the base URL; None for the embedded model.
    - record_type: the name of the requested type; None in plain chat.
    """

    id: str
    model: str
    provider: str
    server: str | None
    record_type: str | None


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """One request was answered, or failed. The attempt has the request and the reply, with their texts.

    - number: 1 for the first request of the call, or of the run of tools.
    - wait: seconds until the next request; None if the dialogue is over, or a fallback model is asked next.
    """

    id: str
    number: int
    attempt: Attempt
    wait: float | None


@dataclass(frozen=True, slots=True)
class DialogueEnded:
    """A dialogue is over.

    - result: None if it was abandoned: by Ctrl-C, by cancelling, or by leaving a stream.
    - seconds: its duration, waits included.
    """

    id: str
    result: Extraction[Any] | None
    seconds: float


Event: TypeAlias = DialogueStarted | AttemptEnded | DialogueEnded
