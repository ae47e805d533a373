"""Long lists come whole: each item once and in order, or named as missing."""

from __future__ import annotations

import random
from typing import Any

import pytest

from extractor import Chunks, DocumentExtraction, Extractor, Run
from extractor.testing import ChatServer, ReceivedRequest, Scripted, refusal, reply, status, truncated
from tests.documents.pages import text_of
from tests.documents.statements import Made, Statement, read, statement

pytest.importorskip("semantic_text_splitter", reason="needs the `long` extra")
AGAIN = "It is read again"


def run(made: Made, play: Any, **chunks: Any) -> tuple[DocumentExtraction[Statement], int]:
    with (
        ChatServer(play) as server,
        Extractor("m", base_url=server.base_url, api_key="any", max_repairs=0, max_retries=0) as ex,
    ):
        found = ex.document(
            Statement, made.text, chunks=Chunks(**{"size": 1500, **chunks}), run=Run(journal=False)
        )
        return found, len(server.requests)


def reads_well(request: ReceivedRequest) -> Scripted:
    return reply(read(text_of(request)))


def overlooks(share: float) -> Any:
    """What stands for a model that overlooks rows, unless it is told to look again."""

    def play(request: ReceivedRequest) -> Scripted:
        is_again = AGAIN in str(request.json["messages"])
        return reply(read(text_of(request), skips=0.0 if is_again else share))

    return play


@pytest.mark.parametrize(
    "entries", [10, 100, *(pytest.param(n, marks=pytest.mark.slow) for n in (700, 2000))]
)
def test_every_entry_is_found_once_and_in_order_with_the_account_above_it(entries: int) -> None:
    made = statement(entries, seed=entries)
    result, _ = run(made, reads_well, size=1500 if entries < 700 else 4000)
    assert result.unwrap() == made.record
    assert result.notes == ()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_lines_that_gave_no_item_are_named(seed: int) -> None:
    made = statement(100, seed, repeats=False)
    result, _ = run(made, overlooks(0.1))
    given = {entry.number for entry in result.unwrap().entries}
    lost = [entry.number for entry in made.record.entries if entry.number not in given]
    assert lost
    named = [line.text.split()[0] for line in result.coverage.overlooked]
    assert named == lost
    (note, *_) = result.notes
    assert f"{len(lost)} lines look like items of /entries and gave none; the first: characters" in note


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_passages_with_such_lines_are_read_again(seed: int) -> None:
    made = statement(100, seed, repeats=False)
    result, requests = run(made, overlooks(0.1), rereads=20)
    assert result.unwrap() == made.record
    assert result.notes == ()
    again = [chunk for chunk in result.chunks if chunk.passed == 2]
    assert requests == len(result.chunks)
    assert 0 < len(again) <= 20
    assert sum(chunk.end - chunk.start for chunk in again) < 1.5 * len(made.text)


@pytest.mark.slow
def test_no_more_passages_are_read_again_than_the_caller_says() -> None:
    made = statement(200, seed=1, repeats=False)
    result, _ = run(made, overlooks(0.1), rereads=1)
    assert [chunk.passed for chunk in result.chunks].count(2) == 1
    assert result.coverage.overlooked


@pytest.mark.slow
def test_nothing_is_asked_again_where_nothing_was_overlooked() -> None:
    made = statement(100, seed=2)
    _, once = run(made, reads_well)
    _, with_rereads = run(made, reads_well, rereads=20)
    assert with_rereads == once


FAULTS: tuple[Scripted, ...] = (refusal(), truncated('{"bank": null, "entr'), status(500, "overloaded"))


@pytest.mark.slow
@pytest.mark.parametrize("entries", [150, 1200])
@pytest.mark.parametrize("seed", range(3))
def test_with_a_tenth_of_the_replies_failing_an_entry_is_found_or_its_chunk_is_named(
    entries: int, seed: int
) -> None:
    made = statement(entries, seed, repeats=False)

    def play(request: ReceivedRequest) -> Scripted:
        chance = random.Random(f"{seed}{text_of(request)}")
        return chance.choice(FAULTS) if chance.random() < 0.1 else reads_well(request)

    result, _ = run(made, play, rereads=30)
    found = {entry["number"]: entry for entry in result.found["entries"]}
    assert list(found) == sorted(found)
    assert len(found) == len(result.found["entries"])
    for entry in made.record.entries:
        at = made.text.index(f"{entry.number}  ")
        if entry.number in found:
            assert found[entry.number]["town"] == entry.town
        else:
            assert any(chunk.start <= at < chunk.end for chunk in result.missing)
            assert any(line.start == at for line in result.coverage.overlooked)


@pytest.mark.slow
def test_an_account_stands_in_the_evidence_of_the_entries_that_only_its_heading_names() -> None:
    made = statement(120, seed=3)
    result, _ = run(made, reads_well, size=600)
    record = result.unwrap()
    assert result.carried
    for at in result.carried:
        (span,) = result.evidence[at]
        number = int(at.split("/")[2])
        assert span.text == record.entries[number].account
        assert made.text[: span.start].endswith("Account ")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_heading_that_no_chunk_has_items_of_leaves_its_items_without_and_gives_them_no_other(
    seed: int,
) -> None:
    made = statement(120, seed)
    result, _ = run(made, reads_well, overlap=0)
    found = [entry.get("account") for entry in result.found["entries"]]
    right = [entry.account for entry in made.record.entries]
    assert all(each in (None, account) for each, account in zip(found, right, strict=True))
    assert any("account" in problem.pointer for problem in result.problems) == (None in found)
