"""What is written about one input."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, Field, field_serializer

from extractor import Extraction, Extractor
from extractor.cli.lines import LineTally, line_of, tally
from extractor.loading import BadInput
from extractor.schema import RecordType
from extractor.tables.values import to_json
from extractor.testing import ChatServer, Script, refusal, reply, status


class Bill(BaseModel):
    day: date
    total: Decimal = Field(alias="sum")


@dataclass
class Pair:
    left: int


def came_of(script: Script, record_type: Any = Bill) -> Extraction[Any]:
    with (
        ChatServer(script, repeat_last=True) as server,
        Extractor("m", base_url=server.base_url, max_retries=0, max_repairs=0) as extractor,
    ):
        return extractor.run(record_type, "a text")


def test_a_record_is_written_with_the_names_of_its_json_schema() -> None:
    result = came_of([reply({"day": "2026-05-03", "sum": "12.50"})])
    line = line_of("a.txt", result, RecordType.of(Bill).dump)
    assert line["record"] == {"day": "2026-05-03", "sum": "12.50"}
    assert list(line) == ["source", "outcome", "record", "usage"]
    assert line["outcome"] == "ok"
    assert Bill.model_validate(line["record"]) == result.record


def test_records_need_be_no_models() -> None:
    assert RecordType.of(Pair).dump(Pair(1)) == {"left": 1}
    assert RecordType.of(list[date]).dump([date(2026, 5, 3)]) == ["2026-05-03"]
    assert RecordType.of({"type": "object"}).dump({"x": 1}) == {"x": 1}


def test_a_failed_extraction_is_written_with_its_problems_and_what_the_model_said() -> None:
    said = '{"day": "soon", "sum": "1"}'
    line = line_of("a.txt", came_of([reply(said)]), RecordType.of(Bill).dump)
    assert list(line) == ["source", "outcome", "error", "usage"]
    assert line["outcome"] == line["error"]["kind"] == "invalid"
    assert line["error"]["reply"] == said
    assert line["error"]["attempts"] == 1
    assert line["error"]["http_status"] is None
    (problem,) = line["error"]["problems"]
    assert problem["pointer"] == "/day"
    assert problem["value"] == "soon"
    assert json.loads(to_json(line)) == line


def test_a_refusal_is_written_in_the_models_words() -> None:
    line = line_of("a.txt", came_of([refusal("Not this.")]), RecordType.of(Bill).dump)
    assert (line["outcome"], line["error"]["reply"]) == ("refused", "Not this.")


def test_a_service_that_says_no_is_written_with_its_status() -> None:
    line = line_of("a.txt", came_of([status(401, "who are you?")]), RecordType.of(Bill).dump)
    assert (line["outcome"], line["error"]["kind"], line["error"]["http_status"]) == (
        "transport",
        "status",
        401,
    )
    assert "who are you?" in line["error"]["message"]


class Unwritable(BaseModel):
    x: int

    @field_serializer("x")
    def written(self, value: int) -> int:
        raise RuntimeError("no")


def test_a_record_that_its_own_serializer_cannot_write_keeps_the_reply() -> None:
    line = line_of("a.txt", came_of([reply({"x": 1})], Unwritable), RecordType.of(Unwritable).dump)
    assert (line["outcome"], line["error"]["kind"]) == ("invalid", "serialization")
    assert json.loads(line["error"]["reply"]) == {"x": 1}


def test_an_input_that_could_not_be_read_is_written_with_why() -> None:
    line = line_of("a.txt", BadInput("empty", "there is no text in it"), RecordType.of(Bill).dump)
    assert line == {
        "source": "a.txt",
        "outcome": "input",
        "error": {
            "kind": "empty",
            "message": "there is no text in it",
            "problems": [],
            "attempts": 0,
            "http_status": None,
            "reply": None,
        },
    }


def test_text_beyond_ascii_is_written_as_it_is_and_half_a_character_escaped() -> None:
    assert to_json({"x": "東京 Grüße"}) == '{"x": "東京 Grüße"}'
    assert to_json({"x": "\udce9é"}) == '{"x": "\\udce9é"}'


def test_a_tally_counts_records_failures_and_the_tokens_of_both() -> None:
    lines = [
        {"record": None, "usage": {"total_tokens": 1000}},
        {"error": {}, "usage": {"total_tokens": 234}},
        {"error": {}},
    ]
    counts = sum(map(tally, lines), LineTally())
    assert counts == LineTally(1, 2, 1234)
    assert str(counts) == "1 ok, 2 failed, 1,234 tokens"
    assert str(LineTally(3)) == "3 ok, 0 tokens"
