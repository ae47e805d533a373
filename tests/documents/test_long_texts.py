"""Long texts: nothing missed, nothing twice, and whatever failed named."""

from __future__ import annotations

import asyncio
import pickle
import random
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationInfo, model_validator

from extractor import (
    AsyncExtractor,
    Chunks,
    ConfigError,
    DocumentExtraction,
    Extractor,
    Invalid,
    Outcome,
    Problem,
    Refused,
    Run,
    RunStopped,
    ServiceError,
    Usage,
)
from extractor.groups import grouped
from extractor.testing import (
    ChatServer,
    ReceivedRequest,
    Scripted,
    refusal,
    reply,
    status,
    truncated,
)
from tests.documents.pages import Delivery, Ledger, answer, book, line_of, model, text_of
from tests.selecting import examples

pytest.importorskip("semantic_text_splitter", reason="needs the `long` extra")
BOOK, PLANTED = book(20)
CHUNK = 6_000


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(model) as running:
        yield running


@pytest.fixture
def ex(server: ChatServer) -> Iterator[Extractor]:
    with Extractor("m", base_url=server.base_url, api_key="any", max_retries=1) as extractor:
        yield extractor


def deliveries(result: DocumentExtraction[Ledger]) -> list[Delivery]:
    assert result.record is not None
    return result.record.deliveries


def check_evidence(result: DocumentExtraction[Any], text: str) -> None:
    spans = [span for found in result.evidence.values() for span in found]
    assert spans
    assert all(text[span.start : span.end] == span.text for span in spans)


# -- 200 pages


@pytest.mark.slow
def test_all_that_stands_in_200_pages_is_found_where_it_stands(ex: Extractor) -> None:
    text, planted = book(200)
    result = ex.document(Ledger, text, chunks=Chunks(size=20_000), run=Run(journal=False))
    record = result.unwrap()
    assert result.outcome is Outcome.OK
    assert len(text) >= 200 * 1800
    assert len(result.chunks) >= len(text) // 20_000
    assert record.deliveries == [one for _, one in planted]
    assert (record.depot, record.keeper) == ("Harbour North", "Ines Duarte")
    assert record.total_crates == sum(one.crates for _, one in planted)
    check_evidence(result, text)
    for i, (at, one) in enumerate(planted):
        for field, value in one.model_dump().items():
            (span,) = result.evidence[f"/deliveries/{i}/{field}"]
            assert (at <= span.start, span.end <= at + len(line_of(one))) == (True, True)
            assert span.text == str(value)
    assert result.conflicts == ()


@pytest.mark.slow
def test_more_passes_find_what_a_forgetful_model_left_out(server: ChatServer, ex: Extractor) -> None:
    def forgets(request: ReceivedRequest) -> Scripted:
        said = answer(text_of(request))
        said["deliveries"] = said["deliveries"][:5]  # as many as it ever gives
        return reply(said)

    server.play(forgets)
    once = ex.document(Ledger, BOOK, chunks=Chunks(size=CHUNK), run=Run(journal=False))
    thrice = ex.document(Ledger, BOOK, chunks=Chunks(size=CHUNK, passes=3), run=Run(journal=False))
    assert len(deliveries(once)) < len(deliveries(thrice)) <= len(PLANTED)
    wanted = [one for _, one in PLANTED]
    assert [one for one in deliveries(thrice) if one not in wanted] == []
    assert {chunk.passed for chunk in thrice.chunks} == {1, 2, 3}


FAULTS: tuple[Scripted, ...] = (
    refusal(),
    truncated('{"depot": null, "deli'),
    reply("I see no records here."),
    reply({"depot": 5, "keeper": None, "total_crates": None, "deliveries": None}),
    status(500, "overloaded"),
    status(400, "prompt is too long: 9000 tokens > 8192 maximum", code="context_length_exceeded"),
)


@pytest.mark.slow
@settings(max_examples=examples(12))
@given(st.integers(0, 10**6), st.sampled_from([0.15, 0.5, 1.0]))
def test_with_chunks_failing_at_random_nothing_is_missing_without_being_named(
    seed: int, share: float
) -> None:
    check_with_failures(12, 3000, seed, share)


@pytest.mark.slow
def test_with_a_third_of_the_chunks_of_200_pages_failing_nothing_is_missing_without_being_named() -> None:
    check_with_failures(200, 12_000, 7, 0.33)


def check_with_failures(pages: int, chunk: int, seed: int, share: float) -> None:
    text, planted = book(pages)

    def fails(request: ReceivedRequest) -> Scripted:
        chance = random.Random(f"{seed}{text_of(request)}")
        return chance.choice(FAULTS) if chance.random() < share else model(request)

    with (
        ChatServer(fails) as server,
        Extractor("m", base_url=server.base_url, api_key="any", max_repairs=0, max_retries=0) as ex,
    ):
        result = ex.document(Ledger, text, chunks=Chunks(size=chunk), run=Run(journal=False))
    check_ledger(result, text)
    seen = []
    for at, one in planted:
        end = at + len(line_of(one))
        if any(c.start <= at and end <= c.end for c in result.chunks if read(c)):
            seen.append(one.model_dump())
        else:
            assert any(c.start < end and at < c.end for c in result.missing)
    assert (result.found or {}).get("deliveries", []) == seen
    if result.missing:
        assert result.error is not None
        assert str(result.missing[0]) in str(result.error)
        with pytest.raises(type(result.error)):
            result.unwrap()
    else:
        assert len(seen) == len(planted)


def read(chunk: Any) -> bool:
    return chunk.outcome is not None and chunk.outcome.has_record


def check_ledger(result: DocumentExtraction[Any], text: str) -> None:
    """Each character is in a chunk that was read, is blank, or is missing."""
    covered = bytearray(len(text))
    for chunk in result.chunks:
        if not chunk.again:
            covered[chunk.start : chunk.end] = b"\1" * (chunk.end - chunk.start)
            blank = not text[chunk.start : chunk.end].strip()
            assert read(chunk) or chunk.missing or chunk.covered or blank
    assert covered.count(0) == 0


# -- one chunk that fails


def fails_on(word: str, fault: Scripted, most: int = 0) -> Any:
    """What stands for a model that fails on parts with a word in them, if they are longer than `most`."""

    def play(request: ReceivedRequest) -> Scripted:
        text = text_of(request)
        return fault if word in text and len(text) > most else model(request)

    return play


@pytest.mark.slow
def test_a_chunk_whose_answer_is_too_long_is_read_again_in_shorter_ones(
    server: ChatServer, ex: Extractor
) -> None:
    server.play(fails_on("D-0020", truncated('{"deliveries": [{"number": "D-0'), most=3000))
    result = ex.document(Ledger, BOOK, chunks=Chunks(size=CHUNK), run=Run(journal=False))
    assert deliveries(result) == [one for _, one in PLANTED]
    assert result.outcome is Outcome.OK
    again = [chunk for chunk in result.chunks if chunk.again]
    assert again
    assert all(chunk.outcome is Outcome.TRUNCATED for chunk in again)
    assert result.missing == ()


@pytest.mark.slow
def test_where_no_reply_is_of_use_shorter_chunks_are_asked_for_no_more_than_once(
    server: ChatServer, ex: Extractor
) -> None:
    server.play(model)
    planned = len(ex.document(Ledger, BOOK, chunks=Chunks(size=CHUNK), run=Run(journal=False)).chunks)
    server.play(reply('{"deliveries": "?"}'))
    before = len(server.requests)
    result = ex.document(Ledger, BOOK, chunks=Chunks(size=CHUNK), run=Run(journal=False))
    assert result.outcome is Outcome.INVALID
    assert planned < len(result.chunks) <= planned + max(6, planned)
    assert len(server.requests) - before == 3 * len(result.chunks)  # each with its repairs
    assert {chunk.outcome for chunk in result.chunks} == {Outcome.INVALID}


@pytest.mark.slow
def test_a_chunk_that_stays_refused_is_named_and_the_rest_is_there(server: ChatServer, ex: Extractor) -> None:
    server.play(fails_on("D-0020", refusal()))
    result = ex.document(Ledger, BOOK, chunks=Chunks(size=CHUNK), run=Run(journal=False))
    assert result.outcome is Outcome.REFUSED
    assert isinstance(result.error, Refused)
    assert result.record is not None
    (lost, *_) = result.missing
    at = next(at for at, one in PLANTED if one.number == "D-0020")
    assert any(chunk.start <= at < chunk.end for chunk in result.missing)
    assert f"characters {lost.start:,} to {lost.end:,}: refused" in str(result.error)
    assert [p.type for p in result.problems] == ["chunk"] * len(result.missing)
    numbers = {one.number for one in result.record.deliveries}
    assert "D-0020" not in numbers
    assert {"D-0000", "D-0039"} <= numbers


@pytest.mark.slow
def test_where_the_service_fails_for_one_chunk_it_is_named(server: ChatServer, ex: Extractor) -> None:
    server.play(fails_on("D-0020", status(500, "overloaded", headers={"retry-after": "0"})))
    result = ex.document(Ledger, BOOK, chunks=Chunks(size=CHUNK), run=Run(journal=False))
    assert result.outcome is Outcome.TRANSPORT
    assert isinstance(result.error, ServiceError)
    assert result.error.status == 500
    assert len(result.missing) in (1, 2)  # a line may stand in an overlap
    assert not any(chunk.again for chunk in result.chunks)


@pytest.mark.slow
def test_what_the_service_calls_too_long_is_read_in_shorter_chunks(server: ChatServer, ex: Extractor) -> None:
    error = status(400, "This model's maximum context length is 2048 tokens.", code="context_length_exceeded")
    server.play(fails_on("", error, most=4200))
    result = ex.document(Ledger, BOOK, chunks=Chunks(size=CHUNK), run=Run(journal=False))
    assert deliveries(result) == [one for _, one in PLANTED]


@pytest.mark.slow
def test_a_wrong_key_stops_the_run_with_what_there_is_and_a_ledger_of_what_was_not_run(
    server: ChatServer, ex: Extractor
) -> None:
    server.play(fails_on("D-0030", status(401, "wrong key")))
    with pytest.raises(RunStopped) as caught:
        ex.document(Ledger, BOOK, chunks=Chunks(size=CHUNK), run=Run(concurrency=1, journal=False))
    partial = caught.value.partial
    assert isinstance(partial, DocumentExtraction)
    assert partial.chunks[0].outcome is Outcome.OK
    assert "not run" in str(partial.chunks[-1])
    check_ledger(partial, BOOK)


@pytest.mark.slow
def test_the_same_call_again_asks_only_for_what_is_not_in_the_journal(
    server: ChatServer, ex: Extractor, tmp_path: Path
) -> None:
    server.play(fails_on("D-0030", status(401, "wrong key")))
    with pytest.raises(RunStopped):
        ex.document(
            Ledger, BOOK, chunks=Chunks(size=CHUNK), run=Run(concurrency=1, journal=tmp_path / "j.sqlite")
        )
    before = len(server.requests)
    server.play(model)
    result = ex.document(Ledger, BOOK, chunks=Chunks(size=CHUNK), run=Run(journal=tmp_path / "j.sqlite"))
    assert deliveries(result) == [one for _, one in PLANTED]
    kept = [chunk for chunk in result.chunks if chunk.from_cache]
    assert len(kept) >= before - 2
    assert len(server.requests) - before == len(result.chunks) - len(kept)


@pytest.mark.slow
def test_a_chunk_whose_text_another_pass_has_read_is_not_missing(server: ChatServer, ex: Extractor) -> None:
    refused = ex.document(Ledger, BOOK, chunks=Chunks(size=CHUNK), run=Run(journal=False)).chunks[3]

    def refuses_that(request: ReceivedRequest) -> Scripted:
        text = text_of(request)
        return refusal() if text == BOOK[refused.start : refused.end] else model(request)

    server.play(refuses_that)
    twice = ex.document(Ledger, BOOK, chunks=Chunks(size=CHUNK, passes=2), run=Run(journal=False))
    assert twice.outcome is Outcome.OK
    assert deliveries(twice) == [one for _, one in PLANTED]
    (line,) = [chunk for chunk in twice.chunks if chunk.outcome is Outcome.REFUSED]
    assert (line.start, line.missing, line.reason) == (refused.start, False, "the model refused to answer")


# -- what is asked


def test_a_text_that_fits_is_one_chunk_and_one_request_for_the_record_itself(
    server: ChatServer, ex: Extractor
) -> None:
    text, planted = book(1)
    result = ex.document(Ledger, text, chunks=Chunks(window=20_000), run=Run(journal=False))
    assert deliveries(result) == [one for _, one in planted]
    assert [(c.start, c.end, c.outcome) for c in result.chunks] == [(0, len(text), Outcome.OK)]
    (request,) = server.requests
    schema = request.json["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["depot"] == {"type": "string"}
    assert "part" not in request.json["messages"][0]["content"]
    check_evidence(result, text)


def test_a_short_text_whose_answer_is_cut_off_is_read_in_chunks(server: ChatServer, ex: Extractor) -> None:
    text, planted = book(2)
    server.play(fails_on("", truncated('{"deliveries": [{"number": "D-0'), most=3000))
    result = ex.document(Ledger, text, chunks=Chunks(window=20_000), run=Run(journal=False))
    assert deliveries(result) == [one for _, one in planted]
    assert [chunk.again for chunk in result.chunks] == [True, False, False]


@pytest.mark.slow
def test_samples_and_confidence_go_with_every_chunk(server: ChatServer, ex: Extractor) -> None:
    text, planted = book(6)
    result = ex.document(Ledger, text, chunks=Chunks(size=9000), samples=2, run=Run(journal=False))
    assert len(server.requests) == 2 * len(result.chunks)
    assert deliveries(result) == [one for _, one in planted]
    assert result.confidence is not None
    assert result.confidence.keys() == result.evidence.keys()
    assert all(0 < sure <= 1 for sure in result.confidence.values())
    assert ex.document(Ledger, text, chunks=Chunks(size=9000), run=Run(journal=False)).confidence is None


@pytest.mark.slow
def test_the_model_is_told_which_part_it_sees_and_that_nothing_has_to_be_there(
    server: ChatServer, ex: Extractor
) -> None:
    ex.document(
        Ledger,
        book(10)[0],
        chunks=Chunks(size=9000),
        instructions="Crates are wooden.",
        run=Run(journal=False),
    )
    first = server.requests[0].json
    assert "part 1 of 4 of a longer one" in first["messages"][0]["content"]
    assert "Crates are wooden." in first["messages"][0]["content"]
    assert first["response_format"]["json_schema"]["schema"]["properties"]["depot"] == {
        "anyOf": [{"type": "string"}, {"type": "null"}]
    }


@pytest.mark.slow
def test_examples_and_quotes_go_with_every_chunk(server: ChatServer, ex: Extractor) -> None:
    text, planted = book(10)
    solved = Ledger(depot="X", keeper="Y", total_crates=1, deliveries=[])

    def quotes(request: ReceivedRequest) -> Scripted:
        said = answer(text_of(request))
        items = [
            {
                "quotes_from_text": {**item_quotes(item)},
                **item,
            }
            for item in said["deliveries"]
        ]
        named = {"depot": said["depot"] or "", "keeper": said["keeper"] or "", "total_crates": ""}
        return reply({"quotes_from_text": named, **said, "deliveries": items})

    def item_quotes(item: dict[str, Any]) -> dict[str, str]:
        whole = f"Delivery {item['number']} to {item['town']}, {item['crates']} crates."
        return {"number": whole, "town": whole, "crates": whole}

    server.play(quotes)
    result = ex.document(
        Ledger,
        text,
        chunks=Chunks(size=9000),
        examples=[("Depot X, keeper Y, 1 crate", solved)],
        evidence="quote",
        run=Run(journal=False),
    )
    assert deliveries(result) == [one for _, one in planted]
    assert len(server.requests[0].json["messages"]) == 4
    check_evidence(result, text)


@pytest.mark.slow
def test_the_async_client_gives_the_same(server: ChatServer, ex: Extractor) -> None:
    async def run() -> DocumentExtraction[Ledger]:
        async with AsyncExtractor("m", base_url=server.base_url, api_key="any") as client:
            return await client.document(Ledger, BOOK, chunks=Chunks(size=CHUNK), run=Run(journal=False))

    plain = ex.document(Ledger, BOOK, chunks=Chunks(size=CHUNK), run=Run(journal=False))
    result = asyncio.run(run())
    assert (result.record, result.evidence) == (plain.record, plain.evidence)
    assert [(c.start, c.end, c.outcome) for c in result.chunks] == [
        (c.start, c.end, c.outcome) for c in plain.chunks
    ]
    assert result.usage == plain.usage != Usage()


# -- what is made of it


class Checked(Ledger):
    @model_validator(mode="after")
    def adds_up(self, info: ValidationInfo) -> Self:
        if sum(one.crates for one in self.deliveries) != self.total_crates:
            raise ValueError("the crates do not add up")
        assert info.context is not None
        assert self.keeper in info.context["text"]
        return self


@pytest.mark.slow
def test_validators_of_the_whole_run_once_on_the_whole(server: ChatServer, ex: Extractor) -> None:
    result = ex.document(Checked, BOOK, chunks=Chunks(size=CHUNK), run=Run(journal=False))
    assert result.outcome is Outcome.OK
    assert len(server.requests) == len(result.chunks)
    wrong = ex.document(
        Checked, BOOK.replace("1 crates.", "2 crates.", 1), chunks=Chunks(size=CHUNK), run=Run(journal=False)
    )
    assert wrong.outcome is Outcome.INVALID
    assert isinstance(wrong.error, Invalid)
    assert "do not add up" in str(wrong.error)
    assert (wrong.record, len(wrong.found["deliveries"])) == (None, len(PLANTED))
    check_evidence(wrong, BOOK.replace("1 crates.", "2 crates.", 1))


@pytest.mark.slow
def test_what_no_chunk_gives_is_a_problem_at_its_pointer(ex: Extractor) -> None:
    text = BOOK.replace("Kept by", "Written by")
    result = ex.document(Ledger, text, chunks=Chunks(size=CHUNK), run=Run(journal=False))
    assert result.outcome is Outcome.INVALID
    assert result.problems == (Problem("/keeper", "no part of the text gives it", None, "missing"),)
    assert result.evidence["/depot"][0].text == "Harbour North"


@pytest.mark.slow
def test_chunks_that_disagree_are_told(server: ChatServer, ex: Extractor) -> None:
    text = BOOK.replace("- page 15 -", "Depot: Harbour South")
    result = ex.document(Ledger, text, chunks=Chunks(size=CHUNK), run=Run(journal=False))
    (conflict,) = result.conflicts
    assert (conflict.pointer, conflict.chosen) == ("/depot", "Harbour North")
    assert [(c.value, c.spans[0].text) for c in conflict.candidates] == [
        ("Harbour North", "Harbour North"),
        ("Harbour South", "Harbour South"),
    ]


@pytest.mark.slow
def test_a_key_makes_one_of_the_items_that_have_it(ex: Extractor) -> None:
    by_number = ex.document(Ledger, BOOK, chunks=Chunks(size=CHUNK, key="number"), run=Run(journal=False))
    assert len(deliveries(by_number)) == 40
    both = ex.document(
        Ledger,
        BOOK,
        chunks=Chunks(size=CHUNK, key={"/deliveries": ("number", "town")}),
        run=Run(journal=False),
    )
    assert both.record == by_number.record
    assert len(both.evidence["/deliveries/0/number"]) == 2


class Counted(BaseModel):
    total_crates: int
    deliveries: list[Delivery]


@pytest.mark.slow
def test_counts_that_do_not_agree_are_problems_and_the_record_is_kept(ex: Extractor) -> None:
    good = ex.document(
        Counted, BOOK, chunks=Chunks(size=CHUNK, counts={"/deliveries": len(PLANTED)}), run=Run(journal=False)
    )
    assert good.outcome is Outcome.OK
    bad = ex.document(
        Counted,
        BOOK,
        chunks=Chunks(size=CHUNK, counts={"/deliveries": "/total_crates"}),
        run=Run(journal=False),
    )
    assert bad.record == good.record
    declared = sum(one.crates for _, one in PLANTED)
    assert bad.problems == (
        Problem("/deliveries", f"has 60 items, but {declared} are declared at /total_crates", 60, "count"),
    )
    with pytest.raises(Invalid, match="has 60 items"):
        bad.unwrap()


@pytest.mark.slow
def test_a_json_schema_and_a_list_work_likewise(server: ChatServer, ex: Extractor) -> None:
    text, planted = book(10)
    result = ex.document(Ledger.model_json_schema(), text, chunks=Chunks(size=9000), run=Run(journal=False))
    assert result.unwrap()["deliveries"] == [one.model_dump() for _, one in planted]

    def only_items(request: ReceivedRequest) -> Scripted:
        return reply({"value": answer(text_of(request))["deliveries"]})

    server.play(only_items)
    listed = ex.document(list[Delivery], text, chunks=Chunks(size=9000), run=Run(journal=False))
    assert listed.unwrap() == [one for _, one in planted]
    check_evidence(listed, text)


class Event(BaseModel):
    what: str
    when: date | str  # which Pydantic could not tell apart


class Diary(BaseModel):
    begun: date | str
    events: list[Event]


def test_members_of_unions_keep_their_types_and_their_evidence(server: ChatServer, ex: Extractor) -> None:
    days = [date(2026, 3, n % 28 + 1) for n in range(40)]
    lines = [f"On {day} the fair no. {n:02} came, or so they say." for n, day in enumerate(days)]
    text = "Begun in spring.\n" + "\n\n".join(lines)

    def reads(request: ReceivedRequest) -> Scripted:
        found = re.findall(r"On (\S+) the (fair no. \d\d) came", text_of(request))
        events = [{"what": what, "when": {"date": day}} for day, what in found]
        begun = {"str": "in spring"} if "Begun" in text_of(request) else None
        return reply({"begun": begun, "events": events})

    server.play(reads)
    result = ex.document(Diary, text, chunks=Chunks(size=500), run=Run(journal=False))
    record = result.unwrap()
    assert (record.begun, [event.when for event in record.events]) == ("in spring", days)
    assert result.evidence["/begun"][0].text == "in spring"
    assert [result.evidence[f"/events/{n}/when"][0].text for n in range(40)] == [str(day) for day in days]
    assert result.found["events"][0] == {"what": "fair no. 00", "when": "2026-03-01"}


@pytest.mark.slow
def test_a_result_survives_pickling(server: ChatServer, ex: Extractor) -> None:
    server.play(fails_on("D-0020", refusal()))
    result = ex.document(Ledger, BOOK, chunks=Chunks(size=CHUNK), run=Run(journal=False))
    again = pickle.loads(pickle.dumps(result))
    assert (again.record, again.evidence, again.conflicts) == (result.record, result.evidence, ())
    assert list(map(str, again.missing)) == list(map(str, result.missing)) != []
    assert str(again.error) == str(result.error)


@pytest.mark.slow
def test_what_only_a_missing_chunk_could_give_is_not_said_to_be_nowhere(
    server: ChatServer, ex: Extractor
) -> None:
    server.play(lambda request: refusal() if "Kept by" in text_of(request) else model(request))
    result = ex.document(Ledger, BOOK, chunks=Chunks(size=CHUNK), run=Run(journal=False))
    assert result.record is None
    assert result.missing
    told = {problem.pointer: problem.reason for problem in result.problems}
    assert told["/keeper"] == "no part of the text gives it, as far as it was read"


# -- calls that cannot work


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"chunk": 0}, "size must be a whole number, at least 1"),
        ({"chunk": True}, "size must be a whole number, at least 1"),
        ({"chunk": 100, "overlap": 1.5}, "overlap must be a whole number"),
        ({"chunk": CHUNK, "key": "numbr"}, "no list whose items have that field"),
        ({"chunk": CHUNK, "key": {"/deliveries": 5}}, "give the name of a field"),
        ({"chunk": CHUNK, "counts": 37}, "counts must be {'/pointer of a list'"),
        ({"chunk": CHUNK, "counts": {"/deliveries": True}}, "must be a number or the pointer"),
        ({"chunk": 100, "overlap": 50}, "at least 0 and less than half"),
        ({"chunk": CHUNK, "passes": 0}, "passes must be a whole number, at least 1"),
        ({"chunk": CHUNK, "key": {"/deliverys": "number"}}, "records have nothing at '/deliverys'"),
        ({"chunk": CHUNK, "counts": {"/deliveries": "/count"}}, "records have nothing at '/count'"),
        ({"chunk": CHUNK, "counts": {"/deliveries": None}}, "must be a number or the pointer"),
        ({"window": 100}, "has no room for a text"),
        ({"chunk": CHUNK, "conurrency": 3}, "conurrency"),
    ],
)
def test_a_call_that_cannot_work_sends_nothing(
    server: ChatServer, ex: Extractor, options: Any, reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        ex.document(Ledger, BOOK, run=Run(journal=False), **grouped(options, "chunks"))
    assert all(request.method == "GET" for request in server.requests)


@pytest.mark.parametrize("name", ["chunk", "window", "overlap", "passes", "key", "counts"])
def test_what_is_for_long_texts_is_named_where_it_is_given_elsewhere(ex: Extractor, name: str) -> None:
    options: Any = {name: 2}
    for call in (lambda: ex.run(Ledger, "?", **options), lambda: list(ex.rows(["?"], Ledger, **options))):
        with pytest.raises(ConfigError, match=f"'{name}' is an option of `document`, for one"):
            call()


@pytest.mark.parametrize("text", ["", "  \n", ["a text"], None])
def test_a_document_is_a_text(ex: Extractor, text: Any) -> None:
    with pytest.raises(ConfigError, match="a document must be a text"):
        ex.document(Ledger, text, chunks=Chunks(size=CHUNK))
