"""How a batch API is called."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

import pytest

from extractor.bulk.batches.service import CallFailed, Service
from extractor.dialects import BATCH_APIS, PROVIDERS
from extractor.messages import Completion, Failure, FailureKind
from extractor.transport import http


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_server_that_gives_one_page_again_and_again_is_asked_for_it_no_more(provider: str) -> None:
    limits = PROVIDERS[provider].batch
    assert limits is not None
    page = {
        "data": [{"id": "batch_1", "status": "completed", "processing_status": "ended", "created_at": 9e9}],
        "has_more": True,
        "last_id": "batch_1",
    }
    asked = list[str]()

    async def stream(post: http.Post) -> AsyncGenerator[http.Piece]:
        asked.append(post.url)
        assert len(asked) < 10
        yield http.Head(200, {})
        yield json.dumps(page).encode()

    def explain(reply: http.HttpReply | Failure) -> Completion | Failure:
        return Failure(FailureKind.DROPPED, "never asked")

    api = BATCH_APIS[limits.api]
    service = Service(api, limits, "http://127.0.0.1:9/v1", {}, stream, explain)
    found = asyncio.run(service.found(api.batches(), lambda status: False, since=0.0))
    assert found is None
    assert len(asked) == 2


def test_a_list_of_batches_that_never_ends_is_a_failure_of_the_call() -> None:
    limits = PROVIDERS["openai"].batch
    assert limits is not None
    asked = list[str]()

    async def stream(post: http.Post) -> AsyncGenerator[http.Piece]:
        asked.append(post.url)
        batch = {"id": f"b{len(asked)}", "status": "completed", "created_at": 9e9}
        yield http.Head(200, {})
        yield json.dumps({"data": [batch], "has_more": True, "last_id": batch["id"]}).encode()

    def explain(reply: http.HttpReply | Failure) -> Completion | Failure:
        return Failure(FailureKind.DROPPED, "never asked")

    api = BATCH_APIS[limits.api]
    service = Service(api, limits, "http://127.0.0.1:9/v1", {}, stream, explain)
    with pytest.raises(CallFailed, match="has over 1000 pages"):
        asyncio.run(service.found(api.batches(), lambda status: False, since=0.0))
    assert len(asked) == 1000


def test_a_key_in_the_reasons_of_a_refused_batch_is_taken_out() -> None:
    limits = PROVIDERS["openai"].batch
    assert limits is not None
    refused = {"data": [{"code": "invalid_key", "message": "sk-secret may not send batches"}]}

    async def stream(post: http.Post) -> AsyncGenerator[http.Piece]:
        yield http.Head(200, {})
        yield json.dumps({"id": "b", "status": "failed", "errors": refused}).encode()

    def explain(reply: http.HttpReply | Failure) -> Completion | Failure:
        return Failure(FailureKind.DROPPED, "never asked")

    def redact(text: str) -> str:
        return text.replace("sk-secret", "***")

    api = BATCH_APIS[limits.api]
    service = Service(api, limits, "http://127.0.0.1:9/v1", {}, stream, explain, redact)
    status = asyncio.run(service.told(api.look("b")))
    assert status.refused == (("invalid_key", "*** may not send batches"),)
