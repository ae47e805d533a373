"""What all results have: cost and usage of their attempts, a short repr, a record or an error."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, Json, computed_field

from extractor import Chunks, DocumentExtraction, Extraction, Extractor, Outcome, RowOutcome, Run, Span, Usage
from extractor.cli.view import Names, Texts, entries
from extractor.errors import (
    ConfigError,
    ExtractorError,
    Invalid,
    InvalidJSON,
    Problem,
    RunStopped,
    SchemaError,
    ServiceError,
    UnreadableSource,
)
from extractor.evidence import How
from extractor.evidence.merging import Candidate, Conflict
from extractor.messages import Attempt, Choice, Completion, FunctionCall, Message, Request, ToolCall
from extractor.results import Escalation, PartOutcome, Result
from extractor.testing import ChatServer, calls, reply, status, use
from extractor.types import ChunkOutcome, ToolResult, ToolRun
from tests.selecting import examples

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


@pytest.mark.slow
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


DATA = ("problems", "status", "retry_after", "request_id", "done", "left", "kind", "reason", "pointer")


def through_json(result: Any, record_type: Any) -> Any:
    return type(result).from_dict(json.loads(json.dumps(result.to_dict(), allow_nan=False)), record_type)


problems = st.builds(Problem, st.text(), st.text(), st.none() | st.integers(), st.text())
errors = (
    st.none()
    | st.builds(Invalid, st.text(), st.lists(problems, max_size=2))
    | st.builds(ServiceError, st.text(), st.none() | st.integers(400, 599), st.none() | st.floats(0, 9))
    | st.builds(RunStopped, st.text(), st.none(), st.integers(0, 9), st.none() | st.integers(0, 9))
    | st.builds(SchemaError, st.text(), st.text())
    | st.builds(UnreadableSource, st.text(), st.sampled_from(["missing", "damaged"]))
    | st.builds(ConfigError, st.text())
)
records = st.fixed_dictionaries({"name": st.text(), "born": st.none() | st.just("1815-12-10")})
attempts = st.builds(
    Attempt, st.just(REQUEST), st.sampled_from(Outcome), st.text(), text=st.none() | st.text(max_size=9)
)


@st.composite
def extractions(draw: Any, of: Any = records) -> Extraction[Any]:
    outcome = draw(st.sampled_from(Outcome))
    record = draw(of) if outcome.has_record else None
    second = Extraction(
        Outcome.OK, draw(st.lists(attempts, max_size=1).map(tuple)), {"born": None}, source=""
    )
    doubts = Escalation(("/born",), "m", {"/born": "second"}, draw(st.none() | st.text()), record, second)
    return Extraction(
        outcome,
        draw(st.lists(attempts, max_size=2).map(tuple)),
        record,
        draw(errors),
        source=draw(st.none() | st.text(max_size=9)),
        reference_date=draw(st.none() | st.dates()),
        parts=draw(st.sampled_from([(), (PartOutcome(("/name",), Outcome.OK, found={"name": "Ada"}),)])),
        escalation=doubts if record is not None and draw(st.booleans()) else None,
    )


messages = st.builds(Message, st.sampled_from(["user", "assistant"]), st.none() | st.text())
tool_results = st.builds(
    ToolResult,
    st.builds(ToolCall, st.text(), st.builds(FunctionCall, st.text(), st.text(), st.none() | records)),
    st.text(),
    st.none() | st.integers() | records,
    errors,
)
results = st.one_of(
    extractions(),
    st.builds(
        RowOutcome, st.integers(0), st.none() | extractions(), errors, st.booleans(), records, st.booleans()
    ),
    st.builds(
        DocumentExtraction,
        st.sampled_from(Outcome),
        st.lists(
            st.builds(
                ChunkOutcome, *[st.integers(0, 9)] * 4, extraction=st.none() | extractions(), error=errors
            ),
            max_size=2,
        ).map(tuple),
        record=records,
        error=errors,
        found=records,
        conflicts=st.just((Conflict("/name", (Candidate("Ada", (), 2), Candidate("Eda", (), 1))),)),
        evidence=st.just({"/name": (Span(0, 3, "Ada", How.EXACT),), "/born": ()}),
        source=st.text().map(lambda text: "Ada" + text),
    ),
    st.builds(
        ToolRun,
        st.sampled_from(Outcome),
        st.lists(messages, max_size=2).map(tuple),
        st.lists(attempts, max_size=2).map(tuple),
        st.lists(tool_results, max_size=2).map(tuple),
        st.integers(1, 9),
        st.none() | records,
        errors,
        st.none()
        | st.builds(Completion, choices=st.lists(st.builds(Choice, messages), max_size=1).map(tuple)),
    ),
)


def said(error: ExtractorError | None) -> dict[str, Any]:
    return {name: value for name, value in vars(error or ExtractorError()).items() if name in DATA}


@pytest.mark.slow
@settings(max_examples=examples(100))
@given(results)
def test_any_result_goes_to_json_and_back_and_through_pickle(result: Any) -> None:
    again = through_json(result, {"type": "object"})
    assert type(again) is type(result)
    assert again.to_dict() == result.to_dict()
    assert (again.outcome, again.record, again.attempts) == (result.outcome, result.record, result.attempts)
    assert (type(again.error), str(again.error)) == (type(result.error), str(result.error))
    assert said(again.error) == said(result.error)
    for other in (pickle.loads(pickle.dumps(result)), copy.copy(result), copy.deepcopy(result)):
        assert other.to_dict() == result.to_dict()


def test_an_escalated_result_pickles_and_keeps_its_escalation_in_json() -> None:
    replies = [reply({"name": "Grace", "born": None}), reply({"name": "Ada"})]
    with ChatServer(replies) as server, use(server):
        result = Extractor("openai:gpt-5-mini", escalate="openai:gpt-5", below=0.99).run(
            Person, "Ada wrote it."
        )
    assert result.record == Person(name="Ada")
    assert result.escalation is not None
    for again in (pickle.loads(pickle.dumps(result)), through_json(result, Person)):
        assert again.escalation.first == Person(name="Grace")
        assert again.escalation.second.record == {"name": "Ada", "born": None}
        assert again.notes == result.notes
        assert again.record == result.record


def test_the_text_of_the_chosen_sample_is_kept_in_json() -> None:
    replies = [reply({"name": name, "born": None}) for name in ("Ada", "Ada", "Eda")]
    with ChatServer(replies) as server, use(server):
        result = Extractor("openai:gpt-5-mini").run(Person, "Ada", samples=3)
    assert through_json(result, Person).raw == result.raw


def test_the_row_that_failed_and_the_document_go_to_json_as_their_types() -> None:
    server = ChatServer(reply({"name": "Ada", "born": "1815-12-10"}))
    with server, use(server), Extractor("openai:gpt-5-mini") as ex:
        (row, empty) = ex.rows(["Ada", None], Person, run=Run(journal=False))
        document = ex.document(Person, "Ada wrote it. " * 40, chunks=Chunks(size=200), run=Run(journal=False))
    for result in (row, empty, document):
        assert (
            through_json(result, Person) == result
            or result.to_dict() == through_json(result, Person).to_dict()
        )
        assert through_json(result, Person).record == result.record


class Renamed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: int = Field(validation_alias="num")
    total: Decimal = Field(serialization_alias="sum")
    blob: Json[list[int]] = [1]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def double(self) -> int:
        return 2 * self.number


def test_a_record_that_its_type_would_not_read_as_it_is_shown_goes_to_json_and_back() -> None:
    record = Renamed.model_validate({"num": 2, "total": "1.50"})
    found = Extraction(Outcome.OK, ATTEMPTS, record)
    assert found.to_dict()["record"] == {"number": 2, "sum": "1.50", "blob": [1], "double": 4}
    document = DocumentExtraction(Outcome.OK, (), record)
    run = ToolRun(Outcome.OK, (), (), (), 1, record)
    escalated = replace(found, escalation=Escalation((), "null", {}, None, record))
    for result in (found, document, run, escalated, RowOutcome(0, found)):
        assert through_json(result, Renamed).record == record
    assert through_json(escalated, Renamed).escalation.first == record


def test_a_completion_goes_to_json_and_back() -> None:
    with ChatServer(calls(("Person", {"name": "Ada", "born": None}))) as server, use(server):
        said = Extractor("openai:gpt-5-mini").chat([{"role": "user", "content": "Who?"}], tools=[Person])
    again = Completion.from_dict(json.loads(json.dumps(said.to_dict())))
    assert again.tool_calls[0].function.parsed_arguments == {"name": "Ada", "born": None}
    assert (again.content, again.usage, again.raw) == (said.content, said.usage, said.raw)


def test_copies_of_a_client_keep_its_key_and_pickles_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    ex = Extractor("openai:gpt-5-mini", api_key="sk-secret")
    assert b"sk-secret" not in pickle.dumps(ex)
    asked: list[str] = []
    with ChatServer() as server, use(server):
        ex = ex.with_options(api_key=lambda: asked.append("") or "sk-secret")
        for same in (copy.copy(ex), copy.deepcopy(ex)):
            same.run(Person, "Ada")
    assert len(asked) == 2
