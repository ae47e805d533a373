"""The packages of OpenAI and Anthropic send batches to the server, and read what becomes of them; and our own
files are what their types say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from anthropic.types.messages import MessageBatch, MessageBatchIndividualResponse

from extractor.dialects import BATCH_APIS
from extractor.dialects.batches import Call
from extractor.messages import BatchStatus
from extractor.testing import BatchScript, ChatServer, reply, status

ASK: Any = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
FATES: Any = {1: "expired", 2: status(400, "too long"), 3: "missing"}
SCRIPT = BatchScript(fate=lambda place, _: FATES.get(place, "answered"), shuffled=True)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(reply("Hello"), batches=SCRIPT) as running:
        yield running


@pytest.fixture
def gpt(server: ChatServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
def claude(server: ChatServer) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=server.url, api_key="any", max_retries=0) as client:
        yield client


def lines(names: list[str], url: str = "/v1/chat/completions") -> bytes:
    api, body = BATCH_APIS["openai"], json.dumps(ASK).encode()
    return api.BETWEEN.join(api.request(name, url, body) for name in names)


def test_openais_client_uploads_makes_looks_and_reads(gpt: openai.OpenAI) -> None:
    file = gpt.files.create(file=("requests.jsonl", lines(["a", "b", "c", "d", "e"])), purpose="batch")
    assert (file.filename, file.purpose) == ("requests.jsonl", "batch")
    assert [kept.id for kept in gpt.files.list(purpose="batch")] == [file.id]
    batch = gpt.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"extractor": "x"},
    )
    assert (batch.status, batch.metadata) == ("validating", {"extractor": "x"})
    assert gpt.batches.retrieve(batch.id).status == "in_progress"
    batch = gpt.batches.retrieve(batch.id)
    counts = batch.request_counts
    assert (batch.status, counts and (counts.total, counts.completed, counts.failed)) == (
        "expired",
        (5, 2, 1),
    )
    assert batch.output_file_id
    assert batch.error_file_id
    answers = [json.loads(line) for line in gpt.files.content(batch.output_file_id).iter_lines()]
    assert {a["custom_id"] for a in answers} == {"a", "e"}
    assert answers[0]["response"]["body"]["choices"][0]["message"]["content"] == "Hello"
    errors = {e["custom_id"]: e for e in map(json.loads, gpt.files.content(batch.error_file_id).iter_lines())}
    assert errors["b"]["error"]["code"] == "batch_expired"
    assert errors["c"]["response"]["status_code"] == 400
    assert errors["c"]["response"]["body"]["error"]["message"] == "too long"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"no json", "invalid_json_line"),
        (lines(["a", "a"]), "duplicate_custom_id"),
        (lines(["a"], "/v1/responses"), "mismatched_url"),
        (b"", "empty_file"),
    ],
)
def test_a_file_that_makes_no_batch_fails_with_a_reason(
    gpt: openai.OpenAI, content: bytes, code: str
) -> None:
    file = gpt.files.create(file=("requests.jsonl", content), purpose="batch")
    batch = gpt.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    assert batch.status == "failed"
    assert batch.errors
    assert batch.errors.data
    assert batch.errors.data[0].code == code


def test_openais_client_lists_page_by_page_cancels_and_hears_of_what_is_not_there(
    gpt: openai.OpenAI,
) -> None:
    file = gpt.files.create(file=("requests.jsonl", lines(["a"])), purpose="batch")
    made = [
        gpt.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h").id
        for _ in range(5)
    ]
    assert [batch.id for batch in gpt.batches.list(limit=2)] == made[::-1]
    assert gpt.batches.cancel(made[0]).status == "cancelling"
    assert gpt.batches.retrieve(made[0]).status == "cancelled"
    with pytest.raises(openai.NotFoundError):
        gpt.batches.retrieve("batch_99")
    with pytest.raises(openai.BadRequestError, match="No such File"):
        gpt.batches.create(input_file_id="f", endpoint="/v1/chat/completions", completion_window="24h")


def test_anthropics_client_makes_looks_and_reads(claude: anthropic.Anthropic) -> None:
    requests: Any = [{"custom_id": name, "params": ASK} for name in "abcde"]
    batch = claude.messages.batches.create(requests=requests)
    assert (batch.processing_status, batch.request_counts.processing) == ("in_progress", 5)
    claude.messages.batches.retrieve(batch.id)
    batch = claude.messages.batches.retrieve(batch.id)
    counts = batch.request_counts
    assert batch.processing_status == "ended"
    assert (counts.succeeded, counts.errored, counts.expired) == (2, 2, 1)
    results: dict[str, Any] = {r.custom_id: r.result for r in claude.messages.batches.results(batch.id)}
    assert results["a"].message.content[0].text == "Hello"
    assert results["b"].type == "expired"
    assert results["c"].error.error.type == "invalid_request_error"
    assert "d" not in results


def test_anthropics_client_lists_page_by_page_and_cancels(claude: anthropic.Anthropic) -> None:
    requests: Any = [{"custom_id": "a", "params": ASK}]
    made = [claude.messages.batches.create(requests=requests).id for _ in range(5)]
    assert [batch.id for batch in claude.messages.batches.list(limit=2)] == made[::-1]
    assert claude.messages.batches.cancel(made[0]).processing_status == "canceling"
    assert claude.messages.batches.retrieve(made[0]).processing_status == "ended"
    (result,) = claude.messages.batches.results(made[0])
    assert result.result.type == "canceled"
    with pytest.raises(anthropic.BadRequestError, match="unique"):
        claude.messages.batches.create(requests=requests * 2)


def test_what_refuses_and_what_loses_is_said_by_the_script() -> None:
    script = BatchScript(
        refuse=lambda request: status(429, "slow down") if request.method == "POST" else None,
        lose=lambda request: request.method == "GET",
    )
    with (
        ChatServer(batches=script) as server,
        openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as gpt,
    ):
        with pytest.raises(openai.RateLimitError, match="slow down"):
            gpt.files.create(file=("requests.jsonl", b"{}"), purpose="batch")
        with pytest.raises(openai.APIConnectionError):
            gpt.files.list()


# -- our side of it


def test_our_requests_and_what_we_read_are_what_the_packages_types_say() -> None:
    mine = BATCH_APIS["anthropic"]
    around = mine.sending("marker")
    body = (
        around.before + mine.BETWEEN.join(mine.request(n, "", b'{"model":"m"}') for n in "ab") + around.after
    )
    assert json.loads(body) == {"requests": [{"custom_id": n, "params": {"model": "m"}} for n in ("a", "b")]}
    told = {
        "id": "msgbatch_1",
        "type": "message_batch",
        "processing_status": "ended",
        "request_counts": {"processing": 0, "succeeded": 2, "errored": 1, "canceled": 1, "expired": 1},
        "created_at": "2026-01-01T00:00:00Z",
        "expires_at": "2026-01-02T00:00:00Z",
        "results_url": "https://elsewhere.example/steals-the-key",
    }
    MessageBatch.model_validate(told)
    assert mine.read(told) == BatchStatus(
        "msgbatch_1",
        "ended",
        ended=True,
        total=5,
        done=2,
        failed=3,
        created=1_767_225_600,
        results=("/messages/batches/msgbatch_1/results",),  # at the host that was asked, not elsewhere
    )
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}, "request_id": "r"}
    line = {"custom_id": "a", "result": {"type": "errored", "error": error}}
    MessageBatchIndividualResponse.model_validate(line)
    answer = mine.answer(line)
    assert answer
    assert (answer.status, answer.request_id, answer.body) == (529, "r", error)


@pytest.mark.parametrize("api", BATCH_APIS.values())
@pytest.mark.parametrize("odd", [None, 3, [], {}, {"id": 1}, {"custom_id": None}, {"data": [None, {}]}])
def test_what_is_no_batch_no_list_and_no_answer_counts_as_none(api: Any, odd: Any) -> None:
    assert api.read(odd) is None
    assert api.answer(odd) is None
    page = api.listed(Call("GET", "/batches?limit=100"), odd)
    assert page is None or page == ([], None)
