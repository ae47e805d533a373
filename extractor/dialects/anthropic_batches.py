"""The Anthropic Message Batches API: the requests are the body of the call that makes the batch.

Source: https://platform.claude.com/docs/en/api/creating-message-batches and
/build-with-claude/batch-processing, the types of the package `anthropic` 2.12. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ..messages import JSON, BatchStatus
from .batches import Call, Envelope, Line, Listed
from .fields import count, mapping, mappings, text

UPLOADS = False
MARKS = False
BETWEEN = b","
PAGE = 100
STATUSES: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
COUNTED = ("processing", "succeeded", "errored", "canceled", "expired")


def request(custom_id: str, path: str, body: bytes) -> bytes:
    """Return a member of the list of requests."""
    return b'{"custom_id":"' + custom_id.encode() + b'","params":' + body + b"}"


def sending(marker: str) -> Envelope:
    """Return what makes a batch of the requests."""
    return Envelope("/messages/batches", "application/json", b'{"requests":[', b"]}")


def create(marker: str, file: str, path: str) -> Call:
    """Raise NotImplementedError: nothing is uploaded beforehand."""
    raise NotImplementedError


def files() -> Call:
    """Raise NotImplementedError: nothing is uploaded beforehand."""
    raise NotImplementedError


def batches() -> Call:
    """Return the call for the list of batches."""
    return Call("GET", f"/messages/batches?limit={PAGE}")


def look(batch: str) -> Call:
    """Return the call that tells of a batch."""
    return Call("GET", f"/messages/batches/{batch}")


def cancel(batch: str) -> Call:
    """Return the call that ends a batch early."""
    return Call("POST", f"/messages/batches/{batch}/cancel")


def read(body: JSON) -> BatchStatus | None:
    """Return the status of a batch."""
    told = mapping(body)
    name, state, counts = (
        text(told.get("id")),
        text(told.get("processing_status")),
        told.get("request_counts"),
    )
    if name is None or state is None:
        return None
    counted = {kind: count(mapping(counts).get(kind)) for kind in COUNTED}
    ended = state == "ended"
    return BatchStatus(
        name,
        state,
        ended,
        sum(counted.values()),
        counted["succeeded"],
        counted["errored"] + counted["canceled"] + counted["expired"],
        created=_moment(told.get("created_at")),
        results=(f"/messages/batches/{name}/results",) if ended else (),
    )


def _moment(value: JSON) -> float:
    try:
        return datetime.fromisoformat(text(value) or "").timestamp()
    except ValueError:
        return 0.0


def listed(call: Call, body: JSON) -> Listed | None:
    """Return a page of batches."""
    told = mapping(body)
    if not isinstance(told.get("data"), list):
        return None
    items = [item for each in mappings(told["data"]) if (item := read(each))]
    path, last = call.path.partition("&after_id=")[0], text(told.get("last_id"))
    more = told.get("has_more") is True and last
    return Listed(items, Call("GET", f"{path}&after_id={last}") if more else None)


def answer(line: JSON) -> Line | None:
    """Return the answer in a line of the results."""
    told = mapping(line)
    name, result = text(told.get("custom_id")), mapping(told.get("result"))
    if name is None:
        return None
    match result.get("type"):
        case "succeeded":
            return Line(name, 200, result.get("message"))
        case "errored":
            body = mapping(result.get("error"))
            kind = text(mapping(body.get("error")).get("type")) or ""
            return Line(name, STATUSES.get(kind, 500), body, text(body.get("request_id")))
    return Line(name, None)
