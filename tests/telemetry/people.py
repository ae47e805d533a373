"""What the tests of telemetry share: a record type, and scripted services."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from tenacity import wait_none

from extractor import Extractor
from extractor.testing import ChatServer


class Person(BaseModel):
    name: str
    age: int


GOOD = {"name": "Ada", "age": 36}
BAD = {"name": "Ada", "age": "old"}


def extractor(server: ChatServer, **options: Any) -> Extractor:
    options.setdefault("retry_wait", wait_none())
    return Extractor("openai:m", base_url=server.base_url, api_key="sk-secret-key", **options)
