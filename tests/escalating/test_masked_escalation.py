"""What a mask hides reaches no second model, neither in the text nor among the settled values."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel

from extractor import AsyncExtractor, Extractor, FromColumn, Run
from extractor.testing import ChatServer, ReceivedRequest, Scripted, logprobs, reply

TEXT = "Jo@Example.com, customer C-123456, came from Bern, not Ulm"
HIDDEN = ("Jo@Example.com", "jo@example.com", "123456")
MASK: Any = ["email", {"customer": r"C-\d{6}"}]


class Inquiry(BaseModel):
    mail: Annotated[str, AfterValidator(str.lower)]
    customer: Annotated[str, AfterValidator(lambda said: said.removeprefix("C-"))]
    town: str


def small(request: ReceivedRequest) -> Scripted:
    said = {"mail": "email_1@masked.invalid", "customer": "[CUSTOMER_1]", "town": "Ulm"}
    return logprobs(reply(said), {"Ulm": math.log(0.3)})


def large(request: ReceivedRequest) -> Scripted:
    return logprobs(reply({"town": "Bern"}), {})


@pytest.fixture
def servers() -> Iterator[tuple[ChatServer, ChatServer]]:
    with ChatServer(small) as first, ChatServer(large) as second:
        yield first, second


def holds_nothing_hidden(server: ChatServer) -> bool:
    sent = [request.body.decode() for request in server.requests]
    return bool(sent) and not any(hidden in body for body in sent for hidden in HIDDEN)


@pytest.mark.slow
def test_settled_values_that_a_validator_has_rewritten_are_not_told_where_texts_are_masked(
    servers: tuple[ChatServer, ChatServer], tmp_path: Path
) -> None:
    first, larger = servers
    journal = tmp_path / "journal.sqlite"
    second = Extractor("large", base_url=larger.base_url, mask=MASK)
    with second, Extractor("small", base_url=first.base_url, mask=MASK, escalate=second, below=0.6) as ex:
        result = ex.run(Inquiry, TEXT)
        [outcome] = ex.rows([TEXT], Inquiry, run=Run(journal=journal))
    right = Inquiry(mail="jo@example.com", customer="C-123456", town="Bern")
    assert result.record == outcome.record == right
    assert holds_nothing_hidden(first)
    assert holds_nothing_hidden(larger)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(hidden.encode() in kept for hidden in HIDDEN)


def test_async_calls_tell_a_masked_second_model_no_more(servers: tuple[ChatServer, ChatServer]) -> None:
    async def asked() -> Any:
        second = AsyncExtractor("large", base_url=servers[1].base_url, mask=MASK)
        first = AsyncExtractor("small", base_url=servers[0].base_url, mask=MASK, escalate=second, below=0.6)
        async with second, first:
            return await first.run(Inquiry, TEXT)

    assert asyncio.run(asked()).record.town == "Bern"
    assert holds_nothing_hidden(servers[1])


def test_instructions_that_come_from_a_row_are_masked_as_its_text_is() -> None:
    row = {"body": TEXT, "hint": "Write to Jo@Example.com only; sam@example.com is the clerk of C-654321"}
    with ChatServer(small) as server, Extractor("m", base_url=server.base_url, mask=MASK) as ex:
        [outcome] = ex.rows(
            [row], Inquiry, text="body", instructions=FromColumn("hint"), run=Run(journal=False)
        )
    assert outcome.record is not None
    system, user = json.loads(server.requests[0].body)["messages"]
    assert "Write to email_1@masked.invalid only; email_2@masked.invalid is the clerk of" in system["content"]
    assert user["content"].startswith("email_1@masked.invalid, customer [CUSTOMER_1], came")
    assert "654321" not in system["content"]
