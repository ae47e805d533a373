"""Why rows failed: what many rows share is counted together, and shown while a run goes on."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from extractor import Extractor, Run
from extractor.bulk.display import reason_lines, shown, summary, told_reasons
from extractor.bulk.outcomes import RowOutcome
from extractor.bulk.reasons import LONGEST, MOST_REASONS, OTHERS, count, reason_of, shared
from extractor.bulk.run import RunSettings, open_journal
from extractor.errors import ConfigError, Invalid, Problem, ServiceError
from extractor.messages import Attempt, Failure, FailureKind, Message, Outcome, Request
from extractor.results import Extraction, Progress
from extractor.testing import ChatServer, reply, status

ASKED = Request("m", (Message("user", "?"),))


def failed(failure: Failure) -> RowOutcome[str]:
    error = ServiceError(failure.message, failure.status)
    attempt = Attempt(ASKED, Outcome.TRANSPORT, "m", failure=failure)
    return RowOutcome(0, Extraction(Outcome.TRANSPORT, (attempt,), error=error), error)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Failure(FailureKind.STATUS, "overloaded", 500), "HTTP 500 overloaded"),
        (Failure(FailureKind.TIMEOUT, "no reply within 60.0 s"), "timeout no reply within … s"),
        (
            Failure(FailureKind.STATUS, "max 8,192 tokens, 9012 given (req_a1b2c3d4)", 400),
            "HTTP 400 max … tokens, … given (…)",
        ),
    ],
)
def test_a_failure_of_the_service_is_its_status_and_what_it_said(failure: Failure, reason: str) -> None:
    assert reason_of(failed(failure)) == reason


def test_an_invalid_record_is_the_place_and_the_rule() -> None:
    problem = Problem("/items/3/price", "Input should be greater than 0", -1)
    error = Invalid("1 problem", problems=(problem,))
    attempt = Attempt(ASKED, Outcome.INVALID, "m", problems=(problem,))
    outcome = RowOutcome(0, Extraction(Outcome.INVALID, (attempt,), error=error), error)
    assert reason_of(outcome) == "invalid /items/*/price: Input should be greater than …"


def test_a_row_that_can_not_be_read_is_one_of_many() -> None:
    first, second = (
        RowOutcome(n, error=ConfigError(f"row {n}: the row has no field 'b{n}'")) for n in (7, 8)
    )
    assert reason_of(first) == reason_of(second) == "input: the row has no field …"


def test_a_row_that_went_well_has_no_reason() -> None:
    assert reason_of(RowOutcome(0)) is None


@given(st.lists(st.text(max_size=200), max_size=300))
def test_every_failure_is_counted_and_reasons_do_not_grow_without_bound(messages: list[str]) -> None:
    counted = Counter[str]()
    for message in messages:
        count(counted, shared(message))
    assert counted.total() == len(messages)
    assert len(counted) <= MOST_REASONS + 1
    assert all(len(reason) <= max(LONGEST, len(OTHERS)) for reason in counted)


def test_a_person_sees_the_most_frequent_reasons_and_how_many_there_are_besides() -> None:
    failures = {"timeout": 3, "HTTP 500 overloaded": 1728, "empty": 2, "refused": 1, "truncated": 1}
    assert reason_lines(failures) == [
        "1,728 × HTTP 500 overloaded",
        "3 × timeout",
        "2 × empty",
        "2 × 2 other reasons",
    ]


def test_a_person_is_told_which_journal_rows_were_read_back_from() -> None:
    progress = Progress(done=3, ok=3, from_cache=2, journal="/cache/journal.sqlite")
    assert "2 from the journal /cache/journal.sqlite" in summary(progress)


def test_a_line_of_progress_has_the_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with shown(True, 10) as tell:
        tell(Progress(done=2, failed=2, elapsed=11.0, failures={"HTTP 500 overloaded": 2}))
    assert "2 failed" in stream.getvalue()
    assert "2 × HTTP 500 overloaded" in stream.getvalue()


def test_a_line_of_progress_is_short_and_says_each_reason_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    why = {f"invalid /items/*/price: {'x' * 60} {n}": 900 for n in range(9)}
    with shown(True, 10_000) as tell:
        for elapsed in (11.0, 22.0):
            tell(Progress(done=9, elapsed=elapsed, failures=why, from_cache=3, journal="/a/" + "long/" * 30))
    told = stream.getvalue().splitlines()
    assert len(told) == 2 + 4
    assert all(len(line) < 120 for line in told)


def test_no_journal_is_said_as_false_and_none_says_nothing() -> None:
    with pytest.raises(ConfigError, match=r"leave journal= out .* in the cache, .* journal=False"):
        RunSettings(journal=None)  # type: ignore[arg-type]
    assert RunSettings(journal=False).journal_place is None
    assert str(RunSettings().journal_place).endswith("journal.sqlite")
    assert RunSettings(journal="redis://:secret@host/0").journal_place == "redis://***@host/0"


def test_a_journal_that_is_open_is_told_by_its_place(tmp_path: Path) -> None:
    async def place() -> str | None:
        journal = await open_journal(tmp_path / "j.sqlite")
        try:
            return RunSettings(journal=journal).journal_place
        finally:
            await journal.aclose()

    assert asyncio.run(place()) == str(tmp_path / "j.sqlite")
    assert asyncio.run(open_place_of_memory()) == "Memory"


async def open_place_of_memory() -> str | None:
    return RunSettings(journal=await open_journal(False)).journal_place


class Town(BaseModel):
    town: str


def test_requests_that_failed_and_go_out_again_are_told_while_the_run_goes_on() -> None:
    told = list[Progress]()
    script = [status(503, "overloaded"), status(429, "slow down", retry_after=0.01), reply({"town": "Basel"})]
    with ChatServer(script) as server, Extractor("m", base_url=server.base_url) as ex:
        [outcome] = ex.rows(["Basel"], Town, run=Run(journal=False, on_progress=told.append))
    assert outcome.record == Town(town="Basel")
    assert told[-1].retried == {"HTTP 503 overloaded": 1, "HTTP 429 slow down": 1}
    assert told[-1].failures == {}
    assert "1 × HTTP 503 overloaded, asked again" in told_reasons(told[-1])
