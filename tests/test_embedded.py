"""The real embedded model under the whole library: every mode, plain and streamed, here and elsewhere."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from extractor import (
    AsyncExtractor,
    Columns,
    Extraction,
    ExtractionError,
    Extractor,
    Mode,
    Outcome,
    Run,
    Usage,
    extract,
)
from extractor.model import Endpoint
from extractor.secrets import Secret
from extractor.transport import local
from tests.selecting import Sample

pytestmark = [pytest.mark.model, pytest.mark.slow]

TEXT = "Dear support, the kettle I bought from you leaks. I want my money back! Kind regards, Hannah Voss"


class Complaint(BaseModel):
    customer: str = Field(max_length=40, description="Who writes")
    product: str = Field(max_length=40)
    wants: Literal["refund", "repair", "other"]
    year: int | None = Field(default=None, ge=1900, le=2100)


class Product(BaseModel):
    what: str = Field(max_length=24, description="The thing that the text is about")
    wanted: bool


@pytest.fixture(scope="module")
def ex() -> Iterator[Extractor]:
    with Extractor("local:smollm2", max_tokens=200, max_repairs=1) as extractor:
        yield extractor


def said(result: Extraction[Any]) -> tuple[Outcome, Any]:
    return result.outcome, result.record


def test_a_text_becomes_a_record_with_its_usage(ex: Extractor) -> None:
    result = ex.run(Complaint, TEXT)
    assert result.outcome is Outcome.OK
    assert isinstance(result.record, Complaint)
    assert result.usage.prompt_tokens > 50
    assert 0 < result.usage.completion_tokens <= 200
    assert result.attempts[0].model == "smollm2"


def test_each_value_has_a_probability_out_of_its_own_tokens_and_samples_agree_on_some(ex: Extractor) -> None:
    result = ex.run(Complaint, TEXT, confidence=True)
    assert result.signals is not None
    assert list(result.signals) == ["/customer", "/product", "/wants", "/year"]
    assert all(0 < (each.probability or 0) < 1 for each in result.signals.values())
    sampled = ex.run(Complaint, TEXT, samples=2)
    assert sampled.signals is not None
    assert len(sampled.attempts) >= 2
    assert {each.agreement for each in sampled.signals.values()} <= {0.5, 1.0}


def test_the_function_extract_needs_no_key_and_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EXTRACTOR_MODEL", "local:smollm2")
    assert isinstance(extract(Complaint, TEXT), Complaint)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("mode", Mode)
def test_every_mode_ends_in_a_record_or_in_a_truthful_outcome(mode: Mode) -> None:
    with Extractor("local:smollm2", mode=mode, max_tokens=200, max_repairs=1) as ex:
        result = ex.run(Complaint, TEXT)
    assert {attempt.request.mode for attempt in result.attempts} == {mode}
    assert isinstance(result.record, Complaint) == result.outcome.has_record == (result.error is None)
    if mode is Mode.JSON_SCHEMA:
        assert result.outcome is Outcome.OK
    if not result.outcome.has_record:
        assert result.attempts[-1].problems


@pytest.mark.sampled(1)
@pytest.mark.parametrize("mode", Mode)
def test_every_mode_streamed_ends_in_a_record_or_in_a_truthful_outcome(mode: Mode) -> None:
    with Extractor("local:smollm2", mode=mode, max_tokens=200, max_repairs=0) as ex:
        stream = ex.stream(Complaint, TEXT)
        with suppress(ExtractionError):
            *_, last = stream
            assert isinstance(last.record, Complaint)
    result = stream.result
    assert result is not None
    assert {attempt.request.mode for attempt in result.attempts} == {mode}
    assert isinstance(result.record, Complaint) == result.outcome.has_record == (result.error is None)
    assert result.outcome is Outcome.OK or (mode is not Mode.JSON_SCHEMA and result.attempts[-1].problems)


def test_sync_and_async_give_the_same_record(ex: Extractor) -> None:
    async def run() -> Extraction[Complaint]:
        async with AsyncExtractor("local:smollm2", max_tokens=200) as other:
            return await other.run(Complaint, TEXT)

    assert said(asyncio.run(run())) == said(ex.run(Complaint, TEXT))


def test_a_served_model_in_another_process_and_one_in_this_process_give_the_same_record(
    ex: Extractor,
) -> None:
    command = [sys.executable, "-m", "extractor", "serve", "smollm2", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as serving:
        assert serving.stdout is not None
        shown = ""
        while not (found := re.search(r"(http://127\.0\.0\.1:\d+/v1)", shown)):
            line = serving.stdout.readline()
            assert line, shown
            shown += line
        key = re.search(r"API key: ([\w-]+)", shown)
        try:
            with Extractor(
                "llamacpp:smollm2", base_url=found[1], api_key=key and key[1],
                provider=ex._models.first.provider, max_tokens=200,
            ) as other:  # fmt: skip
                elsewhere = other.run(Complaint, TEXT)
        finally:
            serving.terminate()
    assert said(elsewhere) == said(ex.run(Complaint, TEXT))


def test_without_http_the_same_model_says_the_same(ex: Extractor) -> None:
    here = ex.run(Complaint, TEXT)
    request = here.attempts[0].request
    body = json.loads(ex._models.first.post(Endpoint("", Secret()), request, 1.0).body)
    code = (
        "import json, sys; from extractor.transport.local import in_process\n"
        "with in_process('smollm2') as answer: print(json.dumps(answer(json.load(sys.stdin))))"
    )  # in a process of its own: while a model loads, all threads of its process stand still
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(body), capture_output=True, text=True, check=True
    )
    answer = json.loads(done.stdout.splitlines()[-1])["choices"][0]["message"]["content"]
    assert json.loads(answer) == json.loads(here.raw or "")


def test_a_chat_streams_what_it_says_without_a_stream(ex: Extractor) -> None:
    messages = [{"role": "user", "content": "Name a colour."}]
    plain = ex.chat(messages, max_tokens=20)
    chunks = list(ex.chat_stream(messages, max_tokens=20))
    assert len(chunks) > 3
    assert "".join(chunk.content for chunk in chunks) == plain.content
    assert chunks[-1].completion is not None
    assert (chunks[-1].completion.usage or Usage()).total_tokens == (plain.usage or Usage()).total_tokens > 20


def test_parse_types_a_conversation(ex: Extractor) -> None:
    completion = ex.parse([{"role": "user", "content": TEXT}], Complaint)
    assert isinstance(completion.parsed, Complaint)


def test_a_reply_past_the_token_limit_is_truncated_and_asked_for_once_more(ex: Extractor) -> None:
    result = ex.run(Complaint, TEXT, max_tokens=6)
    assert (result.outcome, result.record) == (Outcome.TRUNCATED, None)
    answered = [
        attempt for attempt in result.attempts if attempt.failure is None
    ]  # else dropped, and sent again
    assert [attempt.request.params["max_tokens"] for attempt in answered] == [6, 12]


def test_one_server_serves_all_of_a_process(ex: Extractor) -> None:
    assert local.shared("smollm2") is local.shared("smollm2")


def test_a_frame_of_example_texts_is_enriched(ex: Extractor, tmp_path: Path, sample: Sample) -> None:
    import polars as pl

    folder = Path(__file__).parent.parent / "examples" / "texts"
    texts = [file.read_text("utf-8")[:300] for file in sorted(folder.glob("*/*.txt"))]
    bodies = sample([*texts, *(f"PS: {text}" for text in texts)][:50], 10)
    frame = pl.DataFrame({"n": range(len(bodies)), "body": bodies})
    journal = tmp_path / "journal.sqlite"
    found = ex.frame(frame, Product, text="body", columns=Columns(usage=True), run=Run(journal=journal))
    assert found.select(frame.columns).equals(frame)
    records, errors = found["product"].to_list(), found["product_error"].to_list()
    assert all((record is None) == (error is not None) for record, error in zip(records, errors, strict=True))
    assert sum(record is not None for record in records) >= 0.8 * len(bodies)
    again = ex.frame(frame, Product, text="body", columns=Columns(usage=True), run=Run(journal=journal))
    assert again["product"].to_list() == records
    assert again["product_usage"].struct.field("from_cache").all()


class Journey(BaseModel):
    traveller: str = Field(max_length=24)
    rained: bool


@pytest.mark.sampled(0)
def test_a_text_past_the_window_of_a_running_server_is_read_in_chunks_that_fit_it() -> None:
    pytest.importorskip("semantic_text_splitter", reason="needs the `long` extra")
    towns = ("Ghent", "Basel", "Nantes", "Turin")
    days = [f"On day {n + 1} Hannah Voss came to {towns[n % 4]}. " for n in range(20)]
    text = "\n\n".join(day + "It rained a little. " * 12 for day in days)
    window = 1024
    with (
        local.serve("smollm2", context=window) as server,
        Extractor(
            "smollm2",
            base_url=server.base_url,
            api_key=server.api_key,
            max_tokens=60,
            max_repairs=0,
            timeout=600,  # a busy machine takes its time
        ) as ex,
    ):
        result = ex.document(Journey, text, run=Run(journal=False))
    assert len(result.chunks) >= 3
    assert not any(attempt.failure for attempt in result.attempts)
    for chunk in result.chunks:
        usage = chunk.attempts[0].usage
        assert usage is not None
        assert 100 < usage.prompt_tokens <= window - 60
    for spans in result.evidence.values():
        assert all(text[span.start : span.end] == span.text for span in spans)
    whole = [chunk for chunk in result.chunks if not chunk.again]
    assert (whole[0].start, max(chunk.end for chunk in whole)) == (0, len(text))
    assert (result.record is None) <= (result.outcome is not Outcome.OK)
