"""What an HTTP reply means: a completion, or a failure with its reason. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime

from pydantic_core import from_json

from ..messages import JSON, REJECTED, Choice, Completion, Failure, FailureKind, Message
from .dialect import Dialect
from .fields import behind, mapping, mappings, text

REQUEST_ID_HEADERS = ("x-request-id", "request-id", "apim-request-id", "x-amzn-requestid", "cf-ray")
FILTERED = "content_filter"  # the code with which Azure refuses a prompt that its filter catches
# Errors that are about the model's answer and not about the request. Sources: groq/groq-typescript #28 and
# #103, vercel/ai #6916, HunorLaczko/ha-groq-cloud-api #20.
ANSWER_CODES = frozenset({"json_validate_failed", "tool_use_failed", "output_parse_failed"})
_OF_ANSWER = re.compile(
    r"failed_generation|tool call validation failed|failed to (generate|validate) json(?! ?schema)"
    r"|failed to call a function|generated json does not match"
    r"|(model|generated|generation|its) (output|json|answer)\b.{0,60}"
    r"(is|was|be) (not valid|invalid|parsed)",
    re.I,
)
_STATUS = re.compile("[45][0-9]{2}")
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?s")
# What an error inside of a reply that began with 200 says, as the HTTP status that it would have had.
STATUSES: Mapping[str, int] = {
    "overloaded_error": 529,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "RESOURCE_EXHAUSTED": 429,
    "insufficient_quota": 429,
    "api_error": 500,
    "server_error": 500,
    "internal_error": 500,
    "internal_server_error": 500,
    "INTERNAL": 500,
    "service_unavailable": 503,
    "UNAVAILABLE": 503,
    "timeout_error": 504,
    "DEADLINE_EXCEEDED": 504,
}
LONGEST_WAIT = 31 * 24 * 3600.0  # seconds; quotas are given by the month at most
SHOWN = 100  # characters of it in a message
EXCERPT = 500  # characters of a body that is no completion, kept as evidence


def read_reply(
    dialect: Dialect, status: int, headers: Mapping[str, str], body: bytes, latency: float, now: float
) -> Completion | Failure:
    """Return what a whole reply says, whatever reading it raises. headers: lower-case names. latency:
    seconds. now: Unix time.
    """
    try:
        return _read(dialect, status, headers, body, latency, now)
    except MemoryError:
        raise
    except Exception as error:
        return unreadable(error, status, body, latency)


def unreadable(error: Exception, status: int, body: bytes, latency: float) -> Failure:
    """Return the failure of a reply that raised an error when it was read."""
    return Failure(
        FailureKind.PROTOCOL,
        f"the reply could not be read: {type(error).__name__}: {error!s:.{SHOWN}}",
        status=status,
        latency=latency,
        body=_excerpt(body),
    )


def _excerpt(body: bytes) -> str:
    return body[: 4 * EXCERPT].decode(errors="replace")[:EXCERPT]


def _read(
    dialect: Dialect, status: int, headers: Mapping[str, str], body: bytes, latency: float, now: float
) -> Completion | Failure:
    parsed, success = parse_json(body), 200 <= status < 300
    read = dialect.decode(parsed) if success else _rejected(dialect, parsed, status)
    completion = read or _filtered(dialect, parsed)
    if completion is not None:
        return replace(completion, request_id=request_id_of(headers), latency=latency)
    if isinstance(parsed, list) and len(parsed) == 1:
        [parsed] = parsed  # Google's APIs put an error into a list
    message, code = dialect.explain(parsed)
    meant = error_status(code) if success else status
    excerpt = _excerpt(body)
    if success and meant is None:
        message = f"the server answered {status}, but not with a chat completion: " + (
            message or repr(" ".join(excerpt.split())[:SHOWN])
        )
    if 300 <= status < 400 and headers.get("location"):
        message = (
            f"the server redirects to {_place(headers['location'])}: if you trust it, give it as base_url"
        )
    return Failure(
        FailureKind.PROTOCOL if meant is None else FailureKind.STATUS,
        message or f"the server answered with HTTP status {status}",
        status=status if meant is None else meant,
        code=code,
        retry_after=retry_after(headers, now) or retry_delay(parsed),
        request_id=request_id_of(headers),
        latency=latency,
        body=excerpt,
    )


def error_status(code: str | None) -> int | None:
    """Return the HTTP status that an error's code stands for; None if it stands for none."""
    if code is not None and _STATUS.fullmatch(code):
        return int(code)
    return STATUSES.get(code or "")


def read_event(dialect: Dialect, data: str, latency: float) -> Completion | Failure:
    """Return what an event says that is no chunk: mostly an error, as its HTTP status would have said it."""
    body = parse_json(data)
    rejected = _rejected(dialect, body, 400)
    if rejected is not None:
        return replace(rejected, latency=latency)
    message, code = dialect.explain(body)
    status = error_status(code)
    return Failure(
        FailureKind.PROTOCOL if status is None else FailureKind.STATUS,
        message or "the stream has an event that is not a chat completion chunk",
        status=200 if status is None else status,  # that of the stream
        code=code,
        retry_after=retry_delay(body),
        latency=latency,
        body=data[:EXCERPT],
    )


def _place(url: str) -> str:
    """Return a URL without what may be a secret."""
    return re.sub(r"//[^/@]*@", "//", re.split(r"[?#]", url)[0])


def _rejected(dialect: Dialect, body: JSON, status: int) -> Completion | None:
    """An error that is about the model's answer is an answer, with what the model wrote."""
    if not 400 <= status < 500:
        return None
    message, code = dialect.explain(body)
    error = mapping(mapping(body).get("error") or body)
    inner = mapping(behind(error))
    written = text(error.get("failed_generation")) or text(inner.get("failed_generation"))
    known = code in ANSWER_CODES or inner.get("code") in ANSWER_CODES or _OF_ANSWER.search(message)
    if written is None and not known:
        return None
    choice = Choice(Message("assistant", written), REJECTED)
    return Completion(choices=(choice,), raw=mapping(body), fault=message or code, status=status)


def _filtered(dialect: Dialect, body: JSON) -> Completion | None:
    """An error that says that a content filter caught the prompt is that outcome, and no failure."""
    _, code = dialect.explain(body)
    if code != FILTERED:
        return None
    return Completion(choices=(Choice(Message("assistant"), "content_filter"),), raw=body)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that the service asks to wait, never negative; None if it does not ask.

    Reads `retry-after-ms`, and `Retry-After` as seconds or as an HTTP-date (RFC 9110, section
    10.2.3). Nonsense, and more than 31 days, count as not asking.
    """
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if value.replace(".", "", 1).isascii() and value.replace(".", "", 1).isdigit():
            return _bearable(float(value) * scale)
        try:
            date = parsedate_to_datetime(value)
            moment = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            continue
        return _bearable(moment - now)
    return None


def _bearable(seconds: float) -> float | None:
    return max(0.0, seconds) if seconds <= LONGEST_WAIT else None


def retry_delay(body: JSON) -> float | None:
    """Return the seconds to wait that an error body asks for, as Google's APIs do in place of the
    header; None if it does not ask. Source: google.rpc.RetryInfo.
    """
    for detail in mappings(mapping(mapping(body).get("error")).get("details")):
        delay = text(detail.get("retryDelay")) or ""
        if _SECONDS.fullmatch(delay):
            return _bearable(float(delay[:-1]))
    return None


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """Return the service's own name for a request."""
    return next((headers[name] for name in REQUEST_ID_HEADERS if headers.get(name)), None)


def parse_json(body: bytes | str) -> JSON:
    """Return the JSON value of a body, None if it is none."""
    with suppress(ValueError):
        return from_json(body)  # faster, but it takes no lone surrogates, no deep nesting and UTF-8 alone
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
