"""A batch on its way: what could be done twice is looked for first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.bulk.journal.handles import MOST_FAILURES, PATIENCE, Action, Course, Handle, Rejected, Stage
from extractor.errors import ServiceError
from extractor.messages import BatchStatus, Failure, FailureKind

HANDLE = Handle("mine", "openai https://api.openai.com/v1", "m", "/v1/chat/completions", "ab", 3, 99)
RUNNING = BatchStatus("batch_1", "in_progress", total=3)
ENDED = replace(RUNNING, state="completed", ended=True, done=3, results=("/files/out/content",))
FILE = BatchStatus("file-1", "processed", marker="mine")
LOST = Failure(FailureKind.DROPPED, "the connection broke")
BUSY = Failure(FailureKind.STATUS, "slow down", 429, retry_after=7.0)
DOWN = Failure(FailureKind.STATUS, "try again", 503, retry_after=3.0)
WRONG = Failure(FailureKind.STATUS, "no such model", 400)


def begun(course: Course) -> tuple[Action, Course]:
    """What the course says to do, and itself as it is kept before that is done."""
    return course.action, replace(course, handle=course.intended(now=1000.0))


def test_a_batch_goes_from_a_file_here_to_answers_that_are_kept() -> None:
    course, seen = Course(HANDLE), []
    for told in (FILE, RUNNING, RUNNING, ENDED, True):
        action, course = begun(course)
        seen.append((action, course.handle.stage))
        if action is Action.UPLOAD:
            course = course.filed(FILE)
        elif isinstance(told, BatchStatus):
            course = course.made(told) if action is Action.CREATE else course.looked(told)
        else:
            course = course.fetched(ours=True)
    assert seen == [
        (Action.UPLOAD, Stage.UPLOADING),
        (Action.CREATE, Stage.CREATING),
        (Action.LOOK, Stage.RUNNING),
        (Action.LOOK, Stage.RUNNING),
        (Action.FETCH, Stage.RUNNING),
    ]
    assert course.ended
    assert (course.handle.file, course.handle.batch, course.handle.done) == ("file-1", "batch_1", 3)


@pytest.mark.parametrize(
    ("stage", "finds", "again"),
    [
        (Stage.UPLOADING, Action.FIND_FILE, Action.UPLOAD),
        (Stage.CREATING, Action.FIND_BATCH, Action.CREATE),
    ],
)
def test_what_may_have_been_done_is_looked_for_and_done_again_only_where_it_is_not_found(
    stage: Stage, finds: Action, again: Action
) -> None:
    course = Course(HANDLE._replace(stage=stage))
    assert course.action is finds
    found, missing = (
        (course.filed(FILE), course.filed(None))
        if finds is Action.FIND_FILE
        else (course.made(RUNNING), course.made(None))
    )
    assert found.action in (Action.CREATE, Action.LOOK)
    assert missing.action is again


def test_a_file_that_the_provider_still_checks_is_waited_for() -> None:
    _, course = begun(Course(HANDLE))
    course = course.filed(replace(FILE, state="pending"))
    assert (course.action, course.wait) == (Action.FIND_FILE, 0.5)
    course = course.filed(replace(FILE, state="pending"))
    assert (course.action, course.wait) == (Action.FIND_FILE, 1.0)
    assert course.filed(FILE).action is Action.CREATE


def test_a_lost_reply_leaves_open_whether_it_was_done_but_a_429_and_no_connection_do_not() -> None:
    action, course = begun(Course(HANDLE._replace(stage=Stage.READY)))
    assert course.failed(action, LOST, 0.0).action is Action.FIND_BATCH
    assert course.failed(action, DOWN, 0.0).action is Action.FIND_BATCH
    assert course.failed(action, BUSY, 0.0).action is Action.CREATE
    assert course.failed(action, Failure(FailureKind.CONNECT, "nobody there"), 0.0).action is Action.CREATE
    finding = Course(HANDLE._replace(stage=Stage.CREATING))
    assert finding.failed(Action.FIND_BATCH, BUSY, 0.0).action is Action.FIND_BATCH


def test_what_the_service_asks_to_wait_is_waited_and_without_that_twice_as_long_each_time() -> None:
    course = Course(HANDLE._replace(stage=Stage.RUNNING))
    assert 7.0 <= course.failed(Action.LOOK, BUSY, 0.5).wait < 8.0
    waits = []
    for _ in range(PATIENCE):
        course = course.failed(Action.LOOK, LOST, 1.0)
        waits.append(course.wait)
    assert waits[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert sum(waits) > 3600
    with pytest.raises(ServiceError, match="connection broke"):
        course.failed(Action.LOOK, LOST, 1.0)


def test_a_service_that_can_not_be_reached_at_all_is_told_of_soon() -> None:
    course, waited = Course(HANDLE), 0.0
    nobody = Failure(FailureKind.CONNECT, "nobody there")
    for _ in range(MOST_FAILURES):
        action, course = begun(course)
        course = course.failed(action, nobody, 1.0)
        waited += course.wait
    assert waited < 120
    with pytest.raises(ServiceError, match="nobody there"):
        course.failed(Action.UPLOAD, nobody, 1.0)


def test_looks_become_rare_but_never_rarer_than_once_a_minute() -> None:
    course, waits = Course(HANDLE._replace(stage=Stage.RUNNING)), []
    for _ in range(10):
        course = course.looked(RUNNING)
        waits.append(course.wait)
    assert waits == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_an_error_that_trying_again_does_not_cure_says_how_to_give_the_batch_up() -> None:
    with pytest.raises(ServiceError, match=r"HTTP 400: no such model.*extractor batches forget mine"):
        Course(HANDLE).failed(Action.UPLOAD, WRONG, 0.0)


def test_a_batch_that_was_not_begun_raises_the_providers_reasons() -> None:
    refused = replace(RUNNING, state="failed", ended=True, refused=(("invalid_json_line", "line 3"),))
    with pytest.raises(Rejected, match="3 requests failed: invalid_json_line: line 3") as raised:
        Course(HANDLE).looked(refused)
    assert not raised.value.queue_full
    with pytest.raises(Rejected) as raised:
        Course(HANDLE).looked(replace(refused, refused=(("token_limit_exceeded", "Enqueued"),)))
    assert raised.value.queue_full
    assert Course(HANDLE).held_back().action is Action.CREATE


def test_a_provider_that_keeps_no_name_of_ours_is_asked_for_a_batch_of_that_size_and_time() -> None:
    course = Course(HANDLE._replace(stage=Stage.CREATING, at=1000.0))
    near = BatchStatus("b1", "in_progress", total=3, created=1200.0)
    assert course.is_found(near, marks=False)
    assert not course.is_found(replace(near, total=4), marks=False)
    assert not course.is_found(replace(near, created=9000.0), marks=False)
    assert not course.is_found(near, marks=True)
    assert course.is_found(replace(near, marker="mine"), marks=True)


def test_a_batch_whose_answers_are_others_is_not_taken_for_ours_again() -> None:
    course = Course(HANDLE._replace(stage=Stage.CREATING, at=1000.0))
    strange = BatchStatus("b1", "ended", True, 3, 3, created=1000.0)
    course = course.made(strange).fetched(ours=False)
    assert course.action is Action.FIND_BATCH
    assert not course.is_found(strange, marks=False)
    assert course.made(None).action is Action.CREATE


class World:
    """A provider, of which each call may do its work, get lost before, or lose its reply."""

    def __init__(self) -> None:
        self.files = self.batches = 0

    def do(self, action: Action, course: Course, how: str) -> Course:
        if how == "lost before":
            return course.failed(action, LOST, 0.5)
        if how == "busy":
            return course.failed(action, BUSY, 0.5)
        self.files += action is Action.UPLOAD
        self.batches += action is Action.CREATE
        if how == "lost after":
            return course.failed(action, LOST, 0.5)
        match action:
            case Action.UPLOAD:
                return course.filed(FILE)
            case Action.FIND_FILE:
                return course.filed(FILE if self.files else None)
            case Action.CREATE:
                return course.made(RUNNING)
            case Action.FIND_BATCH:
                return course.made(RUNNING if self.batches else None)
            case Action.LOOK:
                return course.looked(ENDED)
        return course.fetched(ours=True)


@given(
    st.lists(st.sampled_from(["well", "lost before", "busy", "lost after", "killed before", "killed after"]))
)
def test_whatever_gets_lost_and_whenever_the_process_dies_one_file_and_one_batch_are_made(
    happenings: list[str],
) -> None:
    world, course = World(), Course(HANDLE)
    for how in [*happenings, *["well"] * 9]:
        if course.ended:
            break
        action, course = begun(replace(course, failures=0))
        if how == "killed before":
            course = Course(course.handle)
        elif how == "killed after":
            world.do(action, course, "lost after")
            course = Course(course.handle)
        else:
            course = world.do(action, course, how)
    assert course.ended
    assert (world.files, world.batches) == (1, 1)
