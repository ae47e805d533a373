"""The page's server: what it answers, and to whom it does not."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from extractor.cli.review import check_of
from extractor.evaluation.cases import load_cases
from extractor.evaluation.records import gold_reader
from extractor.loading import load_examples
from extractor.report import EscalatedValue
from extractor.review.items import ReviewItem, keyed
from extractor.review.log import StepLog
from extractor.review.server import MOST, ReviewServer
from extractor.review.session import ReviewSession


class Person(BaseModel):
    name: str
    age: int


TEXT = "😀 Ada is 36."
ITEMS = keyed(
    [
        ReviewItem("", "one", TEXT, {"name": "Bo", "age": 36}, {"/age": [(9, 11)]}),
        ReviewItem("", "two", "Eve is 7.", {"name": "Eve", "age": 7}, {"/name": [(0, 3)]}),
    ]
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ReviewServer]:
    log = StepLog(str(tmp_path / "steps.jsonl"))
    gold = str(tmp_path / "gold.jsonl")
    session = ReviewSession(ITEMS, log, check_of(Person), gold, "me", lambda: "2026-11-29T10:00:00+00:00")
    with ReviewServer(session) as served:
        thread = threading.Thread(target=served.serve_forever, args=(0.01,))
        thread.start()
        yield served
        served.shutdown()
        thread.join()
    log.close()


def asked(
    server: ReviewServer, method: str, path: str, body: Any = None, **changes: str | None
) -> tuple[int, Any]:
    """Return status and answer. changes: headers by their names with `_`; None leaves one out."""
    headers = {"Origin": server.origin, "Content-Type": "application/json"} if method == "POST" else {}
    given = {**headers, **{name.replace("_", "-"): value for name, value in changes.items()}}
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    try:
        connection.request(
            method,
            path.replace("TOKEN", server.token),
            None if body is None else json.dumps(body),
            {name: value for name, value in given.items() if value is not None},
        )
        answer = connection.getresponse()
        data = answer.read()
        return answer.status, json.loads(data) if answer.headers[
            "Content-Type"
        ] == "application/json" else data
    finally:
        connection.close()


def act(server: ReviewServer, number: int, version: int, **what: Any) -> tuple[int, Any]:
    return asked(server, "POST", "/TOKEN/api/act", {"number": number, "version": version, **what})


def test_a_record_is_corrected_accepted_and_written_as_gold(server: ReviewServer, tmp_path: Path) -> None:
    _, told = asked(server, "GET", "/TOKEN/api/item/0")
    assert [leaf["pointer"] for leaf in told["leaves"]] == ["/name", "/age"]
    assert told["leaves"][1]["spans"] == [[10, 12]]  # in UTF-16 units
    status, told = act(server, 0, 0, do="select", pointer="/name", start=3, end=6)
    assert (status, told["leaves"][0]["value"], told["leaves"][0]["spans"]) == (200, "Ada", [[3, 6]])
    act(server, 0, 1, do="note", note="it was Bo")
    status, told = act(server, 0, 2, do="accept")
    assert (told["decision"], told["by"]) == ("accepted", "me")
    assert server.session.save() == 1
    (case,) = load_cases(str(tmp_path / "gold.jsonl"), gold_reader(Person))
    assert (case.id, case.text, case.gold) == ("one", TEXT, {"name": "Ada", "age": 36})
    assert case.places == {"/name": [(2, 5)], "/age": [(9, 11)]}
    (example,) = load_examples(str(tmp_path / "gold.jsonl"), Person)
    assert example == {
        "text": TEXT,
        "record": Person(name="Ada", age=36),
        "evidence": [
            {"pointer": "/age", "start": 9, "end": 11},
            {"pointer": "/name", "start": 2, "end": 5},
        ],
    }
    line = json.loads((tmp_path / "gold.jsonl").read_text())
    assert (line["review"]["before"], line["review"]["note"]) == ({"name": "Bo", "age": 36}, "it was Bo")


def test_values_of_a_second_model_are_told_with_what_the_first_one_said_and_open_ones_come_first(
    tmp_path: Path,
) -> None:
    escalated = {
        "/name": EscalatedValue("second", "big", "Bo"),
        "/age": EscalatedValue("review", "review", 36),
    }
    record = {"name": "Ada", "age": 36}
    (item,) = keyed(
        [ReviewItem("", "one", TEXT, record, {}, {"/name": 0.1, "/age": 0.8}, escalated=escalated)]
    )
    with closing(StepLog(str(tmp_path / "steps.jsonl"))) as log:
        session = ReviewSession([item], log, check_of(Person), str(tmp_path / "g.jsonl"), "me", lambda: "now")
        leaves = session.item(0)["leaves"]
    assert [(leaf["pointer"], leaf["escalated"]) for leaf in leaves] == [
        ("/age", ["left to review", True]),
        ("/name", ["from big; the first model: Bo", False]),
    ]


def test_what_is_not_valid_is_told_and_not_accepted(server: ReviewServer) -> None:
    _, told = act(server, 0, 0, do="type", pointer="/age", typed="many")
    assert [problem["pointer"] for problem in told["problems"]] == ["/age"]
    status, said = act(server, 0, 1, do="accept")
    assert (status, said["error"].startswith("the record is not valid yet: /age")) == (422, True)
    status, told = asked(server, "POST", "/TOKEN/api/undo", {})
    assert (told["number"], told["problems"], told["leaves"][1]["value"]) == (0, [], "36")


def test_two_tabs_do_not_overwrite_each_other(server: ReviewServer) -> None:
    assert act(server, 1, 0, do="type", pointer="/name", typed="Eva")[0] == 200
    assert act(server, 1, 0, do="reject")[0] == 409
    assert asked(server, "GET", "/TOKEN/api/item/1")[1]["decision"] == "draft"


def test_undo_has_an_end(server: ReviewServer) -> None:
    act(server, 1, 0, do="reject")
    assert asked(server, "POST", "/TOKEN/api/undo", {})[1]["decision"] == "open"
    assert asked(server, "POST", "/TOKEN/api/undo", {}) == (422, {"error": "there is nothing to undo"})


@pytest.mark.parametrize(
    "what",
    [
        {"do": "type", "pointer": "/nobody", "typed": "x"},
        {"do": "type", "pointer": "/name"},
        {"do": "select", "pointer": "/name", "start": 5, "end": 2},
        {"do": "select", "pointer": "/name", "start": "x", "end": None},
        {"do": "remove", "pointer": "/name"},
        {"do": "__class__"},
        {},
    ],
)
def test_what_cannot_be_done_changes_nothing(server: ReviewServer, what: dict[str, Any]) -> None:
    status, said = act(server, 0, 0, **what)
    assert (status, bool(said["error"])) == (422, True)
    assert asked(server, "GET", "/TOKEN/api/item/0")[1]["version"] == 0


def test_counts_tell_how_far_it_is(server: ReviewServer) -> None:
    act(server, 1, 0, do="reject")
    assert asked(server, "GET", "/TOKEN/api/item/0")[1]["counts"] == {
        "open": 1,
        "draft": 0,
        "accepted": 0,
        "rejected": 1,
    }
    _, told = asked(server, "GET", "/TOKEN/api/items")
    assert [row[:2] for row in told["items"]] == [["one", "open"], ["two", "rejected"]]


@pytest.mark.parametrize(
    "path", ["/", "/wrong/", "/wrong/api/items", "/TOKENx/", "/%00/", "/wrong/api/picture/0/1"]
)
def test_nobody_gets_in_without_the_token(server: ReviewServer, path: str) -> None:
    assert asked(server, "GET", path) == (404, b"")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:80"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": None}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content_Length": str(MOST + 1)}, 413),
        ({"Content_Length": "-1"}, 413),
    ],
)
def test_requests_of_others_do_nothing_even_with_the_token(
    server: ReviewServer, changes: dict[str, str | None], status: int
) -> None:
    body = {"number": 0, "version": 0, "do": "reject"}
    assert asked(server, "POST", "/TOKEN/api/act", body, **changes) == (status, b"")
    assert asked(server, "GET", "/TOKEN/api/item/0")[1]["decision"] == "open"


def test_a_body_that_is_no_object_is_refused(server: ReviewServer) -> None:
    assert asked(server, "POST", "/TOKEN/api/act", [1]) == (400, b"")
    assert asked(server, "POST", "/TOKEN/api/act", {"number": "0"}) == (404, b"")
    assert asked(server, "GET", "/TOKEN/api/item/99")[0] == 422


def test_a_record_of_a_plain_text_has_no_pages(server: ReviewServer) -> None:
    assert asked(server, "GET", "/TOKEN/api/item/0")[1]["has_document"] is False
    assert asked(server, "GET", "/TOKEN/api/pages/0") == (200, {"pages": [], "words": []})
    assert asked(server, "GET", "/TOKEN/api/pages/99")[0] == 422
    for path in ("picture/0/1", "picture/99/1", "picture/0", "picture/0/../1", "picture/0/1.webp", "pages/x"):
        assert asked(server, "GET", f"/TOKEN/api/{path}") == (404, b""), path


def test_the_page_may_reach_its_own_server_alone(server: ReviewServer) -> None:
    status, page = asked(server, "GET", "/TOKEN/")
    assert status == 200
    assert b"default-src &#x27;none&#x27;; style-src &#x27;sha256-" in page
    assert b"connect-src &#x27;self&#x27;" in page
    assert b"img-src &#x27;self&#x27;" in page
    assert b"unsafe" not in page
    assert server.token.encode() not in page


def test_a_text_of_gold_is_kept_although_the_gold_file_cannot_be_written(tmp_path: Path) -> None:
    log = StepLog(str(tmp_path / "steps.jsonl"))
    session = ReviewSession(
        ITEMS, log, check_of(Person), str(tmp_path / "no" / "gold.jsonl"), "me", lambda: ""
    )
    session.act(1, {"version": 0, "do": "accept"})
    with pytest.raises(OSError, match="No such file"):
        session.save()
    log.close()
    again = StepLog(str(tmp_path / "steps.jsonl"))
    later = ReviewSession(ITEMS, again, check_of(Person), str(tmp_path / "gold.jsonl"), "me", lambda: "")
    assert later.save() == 1
    again.close()


def session_over(
    tmp_path: Path, shown: list[ReviewItem], known: list[ReviewItem], log: StepLog
) -> ReviewSession:
    return ReviewSession(shown, log, check_of(Person), str(tmp_path / "gold.jsonl"), "me", lambda: "", known)


def test_gold_of_other_records_stays_and_a_sample_loses_none(tmp_path: Path) -> None:
    other = '{"id": "two", "text": "x", "record": {"name": "X", "age": 1}}'
    (tmp_path / "gold.jsonl").write_text(other + "\n")
    log = StepLog(str(tmp_path / "steps.jsonl"))
    everything = session_over(tmp_path, ITEMS, ITEMS, log)
    everything.act(1, {"version": 0, "do": "accept"})
    assert everything.save() == 1
    sample = session_over(tmp_path, ITEMS[:1], ITEMS, log)
    sample.act(0, {"version": 0, "do": "accept"})
    assert (sample.save(), sample.save()) == (2, 2)
    cases = load_cases(str(tmp_path / "gold.jsonl"), gold_reader(Person))
    assert [case.id for case in cases] == ["two", "one", f"two {ITEMS[1].key}"]
    everything.undo()
    assert everything.save() == 1
    assert (tmp_path / "gold.jsonl").read_text().startswith(other + "\n")
    log.close()


@pytest.mark.slow
def test_10_000_records_are_reviewed_one_by_one(tmp_path: Path) -> None:
    items = keyed(ReviewItem("", f"{n}", f"Ada {n}", {"name": "Ada", "age": 1}, {}) for n in range(10_000))
    log = StepLog(str(tmp_path / "steps.jsonl"))
    session = session_over(tmp_path, items, items, log)
    for n in range(0, 10_000, 500):
        told = session.act(n, {"version": 0, "do": "accept"})
        assert len(json.dumps(told)) < 2000  # a step's answer is of its record alone
    assert told["counts"]["open"] == 9980
    assert session.save() == 20
    log.close()


@pytest.mark.slow
def test_several_people_in_turn_review_10_000_records_and_none_twice(tmp_path: Path) -> None:
    items = keyed(ReviewItem("", f"{n}", f"Ada {n}", {"name": "Ada", "age": 1}, {}) for n in range(10_000))
    done, people = 0, ("ann", "bob", "cy")
    for who in people:
        log = StepLog(str(tmp_path / "steps.jsonl"))
        session = ReviewSession(
            items, log, check_of(Person), str(tmp_path / "gold.jsonl"), who, lambda: "2026-11-30T10:00:00Z"
        )
        rows = session.overview()["items"]
        begun = next(n for n, row in enumerate(rows) if row[1] == "open")  # where the page opens
        assert begun == done
        for n in range(begun, begun + 40):
            session.act(n, {"version": 0, "do": "accept"})
        done += 40
        assert session.save() == done
        log.close()
    lines = [json.loads(line) for line in (tmp_path / "gold.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == [f"{n}" for n in range(120)]
    assert [line["review"]["by"] for line in lines] == [who for who in people for _ in range(40)]
