"""A client that retries without waiting, and the record that it asks for."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from tenacity.wait import wait_none

from extractor import Extraction, Extractor
from extractor.testing import ChatServer

ADA = {"name": "Ada", "age": 36}
TEXT = "Ada is 36."


class Person(BaseModel):
    name: str
    age: int


def extractor(server: ChatServer, **options: Any) -> Extractor:
    model = options.pop("model", "m")
    return Extractor(model, base_url=server.base_url, **{"retry_wait": wait_none(), **options})


def run(script: Any, record_type: Any = Person, **options: Any) -> Extraction[Any]:
    with ChatServer(script) as server, extractor(server, **options) as ex:
        return ex.run(record_type, TEXT)
