"""Events as OpenTelemetry spans and metrics, named by the semantic conventions for generative AI.

A span for the dialogue, and within it one of kind CLIENT for each attempt. Source:
https://opentelemetry.io/docs/specs/semconv/gen-ai/. Imported only if opentelemetry is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from opentelemetry import metrics, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from ..messages import Attempt, Message, Outcome
from .events import AttemptEnded, DialogueEnded, DialogueStarted, Event

NAME = "extractor"
PROVIDERS = {  # our rows by the conventions' names, where they differ
    "azure": "azure.ai.openai",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "openai-responses": "openai",
}
PARAMETERS = {  # of the request, by the conventions' names
    "frequency_penalty": "frequency_penalty",
    "max_completion_tokens": "max_tokens",
    "max_tokens": "max_tokens",
    "n": "choice.count",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
    "temperature": "temperature",
    "top_p": "top_p",
}
# Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/, the advised boundaries.
TOKEN_BUCKETS = [4**power for power in range(14)]
SECOND_BUCKETS = [0.01 * 2**power for power in range(14)]


class Exporting:
    """Listens to one dialogue. The spans' parent is the one that is current where it begins."""

    def __init__(self, capture_content: bool) -> None:
        self._content = capture_content
        self._shared: dict[str, Any] = {}
        self._span: Span = trace.INVALID_SPAN

    def __call__(self, event: Event) -> None:
        """Make spans and measurements of an event."""
        match event:
            case DialogueStarted():
                self._shared = _shared(event)
                name = f"extract {event.record_type}" if event.record_type else "converse"
                self._span = _tracer().start_span(name, attributes=self._shared)
            case AttemptEnded():
                self._attempt(event)
            case DialogueEnded():
                self._end(event)

    def _attempt(self, event: AttemptEnded) -> None:
        attempt, ended = event.attempt, time.time_ns()
        shared = {**self._shared, "gen_ai.request.model": attempt.request.model}
        error = {"error.type": error_type(attempt)} if attempt.outcome is not Outcome.OK else {}
        span = _tracer().start_span(
            f"chat {attempt.request.model}",
            trace.set_span_in_context(self._span),
            SpanKind.CLIENT,
            start_time=ended - int(attempt.latency * 1e9),
        )
        if span.is_recording():
            span.set_attributes({**shared, **error, **_request(attempt), **_reply(attempt)})
            if self._content:
                span.set_attributes(_content(attempt))
            if error:
                span.set_status(Status(StatusCode.ERROR, str(attempt.outcome)))
        span.end(ended)
        _measure(attempt, {**shared, "gen_ai.response.model": attempt.model}, error)

    def _end(self, event: DialogueEnded) -> None:
        span, result = self._span, event.result
        if result is None:
            span.set_status(Status(StatusCode.ERROR, "abandoned"))
        elif span.is_recording():
            span.set_attribute("extractor.outcome", str(result.outcome))
            span.set_attribute("extractor.attempts", len(result.attempts))
            span.set_attribute("extractor.total_tokens", result.usage.total_tokens)
            if result.cost is not None:
                span.set_attribute("extractor.cost_usd", float(result.cost))
            if not result.outcome.has_record:
                span.set_attribute("error.type", error_type(result.attempts[-1]))
                span.set_status(Status(StatusCode.ERROR, str(result.outcome)))
        span.end()


def error_type(attempt: Attempt) -> str:
    """Return the HTTP status or the kind of a failure, else the outcome."""
    failure = attempt.failure
    if failure is None:
        return str(attempt.outcome)
    return str(failure.kind) if failure.status is None else str(failure.status)


def _tracer() -> trace.Tracer:
    return trace.get_tracer(NAME)


def _shared(event: DialogueStarted) -> dict[str, Any]:
    shared: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": PROVIDERS.get(event.provider, event.provider),
        "gen_ai.request.model": event.model,
    }
    url = urlsplit(event.server or "")
    if url.hostname:
        shared["server.address"] = url.hostname
        shared["server.port"] = url.port or (443 if url.scheme == "https" else 80)
    return shared


def _request(attempt: Attempt) -> dict[str, Any]:
    params = attempt.request.params
    told = {
        f"gen_ai.request.{name}": params[ours]
        for ours, name in PARAMETERS.items()
        if isinstance(params.get(ours), int | float)
    }
    if stop := params.get("stop"):
        told["gen_ai.request.stop_sequences"] = [stop] if isinstance(stop, str) else list(stop)
    wants = attempt.request.response_schema is not None
    return {
        **told,
        "gen_ai.output.type": "json" if wants else "text",
        "extractor.mode": str(attempt.request.mode),
    }


def _reply(attempt: Attempt) -> dict[str, Any]:
    told: dict[str, Any] = {"extractor.outcome": str(attempt.outcome)}
    if attempt.failure is None:
        told["gen_ai.response.model"] = attempt.model
    if attempt.finish_reason:
        told["gen_ai.response.finish_reasons"] = [attempt.finish_reason]
    if attempt.request_id:
        told["extractor.request_id"] = attempt.request_id
    if attempt.note:
        told["extractor.note"] = attempt.note
    if attempt.cost is not None:
        told["extractor.cost_usd"] = float(attempt.cost)
    usage = attempt.usage
    if usage is not None:
        told["gen_ai.usage.input_tokens"] = usage.prompt_tokens
        told["gen_ai.usage.output_tokens"] = usage.completion_tokens
        told["gen_ai.usage.cache_read.input_tokens"] = usage.cached_tokens
    return told


def _content(attempt: Attempt) -> dict[str, str]:
    said = [_message(message) for message in attempt.request.messages]
    told = {"gen_ai.input.messages": json.dumps(said, ensure_ascii=False)}
    if attempt.text is not None:
        reply = {**_message(Message("assistant", attempt.text)), "finish_reason": attempt.finish_reason}
        told["gen_ai.output.messages"] = json.dumps([reply], ensure_ascii=False)
    return told


def _message(message: Message) -> dict[str, Any]:
    content = message.content
    texts = [content] if isinstance(content, str) else [part.get("text") for part in content or ()]
    parts = [{"type": "text", "content": text} for text in texts if text is not None]
    return {"role": message.role, "parts": parts}


def _measure(attempt: Attempt, attributes: Mapping[str, Any], error: Mapping[str, str]) -> None:
    tokens, seconds = _instruments(metrics.get_meter_provider())
    seconds.record(attempt.latency, {**attributes, **error})
    if attempt.usage is not None:
        tokens.record(attempt.usage.prompt_tokens, {**attributes, "gen_ai.token.type": "input"})
        tokens.record(attempt.usage.completion_tokens, {**attributes, "gen_ai.token.type": "output"})


@lru_cache(maxsize=4)
def _instruments(provider: metrics.MeterProvider) -> tuple[metrics.Histogram, metrics.Histogram]:
    meter = provider.get_meter(NAME)
    tokens = meter.create_histogram(
        "gen_ai.client.token.usage",
        unit="{token}",
        description="Number of input and output tokens used.",
        explicit_bucket_boundaries_advisory=TOKEN_BUCKETS,
    )
    seconds = meter.create_histogram(
        "gen_ai.client.operation.duration",
        unit="s",
        description="GenAI operation duration.",
        explicit_bucket_boundaries_advisory=SECOND_BUCKETS,
    )
    return tokens, seconds
