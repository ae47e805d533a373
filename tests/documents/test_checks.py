"""Checks of the caller's on the record of a long text: where one fails, chunks are read again."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from extractor import AsyncExtractor, Chunks, ConfigError, DocumentExtraction, Extractor, Outcome, Run
from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply, status
from tests.documents.pages import text_of

pytest.importorskip("semantic_text_splitter", reason="needs the `long` extra")
AGAIN = "It is read again, since something is wrong in the record of the whole text"
ROW = re.compile(r"^(N-\d+) paid (\d+) to", re.MULTILINE)


class Payment(BaseModel):
    number: str
    amount: int


class Account(BaseModel):
    closing: int
    payments: list[Payment]


def adds_up(account: Account) -> str | None:
    total = sum(payment.amount for payment in account.payments)
    return None if total == account.closing else f"the payments are {total}, but {account.closing} is stated"


AMOUNTS = [7 * n % 90 + 10 for n in range(60)]
TEXT = (
    "".join(f"N-{n:03} paid {amount} to the harbour office\n\n" for n, amount in enumerate(AMOUNTS))
    + f"Closing balance {sum(AMOUNTS)}\n"
)
RIGHT = Account(
    closing=sum(AMOUNTS), payments=[Payment(number=f"N-{n:03}", amount=a) for n, a in enumerate(AMOUNTS)]
)


def reads(
    request: ReceivedRequest, change: Callable[[str, int], int | None] = lambda number, amount: amount
) -> Scripted:
    text = text_of(request)
    closing = re.search(r"Closing balance (\d+)", text)
    found = [(number, change(number, int(amount))) for number, amount in ROW.findall(text)]
    payments = [{"number": number, "amount": amount} for number, amount in found if amount is not None]
    return reply(json.dumps({"closing": int(closing[1]) if closing else None, "payments": payments}))


def misreads(change: Callable[[str, int], int | None], until: str = AGAIN) -> Any:
    """What stands for a model that reads wrongly until it is told of a check that failed."""

    def play(request: ReceivedRequest) -> Scripted:
        is_again = until in str(request.json["messages"])
        return reads(request) if is_again else reads(request, change)

    return play


def wrong(number: str, amount: int) -> int | None:
    return 1234 if number == "N-031" else amount


def overlooked(number: str, amount: int) -> int | None:
    return None if number == "N-031" else amount


def run(
    play: Any, check: Any = adds_up, **chunks: Any
) -> tuple[DocumentExtraction[Account], list[ReceivedRequest]]:
    options = {key: chunks.pop(key) for key in ("mask",) if key in chunks}
    with (
        ChatServer(play) as server,
        Extractor("m", base_url=server.base_url, api_key="any", max_repairs=0, max_retries=0) as ex,
    ):
        found = ex.document(
            Account,
            TEXT,
            chunks=Chunks(**{"size": 400, "check": check, **chunks}),
            run=Run(journal=False),
            **options,
        )
        return found, server.requests


def test_a_record_that_passes_is_asked_for_once() -> None:
    result, requests = run(reads)
    assert (result.outcome, result.record) == (Outcome.OK, RIGHT)
    assert len(requests) == len(result.chunks)
    assert all(chunk.used for chunk in result.chunks)


@pytest.mark.parametrize("change", [wrong, overlooked])
def test_where_a_check_fails_the_likeliest_chunk_is_read_again(change: Any) -> None:
    _, once = run(reads)
    result, requests = run(misreads(change))
    assert (result.outcome, result.unwrap()) == (Outcome.REPAIRED, RIGHT)
    assert 1 <= len(requests) - len(once) <= 2
    assert "N-031" in text_of(requests[-1]) or "N-031" in text_of(requests[-2])
    told = requests[-1].json["messages"][0]["content"]
    assert f"{AGAIN}: the check 'adds_up' failed: the payments are" in told
    unused = [chunk for chunk in result.chunks if not chunk.used]
    assert len(unused) == len(requests) - len(once)


def test_a_reading_that_does_not_help_is_not_used_and_the_record_comes_with_the_failed_check() -> None:
    result, requests = run(misreads(wrong, until="never said"))
    assert result.outcome is Outcome.INVALID
    assert result.record is not None
    assert result.record.payments[31].amount == 1234
    [problem] = result.problems
    assert (problem.pointer, problem.type) == ("", "check")
    assert problem.reason.startswith("the check 'adds_up' failed: the payments are")
    again = [request for request in requests if AGAIN in str(request.json["messages"])]
    assert len(again) == sum(not chunk.used for chunk in result.chunks) >= 1


def test_a_reading_that_makes_it_worse_is_not_used() -> None:
    def play(request: ReceivedRequest) -> Scripted:
        is_again = AGAIN in str(request.json["messages"])
        return reads(request, (lambda number, amount: None) if is_again else wrong)

    result, _ = run(play)
    assert result.record is not None
    assert len(result.record.payments) == 60


def test_a_text_that_one_request_takes_is_asked_for_once_more_with_the_reason() -> None:
    result, requests = run(misreads(wrong), size=10_000)
    assert (result.outcome, result.record, len(requests)) == (Outcome.REPAIRED, RIGHT, 2)
    assert AGAIN in str(requests[1].json["messages"])
    assert [chunk.used for chunk in result.chunks] == [False, True]


def test_a_check_that_is_false_is_named_as_the_caller_named_it() -> None:
    result, _ = run(reads, {"never": lambda account: False, "always": lambda account: True}, size=10_000)
    assert [problem.reason for problem in result.problems] == ["the check 'never' failed"]


def broken(account: Account) -> str:
    return str(1 / 0)


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        (broken, "the check 'broken' raised ZeroDivisionError: division by zero"),
        ({"number": lambda account: 5}, "the check 'number' returned 5, not None, True, False or a sentence"),
    ],
)
def test_a_check_with_a_bug_is_told_and_nothing_is_asked_again(check: Any, reason: str) -> None:
    result, requests = run(reads, check, size=10_000)
    assert (result.outcome, len(requests)) == (Outcome.INVALID, 1)
    assert [(problem.type, problem.reason) for problem in result.problems] == [("check_raised", reason)]
    assert result.record == RIGHT


def test_with_a_mask_the_model_is_told_the_checks_name_alone() -> None:
    _, requests = run(misreads(wrong), size=10_000, mask={"office": "harbour office"})
    told = str(requests[1].json["messages"])
    assert f"{AGAIN}: a check of the whole record failed (adds_up)" in told
    assert "is stated" not in told


def test_checks_of_a_record_with_missing_chunks_are_left_alone() -> None:
    def play(request: ReceivedRequest) -> Scripted:
        return status(500) if "N-031" in text_of(request) else reads(request)

    result, requests = run(play)
    assert result.missing
    assert not any(problem.type == "check" for problem in result.problems)
    assert not any(AGAIN in str(request.json["messages"]) for request in requests)


def test_the_async_client_does_the_same() -> None:
    async def ask(server: ChatServer) -> DocumentExtraction[Account]:
        async with AsyncExtractor("m", base_url=server.base_url, api_key="any", max_repairs=0) as ex:
            return await ex.document(
                Account, TEXT, chunks=Chunks(size=400, check=adds_up), run=Run(journal=False)
            )

    with ChatServer(misreads(wrong)) as server:
        assert asyncio.run(ask(server)).unwrap() == RIGHT


def test_results_with_checks_are_written_and_read() -> None:
    result, _ = run(misreads(wrong), size=10_000)
    again = DocumentExtraction.from_dict(json.loads(json.dumps(result.to_dict())), Account)
    assert [chunk.used for chunk in again.chunks] == [False, True]


@pytest.mark.parametrize("check", ["adds_up", 5, {"a": 5}, {1: adds_up}, {"": adds_up}])
def test_what_is_no_check_is_refused_before_anything_is_sent(check: Any) -> None:
    with pytest.raises(ConfigError, match="check must be a function of the record, or several by name"):
        run(reads, check)
