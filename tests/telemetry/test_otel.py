"""Spans and metrics, read from OpenTelemetry's own in-memory exporters, with the conventions' own names."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.trace import SpanKind, StatusCode
from people import BAD, GOOD, Person, extractor

from extractor import Run
from extractor.testing import ChatServer, reply, status

EXPORTER = InMemorySpanExporter()
READER = InMemoryMetricReader()
KNOWN = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI_")}
NEWER = {"gen_ai.usage.cache_read.input_tokens"}


@pytest.fixture(scope="session", autouse=True)
def providers() -> None:
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(EXPORTER))
    trace.set_tracer_provider(tracing)
    metrics.set_meter_provider(MeterProvider([READER]))


@pytest.fixture(autouse=True)
def spans() -> Iterator[None]:
    EXPORTER.clear()
    yield
    EXPORTER.clear()


def finished() -> tuple[list[ReadableSpan], list[ReadableSpan]]:
    """Return the spans of dialogues and of attempts."""
    found = EXPORTER.get_finished_spans()
    attempts = [span for span in found if span.kind is SpanKind.CLIENT]
    return [span for span in found if span not in attempts], attempts


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_dialogue_is_a_span_and_each_attempt_one_within_it() -> None:
    with ChatServer([status(503), reply(BAD), reply(GOOD)]) as server:
        with extractor(server, temperature=0.5, max_tokens=100) as ex:
            ex.extract(Person, "the private text")
        port = int(server.base_url.split(":")[2].split("/")[0])
    (dialogue,), attempts = finished()
    assert dialogue.name == "extract Person"
    assert attributes(dialogue)["extractor.outcome"] == "repaired"
    assert attributes(dialogue)["extractor.attempts"] == 3
    assert dialogue.status.status_code is StatusCode.UNSET
    assert [span.name for span in attempts] == ["chat m"] * 3
    assert all(span.parent and span.parent.span_id == dialogue.context.span_id for span in attempts)
    errors = [attributes(span).get("error.type") for span in attempts]
    assert errors == ["503", "invalid", None]
    assert [span.status.status_code for span in attempts] == [
        StatusCode.ERROR,
        StatusCode.ERROR,
        StatusCode.UNSET,
    ]
    told = attributes(attempts[2])
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.provider.name"] == "openai"
    assert (told["gen_ai.request.model"], told["gen_ai.response.model"]) == ("m", "m")
    assert (told["gen_ai.request.temperature"], told["gen_ai.request.max_tokens"]) == (0.5, 100)
    assert told["gen_ai.response.finish_reasons"] == ("stop",)
    assert told["gen_ai.output.type"] == "json"
    assert (told["server.address"], told["server.port"]) == ("127.0.0.1", port)
    assert told["gen_ai.usage.input_tokens"] > 0
    assert told["gen_ai.usage.output_tokens"] > 0


def test_all_names_are_those_of_the_conventions() -> None:
    with (
        ChatServer(reply(GOOD)) as server,
        extractor(server, capture_content=True, seed=1, top_p=0.5, stop=["x"], n=1) as ex,
    ):
        ex.extract(Person, "x")
    names = {name for group in finished() for span in group for name in attributes(span)}
    ours = {name for name in names if name.startswith("extractor.")}
    assert {name for name in names - ours if name.startswith("gen_ai.")} <= KNOWN | NEWER
    assert names - ours - KNOWN - NEWER == {"server.address", "server.port"}


def test_no_text_and_no_key_is_in_a_span_unless_texts_are_asked_for() -> None:
    with ChatServer(reply(GOOD)) as server, extractor(server) as ex:
        ex.extract(Person, "the private text")
    said = repr([attributes(span) for group in finished() for span in group])
    assert not any(word in said for word in ("private", "Ada", "sk-secret"))


def test_texts_that_are_asked_for_are_said_as_the_conventions_have_them() -> None:
    with ChatServer(reply(GOOD)) as server, extractor(server, capture_content=True) as ex:
        ex.extract(Person, "the private text")
    _, (attempt,) = finished()
    *_, user = json.loads(str(attributes(attempt)["gen_ai.input.messages"]))
    assert user == {"role": "user", "parts": [{"type": "text", "content": "the private text"}]}
    (answer,) = json.loads(str(attributes(attempt)["gen_ai.output.messages"]))
    assert (answer["role"], answer["finish_reason"]) == ("assistant", "stop")
    assert json.loads(answer["parts"][0]["content"]) == GOOD
    assert "sk-secret" not in repr(attributes(attempt))


def test_the_environment_can_ask_for_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    with ChatServer(reply(GOOD)) as server, extractor(server) as ex:
        ex.extract(Person, "the private text")
    assert "private" in str(attributes(finished()[1][0])["gen_ai.input.messages"])


def test_a_failed_dialogue_is_a_span_in_error() -> None:
    with ChatServer(status(400, "no")) as server, extractor(server) as ex:
        ex.run(Person, "x")
    (dialogue,), _ = finished()
    assert dialogue.status.status_code is StatusCode.ERROR
    assert attributes(dialogue)["error.type"] == "400"


def test_rows_are_dialogues_under_the_callers_span() -> None:
    tracer = trace.get_tracer("test")
    with (
        ChatServer(reply(GOOD)) as server,
        extractor(server) as ex,
        tracer.start_as_current_span("job") as job,
    ):
        list(ex.rows(["a", "b", "c"], Person, run=Run(journal=False)))
    dialogues, attempts = finished()
    rows = [span for span in dialogues if span.name == "extract Person"]
    assert (len(rows), len(attempts)) == (3, 3)
    assert {span.parent.span_id for span in rows if span.parent} == {job.get_span_context().span_id}


def test_tokens_and_seconds_are_measured_by_attempt() -> None:
    with ChatServer(reply(GOOD)) as server, extractor(server) as ex:
        ex.extract(Person, "x")
    data = READER.get_metrics_data()
    assert data is not None
    found = {m.name: m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics}
    tokens = found[gen_ai_metrics.GEN_AI_CLIENT_TOKEN_USAGE]
    seconds = found[gen_ai_metrics.GEN_AI_CLIENT_OPERATION_DURATION]
    kinds = {str((point.attributes or {})["gen_ai.token.type"]) for point in tokens.data.data_points}
    assert kinds == {"input", "output"}
    assert (tokens.unit, seconds.unit) == ("{token}", "s")


@pytest.mark.slow
def test_without_opentelemetry_in_the_program_nothing_of_it_is_imported() -> None:
    program = """
import sys
from extractor import Extractor
from extractor.testing import ChatServer, reply
with ChatServer(reply("1")) as server:
    with Extractor("m", base_url=server.base_url) as ex:
        ex.run(int, "text")
print(sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_spans_hold_placeholders_where_texts_are_masked_and_captured() -> None:
    replies = [reply({**each, "name": "[SECRET_1]"}) for each in (BAD, GOOD)]
    mask = {"secret": "the private"}
    with ChatServer(replies) as server, extractor(server, capture_content=True, mask=mask) as ex:
        assert ex.extract(Person, "the private text").name == "the private"
    told = "".join(span.to_json() for span in EXPORTER.get_finished_spans())
    assert "[SECRET_1] text" in told
    assert "the private" not in told
