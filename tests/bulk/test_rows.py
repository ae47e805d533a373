"""Rows in, outcomes out: each once, in order, none paid for twice, and none stops the others."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pydantic import field_validator

from extractor import ConfigError, Extractor, Outcome, Price, Run, SchemaError, ServiceError
from extractor.bulk.job import Job, Wire
from extractor.bulk.journal.interface import Claim, Memory
from extractor.errors import BudgetExceeded, JournalError, RunStopped
from extractor.groups import grouped
from extractor.results import Progress
from extractor.transport import http
from extractor.transport.exchange import HttpReply
from tests.bulk.callers import Service, echo, reply
from tests.loopback import Echo, Weather, running

TEXTS = [f"text {row}" for row in range(50)]


def run(rows: Any, service: Service, **options: Any) -> list[Any]:
    return asyncio.run(service.outcomes(rows, **options))


def collect(rows: AsyncIterator[Any], found: list[Any]) -> None:
    """Append the outcomes to `found` as they come, up to the error that ends them."""

    async def all_of_them() -> None:
        async for outcome in rows:
            found.append(outcome)  # noqa: PERF401  what came before an error counts

    asyncio.run(all_of_them())


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXTRACTOR_CACHE", str(tmp_path / "cache"))


# -- in and out


@pytest.mark.slow
def test_each_row_comes_out_once_in_order_with_its_record() -> None:
    outcomes = run(TEXTS, Service())
    assert [o.index for o in outcomes] == list(range(50))
    assert [o.record for o in outcomes] == [Echo.of(text) for text in TEXTS]
    assert {o.outcome for o in outcomes} == {Outcome.OK}


def test_of_empty_texts_nothing_is_asked() -> None:
    service = Service()
    outcomes = run(["", None, " \n", "text"], service)
    assert [(o.extraction, o.error) for o in outcomes[:3]] == [(None, None)] * 3
    assert service.asked == ["text"]


def test_a_bad_row_has_an_error_and_stops_no_other() -> None:
    outcomes = run(["a", 5, "b"], Service())
    assert isinstance(outcomes[1].error, ConfigError)
    assert [o.record for o in (outcomes[0], outcomes[2])] == [Echo.of("a"), Echo.of("b")]


class Mail(NamedTuple):
    title: str
    body: str | None


@pytest.mark.parametrize("nothing", [float("nan"), np.float32("nan"), Decimal("nan"), pd.NA, pd.NaT, None])
def test_what_stands_for_nothing_in_a_table_is_an_empty_text(nothing: Any) -> None:
    service = Service()
    assert [(o.extraction, o.error) for o in run([nothing], service)] == [(None, None)]
    for text in ("body", ["body"], "{body}", lambda row: row["body"]):
        outcomes = run([{"body": nothing}], service, text=text)
        assert [(o.extraction, o.error) for o in outcomes] == [(None, None)]
    assert service.asked == []
    run([{"title": "On tea", "body": nothing}], service, text="{title}: {body}")
    run([{"title": "On tea", "body": nothing}], service, text=["title", "body"])
    assert service.asked == ["On tea: ", "On tea"]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["Ada", None]),
        pl.Series(["Ada", None]),
        pa.array(["Ada", None]),
        pa.chunked_array([["Ada", None]]),
    ],
    ids=["pandas", "polars", "arrow", "chunked"],
)
def test_a_column_of_a_frame_is_a_list_of_texts(column: Any) -> None:
    service = Service()
    assert [o.outcome for o in run(column, service)] == [Outcome.OK, None]
    assert service.asked == ["Ada"]


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"body": ["Ada"]}),
        pl.DataFrame({"body": ["Ada"]}),
        pl.LazyFrame({"body": ["Ada"]}),
        pa.table({"body": ["Ada"]}),
        pa.record_batch({"body": ["Ada"]}),
    ],
    ids=["pandas", "polars", "lazy", "table", "batch"],
)
@pytest.mark.parametrize("text", [None, "body"])
def test_a_whole_frame_is_refused_since_its_parts_are_columns(frame: Any, text: str | None) -> None:
    service = Service()
    with pytest.raises(ConfigError, match=r"is not a list of rows: use `frame\(..., text=COLUMN\)`"):
        run(frame, service, text=text)
    assert service.asked == []


@pytest.mark.parametrize("rows", [5, None, "Ada", {"body": "Ada"}, Mail])
def test_what_has_no_rows_is_refused(rows: Any) -> None:
    told = "the arguments are swapped" if rows is Mail else "rows must be a list of texts or of mappings"
    with pytest.raises(ConfigError, match=told):
        run(rows, Service())


def test_rows_may_be_named_tuples() -> None:
    service = Service()
    run([Mail("On tea", "It is hot.")], service, text="{title}: {body}")
    assert service.asked == ["On tea: It is hot."]


def test_names_in_a_template_may_be_any_that_a_table_has() -> None:
    row = {"Subject Line": "On tea", "col.1": "hot", "größe": 2.5, "0": "x"}
    service = Service()
    run([row], service, text="{Subject Line}: {col.1}, {größe:.2f} {{l}} {0}")
    assert service.asked == ["On tea: hot, 2.50 {l} x"]
    [outcome] = run([row], service, text="{col.1:.2f}")
    assert "the field 'col.1' can't be formatted" in str(outcome.error)
    for text in ("{}", "{a"):
        with pytest.raises(ConfigError, match="is not a valid template"):
            run([row], service, text=text)


@pytest.mark.slow
def test_a_row_that_fails_stops_no_other() -> None:
    def answer(text: str, times: int) -> httpx.Response:
        return reply("no JSON") if text == "text 7" else echo(text)

    outcomes = run(TEXTS, Service(answer), client={"max_repairs": 1})
    assert [o.index for o in outcomes if o.error] == [7]
    assert len(outcomes[7].attempts) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("body", "b"),
        (("title", "body"), "t\n\nb"),
        ("{title}: {body}", "t: b"),
        (lambda row: row["title"].upper(), "T"),
    ],
)
def test_text_says_which_text_of_a_mapping_is_meant(text: Any, expected: str) -> None:
    service = Service()
    row = {"title": "t", "body": "b"}
    (outcome,) = run([row], service, text=text)
    assert service.asked == [expected]
    assert outcome.key is row


def test_a_row_without_the_field_has_an_error_that_names_it() -> None:
    outcomes = run([{"body": "b"}, {"title": "t"}, {"body": None}], Service(), text="body")
    assert "no field 'body'" in str(outcomes[1].error)
    assert (outcomes[2].extraction, outcomes[2].error) == (None, None)


@pytest.mark.slow
def test_rows_may_come_asynchronously() -> None:
    async def rows() -> AsyncIterator[str]:
        for text in TEXTS:
            await asyncio.sleep(0)
            yield text

    assert [o.record for o in run(rows(), Service())] == [Echo.of(text) for text in TEXTS]


def test_rows_are_read_as_they_are_needed() -> None:
    read = 0

    def rows() -> Iterator[str]:
        nonlocal read
        for row in range(100_000):
            read += 1
            yield f"text {row}"

    async def first() -> None:
        outcomes = Service().extractor().rows(rows(), Echo, run=Run(journal=False, concurrency=4))
        async for _ in outcomes:
            break
        await outcomes.aclose()  # type: ignore[attr-defined]

    asyncio.run(first())
    assert 0 < read <= 1030


@pytest.mark.slow
def test_a_slow_row_holds_nobody_up() -> None:
    done: list[str] = []

    class Slow(Service):
        async def __call__(self, request: httpx.Request) -> httpx.Response:
            if b"text 0" in request.content:
                while len(done) < 40:
                    await asyncio.sleep(0.001)
            response = await super().__call__(request)
            done.append("")
            return response

    outcomes = run(TEXTS, Slow(), concurrency=4)
    assert [o.index for o in outcomes] == list(range(50))


@pytest.mark.slow
def test_without_order_rows_come_as_they_are_done() -> None:
    class Slow(Service):
        async def __call__(self, request: httpx.Request) -> httpx.Response:
            if b"text 0" in request.content:
                while len(self.asked) < len(TEXTS) - 1:  # all others have come
                    await asyncio.sleep(0.005)
                await asyncio.sleep(0.05)
            return await super().__call__(request)

    outcomes = run(TEXTS, Slow(), ordered=False)
    assert outcomes[-1].index == 0
    assert sorted(o.index for o in outcomes) == list(range(50))


def test_an_error_of_the_input_is_raised_after_the_rows_before_it() -> None:
    def rows() -> Iterator[str]:
        yield from TEXTS[:5]
        raise OSError("the file ends here")

    found = list[Any]()
    with pytest.raises(OSError, match="ends here"):
        collect(Service().extractor().rows(rows(), Echo, run=Run(journal=False)), found)
    assert [o.record for o in found] == [Echo.of(text) for text in TEXTS[:5]]


def test_what_could_work_for_no_row_is_refused_before_any_is_read() -> None:
    extractor = Service().extractor()
    for wrong in ({"concurrency": 0}, {"retry": "all"}, {"max_tokns": 5}, {"text": 5}, {"max_cost": 1}):
        with pytest.raises(ConfigError):
            extractor.rows(iter(()), Echo, **grouped(wrong, "run"))
    with pytest.raises(ConfigError, match="not one str"):
        extractor.rows("text", Echo)
    with pytest.raises(SchemaError):
        extractor.rows(TEXTS, {"type": "object", "properties": {"a": {"type": "nothing"}}})


# -- each answer is paid for once


@pytest.mark.slow
def test_a_second_run_asks_for_nothing(tmp_path: Path) -> None:
    service, journal = Service(), tmp_path / "j.sqlite"
    first = run(TEXTS, service, journal=journal)
    second = run(TEXTS, service, journal=journal)
    assert len(service.asked) == 50
    assert [o.record for o in second] == [o.record for o in first]
    assert all(o.from_cache for o in second)
    assert not any(o.from_cache for o in first)


def test_the_journal_is_in_the_users_cache_unless_told_otherwise(tmp_path: Path) -> None:
    service = Service()
    for _ in range(2):
        run(["a"], service, journal=True)
    assert (tmp_path / "cache" / "journal" / "journal.sqlite").exists()
    assert service.asked == ["a"]


@pytest.mark.slow
def test_a_changed_row_asks_for_itself_alone(tmp_path: Path) -> None:
    service, journal = Service(), tmp_path / "j.sqlite"
    run(TEXTS, service, journal=journal)
    run(["new", *TEXTS[1:]], service, journal=journal)
    assert service.asked[50:] == ["new"]


@pytest.mark.slow
@pytest.mark.parametrize("journal", [True, False])
def test_a_thousand_identical_texts_are_one_request(journal: bool) -> None:
    service = Service(latency=0.2)
    outcomes = run(["the same"] * 1000, service, journal=journal)
    assert len(service.asked) == 1
    assert [o.record for o in outcomes] == [Echo.of("the same")] * 1000
    assert sum(not o.from_cache for o in outcomes) == 1


def test_other_parameters_other_models_and_other_servers_are_other_questions(tmp_path: Path) -> None:
    service, journal = Service(), tmp_path / "j.sqlite"
    run(["a"], service, journal=journal)
    run(["a"], service, journal=journal, temperature=0.5)
    run(["a"], service, journal=journal, client={"base_url": "http://127.0.0.1:10/v1"})
    assert len(service.asked) == 3


def test_the_same_parameters_in_another_order_are_the_same_question(tmp_path: Path) -> None:
    service, journal = Service(), tmp_path / "j.sqlite"
    run(["a"], service, journal=journal, temperature=0.5, seed=1)
    run(["a"], service, journal=journal, seed=1, temperature=0.5)
    assert len(service.asked) == 1


def test_a_repaired_dialogue_is_replayed_whole(tmp_path: Path) -> None:
    def answer(text: str, times: int) -> httpx.Response:
        return reply("no JSON") if times == 1 else echo(text)

    service, journal = Service(answer), tmp_path / "j.sqlite"
    for cached in (False, True):
        (outcome,) = run(["a"], service, journal=journal)
        assert (outcome.outcome, outcome.from_cache) == (Outcome.REPAIRED, cached)
    assert len(service.asked) == 2


def test_an_empty_reply_that_is_asked_for_again_is_replayed_too(tmp_path: Path) -> None:
    service = Service(lambda text, times: reply("") if times == 1 else echo(text))
    for _ in range(2):
        (outcome,) = run(["a"], service, journal=tmp_path / "j.sqlite")
        assert outcome.record == Echo.of("a")
    assert len(service.asked) == 2


def test_retry_failed_asks_only_where_there_is_no_record(tmp_path: Path) -> None:
    good = False

    def answer(text: str, times: int) -> httpx.Response:
        return echo(text) if good or text != "b" else reply("no JSON")

    service, journal = Service(answer), tmp_path / "j.sqlite"
    rows: dict[str, Any] = {"journal": journal, "client": {"max_repairs": 0}}
    run(["a", "b", "c"], service, **rows)
    good = True
    assert run(["a", "b", "c"], service, **rows)[1].error is not None
    assert len(service.asked) == 3
    outcomes = run(["a", "b", "b"], service, retry="failed", **rows)
    assert [o.record for o in outcomes] == [Echo.of("a"), Echo.of("b"), Echo.of("b")]
    assert service.asked[3:] == ["b"]


def test_failures_of_the_service_are_asked_again_by_the_next_run(tmp_path: Path) -> None:
    broken = True
    service = Service(lambda text, times: httpx.Response(500) if broken else echo(text))
    rows: dict[str, Any] = {"journal": tmp_path / "j.sqlite", "client": {"max_retries": 0}}
    assert isinstance(run(["a"], service, **rows)[0].error, ServiceError)
    broken = False
    assert run(["a"], service, **rows)[0].record == Echo.of("a")


def test_that_a_server_does_not_take_a_mode_is_remembered(tmp_path: Path) -> None:
    def answer(text: str, times: int) -> httpx.Response:
        if "response_format" in service.bodies[-1]:
            return httpx.Response(400, json={"error": {"message": "response_format json_schema unsupported"}})
        return echo(text)

    service = Service(answer)
    for _ in range(2):
        run(["a"], service, journal=tmp_path / "j.sqlite")
        asked = len(service.asked)
    assert asked == len(service.bodies)
    run(["a"], service, journal=tmp_path / "j.sqlite")
    assert len(service.asked) == asked


def test_the_journal_holds_no_key(tmp_path: Path) -> None:
    secret = "sk-very-secret-key-0123456789"
    run(["a"], Service(), journal=tmp_path / "j.sqlite", client={"api_key": secret})
    assert not any(secret.encode() in file.read_bytes() for file in tmp_path.iterdir() if file.is_file())


@pytest.mark.slow
def test_two_runs_on_one_journal_ask_once_together(tmp_path: Path) -> None:
    service = Service(latency=0.05)

    async def both() -> list[list[Any]]:
        rows = (service.outcomes(TEXTS, journal=tmp_path / "j.sqlite") for _ in range(2))
        return list(await asyncio.gather(*rows))

    first, second = asyncio.run(both())
    assert [o.record for o in first] == [o.record for o in second] == [Echo.of(text) for text in TEXTS]
    assert sorted(service.asked) == sorted(TEXTS)


# -- limits


@pytest.mark.slow
def test_concurrency_is_not_passed() -> None:
    service = Service(latency=0.005)
    run([f"text {n}" for n in range(300)], service, concurrency=16)
    assert service.peak == 16


@pytest.mark.slow
def test_a_429_pauses_all_and_costs_no_attempt() -> None:
    throttled = 0

    def answer(text: str, times: int) -> httpx.Response:
        nonlocal throttled
        if len(service.asked) >= 20 and throttled < 3:
            throttled += 1
            return httpx.Response(429, headers={"retry-after": "0.3"})
        return echo(text)

    service = Service(answer, latency=0.001)
    outcomes = run(TEXTS, service, client={"max_retries": 0})
    assert all(len(o.attempts) == 1 for o in outcomes)
    assert max(later - sooner for sooner, later in zip(service.at, service.at[1:], strict=False)) >= 0.29


@pytest.mark.slow
def test_in_a_storm_of_429s_nothing_is_sent_while_one_of_them_asks_to_wait(tmp_path: Path) -> None:
    chance, told = random.Random(3), list[float]()

    def answer(text: str, times: int) -> httpx.Response:
        if chance.random() > 0.3:
            return echo(text)
        if chance.random() > 0.2:
            return httpx.Response(429)
        told.append(asyncio.get_running_loop().time())
        return httpx.Response(429, headers={"retry-after": "0.3"})

    service = Service(answer, latency=0.005)
    outcomes = run([f"text {n}" for n in range(400)], service, journal=tmp_path / "j")
    assert [o.record for o in outcomes] == [Echo.of(o.key) for o in outcomes]
    assert told
    assert not [at for at in service.at if any(0.2 < at - then < 0.3 for then in told)]


def test_a_pause_holds_back_what_waits_for_the_journal() -> None:
    class Slow(Memory):
        async def claim(self, key: bytes, since: float) -> Claim:
            await asyncio.sleep(0.05 if service.asked else 0)
            return await super().claim(key, since)

    def answer(text: str, times: int) -> httpx.Response:
        return httpx.Response(429, headers={"retry-after": "0.4"}) if len(service.asked) == 1 else echo(text)

    async def rows() -> AsyncIterator[str]:
        yield "first"
        while not service.asked:
            await asyncio.sleep(0)
        yield "second"  # it is let out, and then waits for the journal, while the 429 comes

    service = Service(answer, latency=0.01)
    run(rows(), service, journal=Slow())
    assert min(at for at in service.at[1:]) - service.at[0] >= 0.4


@pytest.mark.parametrize("together", [1, 4])
def test_what_a_pause_held_back_while_its_connection_opened_costs_nothing_and_is_sent_later(
    together: int, tmp_path: Path
) -> None:
    held: list[bool] = []
    seen: list[Progress] = []

    async def send(post: http.Post, unwanted: Callable[[], bool]) -> Any:
        if not held:
            held.append(unwanted())
            return http.HELD_BACK
        texts = [m["content"] for m in json.loads(post.body)["messages"] if m["role"] == "user"]
        said = [json.loads(line)["text"] for line in texts[0].split("\n")] if together > 1 else texts
        records = [Echo.of(text).model_dump() for text in said]
        record = {f"t{n}": each for n, each in enumerate(records, 1)} if together > 1 else records[0]
        return HttpReply(200, {}, reply(record).content, 0.0)

    async def stream(post: http.Post) -> AsyncGenerator[http.Piece]:
        raise AssertionError("rows are asked for in one piece")
        yield b""

    async def outcomes() -> list[Any]:
        extractor = Service().extractor(max_retries=0)
        options: Any = {"journal": tmp_path / "j.sqlite", "on_progress": seen.append}
        job = Job.of(extractor._models, TEXTS[:4], Echo, None, {**options, "rows_per_request": together})
        return [outcome async for outcome in job.outcomes(lambda model, endpoint: Wire(send, stream))]

    found = asyncio.run(outcomes())
    assert [o.record for o in found] == [Echo.of(text) for text in TEXTS[:4]]
    assert {len(o.attempts) for o in found} == {1}
    assert not any(o.from_cache for o in found)
    assert (held, seen[-1].in_flight, seen[-1].possibly_paid_twice) == ([False], 0, 0)


def test_a_service_that_is_shut_for_a_day_stops_the_run_and_what_is_done_stays() -> None:
    def answer(text: str, times: int) -> httpx.Response:
        return httpx.Response(429, headers={"retry-after": "86400"}) if len(service.asked) > 6 else echo(text)

    service: Service = Service(answer)
    got: list[Any] = []
    with pytest.raises(RunStopped, match="accepts no more requests for 24 hours") as stopped:
        collect(service.extractor().rows(TEXTS, Echo, run=Run(concurrency=2, journal=False)), got)
    assert [o.record for o in got[:5]] == [Echo.of(text) for text in TEXTS[:5]]
    assert "Run it again to resume" in str(stopped.value)
    assert len(service.asked) <= 8


def test_a_429_is_charged_to_the_deadline_of_the_row() -> None:
    service = Service(lambda text, times: httpx.Response(429, headers={"retry-after": "60"}))
    began = time.monotonic()
    (outcome,) = run(["a"], service, client={"deadline": 5.0})
    assert isinstance(outcome.error, ServiceError)
    assert outcome.error.status == 429
    assert time.monotonic() - began < 5


def test_a_given_rate_is_kept_to() -> None:
    service = Service()
    run(TEXTS[:10], service, requests_per_minute=1200)  # bursts of 100
    began = time.monotonic()
    run(TEXTS[:4], Service(), requests_per_minute=600, tokens_per_minute=60_000)
    assert time.monotonic() - began < 5
    assert len(service.asked) == 10


# -- money


@pytest.mark.slow
def test_the_cap_is_not_passed_with_many_in_flight_and_answers_at_their_longest(tmp_path: Path) -> None:
    service = Service(lambda text, times: reply(Echo.of(text).model_dump(), completion_tokens=100), 0.01)
    price, told = Price(input=0, output=10), list[Progress]()
    client = {"prices": {"any": price}, "max_tokens": 100}

    found = list[Any]()
    rows = service.extractor(**client).rows(
        (f"text {n}" for n in range(500)),
        Echo,
        run=Run(max_cost=0.1005, journal=tmp_path / "j", on_progress=told.append),
    )
    with pytest.raises(BudgetExceeded, match=r"max_cost=0\.1005") as stopped:
        collect(rows, found)
    assert len(service.asked) == 100  # each 0.001
    assert sum(o.record == Echo.of(o.key) for o in found) == 100
    assert stopped.value.done == told[-1].done == 100
    assert told[-1].cost == Decimal("0.1")
    assert "100 rows are done" in str(stopped.value)


@pytest.mark.slow
def test_after_a_stop_the_same_run_goes_on_with_more_money(tmp_path: Path) -> None:
    service = Service(lambda text, times: reply(Echo.of(text).model_dump(), completion_tokens=100))
    rows: dict[str, Any] = {
        "journal": tmp_path / "j",
        "client": {"prices": {"any": Price(0, 10)}, "max_tokens": 100},
    }
    with pytest.raises(BudgetExceeded) as stopped:
        run(TEXTS, service, max_cost=0.01, **rows)
    assert (stopped.value.done, stopped.value.left) == (10, 40)
    outcomes = run(TEXTS, service, max_cost=0.05, **rows)
    assert [o.record for o in outcomes] == [Echo.of(text) for text in TEXTS]
    assert len(service.asked) == 50


# -- what stops a run


@pytest.mark.parametrize(
    ("status", "body"), [(401, {}), (402, {}), (403, {}), (429, {"error": {"code": "insufficient_quota"}})]
)
def test_an_account_that_does_not_work_stops_the_run(status: int, body: Any) -> None:
    service = Service(lambda text, times: httpx.Response(status, json=body))
    with pytest.raises(RunStopped) as stopped:
        run([f"text {n}" for n in range(1000)], service)
    assert isinstance(stopped.value.cause, ServiceError)
    assert stopped.value.cause.status == status
    assert len(service.asked) <= 64


@pytest.mark.slow
def test_a_key_that_ends_in_the_middle_leaves_what_is_done(tmp_path: Path) -> None:
    def answer(text: str, times: int) -> httpx.Response:
        return httpx.Response(401) if len(service.asked) > 20 else echo(text)

    service, found = Service(answer), list[Any]()
    with pytest.raises(RunStopped, match="Run it again"):
        collect(service.extractor().rows(TEXTS, Echo, run=Run(journal=tmp_path / "j", concurrency=1)), found)
    assert [o.record for o in found[:20]] == [Echo.of(text) for text in TEXTS[:20]]
    again = Service()
    run(TEXTS, again, journal=tmp_path / "j")
    assert sorted(again.asked) == sorted(TEXTS[20:])


def test_a_403_about_one_text_is_that_rows_error() -> None:
    service = Service(lambda text, times: httpx.Response(403) if text == "text 30" else echo(text))
    outcomes = run(TEXTS, service, concurrency=1)
    assert [o.index for o in outcomes if o.error] == [30]


def test_a_journal_that_can_not_be_opened_is_told_of_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    service = Service()
    with pytest.raises(JournalError, match="name another file"):
        run(["a"], service, journal=tmp_path / "file" / "j.sqlite")
    assert not service.asked


def test_a_row_that_is_abandoned_is_counted_as_possibly_paid_twice(tmp_path: Path) -> None:
    async def abandon() -> None:
        service = Service(latency=30)
        rows = service.extractor().rows(TEXTS[:3], Echo, run=Run(journal=tmp_path / "j"))
        first = asyncio.ensure_future(anext(rows))
        while len(service.asked) < 3:
            await asyncio.sleep(0.01)
        first.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await first
        await rows.aclose()  # type: ignore[attr-defined]

    asyncio.run(abandon())
    told: list[Progress] = []
    run(TEXTS[:3], Service(), journal=tmp_path / "j", on_progress=told.append)
    assert told[-1].possibly_paid_twice == 3


# -- the synchronous client


@pytest.mark.slow
def test_the_synchronous_client_gives_the_same() -> None:
    with running(Weather(latency=0.005)) as server, Extractor("any", base_url=server.base_url) as extractor:
        outcomes = list(extractor.rows(iter(TEXTS), Echo))
        assert server.stats()["requests"] == 50
    assert [o.record for o in outcomes] == [Echo.of(text) for text in TEXTS]


@pytest.mark.slow
def test_the_synchronous_client_works_where_a_loop_is_running() -> None:
    async def notebook() -> list[Any]:
        with running() as server, Extractor("any", base_url=server.base_url) as extractor:
            return list(extractor.rows(TEXTS[:3], Echo))

    assert len(asyncio.run(notebook())) == 3


@pytest.mark.slow
def test_the_callers_own_synchronous_client_is_used() -> None:
    asked: list[threading.Thread] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(threading.current_thread())
        return reply(Echo.of("?").model_dump())

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        extractor = Extractor("any", base_url="http://127.0.0.1:9/v1", http_client=client)
        outcomes = list(extractor.rows(TEXTS, Echo, run=Run(journal=False)))
    assert len(outcomes) == len(asked) == 50


@pytest.mark.slow
def test_leaving_the_loop_early_ends_the_thread() -> None:
    with running(Weather(latency=0.01)) as server, Extractor("any", base_url=server.base_url) as extractor:
        for _ in extractor.rows((f"text {n}" for n in range(10_000)), Echo, run=Run(journal=False)):
            break
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("extractor")]


@pytest.mark.slow
def test_the_clients_fallback_is_asked_where_there_is_no_record() -> None:
    with running() as server, Extractor("other", base_url=server.base_url) as other:
        nobody = "http://127.0.0.1:1/v1"
        with Extractor("any", base_url=nobody, max_retries=0, fallback=other) as extractor:
            outcomes = list(extractor.rows(TEXTS, Echo, run=Run(journal=False)))
    assert [o.record for o in outcomes] == [Echo.of(text) for text in TEXTS]
    assert [attempt.request.model for attempt in outcomes[0].attempts] == ["any", "other"]


@pytest.mark.slow
def test_nothing_is_logged_of_a_good_run(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        run(TEXTS, Service())
    assert not caplog.records


def test_examples_are_checked_once_and_not_for_each_row() -> None:
    checked = 0

    class Counted(Echo):
        @field_validator("length")
        @classmethod
        def count(cls, length: int) -> int:
            nonlocal checked
            checked += length == 4711
            return length

    def checks(rows: int) -> int:
        before = checked
        examples = [("an example", {"checksum": 1, "length": 4711})]
        assert all(o.record for o in run(TEXTS[:rows], Service(), record_type=Counted, examples=examples))
        return checked - before

    assert checks(40) == checks(2) > 0
