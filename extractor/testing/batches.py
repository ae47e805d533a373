"""The batch APIs of OpenAI and Anthropic as a server speaks them: files, batches and their results.

Sources: https://platform.openai.com/docs/api-reference/batch and /files,
https://platform.claude.com/docs/en/api/creating-message-batches.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qs

from extractor.messages import JSON

from . import anthropic, apis, openai_chat, speaking
from .received import ReceivedRequest
from .replies import Delivery, Drop, Reply, Response, Status
from .script import Handler, Play
from .speaking import Api, dumps

Fate: TypeAlias = (
    Literal["answered", "doubled", "torn", "expired", "missing"] | Status
)  # what becomes of one request
PREFIXES = ("/v1", "/openai/v1")
MOST_LINES, MOST_BYTES = 50_000, 200_000_000  # of an uploaded file
MOST_REQUESTS, MOST_BODY = 100_000, 256_000_000  # of a batch of messages
PAGE = 20
DAY = 86_400
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_LOST = Delivery(drop=Drop())


def _answered(index: int, custom_id: str) -> Fate:
    return "answered"


@dataclass(frozen=True, slots=True)
class BatchScript:
    """How batches behave. Their answers come from the server's script, as for other requests.

    - looks: how often a batch must be polled before it has ended.
    - fate: what becomes of a request, by its place in the batch and its custom_id: "answered", "doubled"
      (answered twice, each time by the script), "torn" (its line is cut off), "expired", "missing" from the
      results, or an error, as a `status`.
    - shuffled: whether the results are out of order.
    - rejected: reasons, each a code with a sentence, for which a batch of OpenAI fails as a whole.
    - queue: how many requests may wait in all batches of OpenAI together. With more, a batch fails with
      "token_limit_exceeded".
    - refuse: an error, or None, for a call to a batch API, which then does nothing.
    - lose: whether the reply to a call gets lost after the call was carried out.
    - delivery: how the results are delivered.
    """

    looks: int = 1
    fate: Callable[[int, str], Fate] = _answered
    shuffled: bool = False
    rejected: Sequence[tuple[str, str]] = ()
    queue: int | None = None
    refuse: Callable[[ReceivedRequest], Status | None] = lambda request: None
    lose: Callable[[ReceivedRequest], bool] = lambda request: False
    delivery: Delivery = field(default_factory=Delivery)


@dataclass(slots=True)
class _File:
    id: str
    name: str
    purpose: str
    content: bytes
    created: int


@dataclass(slots=True)
class _Batch:
    """requests: custom_id, path and body of each. looked: how often it was looked at."""

    id: str
    api: Api
    requests: Sequence[tuple[str, str, bytes]]
    created: float
    looked: int = 0
    told: dict[str, Any] = field(default_factory=dict)
    errors: Sequence[tuple[str, str]] = ()
    cancelled: bool = False
    lines: list[tuple[str, bytes]] | None = None  # how each ended, and its line; None before the end


class Batches:
    """All files and batches of one server."""

    def __init__(self, script: BatchScript = BatchScript()) -> None:
        self.script = script
        self._files: dict[str, _File] = {}
        self._batches: dict[str, _Batch] = {}
        self._count = 0

    @property
    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """What is spoken, a handler for each method and path."""
        openai: Mapping[tuple[str, str], Callable[[ReceivedRequest, Play], Response]] = {
            ("POST", "/files"): self._upload,
            ("GET", "/files"): self._list_files,
            ("GET", "/files/{id}/content"): self._content,
            ("GET", "/files/{id}"): self._file,
            ("POST", "/batches"): self._create,
            ("GET", "/batches"): partial(self._list, openai_chat),
            ("POST", "/batches/{id}/cancel"): self._cancel,
            ("GET", "/batches/{id}"): self._look,
        }
        messages: Mapping[tuple[str, str], Callable[[ReceivedRequest, Play], Response]] = {
            ("POST", "/v1/messages/batches"): self._create_messages,
            ("GET", "/v1/messages/batches"): partial(self._list, anthropic),
            ("GET", "/v1/messages/batches/{id}/results"): self._results,
            ("POST", "/v1/messages/batches/{id}/cancel"): self._cancel,
            ("GET", "/v1/messages/batches/{id}"): self._look,
        }
        both = {(verb, root + path): do for root in PREFIXES for (verb, path), do in openai.items()}
        return {route: partial(self._answer, do) for route, do in {**both, **messages}.items()}

    def _answer(
        self, do: Callable[[ReceivedRequest, Play], Response], request: ReceivedRequest, play: Play
    ) -> Response:
        refused = self.script.refuse(request)
        if refused is not None:
            return speaking.error(_api(request), refused, request)
        response = do(request, play)
        return replace(response, delivery=_LOST) if self.script.lose(request) else response

    # -- files

    def _upload(self, request: ReceivedRequest, play: Play) -> Response:
        parts = _form(request)
        if parts is None or "file" not in parts or "purpose" not in parts:
            return _error(request, 400, "a form with 'purpose' and 'file' is wanted")
        name, content = parts["file"]
        if len(content) > MOST_BYTES:
            return _error(request, 400, f"a file for batches has {MOST_BYTES:,} bytes at most")
        purpose = parts["purpose"][1].decode()
        return _json(request, _file_object(self._keep(name, purpose, content)))

    def _keep(self, name: str, purpose: str, content: bytes) -> _File:
        file = _File(self._name("file-"), name, purpose, content, int(time.time()))
        self._files[file.id] = file
        return file

    def _list_files(self, request: ReceivedRequest, play: Play) -> Response:
        query = _query(request)
        kept = [file for file in self._files.values() if file.purpose == query.get("purpose", file.purpose)]
        return _json(request, _page(request, [_file_object(file) for file in reversed(kept)]))

    def _file(self, request: ReceivedRequest, play: Play) -> Response:
        file = self._files.get(_id(request))
        return _unknown(request) if file is None else _json(request, _file_object(file))

    def _content(self, request: ReceivedRequest, play: Play) -> Response:
        file = self._files.get(_id(request, 1))
        if file is None:
            return _unknown(request)
        kind = ("content-type", "application/octet-stream")
        return Response(200, file.content, (kind,), self.script.delivery)

    # -- batches

    def _create(self, request: ReceivedRequest, play: Play) -> Response:
        asked = request.json
        file = self._files.get(asked.get("input_file_id"))
        if file is None:
            return _error(request, 400, f"No such File object: {asked.get('input_file_id')}")
        requests, problems = _lines(file.content, asked.get("endpoint"))
        waiting = sum(len(b.requests) for b in self._batches.values() if b.lines is None and not b.errors)
        if self.script.queue is not None and waiting + len(requests) > self.script.queue:
            full = f"Enqueued token limit reached. Limit: {self.script.queue} enqueued tokens."
            problems = [("token_limit_exceeded", full)]
        told = {
            name: asked.get(name) for name in ("endpoint", "completion_window", "input_file_id", "metadata")
        }
        errors = [*problems, *self.script.rejected]
        batch = _Batch(self._name("batch_"), openai_chat, requests, time.time(), told=told, errors=errors)
        self._batches[batch.id] = batch
        return _json(request, self._told(batch, request))

    def _create_messages(self, request: ReceivedRequest, play: Play) -> Response:
        if len(request.body) > MOST_BODY:
            return _error(request, 413, "Request exceeds the maximum size")
        asked = request.json["requests"]
        names = [each["custom_id"] for each in asked]
        if not names or len(names) > MOST_REQUESTS:
            return _error(request, 400, f"requests: from 1 to {MOST_REQUESTS:,} of them")
        if len({*names}) < len(names) or not all(map(_CUSTOM_ID.fullmatch, names)):
            return _error(request, 400, "requests: each custom_id is unique, of 1 to 64 plain characters")
        requests = [(each["custom_id"], "/v1/messages", dumps(each["params"]).encode()) for each in asked]
        batch = _Batch(self._name("msgbatch_"), anthropic, requests, time.time())
        self._batches[batch.id] = batch
        return _json(request, self._told(batch, request))

    def _list(self, api: Api, request: ReceivedRequest, play: Play) -> Response:
        kept = [self._told(b, request) for b in reversed(self._batches.values()) if b.api is api]
        return _json(request, _page(request, kept))

    def _look(self, request: ReceivedRequest, play: Play) -> Response:
        batch = self._batches.get(_id(request))
        if batch is None:
            return _unknown(request)
        batch.looked += 1
        if batch.looked > self.script.looks or batch.cancelled:
            self._end(batch, request, play)
        return _json(request, self._told(batch, request))

    def _cancel(self, request: ReceivedRequest, play: Play) -> Response:
        batch = self._batches.get(_id(request, 1))
        if batch is None:
            return _unknown(request)
        batch.cancelled = batch.cancelled or batch.lines is None
        return _json(request, self._told(batch, request))

    def _results(self, request: ReceivedRequest, play: Play) -> Response:
        batch = self._batches.get(_id(request, 1))
        if batch is None or batch.lines is None:
            return _unknown(request)
        content = b"".join(line for _, line in batch.lines)
        return Response(200, content, (("content-type", "application/x-jsonl"),), self.script.delivery)

    def _end(self, batch: _Batch, request: ReceivedRequest, play: Play) -> None:
        """Have all requests answered, once."""
        if batch.lines is not None or batch.errors:
            return
        ended = [self._ended(batch, n, request, play) for n in range(len(batch.requests))]
        batch.lines = [line for line in ended if line is not None]
        if self.script.shuffled:
            random.Random(batch.id).shuffle(batch.lines)
        if batch.api is openai_chat:
            for kind, name in (("answered", "output_file_id"), ("other", "error_file_id")):
                lines = [line for how, line in batch.lines if (how == "answered") == (kind == "answered")]
                if lines:
                    content = b"".join(lines)
                    batch.told[name] = self._keep(f"{batch.id}.jsonl", "batch_output", content).id

    def _ended(
        self, batch: _Batch, place: int, request: ReceivedRequest, play: Play
    ) -> tuple[str, bytes] | None:
        """Return how a request ended, and its line in the results; None if it is missing there."""
        custom_id, path, body = batch.requests[place]
        fate: Fate | Literal["canceled"] = self.script.fate(place, custom_id)
        if batch.cancelled:
            fate = "canceled"
        if fate == "missing":
            return None
        if isinstance(fate, str) and fate in ("expired", "canceled"):
            return fate, _line(batch.api, custom_id, _not_run(batch.api, fate))
        asked = replace(request, index=place, method="POST", path=path, body=body)
        ran = self._ran(batch, custom_id, fate, asked, play)
        if ran is not None and fate == "doubled":
            again = self._ran(batch, custom_id, fate, asked, play)
            return ran if again is None else (ran[0], ran[1] + again[1])
        return (ran[0], ran[1][: len(ran[1]) // 2] + b"\n") if ran is not None and fate == "torn" else ran

    def _ran(
        self, batch: _Batch, custom_id: str, fate: Any, asked: ReceivedRequest, play: Play
    ) -> tuple[str, bytes] | None:
        """Return how a request ended that was come to, and its line; None if it has no answer."""
        path = asked.path
        handler = apis.handler_of(apis.ROUTES, "POST", path)
        if isinstance(fate, Status):
            answer: Any = speaking.error(batch.api, fate, asked)
        else:
            answer = handler(asked, play) if handler else apis.no_route(asked, apis.ROUTES)
        if not isinstance(answer, Response) or not isinstance(answer.body, bytes):
            return None
        how = "answered" if answer.status == 200 else "errored"
        return how, _line(batch.api, custom_id, _ran(batch.api, answer))

    def _told(self, batch: _Batch, request: ReceivedRequest) -> JSON:
        spell = _as_batch if batch.api is openai_chat else _as_message_batch
        return spell(batch, f"http://{request.headers.get('host', '')}")

    def _name(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"


# -- how it is spelt


def _as_batch(batch: _Batch, url: str) -> JSON:
    ended = batch.lines is not None
    hows = [how for how, _ in batch.lines or ()]
    state = "in_progress" if batch.looked else "validating"
    if ended:
        state = "cancelled" if batch.cancelled else "expired" if "expired" in hows else "completed"
    elif batch.cancelled:
        state = "cancelling"
    problems = [{"code": code, "message": said, "line": None, "param": None} for code, said in batch.errors]
    answered = hows.count("answered")
    return {
        "id": batch.id,
        "object": "batch",
        "created_at": int(batch.created),
        "expires_at": int(batch.created) + DAY,
        "status": "failed" if problems else state,
        "errors": {"object": "list", "data": problems} if problems else None,
        "request_counts": {
            "total": len(batch.requests),
            "completed": answered,
            "failed": hows.count("errored"),
        },
        "output_file_id": None,
        "error_file_id": None,
        **batch.told,
    }


def _as_message_batch(batch: _Batch, url: str) -> JSON:
    hows = [how for how, _ in batch.lines or ()]
    ended = batch.lines is not None
    state = "ended" if ended else "canceling" if batch.cancelled else "in_progress"
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": state,
        "request_counts": {
            "processing": 0 if ended else len(batch.requests),
            "succeeded": hows.count("answered"),
            "errored": hows.count("errored") + (len(batch.requests) - len(hows) if ended else 0),
            "canceled": hows.count("canceled"),
            "expired": hows.count("expired"),
        },
        "created_at": _moment(batch.created),
        "expires_at": _moment(batch.created + DAY),
        "ended_at": _moment(batch.created) if ended else None,
        "cancel_initiated_at": _moment(batch.created) if batch.cancelled else None,
        "archived_at": None,
        "results_url": f"{url}/v1/messages/batches/{batch.id}/results" if ended else None,
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _line(api: Api, custom_id: str, rest: bytes) -> bytes:
    name = f'{{"custom_id":{json.dumps(custom_id)},'
    return name.encode() + (rest if api is openai_chat else b'"result":' + rest) + b"}\n"


def _ran(api: Api, answer: Response) -> bytes:
    body = answer.body
    assert isinstance(body, bytes)  # noqa: S101  it is no stream
    if api is openai_chat:
        name = dict(answer.headers).get(openai_chat.REQUEST_ID, "")
        told = f'"error":null,"response":{{"status_code":{answer.status},"request_id":"{name}","body":'
        return told.encode() + body + b"}"
    kind, member = (b"succeeded", b"message") if answer.status == 200 else (b"errored", b"error")
    return b'{"type":"' + kind + b'","' + member + b'":' + body + b"}"


def _not_run(api: Api, fate: str) -> bytes:
    if api is not openai_chat:
        return dumps({"type": fate}).encode()
    why = f"This request could not be executed: the batch was {fate}."
    error = {"code": f"batch_{fate}", "message": why}
    return f'"response":null,"error":{dumps(error)}'.encode()


def _file_object(file: _File) -> JSON:
    return {
        "id": file.id,
        "object": "file",
        "bytes": len(file.content),
        "created_at": file.created,
        "filename": file.name,
        "purpose": file.purpose,
        "status": "processed",
    }


def _page(request: ReceivedRequest, items: Sequence[JSON]) -> JSON:
    query = _query(request)
    after = query.get("after") or query.get("after_id")
    names = [item["id"] for item in items]
    start = names.index(after) + 1 if after in names else 0
    most = int(query.get("limit", PAGE))
    some = items[start : start + most]
    first, last = (some[0]["id"], some[-1]["id"]) if some else (None, None)
    more = start + most < len(items)
    return {"object": "list", "data": some, "first_id": first, "last_id": last, "has_more": more}


# -- what is asked


def _lines(content: bytes, endpoint: JSON) -> tuple[list[tuple[str, str, bytes]], list[tuple[str, str]]]:
    """Return the requests in a file, and why it makes no batch."""
    requests: list[tuple[str, str, bytes]] = []
    for number, line in enumerate(filter(bytes.strip, content.split(b"\n")), 1):
        try:
            told = json.loads(line)
            path = "/v1" + told["url"].removeprefix("/v1")  # Azure's begin after that
            requests.append((told["custom_id"], path, dumps(told["body"]).encode()))
        except (ValueError, KeyError, TypeError):
            return [], [("invalid_json_line", f"Line {number} is not parseable as a request.")]
        if told["url"] != endpoint:
            return [], [("mismatched_url", f"Line {number} is for {told['url']}, not {endpoint}.")]
    if not requests:
        return [], [("empty_file", "The batch file has no requests.")]
    if len(requests) > MOST_LINES:
        return [], [("too_many_requests", f"A batch has {MOST_LINES:,} requests at most.")]
    if len({name for name, *_ in requests}) < len(requests):
        return [], [("duplicate_custom_id", "The custom_id of each request has to be unique.")]
    return requests, []


def _form(request: ReceivedRequest) -> dict[str, tuple[str, bytes]] | None:
    """Return the parts of a form by name, each with its file's name."""
    found = re.search(r'boundary="?([^";]+)', request.headers.get("content-type", ""))
    if found is None:
        return None
    parts: dict[str, tuple[str, bytes]] = {}
    for part in (b"\r\n" + request.body).split(b"\r\n--" + found[1].encode())[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        said = head.decode("latin-1")
        name, file = re.search(r'\bname="([^"]*)"', said), re.search(r'filename="([^"]*)"', said)
        parts[name[1] if name else ""] = (file[1] if file else "", content)
    return parts


def _query(request: ReceivedRequest) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.query).items()}


def _id(request: ReceivedRequest, from_end: int = 0) -> str:
    return request.path.split("/")[-1 - from_end]


def _api(request: ReceivedRequest) -> Api:
    return anthropic if request.path.startswith("/v1/messages") else openai_chat


def _json(request: ReceivedRequest, content: JSON) -> Response:
    return speaking.response(_api(request), content, Reply(()), request)


def _error(request: ReceivedRequest, status: int, message: str) -> Response:
    return speaking.error(_api(request), Status(status, message), request)


def _unknown(request: ReceivedRequest) -> Response:
    return _error(request, 404, f"There is no {_id(request)}.")
