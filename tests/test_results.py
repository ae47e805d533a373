"""What all results have: cost and usage of their attempts, a short repr, a record or an error."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from extractor import Extraction, Extractor, Invalid, Outcome, RowOutcome, ToolRun, Usage
from extractor.cli.view import Names, Texts, entries
from extractor.errors import ExtractorError, InvalidJSON, ServiceError
from extractor.messages import Attempt, Choice, Completion, Message, Request
from extractor.results import Result
from extractor.testing import ChatServer, reply, status

LONG = "a long text " * 1000
REQUEST = Request("m", ())
ATTEMPTS = (
    Attempt(REQUEST, Outcome.INVALID, "m", text=LONG, usage=Usage(1000, 200), cost=Decimal("0.001")),
    Attempt(REQUEST, Outcome.OK, "m", text=LONG, usage=Usage(1000, 300), cost=Decimal("0.002")),
)
DONE = Extraction(Outcome.REPAIRED, ATTEMPTS, {"name": "Ada"}, source=LONG)
FAILED: Extraction[None] = Extraction(Outcome.INVALID, ATTEMPTS[:1], error=Invalid(LONG, [], ATTEMPTS[:1]))


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (DONE, "Extraction(repaired, record={'name': 'Ada'}, 2 requests, 2,500 tokens, $0.003000)"),
        (
            RowOutcome(3, DONE, key={"body": LONG}),
            "RowOutcome(repaired, record={'name': 'Ada'}, 2 requests, 2,500 tokens, $0.003000)",
        ),
        (RowOutcome(3), "RowOutcome(nothing asked, record=None, 0 requests, 0 tokens)"),
        (
            ToolRun(Outcome.OK, (), ATTEMPTS[1:], (), 1, record=5),
            "ToolRun(ok, record=5, 1 request, 1,300 tokens, $0.002000)",
        ),
    ],
)
def test_a_repr_tells_what_came_of_it_on_one_line(result: Result[object], shown: str) -> None:
    assert repr(result) == shown


def test_a_repr_of_a_long_error_fits_a_screen() -> None:
    assert repr(FAILED).startswith("Extraction(invalid, error='a long text")
    assert len(repr(FAILED)) < 600


def test_a_result_gives_its_record_or_raises_its_error() -> None:
    assert DONE.unwrap() == {"name": "Ada"}
    with pytest.raises(Invalid):
        FAILED.unwrap()


def test_tokens_and_cost_are_those_of_all_attempts() -> None:
    assert DONE.usage == Usage(2000, 500)
    assert DONE.cost == Decimal("0.003")
    assert FAILED.cost == Decimal("0.001")


class Person(BaseModel):
    name: str
    born: date | None = None


def read_back(result: Extraction[Any], record_type: Any = Person) -> Extraction[Any]:
    """What a line of JSON keeps of a result."""
    return Extraction.from_dict(json.loads(json.dumps(result.to_dict(), allow_nan=False)), record_type)


def test_a_result_with_a_record_goes_to_json_and_back() -> None:
    text = '{"name": "Ada", "born": "1815-12-10"}'
    with ChatServer([reply(text), reply(text)]) as server, Extractor("m", base_url=server.base_url) as ex:
        result = ex.run(Person, "Ada was born on 10 December 1815.", confidence=True, samples=2)
    again = read_back(result)
    assert again.record == Person(name="Ada", born=date(1815, 12, 10))
    assert (again.outcome, again.source, again.raw) == (result.outcome, result.source, result.raw)
    assert (again.usage, again.cost) == (result.usage, result.cost)
    assert again.evidence == result.evidence
    assert again.confidence == result.confidence
    assert again.confidence is not None
    assert again.to_dict() == result.to_dict()


@pytest.mark.parametrize(
    ("replies", "kind"),
    [
        ([reply('{"name": 5, "born": null}')] * 3, Invalid),
        ([reply("no JSON at all")] * 3, InvalidJSON),
        ([status(400, "a bad request")], ServiceError),
    ],
)
def test_a_result_without_a_record_keeps_its_error_and_attempts(
    replies: list[Any], kind: type[ExtractorError]
) -> None:
    with ChatServer(replies) as server, Extractor("m", base_url=server.base_url, max_retries=0) as ex:
        result = ex.run(Person, "Ada")
    again = read_back(result)
    assert type(again.error) is kind is type(result.error)
    assert str(again.error) == str(result.error)
    assert getattr(again.error, "problems", ()) == getattr(result.error, "problems", ())
    assert getattr(again.error, "status", None) == getattr(result.error, "status", None)
    without = [replace(each, request=REQUEST) for each in result.attempts]
    assert [replace(each, request=REQUEST) for each in again.attempts] == without
    assert again.to_dict() == result.to_dict()
    with pytest.raises(kind):
        again.unwrap()


@given(
    st.text(),
    st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text(), max_size=3),
    st.builds(Usage, st.integers(0, 9), st.integers(0, 9)) | st.none(),
    st.decimals(0, 10, allow_nan=False) | st.none(),
)
def test_any_result_of_a_document_type_goes_to_json_and_back(
    text: str, record: dict[str, Any], usage: Usage | None, cost: Decimal | None
) -> None:
    attempt = Attempt(REQUEST, Outcome.OK, "m", text=text, usage=usage, cost=cost)
    result = Extraction(Outcome.OK, (attempt,), record, source=text)
    again = read_back(result, {"type": "object"})
    assert (again.record, again.source, again.attempts) == (record, text, (attempt,))
    assert again.evidence == result.evidence


@pytest.mark.parametrize("told", [{}, {"attempts": 5}, {**DONE.to_dict(), "outcome": "fine"}])
def test_what_is_no_result_is_a_value_error(told: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"to_dict|fine|validation"):
        Extraction.from_dict(told, Person)


def test_a_line_of_a_result_is_shown_by_view(tmp_path: Path) -> None:
    with ChatServer([reply('{"name": "Ada", "born": null}')]) as server:
        with Extractor("m", base_url=server.base_url) as ex:
            result = ex.run(Person, "Ada <b>Lovelace</b>")
        lines = tmp_path / "results.jsonl"
        lines.write_text(json.dumps(result.to_dict()) + "\n")
    (entry,) = entries(str(lines), Names(None, None), None, Texts([tmp_path]))
    assert (entry.text, entry.record, entry.outcome) == (result.source, {"name": "Ada", "born": None}, "ok")
    assert entry.evidence == {"/name": result.evidence["/name"]}


def test_a_completion_fits_a_screen() -> None:
    said = Completion("id", "m", (Choice(Message("assistant", "word " * 1000), "stop"),), Usage(3, 4))
    assert repr(said).startswith("Completion(m, stop, 'word word")
    assert repr(said).endswith("'…, 7 tokens)")
    assert len(repr(said)) < 500
