"""Codes of long lists: what the model is shown for each text, and what is read."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from extractor import (
    AsyncExtractor,
    Chunks,
    Coded,
    ConfigError,
    Extraction,
    Extractor,
    Invalid,
    Outcome,
    Run,
    SchemaError,
    Vocabulary,
    compile_schema,
    image,
)
from extractor.schema import TARGETS, RecordType, Shortlisted
from extractor.testing import ChatServer, ReceivedRequest, reply
from extractor.types import Shortlist
from tests.asking import extractor
from tests.vocabulary_of_goods import texts, vocabulary

CODES = Vocabulary(
    {
        "J45.0": "Predominantly allergic asthma",
        "J45.1": "Nonallergic asthma",
        "I10": "Essential (primary) hypertension",
        "E11": ["Type 2 diabetes mellitus", "adult-onset diabetes"],
        "L20": "Atopic dermatitis",
    },
    "icd",
)
TEXT = "Ada Byron, 36, has had asthma for years, not allergic."


class Visit(BaseModel):
    name: str
    diagnosis: Annotated[str | None, Coded(CODES, shown=2)] = None
    earlier: list[Annotated[str, Coded(CODES, shown=2)]] = []


SAID = {"name": "Ada Byron", "diagnosis": "J45.1", "earlier": []}


def schema_of(request: ReceivedRequest) -> Any:
    return request.json["response_format"]["json_schema"]["schema"]


def shown_in(request: ReceivedRequest) -> list[str]:
    branches = schema_of(request)["properties"]["diagnosis"]["anyOf"]
    found: list[str] = branches[0]["enum"]
    return found


def run(said: Any, text: Any = TEXT, record_type: Any = Visit, **options: Any) -> Extraction[Any]:
    said = said if isinstance(said, list) else [said]
    with (
        ChatServer([reply(json.dumps(each)) for each in said]) as server,
        extractor(server, model="openai:m", api_key="k") as ex,
    ):
        return ex.run(record_type, text, **options)


# What the model sees


def test_the_request_has_the_likeliest_codes_with_their_labels() -> None:
    with ChatServer([reply(json.dumps(SAID))]) as server, extractor(server, api_key="k") as ex:
        assert ex.extract(Visit, TEXT) == Visit(name="Ada Byron", diagnosis="J45.1")
    [request] = server.requests
    assert shown_in(request) == ["J45.0", "J45.1"]
    assert schema_of(request)["properties"]["diagnosis"]["description"] == (
        "A code of icd: J45.0 = Predominantly allergic asthma; J45.1 = Nonallergic asthma. "
        "Null if none of these codes fits."
    )


def test_each_text_has_codes_of_its_own() -> None:
    found = {"name": "Bo", "diagnosis": None, "earlier": []}
    with ChatServer([reply(json.dumps(found))] * 2) as server, extractor(server, api_key="k") as ex:
        list(ex.rows(["Bo: asthma.", "Bo: hypertension."], Visit, run=Run(journal=False, concurrency=1)))
    assert [shown_in(request) for request in server.requests] == [["J45.1", "J45.0"], ["I10"]]


def test_the_result_has_what_was_shown_by_pointer() -> None:
    result = run(SAID)
    assert result.shown == {
        "/diagnosis": Shortlist("icd", ("J45.0", "J45.1"), 5),
        "/earlier/*": Shortlist("icd", ("J45.0", "J45.1"), 5),
    }
    assert Extraction.from_dict(json.loads(json.dumps(result.to_dict())), Visit).shown == result.shown


def test_a_small_vocabulary_is_shown_whole_and_an_image_needs_no_text_then() -> None:
    class Small(BaseModel):
        code: Annotated[str, Coded(CODES, shown=5)]

    result = run({"code": "L20"}, ["What is it?", image(b"\x89PNG\r\n\x1a\n" + b"0" * 20)], Small)
    assert result.record == Small(code="L20")
    assert result.shown["/code"].codes == tuple(CODES.labels)
    assert result.notes == ()


def test_without_a_text_codes_cant_be_chosen_and_nothing_is_sent() -> None:
    with pytest.raises(ConfigError, match="icd has 5 codes, and there is no text to choose 2 of them by"):
        run(SAID, ["What is it?", image(b"\x89PNG\r\n\x1a\n" + b"0" * 20)])


def test_where_no_code_has_a_word_of_the_text_the_model_gives_one_freely_and_a_note_says_so() -> None:
    with (
        ChatServer([reply(json.dumps({"name": "Bo", "diagnosis": "I10", "earlier": []}))]) as server,
        extractor(server, api_key="k") as ex,
    ):
        result = ex.run(Visit, "Bo: Bluthochdruck.")
    diagnosis = schema_of(server.requests[0])["properties"]["diagnosis"]
    assert diagnosis == {"description": "A code of icd.", "anyOf": [{"type": "string"}, {"type": "null"}]}
    assert result.record.diagnosis == "I10"
    assert result.notes[0] == "/diagnosis: no code of icd has a word of the text: none of 5 was shown"


# What is read


def test_none_of_these_is_null_with_a_note() -> None:
    result = run({**SAID, "diagnosis": None})
    assert result.outcome is Outcome.OK
    assert result.record.diagnosis is None
    assert result.notes == ("/diagnosis: none of the 2 codes shown was chosen",)


def test_another_code_of_the_vocabulary_is_read_and_noted() -> None:
    result = run({**SAID, "diagnosis": "I10", "earlier": ["J45.0", "L20"]})
    assert (result.record.diagnosis, result.record.earlier) == ("I10", ["J45.0", "L20"])
    assert result.notes == (
        "/diagnosis: 'I10' is a code of icd that was not shown",
        "/earlier/1: 'L20' is a code of icd that was not shown",
    )


def test_what_is_no_code_is_asked_for_again() -> None:
    result = run([{**SAID, "diagnosis": "J99"}, {"diagnosis": "J45.1"}])
    assert (result.outcome, result.record.diagnosis) == (Outcome.REPAIRED, "J45.1")
    [problem] = result.attempts[0].problems
    assert (problem.pointer, problem.reason) == ("/diagnosis", "is no code of icd")


def test_a_list_that_was_cut_is_noted() -> None:
    class Order(BaseModel):
        article: Annotated[str | None, Coded(vocabulary(1000), shown=2)] = None

    result = run({"article": None}, "We need 3 steel pumps for ships", Order)
    shortlist = result.shown["/article"]
    assert len(shortlist.codes) == 2
    assert result.notes[1] == (
        "/article: 2 of 1,000 codes of goods were shown; "
        f"{shortlist.left} others fit the text at least half as well as the first"
    )


# In every call


def test_async_calls_show_the_same() -> None:
    async def ask(server: ChatServer) -> Extraction[Visit]:
        async with AsyncExtractor("m", base_url=server.base_url) as ex:
            return await ex.run(Visit, TEXT)

    with ChatServer([reply(json.dumps(SAID))]) as server:
        result = asyncio.run(ask(server))
    assert result.shown["/diagnosis"].codes == ("J45.0", "J45.1")


def test_a_run_that_is_resumed_pays_for_no_text_twice(tmp_path: Path) -> None:
    rows, journal = [TEXT, "Bo: hypertension."], tmp_path / "journal.db"
    with ChatServer([reply(json.dumps(SAID))] * 2) as server, extractor(server, api_key="k") as ex:
        first = list(ex.rows(rows, Visit, run=Run(journal=journal)))
        again = list(ex.rows(rows, Visit, run=Run(journal=journal)))
    assert len(server.requests) == 2
    assert [row.extraction.shown for row in again if row.extraction] == [
        row.extraction.shown for row in first if row.extraction
    ]
    assert all(row.from_cache for row in again)


def test_texts_do_not_share_a_request() -> None:
    with ChatServer([reply(json.dumps(SAID))] * 2) as server, extractor(server, api_key="k") as ex:
        list(ex.rows([TEXT, TEXT[:-1]], Visit, run=Run(journal=False, rows_per_request=8)))
    assert len(server.requests) == 2


def test_an_estimate_and_a_preview_count_the_list_and_not_the_vocabulary() -> None:
    class Order(BaseModel):
        article: Annotated[str | None, Coded(vocabulary(1000), shown=10)] = None

    letters = [text for text, _ in texts({c: t[0] for c, t in vocabulary(1000).labels.items()}, 5)]
    with Extractor("openai:gpt-5-mini", api_key="k") as ex:
        tokens = [ex.preview(Order, text).tokens for text in letters]
        assert ex.estimate(letters, Order, run=Run(journal=False)).prompt_tokens == sum(tokens)
    assert all(200 < each < 600 for each in tokens)


def test_each_chunk_of_a_long_text_has_codes_of_its_own() -> None:
    text = "Ada has asthma.\n\n" + "Nothing else was found. " * 5 + "\n\nHer mother had hypertension.\n"
    answers = {
        "asthma": {"name": "Ada", "diagnosis": "J45.1", "earlier": []},
        "hypertension": {"name": None, "diagnosis": None, "earlier": ["I10"]},
    }

    def answer(request: ReceivedRequest) -> Any:
        said = request.json["messages"][-1]["content"]
        return reply(json.dumps(next(v for word, v in answers.items() if word in said)))

    with ChatServer(answer) as server, extractor(server, api_key="k") as ex:
        result = ex.document(Visit, text, chunks=Chunks(size=140, overlap=0), run=Run(journal=False))
    assert result.record == Visit(name="Ada", diagnosis="J45.1", earlier=["I10"])
    shown = [chunk.extraction.shown["/earlier/*"].codes for chunk in result.chunks if chunk.extraction]
    assert ("I10",) in shown
    assert ("J45.1", "J45.0") in shown


def test_parts_of_a_record_have_the_codes_of_their_members() -> None:
    def answer(request: ReceivedRequest) -> Any:
        return reply(json.dumps({name: SAID[name] for name in schema_of(request)["properties"]}))

    with ChatServer(answer) as server, extractor(server, api_key="k") as ex:
        result = ex.run(Visit, TEXT, parts=3)
    assert result.record == Visit(name="Ada Byron", diagnosis="J45.1")
    assert result.shown.keys() == {"/diagnosis", "/earlier/*"}
    listed = {
        name: "J45.0" in str(each)
        for r in server.requests
        for name, each in schema_of(r)["properties"].items()
    }
    assert listed == {"name": False, "diagnosis": True, "earlier": True}


def test_codes_are_chosen_by_the_masked_text() -> None:
    result = run(SAID, "Dr. Asthma <asthma@example.com> says: hypertension", mask="email")
    assert "I10" in result.shown["/diagnosis"].codes


def test_quotes_stand_beside_codes() -> None:
    quotes = {"name": "Ada Byron", "diagnosis": "asthma", "earlier": ""}
    result = run({"quotes_from_text": quotes, **SAID}, evidence="quote")
    assert result.quotes["/diagnosis"] == ("asthma",)
    assert result.evidence["/diagnosis"][0].text == "asthma"


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_every_target_takes_a_shortlist(target: str) -> None:
    kind = RecordType.of(Visit)
    shown = {place: Shortlist("icd", ("I10", "L20"), 5) for place, _ in kind.coded}
    compiled = kind.listed(Shortlisted.of(kind.coded, shown)).compiled(target)
    record = Visit(name="Bo", diagnosis="I10", earlier=["L20"])
    assert compiled.decode(compiled.encode(record)) == record
    assert '"L20"' in json.dumps(compiled.schema)


def test_a_type_that_holds_itself_has_codes_in_each_of_its_lists() -> None:
    class Part(BaseModel):
        article: Annotated[str, Coded(CODES)]
        parts: list[Part] = []
        by_name: dict[str, Part] = {}

    assert [place for place, _ in RecordType.of(Part).coded] == ["/article"]


def test_a_part_of_a_union_and_of_a_mapping_has_codes() -> None:
    class Goods(BaseModel):
        kind: str
        article: Annotated[str, Coded(CODES)]

    class Letter(BaseModel):
        about: Goods | int
        others: dict[str, Goods]

    assert [place for place, _ in RecordType.of(Letter).coded] == ["/about/article", "/others/*/article"]


def test_a_code_in_a_chat_is_checked_though_no_list_is_shown() -> None:
    with (
        ChatServer([reply(json.dumps({**SAID, "diagnosis": "I10"}))]) as server,
        extractor(server, api_key="k") as ex,
    ):
        parsed = ex.parse([{"role": "user", "content": TEXT}], Visit)
        assert parsed.parsed == Visit(name="Ada Byron", diagnosis="I10")
    assert "J45.0" not in server.requests[0].body.decode()


def test_a_stream_shows_a_list_too() -> None:
    with ChatServer([reply(json.dumps(SAID))]) as server, extractor(server, api_key="k") as ex:
        with ex.stream(Visit, TEXT) as stream:
            for _ in stream:
                pass
        assert stream.record == Visit(name="Ada Byron", diagnosis="J45.1")
    assert shown_in(server.requests[0]) == ["J45.0", "J45.1"]


# The annotation


def test_pydantic_checks_codes_without_a_model() -> None:
    kind: Any = TypeAdapter(Annotated[str | None, Coded(CODES)])
    assert [kind.validate_python(code) for code in ("I10", None)] == ["I10", None]
    with pytest.raises(ValidationError, match="is no code of icd"):
        kind.validate_python("I11")


@pytest.mark.parametrize("kind", [int, list[str], BaseModel, dict[str, str]])
def test_codes_go_on_texts_only(kind: Any) -> None:
    with pytest.raises(SchemaError, match=r"Coded goes on str, or str \| None"):
        compile_schema(Annotated[kind, Coded(CODES)])


@pytest.mark.parametrize("shown", [0, 201, True, 2.5])
def test_a_list_has_one_to_200_codes(shown: Any) -> None:
    with pytest.raises(ConfigError, match="shown must be a whole number from 1 to 200"):
        Coded(CODES, shown=shown)


def test_only_a_vocabulary_has_codes() -> None:
    with pytest.raises(ConfigError, match=r"Coded takes a Vocabulary"):
        Coded({"a": "b"})  # type: ignore[arg-type]


def test_another_vocabulary_is_another_type() -> None:
    def kind(label: str) -> Any:
        return Annotated[str, Coded(Vocabulary({"a": label}, "letters"))]

    assert RecordType.of(kind("first")).fingerprint == RecordType.of(kind("first")).fingerprint
    assert RecordType.of(kind("first")).fingerprint != RecordType.of(kind("second")).fingerprint


def test_copies_of_a_vocabulary_find_the_same() -> None:
    assert copy.deepcopy(CODES) is CODES
    assert pickle.loads(pickle.dumps(CODES)).shortlist(TEXT, 2) == CODES.shortlist(TEXT, 2)


# The vocabulary


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("essential hypertension", "I10"),
        ("ESSENTIAL HYPERTENSION", "I10"),
        ("He has asthma, and it is allergic", "J45.0"),
        ("allergies, perhaps asthmatic", "J45.0"),
        ("diabetes, adult onset", "E11"),
        ("code L20, says the letter", "L20"),
        ("J45.1 was crossed out", "J45.1"),
        ("dérmatitis", "L20"),
    ],
)
def test_the_likeliest_code_is_first(text: str, first: str) -> None:
    assert CODES.shortlist(text, 3).codes[0] == first


def test_words_of_scripts_without_spaces_are_found() -> None:
    trade = Vocabulary({"1": "鉄鋼ポンプ", "2": "木製家具", "3": "紙"})
    assert trade.shortlist("木製の家具を三つ", 1).codes == ("2",)


@given(st.text(), st.integers(1, 6))
def test_a_list_is_no_longer_than_it_may_be_and_repeats_nothing(text: str, count: int) -> None:
    shortlist = CODES.shortlist(text, count)
    assert len(shortlist.codes) == len(set(shortlist.codes)) <= min(count, 5)
    assert set(shortlist.codes) <= CODES.labels.keys()
    assert Shortlist.from_dict(json.loads(json.dumps(shortlist.to_dict()))) == shortlist


@pytest.mark.slow
def test_of_ten_thousand_codes_the_right_one_is_among_twenty_for_19_texts_of_20() -> None:
    goods = vocabulary(10_000)
    letters = texts({code: labels[0] for code, labels in goods.labels.items()}, 100)
    assert sum(code in goods.shortlist(text, 20).codes for text, code in letters) >= 95


def test_a_search_of_your_own_chooses_the_codes() -> None:
    asked = []

    def find(text: str, count: int) -> Sequence[str]:
        asked.append((text, count))
        return ["L20", "I10", "L20", "E11"]

    own = Vocabulary(CODES.labels, "icd", find)
    assert own.shortlist("any", 2) == Shortlist("icd", ("L20", "I10"), 5, None)
    assert asked == [("any", 2)]


def test_a_search_of_your_own_that_finds_what_is_no_code_is_an_error_before_anything_is_sent() -> None:
    own = Vocabulary(CODES.labels, "icd", lambda text, count: ["X1"])
    with pytest.raises(ConfigError, match="find= of icd returned 'X1', which is none of its codes"):
        own.shortlist("any", 2)


def test_a_tree_has_its_innermost_keys_as_codes() -> None:
    tree = Vocabulary.tree(
        {"Lungs": {"Asthma": {"J45.0": "allergic", "J45.1": ["other", "rest"]}}, "I10": "x"}
    )
    assert tree.labels == {
        "J45.0": ("Lungs > Asthma > allergic",),
        "J45.1": ("Lungs > Asthma > other", "rest"),
        "I10": ("x",),
    }
    with pytest.raises(ConfigError, match="the code 'a' stands in the tree twice"):
        Vocabulary.tree({"b": {"a": "1"}, "c": {"a": "2"}})


def test_a_csv_file_is_a_vocabulary(tmp_path: Path) -> None:
    file = tmp_path / "tariff.csv"
    file.write_text("code,label,also\n01,Horses,ponies\n02,Pigs,\n", encoding="utf-8")
    found = Vocabulary.read(file, labels=("label", "also"))
    assert (found.name, found.labels) == ("tariff", {"01": ("Horses", "ponies"), "02": ("Pigs",)})
    with pytest.raises(ConfigError, match=r"tariff\.csv has no column 'text'"):
        Vocabulary.read(file, labels="text")
    with pytest.raises(ConfigError, match="can't be read as CSV"):
        Vocabulary.read(tmp_path / "none.csv")
    file.write_text("code,label\n01,Horses\n01,Pigs\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="the code '01' stands there twice"):
        Vocabulary.read(file)


@pytest.mark.parametrize(
    "entries", [{}, [], {"": "x"}, {1: "x"}, {"a": ""}, {"a": []}, {"a": [1]}, {"a": None}]
)
def test_what_is_no_vocabulary_is_refused(entries: Any) -> None:
    with pytest.raises(ConfigError, match=r"a vocabulary needs|is a text that is not empty|needs a label"):
        Vocabulary(entries)


def test_a_record_with_what_is_no_code_can_be_no_example() -> None:
    with pytest.raises(ConfigError, match="is not a valid record"):
        run(SAID, examples=[(TEXT, {"name": "Ada", "diagnosis": "J99"})])


def test_the_last_reply_with_no_code_is_invalid() -> None:
    result = run([{**SAID, "diagnosis": "J99"}] * 4)
    assert result.outcome is Outcome.INVALID
    assert isinstance(result.error, Invalid)
