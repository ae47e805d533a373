"""A batch at a provider, and its next step. Pure: no client, no clock.

What could be done twice is written down as intended before it is done. If it is not known whether it
was done, since the process died or the reply got lost, the provider's lists are searched for it first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from ...dialogue.policy import is_transient
from ...errors import ServiceError
from ...messages import BatchStatus, Failure, FailureKind

FIRST_LOOK, LONGEST_LOOK = 0.5, 60.0  # seconds between two looks at a batch, doubling
LONGEST_ASKED = 3600.0  # seconds; a server may ask for a month
LONGEST_WAIT = 60.0  # seconds after a failure, doubling from one, where the service asks for nothing else
MOST_FAILURES = 6  # in a row, half a minute or so; where a batch is running, an hour's worth
PATIENCE = 66
MANY = 100  # rows without an answer that are worth a further batch
MOST_ROUNDS = 3  # batches that a row is put into
SKEW = 600.0  # seconds by which the provider's clock may differ from ours, and a request may take
IN_PREPARATION = frozenset({"pending", "running"})  # of a file that Azure has not checked yet
QUEUE_FULL = frozenset({"token_limit_exceeded", "batch_queue_full", "request_limit_exceeded"})


class Stage(StrEnum):
    """How far a batch is, as it is kept."""

    BUILT = "built"  # its requests lie in a file of ours
    UPLOADING = "uploading"  # that file may be at the provider
    READY = "ready"  # the batch can be made
    CREATING = "creating"  # it may have been made
    RUNNING = "running"  # it was
    ENDED = "ended"  # all answers that it gave are kept


class Handle(NamedTuple):
    """A batch, as it is kept where it survives the process.

    id: our own name for it. endpoint: the provider and its URL. path: where each request would be
    posted to by itself. first: the first request's name. requests, size (bytes) and worst (US dollars):
    of all in it. round: how many batches its rows were put into before. at: Unix time at which it was
    built, sent or made. file, batch: the provider's names. state, done, failed: as the provider reports them.
    """

    id: str
    endpoint: str
    model: str
    path: str
    first: str
    requests: int = 0
    size: int = 0
    worst: str = "0"
    round: int = 0
    at: float = 0.0
    stage: Stage = Stage.BUILT
    file: str = ""
    batch: str = ""
    state: str = ""
    done: int = 0
    failed: int = 0

    @classmethod
    def of(cls, *values: object) -> Handle:
        """Return the handle whose fields, in order, were kept as plain values."""
        handle = cls(*values)  # type: ignore[arg-type]
        return handle._replace(stage=Stage(handle.stage))

    @property
    def status(self) -> BatchStatus:
        """What is known of it."""
        ended, state = self.stage is Stage.ENDED, self.state or self.stage
        return BatchStatus(self.batch or self.id, state, ended, self.requests, self.done, self.failed)


class Action(StrEnum):
    """What is done next."""

    UPLOAD = "upload"
    FIND_FILE = "find_file"
    CREATE = "create"
    FIND_BATCH = "find_batch"
    LOOK = "look"
    FETCH = "fetch"


_NEXT = {
    Stage.BUILT: Action.UPLOAD,
    Stage.UPLOADING: Action.FIND_FILE,
    Stage.READY: Action.CREATE,
    Stage.CREATING: Action.FIND_BATCH,
    Stage.RUNNING: Action.LOOK,
}
_INTENDED = {Action.UPLOAD: Stage.UPLOADING, Action.CREATE: Stage.CREATING}
_UNDONE = {Stage.UPLOADING: Stage.BUILT, Stage.CREATING: Stage.READY}


class Rejected(ServiceError):
    """The provider did not begin a batch. queue_full: it has too many requests waiting."""

    queue_full = False


@dataclass(frozen=True, slots=True)
class Course:
    """Where a batch is on its way: wait `wait` seconds, then do `action`, and tell what came of it.

    looks: without news of the end. failures: in a row. strangers: batches that turned out to be others'.
    """

    handle: Handle
    wait: float = 0.0
    looks: int = 0
    failures: int = 0
    told: BatchStatus | None = None
    strangers: frozenset[str] = frozenset()

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.handle.stage is Stage.ENDED

    @property
    def action(self) -> Action:
        """What to do next."""
        over = self.told is not None and self.told.ended
        return Action.FETCH if over and self.handle.stage is Stage.RUNNING else _NEXT[self.handle.stage]

    def intended(self, now: float) -> Handle:
        """Return the handle as it is to be kept before the action is begun. now: Unix time."""
        stage = _INTENDED.get(self.action)
        return self.handle if stage is None else self.handle._replace(stage=stage, at=now)

    def filed(self, file: BatchStatus | None) -> Course:
        """The file of requests is at the provider; None: it is not there."""
        if file is None:
            return replace(self._at(Stage.BUILT), wait=0.0, failures=0)
        if file.state in IN_PREPARATION:
            return replace(self, wait=self._until_next_look, looks=self.looks + 1, failures=0)
        return replace(self._at(Stage.READY, file=file.id), wait=0.0, looks=0, failures=0)

    def made(self, status: BatchStatus | None) -> Course:
        """The batch was made, or found; None: there is none."""
        if status is None:
            return replace(self._at(Stage.READY), wait=0.0, failures=0)
        return self._at(Stage.RUNNING, batch=status.id).looked(status)

    def looked(self, status: BatchStatus) -> Course:
        """The provider has reported how far the batch is. Raises Rejected if it was not begun at all."""
        if status.refused:
            raise _rejected(self.handle, status)
        handle = self.handle._replace(state=status.state, done=status.done, failed=status.failed)
        wait = 0.0 if status.ended else self._until_next_look
        return replace(self, handle=handle, told=status, wait=wait, looks=self.looks + 1, failures=0)

    def fetched(self, ours: bool) -> Course:
        """All answers are kept. ours: whether they were answers to these requests."""
        if ours:
            return self._at(Stage.ENDED)
        strangers = self.strangers | {self.handle.batch}
        return replace(self._at(Stage.CREATING, batch=""), told=None, looks=0, strangers=strangers)

    def failed(self, tried: Action, failure: Failure, chance: float) -> Course:
        """What was tried has failed. Raises ServiceError if trying again makes no sense.

        chance: a random number in [0, 1).
        """
        failures = self.failures + 1
        most = PATIENCE if self.handle.stage is Stage.RUNNING else MOST_FAILURES
        if not is_transient(failure) or failures > most:
            raise _service_error(self.handle, failure)
        planned = min(LONGEST_WAIT, 2.0 ** (failures - 1)) * (0.5 + 0.5 * chance)
        asked = failure.retry_after
        wait = planned if asked is None else min(asked, LONGEST_ASKED) + 0.1 * planned
        surely_not = failure.kind is FailureKind.CONNECT or failure.status == 429
        undone = tried in _INTENDED and surely_not
        course = self._at(_UNDONE[_INTENDED[tried]]) if undone else self
        return replace(course, wait=wait, failures=failures)

    def held_back(self) -> Course:
        """The provider's queue is full: make the batch again, later."""
        course = self._at(Stage.READY, batch="", state="")
        return replace(course, told=None, wait=self._until_next_look, looks=self.looks + 1)

    def is_found(self, status: BatchStatus, marks: bool) -> bool:
        """Whether a batch in the provider's list may be the one whose making was intended.

        marks: whether the provider keeps our name for it. If it does not, it is one of so many requests
        that was made at about that time; its answers will show whether it is ours.
        """
        if marks:
            return status.marker == self.handle.id and not status.refused
        near = abs(status.created - self.handle.at) < SKEW
        return near and status.total == self.handle.requests and status.id not in self.strangers

    @property
    def _until_next_look(self) -> float:
        return min(LONGEST_LOOK, FIRST_LOOK * 2.0 ** min(self.looks, 16))

    def _at(self, stage: Stage, **changes: str) -> Course:
        return replace(self, handle=self.handle._replace(stage=stage, **changes))  # type: ignore[arg-type]


def _rejected(handle: Handle, status: BatchStatus) -> Rejected:
    reasons = "; ".join(f"{code}: {why}" if code else why for code, why in status.refused[:3])
    more = f"; and {len(status.refused) - 3} more" if len(status.refused) > 3 else ""
    error = Rejected(f"the batch {status.id} of {handle.requests:,} requests failed: {reasons}{more}", 400)
    error.queue_full = any(code in QUEUE_FULL for code, _ in status.refused)
    return error


def _service_error(handle: Handle, failure: Failure) -> ServiceError:
    status = f"HTTP {failure.status}: " if failure.status is not None else ""
    name = handle.batch or handle.id
    lost = ""
    if failure.status in (400, 404):
        lost = (
            f"; `extractor batches forget {handle.id}` gives it up, and the next run asks for its rows again"
        )
    return ServiceError(
        f"{status}{failure.message} (batch {name} at {handle.endpoint}){lost}",
        failure.status,
        failure.retry_after,
        failure.request_id,
    )
