"""Images and PDFs: the official clients send the same parts."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import types

from extractor.testing import ChatServer, shaped
from tests.test_content import PDF, PDF64, PNG, PNG64, ours


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


def test_openais_client_sends_the_same_parts(server: ChatServer) -> None:
    server.play(shaped())
    picture_url, file = f"data:image/png;base64,{PNG64}", f"data:application/pdf;base64,{PDF64}"
    said: Any = [
        {"type": "image_url", "image_url": {"url": picture_url}},
        {"type": "file", "file": {"filename": "document.pdf", "file_data": file}},
        {"type": "text", "text": "What does it cost?"},
    ]
    inputs: Any = [
        {"type": "input_image", "image_url": picture_url, "detail": "auto"},
        {"type": "input_file", "filename": "document.pdf", "file_data": file},
        {"type": "input_text", "text": "What does it cost?"},
    ]
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as gpt:
        gpt.chat.completions.create(model="m", messages=[{"role": "user", "content": said}])
        assert server.requests[-1].json == ours(server, "openai")
        gpt.responses.create(model="m", store=False, input=[{"role": "user", "content": inputs}])
        assert server.requests[-1].json == ours(server, "openai-responses")


def test_anthropics_client_sends_the_same_parts(server: ChatServer) -> None:
    server.play(shaped())

    def source(kind: str, data: str) -> Any:
        return {"type": "base64", "media_type": kind, "data": data}

    said: Any = [
        {"type": "image", "source": source("image/png", PNG64)},
        {"type": "document", "source": source("application/pdf", PDF64), "title": "document.pdf"},
        {"type": "text", "text": "What does it cost?"},
    ]
    with anthropic.Anthropic(base_url=server.url, api_key="any", max_retries=0) as claude:
        claude.messages.create(model="m", max_tokens=5, messages=[{"role": "user", "content": said}])
        assert server.requests[-1].json == ours(server, "anthropic", max_tokens=5)


def test_googles_client_sends_the_same_parts(server: ChatServer) -> None:
    server.play(shaped())
    part = types.Part
    said = [
        part.from_bytes(data=PNG, mime_type="image/png"),
        part.from_bytes(data=PDF, mime_type="application/pdf"),
        part(text="What does it cost?"),
    ]
    with genai.Client(api_key="any", http_options=types.HttpOptions(base_url=server.url)) as gemini:
        gemini.models.generate_content(model="m", contents=types.Content(role="user", parts=said))
    theirs = json.dumps(server.requests[-1].json["contents"][0])
    for one, other in {"mime_type": "mimeType", "inline_data": "inlineData"}.items():
        theirs = theirs.replace(one, other)
    sent = json.loads(theirs)
    for told in sent["parts"][:2]:  # Google's client writes base64 for URLs; the API takes both
        data = base64.urlsafe_b64decode(told["inlineData"]["data"])
        told["inlineData"]["data"] = base64.b64encode(data).decode()
    assert ours(server, "gemini") == {"contents": [sent]}
