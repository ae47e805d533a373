"""What can go wrong, sorted by what the caller does next.

ExtractorError
├── SchemaError        edit the record type: `pointer` says where, `reason` why
├── ConfigError        fix the call or the environment; nothing was sent
│   ├── UnreadableSource a document can't be read: `kind` says why
│   └── JournalError   the journal can't be used: make room, start its server, or name another one
├── RunStopped         mend the cause, and run the same again: what is done is in the journal
│   └── BudgetExceeded raise max_cost, and run the same again
├── ServiceError       wait, or look at the account: `status`, `retry_after`, `request_id`
└── ExtractionError    look at what the model said: `outcome`, `attempts`, `problems`
    ├── Truncated      it was cut off before its end
    ├── Refused        the model would not answer
    ├── Filtered       the provider's content filter took it away
    ├── Empty          there was no text in it
    └── Invalid        it is no record of the type
        ├── InvalidJSON    it is not even JSON
        └── Unjudged       validating it raised an error, which is its `__cause__`

All of them survive pickling, and no message or repr holds a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from .messages import Attempt, Problem

__all__ = [
    "BudgetExceeded",
    "ConfigError",
    "Empty",
    "ExtractionError",
    "ExtractorError",
    "Filtered",
    "Invalid",
    "InvalidJSON",
    "JournalError",
    "Problem",
    "Refused",
    "RunStopped",
    "SchemaError",
    "ServiceError",
    "Truncated",
    "Unjudged",
    "UnreadableSource",
]


class ExtractorError(Exception):
    """The base of all errors that this library raises on purpose.

    - partial: what a stream yielded before this error: a Partial, or a list of items. It is not pickled.
    """

    partial: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.args


class SchemaError(ExtractorError):
    """The record type cannot be compiled. `pointer`: where in its JSON Schema; `reason`: why."""

    reason: str
    pointer: str

    def __init__(self, reason: str, pointer: str = "") -> None:
        super().__init__(reason, pointer)
        self.reason, self.pointer = reason, pointer

    def __str__(self) -> str:
        return f"{self.reason} (at {self.pointer})" if self.pointer else self.reason


class ConfigError(ExtractorError):
    """The call or the environment is wrong. Nothing was sent."""


UnreadableKind: TypeAlias = Literal[
    "missing", "unknown", "needs", "encrypted", "damaged", "too_large", "empty", "unread"
]


class UnreadableSource(ConfigError):
    """A document can't be read. Nothing was sent.

    - kind: "missing" (no such file), "unknown" (a kind of file that is not supported), "needs" (an extra is
      not installed), "encrypted", "damaged", "too_large" (over the bounds of memory, time, pages or pixels),
      "empty" (it has no text), "unread" (its pages are pictures, and recognition was off).
    """

    message: str

    def __init__(self, message: str, kind: UnreadableKind = "damaged") -> None:
        super().__init__(message, kind)
        self.message, self.kind = message, kind

    def __str__(self) -> str:
        return self.message


class JournalError(ConfigError):
    """The journal can't be opened, read or written. Repair its folder, disk or server, or name another
    journal. Its answers are kept.
    """


class RunStopped(ExtractorError):
    """A bulk run could not go on. The rows that are done have been returned.

    - cause: why: a ServiceError about the account, or a JournalError.
    - done: how many rows are done.
    - left: how many rows of the input remain; None if its length is not known.
    """

    message: str
    cause: ExtractorError | None
    done: int
    left: int | None

    def __init__(
        self, message: str, cause: ExtractorError | None = None, done: int = 0, left: int | None = None
    ) -> None:
        super().__init__(message, cause, done, left)
        self.message, self.cause, self.done, self.left = message, cause, done, left

    def __str__(self) -> str:
        return self.message


class BudgetExceeded(RunStopped):
    """The next request of a bulk run could have cost more than is left of max_cost. It was not sent.
    The limit holds for each run by itself: a resumed run may spend as much again.

    - needed: the lowest max_cost, in US dollars, with which the run can continue; None if it is not known.
    """

    needed: Decimal | None

    def __init__(
        self,
        message: str,
        cause: ExtractorError | None = None,
        done: int = 0,
        left: int | None = None,
        needed: Decimal | None = None,
    ) -> None:
        super().__init__(message, cause, done, left)
        self.args, self.needed = (message, cause, done, left, needed), needed


class ServiceError(ExtractorError):
    """The service could not be reached, or refused the request.

    - status: the HTTP status; None if there was no reply.
    - retry_after: the seconds that the service asked to wait.
    - request_id: the service's id of the request.
    - attempts: every request of the dialogue, with its result.
    """

    message: str
    status: int | None
    retry_after: float | None
    request_id: str | None
    attempts: tuple[Attempt, ...]

    def __init__(
        self,
        message: str,
        status: int | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
        attempts: Sequence[Attempt] = (),
    ) -> None:
        super().__init__(message, status, retry_after, request_id, tuple(attempts))
        self.message, self.status, self.retry_after = message, status, retry_after
        self.request_id, self.attempts = request_id, tuple(attempts)

    def __str__(self) -> str:
        return self.message


class ExtractionError(ExtractorError):
    """The model answered, but not with a valid record.

    - problems: what was wrong with the last reply.
    - attempts: every request, with raw reply, finish reason, request id, latency and usage.
    """

    message: str
    problems: tuple[Problem, ...]
    attempts: tuple[Attempt, ...]

    outcome = "invalid"

    def __init__(
        self, message: str, problems: Sequence[Problem] = (), attempts: Sequence[Attempt] = ()
    ) -> None:
        super().__init__(message, tuple(problems), tuple(attempts))
        self.message, self.problems, self.attempts = message, tuple(problems), tuple(attempts)

    def __str__(self) -> str:
        return self.message


class Truncated(ExtractionError):
    """The reply was cut off by the token limit, the stream, or a bound on generated values."""

    outcome = "truncated"


class Refused(ExtractionError):
    """The model refused to answer."""

    outcome = "refused"


class Filtered(ExtractionError):
    """The provider's content filter withheld the reply."""

    outcome = "filtered"


class Empty(ExtractionError):
    """The reply held no text."""

    outcome = "empty"


class Invalid(ExtractionError):
    """The reply is JSON, but no valid record."""

    outcome = "invalid"


class InvalidJSON(Invalid):
    """The reply is not JSON."""

    outcome = "invalid_json"


class Unjudged(Invalid):
    """Validating the reply raised an error that says nothing about the reply: a bug in a validator, or a
    value that Python can't hold. That error is the `__cause__`. The model is not asked again.
    """

    @classmethod
    def of(cls, error: Exception) -> Unjudged:
        """Return what to raise from an error."""
        reason = f"validating it raised {type(error).__name__}: {error}"
        return cls(reason, [Problem("", reason, type="validator_error")])
