"""A record asked for in parts: together at a server, merged into one, and told part by part."""

from __future__ import annotations

import asyncio
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationInfo, model_validator
from tenacity.wait import wait_none

from extractor import (
    AsyncExtractor,
    Chunks,
    ConfigError,
    Extractor,
    Invalid,
    Outcome,
    Price,
    Run,
    ServiceError,
    Truncated,
)
from extractor.testing import ChatServer, refusal, reply, status, truncated
from tests.parts.wide import answer, from_known, known, one_in, schema_of, wide_type
from tests.selecting import examples

TEXT = "Ann of Delft sells Bob of Leiden 3 pens for 6 euros."
RECORD = {
    "seller": {"name": "Ann", "city": "Delft"},
    "buyer": {"name": "Bob", "city": "Leiden"},
    "pens": 3,
    "euros": 6,
}


class Party(BaseModel):
    name: str
    city: str | None = None


class Sale(BaseModel):
    seller: Party
    buyer: Party
    pens: int
    euros: int

    @model_validator(mode="after")
    def two(self) -> Sale:
        if self.seller.name == self.buyer.name:
            raise ValueError("seller and buyer are the same")
        return self


def asked_for(server: ChatServer) -> list[list[str]]:
    return [list(schema_of(request)["properties"]) for request in server.requests]


def client(server: ChatServer, **options: Any) -> Extractor:
    return Extractor("m", base_url=server.base_url, retry_wait=wait_none(), **options)


def test_parts_are_merged_into_one_record_with_one_evidence_and_usage() -> None:
    with ChatServer(from_known(RECORD)) as server, client(server) as ex:
        result = ex.run(Sale, TEXT, parts=2)
    assert result.outcome is Outcome.OK
    assert result.record == Sale.model_validate(RECORD)
    assert sorted(asked_for(server)) == [["pens", "euros"], ["seller", "buyer"]]
    assert [part.fields for part in result.parts] == [("/seller", "/buyer"), ("/pens", "/euros")]
    assert result.parts[1].found == {"pens": 3, "euros": 6}
    assert result.usage.total_tokens == sum(part.usage.total_tokens for part in result.parts) > 0
    assert {at: TEXT[s[0].start : s[0].end] for at, s in result.evidence.items()}["/buyer/city"] == "Leiden"
    assert len(result.attempts) == 2


def test_the_parts_share_the_messages_with_the_text_in_them() -> None:
    with ChatServer(from_known(RECORD)) as server, client(server, instructions="Be exact.") as ex:
        ex.run(Sale, TEXT, parts=3)
    messages = [request.json["messages"] for request in server.requests]
    assert len(messages) == 3
    assert messages[0][1] == {"role": "user", "content": TEXT}
    assert all(each[:2] == messages[0][:2] for each in messages)


def test_the_async_client_asks_in_parts_too() -> None:
    async def run(url: str) -> Any:
        async with AsyncExtractor("m", base_url=url) as ex:
            return await ex.run(Sale, TEXT, parts=2)

    with ChatServer(from_known(RECORD)) as server:
        result = asyncio.run(run(server.base_url))
    assert result.unwrap() == Sale.model_validate(RECORD)
    assert len(server.requests) == len(result.parts) == 2


def test_a_type_within_the_limits_is_asked_whole() -> None:
    with ChatServer(from_known(RECORD)) as server, client(server) as ex:
        result = ex.run(Sale, TEXT)
    assert (len(server.requests), result.parts) == (1, ())


@pytest.mark.parametrize("fields", [25, 150, pytest.param(400, marks=pytest.mark.slow)])
def test_a_type_past_azures_limits_is_asked_in_parts_and_every_field_is_found(fields: int) -> None:
    record, text = known(fields)
    with (
        ChatServer(from_known(record)) as server,
        Extractor("azure:gpt", base_url=server.base_url, api_key="k") as ex,
    ):
        result = ex.run(wide_type(fields), text)
    assert result.unwrap().model_dump() == record
    assert len(server.requests) == {25: 1, 150: 2, 400: 5}[fields]
    assert all(len(spans) == 1 for spans in result.evidence.values())
    assert not any("JSON text" in str(schema_of(request)) for request in server.requests)


def test_it_is_asked_whole_where_the_caller_never_wants_parts() -> None:
    record, _ = known(150)
    with (
        ChatServer(repeat_last=True) as server,
        Extractor("azure:gpt", base_url=server.base_url, api_key="k", parts="never") as ex,
    ):
        ex.run(wide_type(150), str(record))
    assert "JSON text" in str(schema_of(server.requests[0]))


def test_max_fields_bounds_each_request() -> None:
    record, text = known(60)
    with ChatServer(from_known(record)) as server, client(server, max_fields=22) as ex:
        result = ex.run(wide_type(60), text)
    assert result.unwrap().model_dump() == record
    assert [len(part.fields) for part in result.parts] == [2, 2, 2]


def test_a_part_is_repaired_by_itself() -> None:
    asked = list[str]()

    def play(request: Any) -> Any:
        schema = schema_of(request)
        asked.append(",".join(schema["properties"]))
        wrong = "euros" in schema["properties"]
        return reply(answer(schema, {**RECORD, "pens": "three"} if wrong else RECORD))

    with ChatServer(play) as server, client(server) as ex:
        result = ex.run(Sale, TEXT, parts=2)
    assert result.outcome is Outcome.REPAIRED
    assert result.record == Sale.model_validate(RECORD)
    assert sorted(asked) == ["pens", "pens,euros", "seller,buyer"]
    assert [part.outcome for part in result.parts] == [Outcome.OK, Outcome.REPAIRED]


def test_a_part_that_fails_is_named_and_the_others_are_kept() -> None:
    def play(request: Any) -> Any:
        schema = schema_of(request)
        return refusal("no") if "pens" in schema["properties"] else reply(answer(schema, RECORD))

    with ChatServer(play) as server, client(server) as ex:
        result = ex.run(Sale, TEXT, parts=2)
    assert (result.outcome, result.record) == (Outcome.REFUSED, None)
    assert str(result.error).startswith("1 of 2 parts gave no record: part 2 (/pens, /euros) ")
    assert [part.found for part in result.parts] == [{key: RECORD[key] for key in ("seller", "buyer")}, None]
    assert len(result.attempts) == len(result.error.attempts) == 2  # type: ignore[union-attr]


def test_a_service_that_fails_is_a_service_error_with_its_status() -> None:
    with (
        ChatServer(status(401), repeat_last=True) as server,
        client(server) as ex,
        pytest.raises(ServiceError) as caught,
    ):
        ex.extract(Sale, TEXT, parts=2)
    assert caught.value.status == 401
    assert len(caught.value.attempts) == 2


def test_a_validator_of_the_whole_has_the_parts_asked_again_that_it_names() -> None:
    same = {**RECORD, "buyer": {"name": "Ann", "city": "Leiden"}}
    asked = list[str]()

    def play(request: Any) -> Any:
        schema = schema_of(request)
        again = "rejected" in request.json["messages"][-1]["content"]
        asked.append(",".join(schema["properties"]) + (" again" if again else ""))
        return reply(answer(schema, RECORD if again else same))

    with ChatServer(play) as server, client(server) as ex:
        result = ex.run(Sale, TEXT, parts=3)
    assert result.outcome is Outcome.REPAIRED
    assert result.record == Sale.model_validate(RECORD)
    assert sorted(asked) == ["buyer", "buyer again", "pens,euros", "seller", "seller again"]
    assert len(result.attempts) == 5
    assert [len(part.attempts) for part in result.parts] == [2, 2, 1]


def test_a_whole_that_stays_invalid_says_so_after_one_more_round() -> None:
    same = {**RECORD, "buyer": {"name": "Ann"}}
    with ChatServer(from_known(same)) as server, client(server) as ex:
        result = ex.run(Sale, TEXT, parts=3)
    assert isinstance(result.error, Invalid)
    assert "3 parts together: the whole record: Value error, seller and buyer are the same" in str(
        result.error
    )
    assert len(server.requests) == 5


def test_results_in_parts_pickle() -> None:
    with ChatServer(from_known(RECORD)) as server, client(server) as ex:
        result = ex.run(Sale, TEXT, parts=2)
    assert pickle.loads(pickle.dumps(result)).parts == result.parts


def test_what_is_masked_stays_so_in_each_part_and_in_each_sample() -> None:
    mask = [{"town": "Leiden|Delft"}]
    with ChatServer(from_known(RECORD)) as server, client(server, mask=mask) as ex:
        hidden = ex.preview(Sale, TEXT, parts=2).json["messages"][-2]["content"].split()
        delft, leiden = hidden[2], hidden[6]
        masked = {
            **RECORD,
            "seller": {"name": "Ann", "city": delft},
            "buyer": {"name": "Bob", "city": leiden},
        }
        server.play(from_known(masked))
        result = ex.run(Sale, TEXT, parts=2, samples=2)
    assert result.record == Sale.model_validate(RECORD)
    assert "Leiden" not in str([request.json for request in server.requests])
    assert len(server.requests) == len(result.attempts) == 4


def test_quotes_come_from_all_parts() -> None:
    def play(request: Any) -> Any:
        properties = schema_of(request)["properties"]
        told = {"euros": 6, "pens": 3, "seller": {"quotes_from_text": {"name": "Ann of Delft", "city": ""}}}
        told["seller"] |= RECORD["seller"]
        told["buyer"] = {"quotes_from_text": {"name": "Bob of Leiden", "city": ""}, **RECORD["buyer"]}
        told["quotes_from_text"] = {"pens": "3 pens", "euros": "6 euros"}
        return reply({key: told[key] for key in properties})

    with ChatServer(play) as server, client(server) as ex:
        result = ex.run(Sale, TEXT, parts=2, evidence="quote")
    assert result.quotes["/seller/name"] == ("Ann of Delft",)
    assert result.quotes["/euros"] == ("6 euros",)
    assert result.record == Sale.model_validate(RECORD)


def test_confidence_is_told_of_all_leaves() -> None:
    with ChatServer(from_known(RECORD)) as server, client(server) as ex:
        result = ex.run(Sale, TEXT, parts=2, samples=2)
    assert result.confidence is not None
    assert set(result.confidence) == set(result.evidence)


def test_a_preview_shows_what_each_request_asks_for_and_its_cost() -> None:
    prices = {"m": Price(input=1, output=2)}
    with ChatServer(from_known(RECORD)) as server, client(server, prices=prices) as ex:
        shown = ex.preview(Sale, TEXT, parts=2)
        ex.run(Sale, TEXT, parts=2)
    assert [part.fields for part in shown.parts] == [("/seller", "/buyer"), ("/pens", "/euros")]
    assert sorted(part.body for part in shown.parts) == sorted(r.body for r in server.requests)
    assert all(part.cost and part.cost > 0 for part in shown.parts)
    assert str(shown).startswith("# part 1 asks for /seller, /buyer\n")


@pytest.mark.parametrize("wrong", ["always", 0, -1, True, 1.5, None])
def test_parts_that_mean_nothing_are_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError, match="parts must be"):
        Extractor("m", base_url="http://127.0.0.1:9/v1", parts=wrong)


def test_a_stream_can_not_be_asked_for_in_parts() -> None:
    ex = Extractor("m", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ConfigError, match="a stream is one answer: parts"):
        ex.stream(Sale, TEXT, parts=2)


# -- many rows


def test_the_journal_keeps_the_answer_to_each_part(tmp_path: Path) -> None:
    journal = tmp_path / "j.sqlite"
    fails = [True]

    def play(request: Any) -> Any:
        schema = schema_of(request)
        if "pens" in schema["properties"] and fails:
            return status(500)
        return reply(answer(schema, RECORD))

    with ChatServer(play) as server, client(server, max_retries=0) as ex:
        (first,) = ex.rows([TEXT], Sale, parts=2, run=Run(journal=journal))
        assert first.outcome is Outcome.TRANSPORT
        fails.clear()
        (again,) = ex.rows([TEXT], Sale, parts=2, run=Run(journal=journal))
        (kept,) = ex.rows([TEXT], Sale, parts=2, run=Run(journal=journal))
    assert again.record == kept.record == Sale.model_validate(RECORD)
    assert kept.from_cache
    assert asked_for(server) == [["seller", "buyer"], ["pens", "euros"], ["pens", "euros"]]


def test_an_estimate_counts_the_requests_for_all_parts(tmp_path: Path) -> None:
    journal = tmp_path / "j.sqlite"
    with ChatServer(from_known(RECORD)) as server, client(server) as ex:
        estimate = ex.estimate([TEXT, "another"], Sale, parts=3, run=Run(journal=journal))
        list(ex.rows([TEXT], Sale, parts=3, run=Run(journal=journal)))
        left = ex.estimate([TEXT, "another"], Sale, parts=3, run=Run(journal=journal))
    assert (estimate.distinct, estimate.requests, estimate.parts) == (2, 6, 3)
    assert "6 requests (3 for each text)" in str(estimate)
    assert (left.distinct, left.in_journal, left.requests) == (2, 1, 3)


def test_a_frame_has_the_records_of_rows_asked_in_parts() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": [TEXT, None]})
    with ChatServer(from_known(RECORD)) as server, client(server) as ex:
        done = ex.frame(frame, Sale, text="text", parts=2, run=Run(journal=False))
    assert done["sale"][0]["buyer"]["name"] == "Bob"
    assert len(server.requests) == 2


def test_a_long_text_is_asked_in_parts_chunk_by_chunk() -> None:
    with ChatServer(from_known(RECORD)) as server, client(server) as ex:
        result = ex.document(
            Sale,
            TEXT + "\n\n" + "x " * 300,
            parts=2,
            chunks=Chunks(size=400, overlap=0),
            run=Run(journal=False),
        )
    assert result.record == Sale.model_validate(RECORD)
    assert len(server.requests) == 2 * len(result.chunks)
    assert all(len(chunk.extraction.parts) == 2 for chunk in result.chunks if chunk.extraction)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_with_a_tenth_of_the_replies_cut_a_record_is_whole_or_its_parts_are_named(seed: int) -> None:
    record, text = known(200)
    with (
        ChatServer(from_known(record, one_in(10, seed))) as server,
        client(server, max_fields=22, max_tokens=100) as ex,
    ):
        for _ in range(3):
            result = ex.run(wide_type(200), text)
            if result.outcome.has_record:
                assert result.record is not None
                assert result.record.model_dump() == record
            else:
                assert isinstance(result.error, Truncated)
                lost = [part.fields for part in result.parts if part.error]
                assert lost
                assert all(fields[0] in str(result.error) for fields in lost[:3])


def test_a_batch_has_a_request_for_each_part_of_each_row(tmp_path: Path) -> None:
    with (
        ChatServer(from_known(RECORD)) as server,
        Extractor("openai:m", base_url=server.base_url, api_key="k") as ex,
    ):
        rows = list(
            ex.rows([TEXT, "Again."], Sale, parts=2, run=Run(mode="batch", journal=tmp_path / "j.sqlite"))
        )
    assert [row.record for row in rows] == [Sale.model_validate(RECORD)] * 2
    assert not any("/chat/completions" in request.path for request in server.requests)
    (sent,) = [request for request in server.requests if request.path.endswith("/files")]
    assert sent.body.count(b'"custom_id"') == 4


def test_a_fallback_model_is_asked_for_the_part_that_failed_alone() -> None:
    def play(request: Any) -> Any:
        schema = schema_of(request)
        refuses = request.json["model"] == "m" and "pens" in schema["properties"]
        return refusal("no") if refuses else reply(answer(schema, RECORD))

    with ChatServer(play) as server, client(server, fallback="other") as ex:
        result = ex.run(Sale, TEXT, parts=2)
    assert result.unwrap() == Sale.model_validate(RECORD)
    assert [request.json["model"] for request in server.requests].count("other") == 1
    assert [len(part.attempts) for part in result.parts] == [1, 2]


def test_an_example_is_shown_to_each_part_with_its_own_members() -> None:
    with ChatServer(from_known(RECORD)) as server, client(server) as ex:
        ex.run(
            Sale, TEXT, parts=2, examples=[("Cy sells Di 1 pen for 2.", {**RECORD, "pens": 1, "euros": 2})]
        )
    shown = [json.loads(request.json["messages"][2]["content"]) for request in server.requests]
    assert sorted(map(list, shown)) == [["pens", "euros"], ["seller", "buyer"]]


def test_a_json_schema_is_asked_in_parts_and_judged_as_a_whole() -> None:
    whole = {"type": "integer"}
    document = {
        "type": "object",
        "properties": {"pens": whole, "euros": whole, "cents": whole},
        "required": ["pens", "euros"],
        "maxProperties": 2,
    }
    with ChatServer(from_known(RECORD)) as server, client(server) as ex:
        assert ex.extract(document, TEXT, parts=2) == {"pens": 3, "euros": 6}
        server.play(from_known({**RECORD, "cents": 1}))
        result = ex.run(document, TEXT, parts=2)
    assert result.outcome is Outcome.INVALID
    assert [problem.type for problem in result.error.problems] == ["maxProperties"]  # type: ignore[union-attr]


class Line(BaseModel):
    number: int
    article: str
    price: float
    note: str | None = None


def test_the_columns_of_a_list_are_joined_and_asked_again_where_their_lengths_differ() -> None:
    lines = [{"number": i, "article": f"a{i}", "price": i / 2, "note": None} for i in range(4)]

    def play(request: Any) -> Any:
        schema = schema_of(request)
        short = "note" in str(schema) and "rejected" not in str(request.json["messages"][-1])
        return reply(answer(schema, {"value": lines[:3] if short else lines}))

    with ChatServer(play) as server, client(server) as ex:
        result = ex.run(list[Line], "The text.", parts=2)
    assert result.outcome is Outcome.REPAIRED
    assert result.record == [Line.model_validate(line) for line in lines]
    assert [part.fields for part in result.parts] == [("/*/number", "/*/article"), ("/*/price", "/*/note")]
    assert len(result.attempts) == 4


def test_the_budget_of_a_call_is_shared_between_its_parts() -> None:
    prices = {"m": Price(input=1, output=1)}
    with (
        ChatServer(reply("no JSON"), repeat_last=True) as server,
        client(server, prices=prices, max_tokens_total=40) as ex,
    ):
        result = ex.run(Sale, TEXT, parts=2)
    assert len(server.requests) == 2, "each part has half of the tokens, and is not repaired with the other's"
    assert not result.outcome.has_record


def test_validators_find_the_text_and_the_callers_context_on_the_whole_too() -> None:
    seen = list[Any]()

    class Checked(BaseModel):
        pens: int
        euros: int

        @model_validator(mode="after")
        def look(self, info: ValidationInfo) -> Checked:
            seen.append((info.context["text"], info.context["unit"]))
            return self

    with ChatServer(from_known(RECORD)) as server, client(server) as ex:
        ex.extract(Checked, TEXT, parts=2, context={"unit": "EUR"})
    assert seen == [(TEXT, "EUR")]


def test_a_bug_in_a_validator_of_the_whole_ends_the_call_and_nothing_is_asked_again() -> None:
    class Broken(BaseModel):
        pens: int
        euros: int

        @model_validator(mode="after")
        def divide(self) -> Broken:
            raise KeyError("pens")

    with ChatServer(from_known(RECORD)) as server, client(server) as ex:
        result = ex.run(Broken, TEXT, parts=2)
    assert result.outcome is Outcome.INVALID
    assert isinstance(result.error.__cause__, KeyError)  # type: ignore[union-attr]
    assert len(server.requests) == 2


SAME = {**RECORD, "buyer": {"name": "Ann", "city": None}}
KINDS = ("right", "same", "prose", "wrong", "cut", "refused")


def said(kind: str, schema: Any) -> Any:
    if kind == "refused":
        return refusal("I can't help with that.")
    if kind == "prose":
        return reply("Sure! Here it is.")
    found = answer(schema, SAME if kind == "same" else RECORD)
    if kind == "wrong":
        return reply(dict.fromkeys(found, "?"))
    return truncated(json.dumps(found)[:-3]) if kind == "cut" else reply(found)


@pytest.mark.slow
@settings(deadline=None, max_examples=examples(60))
@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=30), st.integers(1, 4), st.integers(0, 2))
def test_whatever_is_replied_the_number_of_requests_is_bounded_and_known_in_advance(
    kinds: list[str], parts: int, repairs: int
) -> None:
    replies = iter(kinds * 40)
    with (
        ChatServer(lambda request: said(next(replies), schema_of(request))) as server,
        Extractor("openai:m", base_url=server.base_url, max_repairs=repairs, max_retries=0) as ex,
    ):
        plan = ex.preview(Sale, TEXT, parts=parts)
        result = ex.run(Sale, TEXT, parts=parts)
        asked = len(server.requests)
    count = len(plan.parts) or 1
    again = count if repairs and count > 1 else 0  # once more, where the whole is not valid
    assert asked <= count * (1 + repairs) + again
    assert len(result.attempts) == asked
    assert result.outcome.has_record == (result.error is None)
    assert result.record is None or result.record in (Sale.model_validate(RECORD),)
