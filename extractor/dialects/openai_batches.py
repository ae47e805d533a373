"""The OpenAI Batch API, and Azure's: a file of requests is uploaded, a batch is made of it.

Source: https://platform.openai.com/docs/api-reference/batch and /files, the types of the package
`openai` 3.0. Pure.
"""

from __future__ import annotations

from ..messages import JSON, BatchStatus
from .batches import Call, Envelope, Line, Listed
from .bodies import written
from .fields import count, json_text, mapping, mappings, moment, text

UPLOADS = True
MARKS = True
BETWEEN = b"\n"
MARKER = "extractor"  # the name of our mark in a batch's metadata
PAGE = 100  # batches or files in one reply
ENDED = frozenset({"completed", "failed", "expired", "cancelled"})


def request(custom_id: str, path: str, body: bytes) -> bytes:
    """Return a line of the file."""
    told = json_text({"custom_id": custom_id, "method": "POST", "url": path})
    return told[:-1].encode() + b',"body":' + body + b"}"


def sending(marker: str) -> Envelope:
    """Return the parts of the form in which the file is uploaded, named by the marker."""
    boundary = f"extractor-{marker}"
    before = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{_name(marker)}"\r\n'
        "Content-Type: application/jsonl\r\n\r\n"
    )
    after = f"\r\n--{boundary}--\r\n"
    kind = f"multipart/form-data; boundary={boundary}"
    return Envelope("/files", kind, before.encode(), after.encode())


def _name(marker: str) -> str:
    return f"extractor-{marker}.jsonl"


def create(marker: str, file: str, path: str) -> Call:
    """Return the call that makes a batch of a file."""
    body: dict[str, JSON] = {"input_file_id": file, "endpoint": path, "completion_window": "24h"}
    return Call("POST", "/batches", written({**body, "metadata": {MARKER: marker}}))


def files() -> Call:
    """Return the call for the list of files that were uploaded for batches."""
    return Call("GET", f"/files?purpose=batch&order=desc&limit={PAGE}")


def batches() -> Call:
    """Return the call for the list of batches."""
    return Call("GET", f"/batches?limit={PAGE}")


def look(batch: str) -> Call:
    """Return the call that tells of a batch."""
    return Call("GET", f"/batches/{batch}")


def cancel(batch: str) -> Call:
    """Return the call that ends a batch early."""
    return Call("POST", f"/batches/{batch}/cancel")


def read(body: JSON) -> BatchStatus | None:
    """Return the status of a batch, or of a file."""
    told = mapping(body)
    name, state, counts = text(told.get("id")), text(told.get("status")), mapping(told.get("request_counts"))
    if name is None:
        return None
    if told.get("object") == "file":
        marker = (text(told.get("filename")) or "").removeprefix("extractor-").removesuffix(".jsonl")
        return BatchStatus(name, state or "", marker=marker, created=moment(told.get("created_at")))
    if state is None:
        return None
    found = [text(told.get(member)) for member in ("output_file_id", "error_file_id")]
    return BatchStatus(
        name,
        state,
        state in ENDED,
        count(counts.get("total")),
        count(counts.get("completed")),
        count(counts.get("failed")),
        text(mapping(told.get("metadata")).get(MARKER)),
        moment(told.get("created_at")),
        tuple(f"/files/{file}/content" for file in found if file),
        _refused(told) if state == "failed" else (),
    )


def _refused(told: JSON) -> tuple[tuple[str, str], ...]:
    problems = mappings(mapping(told.get("errors")).get("data"))
    reasons = tuple((str(each.get("code") or ""), _reason(each)) for each in problems)
    return reasons or (("", "the provider gave no reason"),)


def _reason(problem: JSON) -> str:
    line = problem.get("line")
    return f"{problem.get('message') or problem.get('code')}" + (
        f" (line {line})" if line is not None else ""
    )


def listed(call: Call, body: JSON) -> Listed | None:
    """Return a page of batches or files."""
    told = mapping(body)
    if not isinstance(told.get("data"), list):
        return None
    items = [item for each in mappings(told["data"]) if (item := read(each))]
    path = call.path.partition("&after=")[0]
    more = told.get("has_more") is True and items
    return Listed(items, Call("GET", f"{path}&after={items[-1].id}") if more else None)


def answer(line: JSON) -> Line | None:
    """Return the answer in a line of the output file or of the error file."""
    told = mapping(line)
    name, response = text(told.get("custom_id")), mapping(told.get("response"))
    if name is None:
        return None
    status = response.get("status_code")
    if not isinstance(status, int) or "body" not in response:
        return Line(name, None, {"error": told.get("error")})
    return Line(name, status, response["body"], text(response.get("request_id")))
