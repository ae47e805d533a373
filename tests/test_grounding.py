"""Holding values to the text from end to end: what each server is sent, and what the embedded model says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel

from extractor import ConfigError, Extractor, Free, Mode, Outcome, Verbatim
from extractor.schema.grounding.grammar import LONGEST
from extractor.testing import ChatServer, ReceivedRequest, reply
from tests.schema.engines import lark

TEXT = "Invoice 88-17 from Omar Haddad: two Latte, in all 5.00 EUR."


class Invoice(BaseModel):
    number: str
    total: Verbatim[Decimal] | None = None
    note: Free[str] = ""


SAID = '{"number": "88-17", "total": "5.00", "note": "any words"}'


def asked(provider: str, mode: Mode | str = "auto", text: str = TEXT, **options: bool) -> ReceivedRequest:
    with (
        ChatServer([reply(SAID)]) as server,
        Extractor(f"{provider}:m", base_url=server.base_url, api_key="k", mode=mode, **options) as ex,  # type: ignore[arg-type]
    ):
        ex.run(Invoice, text)
    return server.requests[0]


@pytest.mark.parametrize(("provider", "member"), [("vllm", "structured_outputs"), ("sglang", "ebnf")])
def test_a_server_with_grammars_gets_one_of_the_text_when_it_is_asked_for(provider: str, member: str) -> None:
    body = asked(provider, grounded=True).json
    fits = lark(body[member]["grammar"] if member == "structured_outputs" else body[member])
    assert "response_format" not in body
    assert fits(SAID)
    assert not fits(SAID.replace("88-17", "88-18"))
    assert not fits(SAID.replace("5.00", "5.75"))


@pytest.mark.parametrize("provider", ["vllm", "sglang", "openai", "llamacpp"])
def test_unasked_a_server_gets_the_schema_without_marks(provider: str) -> None:
    body = asked(provider).json
    assert not body.keys() & {"grammar", "structured_outputs", "ebnf"}
    assert "x-verbatim" not in json.dumps(body)
    assert "response_format" in body


@pytest.mark.parametrize("mode", [Mode.TOOL, Mode.JSON_OBJECT, Mode.PROMPT])
def test_modes_without_a_grammar_show_no_mark(mode: Mode) -> None:
    assert "x-verbatim" not in json.dumps(asked("vllm", mode, grounded=True).json)


def test_a_server_without_grammars_says_so_before_anything_is_sent() -> None:
    with pytest.raises(ConfigError, match=r"openai does not: mark members as Verbatim\[str\]"):
        Extractor("openai:m", api_key="k", grounded=True)


def test_a_text_too_long_for_a_grammar_is_decoded_freely_with_a_note() -> None:
    with (
        ChatServer([reply(SAID)]) as server,
        Extractor("vllm:m", base_url=server.base_url, api_key="k", grounded=True) as ex,
    ):
        result = ex.run(Invoice, TEXT + " " * LONGEST)
    assert (
        result.attempts[0].note
        == "the text is too long for a grammar of its pieces, so values are not constrained to it"
    )
    assert lark(server.requests[0].json["structured_outputs"]["grammar"])(SAID.replace("88-17", "88-18"))


@pytest.fixture(scope="module")
def ex(smollm2: Path) -> Iterator[Extractor]:
    with Extractor("local:smollm2", max_tokens=120, max_repairs=0) as extractor:
        yield extractor


def test_the_embedded_model_can_only_say_what_stands_in_the_text(ex: Extractor) -> None:
    class Order(BaseModel):
        number: str
        seller: str
        total: Verbatim[Decimal]

    result = ex.run(Order, TEXT)
    assert result.outcome is Outcome.OK
    assert result.record is not None
    assert result.record.number in TEXT
    assert result.record.seller in TEXT
    assert result.record.total in {Decimal(88), Decimal(17), Decimal(-17), Decimal("5.00")}
    assert result.source == TEXT


def test_its_quotes_stand_there_too(ex: Extractor) -> None:
    class Order(BaseModel):
        number: str
        paid: bool

    result = ex.run(Order, TEXT, evidence="quote")
    assert result.outcome is Outcome.OK
    assert all(quote in TEXT for quotes in result.quotes.values() for quote in quotes)


def test_in_a_conversation_only_marked_values_are_held_to_it(ex: Extractor) -> None:
    class Answer(BaseModel):
        marked: Verbatim[str]

    messages = [{"role": "user", "content": "Say: kettle"}]
    assert ex.parse(messages, Answer).parsed.marked in "Say: kettle"
