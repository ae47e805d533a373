"""Rows sent by the providers' batch APIs: half the price, the same outcomes, and nothing sent twice."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import stat
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from extractor import (
    AsyncExtractor,
    BatchStatus,
    ConfigError,
    Extractor,
    Outcome,
    Price,
    Progress,
    Run,
    RunStopped,
)
from extractor.bulk.display import pace
from extractor.bulk.journal.handles import Handle, Stage
from extractor.bulk.journal.interface import Kept, Memory, Tried
from extractor.bulk.journal.sqlite import SqliteStore
from extractor.bulk.journal.writer import FileJournal
from extractor.groups import grouped
from extractor.processes import Process
from extractor.testing import (
    BatchScript,
    ChatServer,
    ReceivedRequest,
    Reply,
    Script,
    refusal,
    reply,
    status,
    truncated,
)
from extractor.testing import (
    body as raw_body,
)
from tests.bulk.batch_crash import echo
from tests.bulk.hasty import hastily
from tests.loopback import Echo

TEXTS = [f"text {row}" for row in range(30)]
RECORDS = [Echo.of(text) for text in TEXTS]
MODELS = ("openai:gpt-5-mini", "anthropic:claude-haiku-4-5")
PRICES = {name.partition(":")[2]: Price(input=100, output=1000) for name in MODELS}

both = pytest.mark.parametrize("model", MODELS)
Serve = Callable[..., ChatServer]
WRONG = reply(Echo.of("another text").model_dump())


@pytest.fixture
def serve() -> Iterator[Serve]:
    running: list[ChatServer] = []

    def start(script: Script = echo, **batches: Any) -> ChatServer:
        running.append(ChatServer(script, batches=BatchScript(**batches)).start())
        return running[-1]

    yield start
    for server in running:
        server.close()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def client(server: ChatServer, model: str = MODELS[0], **options: Any) -> Extractor:
    return Extractor(model, base_url=server.base_url, api_key="sk-secret-of-mine", prices=PRICES, **options)


def run(
    server: ChatServer, journal: Path, model: str = MODELS[0], rows: Any = TEXTS, **options: Any
) -> list[Any]:
    """The outcomes, by a clock that is fast: batches are looked at every second or so."""

    async def outcomes() -> list[Any]:
        url, key = server.base_url, "sk-secret-of-mine"
        async with AsyncExtractor(model, base_url=url, api_key=key, prices=PRICES) as extractor:
            found = extractor.rows(
                rows, Echo, **grouped({"journal": journal, "mode": "batch", **options}, "run")
            )
            return [outcome async for outcome in found]

    return hastily(outcomes())


def run_in_real_time(server: ChatServer, journal: Path, **options: Any) -> list[Any]:
    with client(server) as extractor:
        return list(
            extractor.rows(TEXTS, Echo, **grouped({"journal": journal, "mode": "batch", **options}, "run"))
        )


def calls(server: ChatServer, method: str = "POST") -> list[str]:
    return [request.path.removeprefix("/v1") for request in server.requests if request.method == method]


def ordinary(server: ChatServer) -> int:
    return sum(path in ("/chat/completions", "/messages") for path in calls(server))


def kept(journal: Path) -> list[Handle]:
    with closing(SqliteStore.open(journal)) as store:
        return store.batches()


# -- as it should go


@both
def test_each_row_has_its_record_whatever_the_order_of_the_results(
    serve: Serve, journal: Path, model: str
) -> None:
    server = serve(shuffled=True)
    outcomes = run(server, journal, model)
    assert [outcome.record for outcome in outcomes] == RECORDS
    assert {outcome.outcome for outcome in outcomes} == {Outcome.OK}
    assert {outcome.from_cache for outcome in outcomes} == {False}
    assert ordinary(server) == 0
    assert kept(journal) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("provider", "root", "url"),
    [("openai-responses", "/v1", "/v1/responses"), ("azure", "/openai/v1", "/chat/completions")],
)
def test_the_other_apis_of_that_kind_have_their_own_paths(
    serve: Serve, journal: Path, provider: str, root: str, url: str
) -> None:
    def script(request: ReceivedRequest) -> Reply:
        return echo(replace(request, body=request.body.replace(b'"input"', b'"messages"')))

    server = serve(script)
    with Extractor(f"{provider}:m", base_url=server.url + root, api_key="any") as extractor:
        outcomes = list(extractor.rows(TEXTS, Echo, run=Run(journal=journal, mode="batch")))
    assert [outcome.record for outcome in outcomes] == RECORDS
    sent = [request for request in server.requests if request.method == "POST"]
    assert [request.path for request in sent] == [f"{root}/files", f"{root}/batches"]
    assert sent[1].json["endpoint"] == url


@pytest.mark.slow
@both
def test_an_answer_costs_half_and_the_run_tells_what_it_paid(serve: Serve, journal: Path, model: str) -> None:
    told: list[Progress] = []
    server = serve()
    outcomes = run(server, journal, model, on_progress=told.append)
    with client(server, model) as extractor:
        (live,) = extractor.rows(TEXTS[:1], Echo, run=Run(journal=False))
    assert outcomes[0].cost * 2 == live.cost
    assert told[-1].cost == sum(outcome.cost for outcome in outcomes)
    assert told[-1].usage.prompt_tokens == sum(outcome.usage.prompt_tokens for outcome in outcomes)
    again = run(server, journal, model, on_progress=told.append)
    assert again[0].cost == outcomes[0].cost  # it did cost that
    assert told[-1].cost is None  # but nothing was paid now


@pytest.mark.slow
def test_the_same_call_again_and_one_without_batches_find_the_answers(serve: Serve, journal: Path) -> None:
    server = serve()
    run(server, journal)
    sent = len(server.requests)
    assert {outcome.from_cache for outcome in run(server, journal)} == {True}
    with client(server) as extractor:
        live = list(extractor.rows(TEXTS, Echo, run=Run(journal=journal)))
    assert [outcome.record for outcome in live] == RECORDS
    assert len(server.requests) == sent


def test_identical_rows_are_one_request_and_empty_and_bad_ones_none(serve: Serve, journal: Path) -> None:
    server = serve()
    rows = [{"body": "same"}, {"body": None}, {"body": "same"}, {"subject": "?"}, {"body": "other"}]
    outcomes = run(server, journal, rows=rows, text="body")
    assert [o.record for o in outcomes] == [Echo.of("same"), None, Echo.of("same"), None, Echo.of("other")]
    assert isinstance(outcomes[3].error, ConfigError)
    assert [outcome.from_cache for outcome in outcomes[:3]] == [False, False, True]
    (uploaded,) = (request for request in server.requests if request.path == "/v1/files")
    assert uploaded.body.count(b"custom_id") == 2


@pytest.mark.slow
def test_frames_and_async_code_do_it_too(serve: Serve, journal: Path) -> None:
    pd = pytest.importorskip("pandas")
    server = serve()
    frame = pd.DataFrame({"body": TEXTS[:3]})
    with client(server) as extractor:
        out = extractor.frame(
            frame, Echo, text="body", run=Run(journal=journal, mode="batch", progress=False)
        )
    assert out["echo"].tolist() == [record.model_dump() for record in RECORDS[:3]]

    async def of_async() -> Any:
        async with AsyncExtractor(MODELS[1], base_url=server.base_url, api_key="any") as extractor:
            return await extractor.aframe(frame, Echo, text="body", run=Run(journal=journal, mode="batch"))

    assert asyncio.run(of_async())["echo"].tolist() == out["echo"].tolist()
    assert ordinary(server) == 0


@pytest.mark.parametrize("rows", [iter, lambda texts: (text for text in texts)])
def test_rows_that_can_be_read_once_only_are_enough(
    serve: Serve, journal: Path, rows: Callable[[Sequence[str]], Any]
) -> None:
    assert [outcome.record for outcome in run(serve(), journal, rows=rows(TEXTS))] == RECORDS


@pytest.mark.slow
@both
def test_the_callers_own_httpx_clients_send_files_and_read_results(
    serve: Serve, journal: Path, model: str
) -> None:
    server = serve()
    with httpx.Client() as own, client(server, model, http_client=own) as extractor:
        sync = list(extractor.rows(TEXTS, Echo, run=Run(journal=journal, mode="batch")))
    assert [outcome.record for outcome in sync] == RECORDS

    async def of_async() -> list[Any]:
        async with httpx.AsyncClient() as own:
            extractor = AsyncExtractor(model, base_url=server.base_url, api_key="any", http_client=own)
            found = extractor.rows([*TEXTS, "more"], Echo, run=Run(journal=journal, mode="batch"))
            return [outcome.record async for outcome in found]

    assert asyncio.run(of_async()) == [*RECORDS, Echo.of("more")]
    assert ordinary(server) == 0


def test_the_key_is_in_no_file_and_files_are_for_the_owner_alone(serve: Serve, journal: Path) -> None:
    seen: list[tuple[int, bytes]] = []

    def look(request: ReceivedRequest) -> None:
        spool = journal.with_name("journal.sqlite.batches")
        seen.extend((stat.S_IMODE(f.stat().st_mode), f.read_bytes()) for f in spool.glob("*.jsonl"))
        seen.append((stat.S_IMODE(spool.stat().st_mode) & 0o677, b""))

    run(serve(refuse=look), journal)
    assert {mode for mode, _ in seen} == {0o600}
    assert any(b"text 7" in content for _, content in seen)
    everything = [content for _, content in seen] + [
        f.read_bytes() for f in journal.parent.rglob("*.sq*") if f.is_file()
    ]
    assert not any(b"sk-secret" in content for content in everything)
    assert [file.name for file in journal.with_name("journal.sqlite.batches").iterdir()] == [".lock"]


# -- as it may go


def test_what_is_masked_is_in_no_batch_and_no_file(serve: Serve, journal: Path) -> None:
    files = dict[str, bytes]()

    def answer(request: ReceivedRequest) -> Reply:
        files.update((str(path), path.read_bytes()) for path in journal.parent.rglob("*") if path.is_file())
        return echo(request)

    server = serve(answer)
    found = run(server, journal, rows=["secret-0001 and more", "and secret-0002"], mask={"id": r"secret-\d+"})
    assert len(found) == 2
    assert any(b"[ID_1]" in body for body in files.values())
    for body in (*files.values(), *(request.body for request in server.requests)):
        assert b"secret-000" not in body


@both
def test_what_expired_or_is_missing_is_asked_by_ordinary_calls_where_it_is_little(
    serve: Serve, journal: Path, model: str
) -> None:
    server = serve(fate=lambda n, _: {3: "expired", 7: "missing", 9: status(529)}.get(n, "answered"))
    outcomes = run(server, journal, model)
    assert [outcome.record for outcome in outcomes] == RECORDS
    assert ordinary(server) == 3
    assert outcomes[3].cost == outcomes[4].cost * 2


def test_an_answer_with_a_number_that_json_has_no_word_for_is_taken_as_in_an_ordinary_call(
    serve: Serve, journal: Path
) -> None:
    def script(request: ReceivedRequest) -> Any:
        said = {"message": {"role": "assistant", "content": echo(request).choices[0].message.content}}
        usage = {"prompt_tokens": 9, "completion_tokens": 5, "seconds": math.nan}
        return raw_body(json.dumps({"choices": [{**said, "finish_reason": "stop"}], "usage": usage}))

    outcomes = run(server := serve(script), journal)
    assert [outcome.record for outcome in outcomes] == RECORDS
    assert ordinary(server) == 0


def test_the_first_of_two_answers_to_one_request_counts_and_a_torn_one_is_asked_for_again(
    serve: Serve, journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    times = Counter[bytes]()

    def script(request: ReceivedRequest) -> Reply:
        times[request.body] += 1
        return echo(request) if times[request.body] == 1 or "text 5" not in str(request.body) else WRONG

    server = serve(script, fate=lambda n, _: {5: "doubled", 7: "torn"}.get(n, "answered"))
    outcomes = run(server, journal)
    assert [outcome.record for outcome in outcomes] == RECORDS
    assert ordinary(server) == 1
    assert "two answers to one request: the first was taken" in caplog.text


@pytest.mark.slow
def test_where_it_is_much_it_goes_into_another_batch_at_most_twice(serve: Serve, journal: Path) -> None:
    texts = [f"text {n}" for n in range(120)]
    server = serve(fate=lambda n, _: "expired")
    outcomes = run(server, journal, rows=texts)
    assert [outcome.record for outcome in outcomes] == [Echo.of(text) for text in texts]
    assert calls(server).count("/batches") == 3
    assert ordinary(server) == 120


@both
def test_an_error_in_the_results_is_the_rows_error_as_if_it_had_been_asked_alone(
    serve: Serve, journal: Path, model: str
) -> None:
    server = serve(fate=lambda n, _: status(400, "the text is too long") if n == 4 else "answered")
    outcomes = run(server, journal, model)
    assert str(outcomes[4].error) == "HTTP 400: the text is too long"
    (attempt,) = outcomes[4].attempts
    assert (attempt.status, attempt.failure.kind) == (400, "status")
    assert [o.record for o in outcomes if o.index != 4] == [r for n, r in enumerate(RECORDS) if n != 4]
    assert ordinary(server) == 0


@both
def test_a_reply_that_is_no_record_is_repaired_by_an_ordinary_call(
    serve: Serve, journal: Path, model: str
) -> None:
    asked: list[str] = []

    def script(request: ReceivedRequest) -> Reply:
        if "text 5" not in json.dumps(request.json["messages"]):
            return echo(request)
        asked.append(request.path)
        return reply({"checksum": "none" if len(asked) == 1 else 1, "length": 6})

    server = serve(script)
    (outcome,) = (o for o in run(server, journal, model) if o.index == 5)
    assert outcome.outcome is Outcome.REPAIRED
    assert outcome.record == Echo(checksum=1, length=6)
    assert len(outcome.attempts) == len(asked) == 2
    assert ordinary(server) == 1


@both
def test_refused_and_truncated_are_told_apart_as_ever(serve: Serve, journal: Path, model: str) -> None:
    def script(request: ReceivedRequest) -> Reply:
        said = json.dumps(request.json["messages"])
        if "text 1 " in said:
            return refusal("I won't.")
        return truncated('{"checksum": 1') if "text 2 " in said else reply({"checksum": 1, "length": 1})

    rows = [f"text {n} " for n in range(3)]
    server = serve(script)
    outcomes = run(server, journal, model, rows)
    assert [o.outcome for o in outcomes] == [Outcome.OK, Outcome.REFUSED, Outcome.TRUNCATED]


def test_no_credit_in_a_line_stops_the_run(serve: Serve, journal: Path) -> None:
    broke = status(429, "You exceeded your current quota.", code="insufficient_quota")
    server = serve(fate=lambda n, _: broke)
    with pytest.raises(RunStopped, match="exceeded your current quota"):
        run(server, journal)
    assert ordinary(server) == 0


@both
def test_failures_of_the_batch_api_itself_are_waited_out(serve: Serve, journal: Path, model: str) -> None:
    failed: set[tuple[str, str]] = set()

    def once_each(request: ReceivedRequest) -> Any:
        what = request.method, request.path
        if what in failed:
            return None
        failed.add(what)
        return status(503 if request.method == "GET" else 429, retry_after=0.01)

    server = serve(refuse=once_each)
    assert [outcome.record for outcome in run(server, journal, model)] == RECORDS
    assert ordinary(server) == 0


@both
def test_where_a_reply_gets_lost_what_was_done_is_found_and_not_done_again(
    serve: Serve, journal: Path, model: str
) -> None:
    done: list[tuple[str, str]] = []

    def first_of_each(request: ReceivedRequest) -> bool:
        done.append((request.method, request.path))
        return done.count(done[-1]) == 1

    server = serve(lose=first_of_each)
    assert [outcome.record for outcome in run(server, journal, model)] == RECORDS
    made = [path for method, path in done if method == "POST"]
    assert len(made) == len({*made})


@pytest.mark.slow
def test_a_batch_of_somebody_elses_that_looks_like_ours_is_not_taken(serve: Serve, journal: Path) -> None:
    model = MODELS[1]
    lost: list[str] = []

    def lose(request: ReceivedRequest) -> bool:
        if request.method != "POST" or lost:
            return False
        lost.append(request.path)
        others = [
            {
                "custom_id": f"o{n}",
                "params": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]},
            }
            for n in range(30)
        ]
        threading.Thread(
            target=httpx.post,
            args=(server.url + "/v1/messages/batches",),
            kwargs={"json": {"requests": others}},
        ).start()
        return True

    server = serve(lose=lose)
    assert [outcome.record for outcome in run(server, journal, model)] == RECORDS
    assert calls(server).count("/messages/batches") == 2  # theirs and ours
    assert ordinary(server) == 0


@pytest.mark.slow
def test_a_batch_that_fails_as_a_whole_raises_with_the_providers_reasons(serve: Serve, journal: Path) -> None:
    server = serve(rejected=[("model_not_found", "The model does not exist.")])
    with pytest.raises(
        RunStopped, match=r"30 requests failed: model_not_found: The model does not exist\."
    ) as raised:
        run(server, journal)
    assert raised.value.cause is not None
    assert kept(journal) == []  # nothing was begun: after the mending it is built anew
    assert [file.name for file in journal.with_name("journal.sqlite.batches").iterdir()] == [".lock"]
    assert [outcome.record for outcome in run(serve(), journal)] == RECORDS


@pytest.mark.slow
def test_a_queue_that_is_full_is_waited_for_and_batches_become_as_small_as_it_takes(
    serve: Serve, journal: Path
) -> None:
    server = serve(queue=10, looks=0)
    assert [outcome.record for outcome in run(server, journal)] == RECORDS
    assert ordinary(server) == 0


def test_a_queue_that_takes_not_even_one_request_stops_the_run(serve: Serve, journal: Path) -> None:
    with pytest.raises(RunStopped, match="Enqueued token limit reached"):
        run(serve(queue=0, looks=0), journal, rows=TEXTS[:2])


# -- money


@pytest.mark.slow
def test_the_cap_bounds_what_is_sent_at_once_and_answers_settle_at_half_the_price(
    serve: Serve, journal: Path
) -> None:
    told: list[Progress] = []
    texts, server = [f"text {n}" for n in range(300)], serve(looks=0)
    outcomes = run(server, journal, rows=texts, max_cost=7, max_tokens=50, on_progress=told.append)
    assert [outcome.record for outcome in outcomes] == [Echo.of(text) for text in texts]
    assert calls(server).count("/batches") > 1  # the worst case of all would have been 14 dollars
    assert told[-1].cost is not None
    assert told[-1].cost <= 7
    assert ordinary(server) == 0


def test_a_cap_that_is_too_small_stops_the_run_before_it_is_passed(serve: Serve, journal: Path) -> None:
    server = serve()
    with pytest.raises(RunStopped, match=r"max_cost=0\.01"):
        run(server, journal, max_cost=0.01, max_tokens=50)
    assert server.requests == ()


def test_an_estimate_halves_the_price(serve: Serve, journal: Path) -> None:
    with client(serve()) as extractor:
        whole = extractor.estimate(TEXTS, Echo, run=Run(journal=journal))
        half = extractor.estimate(TEXTS, Echo, run=Run(journal=journal, mode="batch"))
    assert whole.cost is not None
    assert half.cost == whole.cost * Decimal("0.5")


# -- as it stops and goes on


def test_ctrl_c_leaves_the_batch_running_and_the_same_call_collects_it(serve: Serve, journal: Path) -> None:
    server = serve(looks=10_000)

    def interrupt(progress: Progress) -> None:
        if any(batch.state == "in_progress" for batch in progress.batches) and not sent:
            sent.append(os.kill(os.getpid(), signal.SIGINT))

    sent: list[None] = []
    with pytest.raises(KeyboardInterrupt) as raised:
        run_in_real_time(server, journal, on_progress=interrupt)
    assert "1 batch goes on at the provider" in raised.value.__notes__[0]
    (handle,) = kept(journal)
    assert handle.stage is Stage.RUNNING
    server.batches.script = BatchScript()
    assert [outcome.record for outcome in run(server, journal)] == RECORDS
    assert calls(server) == ["/files", "/batches"]


@pytest.mark.slow
def test_what_another_run_settles_between_two_questions_is_not_bought_again(
    serve: Serve, journal: Path
) -> None:
    looked, held = threading.Event(), [True]

    def refuse(request: ReceivedRequest) -> Any:
        if request.method != "GET" or not held:
            return None
        looked.set()
        return status(503)

    server = serve(refuse=refuse)
    first = threading.Thread(target=run, args=(server, journal))

    class Overtaken(FileJournal):
        """The other run gets its answers right after this one has asked for the first time."""

        overtaken = False

        async def look(self, key: bytes, since: float) -> Kept | None:
            found = await super().look(key, since)
            await self._between()
            return found

        async def tried(self, keys: Sequence[bytes]) -> Mapping[bytes, Tried]:
            found = await super().tried(keys)
            await self._between()
            return found

        async def _between(self) -> None:
            if not self.overtaken:
                self.overtaken = True
                held.clear()
                await asyncio.to_thread(first.join)

    async def overtaken() -> list[Any]:
        own = Overtaken(journal)
        await own.opened()
        try:
            async with AsyncExtractor(MODELS[0], base_url=server.base_url, api_key="any") as extractor:
                found = extractor.rows(TEXTS, Echo, run=Run(journal=own, mode="batch"))
                return [outcome.record async for outcome in found]
        finally:
            await own.aclose()

    first.start()
    assert looked.wait(60)  # its batch is at the provider
    assert hastily(overtaken()) == RECORDS
    assert calls(server) == ["/files", "/batches"]


@pytest.mark.slow
def test_two_runs_at_once_share_their_batches(serve: Serve, journal: Path) -> None:
    server = serve()
    found: dict[int, list[Any]] = {}

    def one(number: int) -> None:
        found[number] = [outcome.record for outcome in run(server, journal)]

    threads = [threading.Thread(target=one, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(found.values()) == [RECORDS] * 3
    assert calls(server).count("/batches") == 1
    assert ordinary(server) == 0


def test_other_rows_batches_are_not_waited_for(serve: Serve, journal: Path) -> None:
    server = serve()
    other = Handle(
        "0" * 32, f"openai {server.base_url}", "m", "/v1/chat/completions", "ab", stage=Stage.RUNNING
    )
    with closing(SqliteStore.open(journal, here=Process("elsewhere", 1, 0.0, 0.0))) as store:
        store.enter("other", 99.0)
        store.begin("other", other, [b"other"])
    assert [outcome.record for outcome in run(server, journal)] == RECORDS
    assert kept(journal) == [other]


def test_progress_tells_what_the_provider_says(serve: Serve, journal: Path) -> None:
    told: list[Progress] = []
    run(serve(looks=3), journal, on_progress=told.append)
    batches = [progress.batches[0] for progress in told if progress.batches]
    assert {batch.state for batch in batches} >= {"in_progress"}
    assert {batch.total for batch in batches} == {30}


def test_while_batches_are_waited_for_a_line_says_how_far_they_are() -> None:
    first = BatchStatus("b1", "in_progress", total=50_000, done=12)
    second = BatchStatus("b2", "completed", ended=True, total=50_000, done=49_997, failed=3)
    assert pace(Progress(batches=(first, second), elapsed=3725.5)) == (
        "2 batches: 1 in progress, 1 completed; 50,009 of 100,000 requests answered, 3 failed; 1:02:05 so far"
    )


# -- what can't be


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"mode": "bulk"}, "mode must be 'live' or 'batch' here"),
        ({"journal": False}, "keeps its batches in the journal"),
        ({"journal": Memory()}, "extractor.types.Ledger"),
        ({"rows_per_request": 4}, "can't be used with"),
        ({"samples": 2, "temperature": 1}, "can't be used with"),
        ({"journal": "redis://127.0.0.1:1/0"}, "name a file"),
    ],
)
def test_what_batches_need_is_said_before_anything_is_sent(
    serve: Serve, journal: Path, options: dict[str, Any], match: str
) -> None:
    server = serve()
    with pytest.raises(ConfigError, match=match), client(server) as extractor:
        list(extractor.rows(TEXTS, Echo, **grouped({"mode": "batch", "journal": journal, **options}, "run")))
    assert server.requests == ()


def test_a_provider_without_a_batch_api_is_an_error_that_names_those_with_one(serve: Serve) -> None:
    with pytest.raises(ConfigError, match="openai, openai-responses, anthropic, azure; not compatible"):
        Extractor("any", base_url=serve().base_url).rows(TEXTS, Echo, run=Run(mode="batch"))
