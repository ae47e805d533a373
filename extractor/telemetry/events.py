"""The events of a dialogue. A call has one dialogue, a run of tools one a round, a bulk run one a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from ..messages import Attempt
from ..results import Extraction


@dataclass(frozen=True, slots=True)
class DialogueStarted:
    """A dialogue begins. id: the same in all of its events. server: the base URL; None for the embedded
    model. record_type: the name of the type that is asked for, None in plain chat.
    """

    id: str
    model: str
    provider: str
    server: str | None
    record_type: str | None


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """One request is answered, or has failed. number: 1 for the first of the call, or of the run of tools.
    wait: seconds until the next one is sent, None where the dialogue is over, unless a fallback model is
    asked. The attempt holds the request and the reply, texts included.
    """

    id: str
    number: int
    attempt: Attempt
    wait: float | None


@dataclass(frozen=True, slots=True)
class DialogueEnded:
    """A dialogue is over. result: None where it was abandoned: by Ctrl-C, by cancelling, by leaving a
    stream. seconds: from its beginning, waits included.
    """

    id: str
    result: Extraction[Any] | None
    seconds: float


Event: TypeAlias = DialogueStarted | AttemptEnded | DialogueEnded
