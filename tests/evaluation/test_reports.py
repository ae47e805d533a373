"""A report: what it keeps, as a file, as tables, and as a check in CI."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from pydantic import BaseModel

from extractor import ConfigError, Extractor, Run, RunStopped
from extractor.evaluation import EvalReport, evaluate, evaluation_page, load_report
from extractor.evaluation.checks import FigureGate, failures, gate_of, junit, markdown
from extractor.schema import compile_schema
from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply, status
from extractor.tuned import Tuned

HOSTILE = "</td><script>alert(1)</script> | `x` \x1b[31m\ud800 *b*"


class Visit(BaseModel):
    town: str
    nights: int | None = None


CASES = [
    {"id": "basel", "text": "Basel, 3 nights.", "record": {"town": "Basel", "nights": 3}, "kind": "short"},
    {"id": "bern", "text": "Bern was quiet.", "record": {"town": "Bern"}, "kind": "short"},
    {"id": "ulm", "text": "Ulm, and rain.", "record": {"town": "Ulm", "nights": None}, "kind": "long"},
]
FOUND = {"Basel": {"town": "Basel", "nights": 30}, "Bern": {"town": "bern", "nights": 2}}


def answer(request: ReceivedRequest) -> Scripted:
    text = json.loads(request.body)["messages"][-1]["content"]
    known = next((record for town, record in FOUND.items() if town in text), None)
    return reply(known) if known else status(400, "I do not read that.")


def evaluated(tmp_path: Path, **options: Any) -> EvalReport:
    with ChatServer(answer) as server, Extractor("m", base_url=server.base_url) as ex:
        run = Run(journal=tmp_path / "journal.db", progress=False)
        given: dict[str, Any] = {"run": run, "slices": ["kind"], **options}
        return evaluate(ex, Visit, CASES, **given)


@pytest.fixture
def report(tmp_path: Path) -> EvalReport:
    return evaluated(tmp_path, name="first")


def test_a_report_has_the_options_of_the_client_and_of_the_call_but_no_secret_and_no_text() -> None:
    tuned = Tuned("m", compile_schema(Visit).fingerprint, None, ((CASES[0]["text"], CASES[0]["record"]),))
    given: dict[str, Any] = {
        "temperature": 0.3,
        "instructions": "Be terse.",
        "reference_date": date(2026, 4, 3),
        "mask": {"guest": "Ada Weber"},
        "tuned": tuned,
        "extra_headers": {"X-Key": "geheim"},
        "api_key": "geheim",
    }
    with ChatServer(answer) as server, Extractor("m", base_url=server.base_url, **given) as ex:
        told = evaluate(ex, Visit, CASES, temperature=0.7, run=Run(journal=False)).options
        assert told.pop("base_url") == server.base_url
    assert re.fullmatch("Tuned, sha256 [0-9a-f]{12}", told.pop("tuned"))
    assert told == {
        "temperature": 0.7,
        "instructions": "Be terse.",
        "reference_date": "2026-04-03",
        "mask": "dict",
    }


def test_a_report_keeps_what_stands_behind_its_figures(report: EvalReport) -> None:
    basel, _, ulm = report.records
    assert basel.detail is not None
    assert ulm.detail is not None
    assert (basel.detail.text, basel.detail.gold) == ("Basel, 3 nights.", {"town": "Basel", "nights": 3})
    assert (basel.detail.found, basel.detail.places["/town"]) == (FOUND["Basel"], [(0, 5)])
    assert [json.loads(each.reply or "") for each in basel.detail.attempts] == [FOUND["Basel"]]
    assert (ulm.outcome, ulm.detail.found) == ("transport", None)
    assert "I do not read that." in (ulm.detail.error or "")
    assert [str(each) for each in report.confusions()] == [
        "/nights: found, but gold has nothing, once",
        "/nights: 10 times too large, once",
        "/town: no record, once",
        "/town: different case or space, once",
    ]


def test_a_report_is_read_from_its_file_as_it_was_written(report: EvalReport, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(report.to_json())
    again = load_report(str(tmp_path / "report.json"))
    assert again == report
    assert again.leaves == report.leaves
    assert (again.title, again.slices, again.options) == ("first", ("kind",), report.options)


def test_reports_of_the_first_version_are_read_and_later_ones_refused(tmp_path: Path) -> None:
    old = {
        "model": "m",
        "record_type": "t",
        "records": [{"id": "a", "outcome": "ok", "score": {"records": 1}}],
    }
    (tmp_path / "old.json").write_text(json.dumps(old))
    report = load_report(str(tmp_path / "old.json"))
    assert (report.title, report.leaves["a"], report.rows()) == ("m", [], [])
    assert "Figures" in evaluation_page(report)
    (tmp_path / "new.json").write_text(json.dumps({**old, "version": 99}))
    with pytest.raises(ConfigError, match="later version"):
        load_report(str(tmp_path / "new.json"))


def test_an_evaluation_that_was_paid_for_is_not_paid_again(tmp_path: Path) -> None:
    first = evaluated(tmp_path)
    refused = pytest.raises(RunStopped)
    with ChatServer([status(401)]) as server, Extractor("m", base_url=server.base_url) as ex, refused:
        evaluate(ex, Visit, CASES[:1], run=Run(journal=False))
    with ChatServer(answer) as server, Extractor("m", base_url=server.base_url) as ex:
        given: dict[str, Any] = {"run": Run(journal=tmp_path / "other.db")}
        evaluate(ex, Visit, CASES[:2], **given)
        asked = len(server.requests)
        again = evaluate(ex, Visit, CASES[:2], **given)
        assert len(server.requests) == asked == 2
    assert [each.detail and each.detail.from_journal for each in again.records] == [True, True]
    assert [each.score for each in again.records] == [each.score for each in first.records[:2]]


def test_a_report_prints_as_one_line(report: EvalReport) -> None:
    assert repr(report) == "EvalReport(first, Visit, 3 texts, 2 valid, value F1 0.500)"
    assert str(replace(report, records=[], complete=False)) == (
        "EvalReport(first, Visit, 0 texts, 0 valid, stopped before its last text)"
    )


def test_slices_tell_figures_by_a_column(report: EvalReport) -> None:
    sliced = report.sliced()["kind"]
    assert list(sliced) == ["long", "short"]
    assert sliced["long"]["value F1"].value == 0
    assert sliced["short"]["value F1"].value == pytest.approx(2 * 2 / (3 + 4))
    said = pytest.raises(ConfigError, match="no column 'mood' to slice by; there are id, text, record, kind")
    with said, Extractor("m", base_url="http://127.0.0.1:9/v1") as ex:
        evaluate(ex, Visit, CASES, slices=["mood"])


def test_a_pointer_slices_by_what_lies_deeper(tmp_path: Path) -> None:
    cases = [{**case, "meta": {"year": 2020 + n}} for n, case in enumerate(CASES)]
    with ChatServer(answer) as server, Extractor("m", base_url=server.base_url) as ex:
        report = evaluate(ex, Visit, cases, slices=["/meta/year"], run=Run(journal=False))
    assert list(report.sliced()["/meta/year"]) == ["2020", "2021", "2022"]


def test_frames_have_a_row_for_each_value_or_text(report: EvalReport) -> None:
    values = report.to_polars()
    assert values.height == len(report.to_pandas()) == 6
    row = values.row(1, named=True)
    assert (row["text"], row["field"], row["verdict"], row["gold"], row["found"], row["kind"]) == (
        *("basel", "/nights", "wrong value", "3", "30", "short"),
    )
    texts = report.to_pandas("texts")
    assert texts["right"].tolist() == [1, 1, 0]
    assert texts["perfect"].tolist() == [False, False, False]
    assert report.to_polars("texts")["f1"].to_list() == texts["f1"].tolist()
    empty = EvalReport("m", "t", [])
    assert list(empty.to_pandas().columns) == empty.to_polars().columns


def test_options_are_told_without_what_changes_no_answer(tmp_path: Path) -> None:
    pairs = iter([("Lyon.", Visit(town="Lyon"))])
    run = Run(journal=tmp_path / "journal.db", concurrency=3, progress=False)
    report = evaluated(tmp_path, temperature=0.5, examples=pairs, run=run)
    assert report.options["temperature"] == 0.5
    assert str(report.options["examples"]).startswith("1 solved texts, sha256 ")
    assert report.options.keys() == {"base_url", "temperature", "examples"}


def test_scoring_is_kept_and_a_rule_for_no_field_is_refused(tmp_path: Path) -> None:
    report = evaluated(tmp_path, scoring={"/nights": {"tolerance": 27}})
    assert report.records[0].score.normalised.perfect == 1
    assert report.scoring == {"/nights": {"tolerance": 27.0}}
    assert report.leaves["basel"][1].verdict == "wrong form"
    with pytest.raises(ConfigError, match="no gold record has a field '/night'"):
        evaluated(tmp_path, scoring={"/night": {"tolerance": 1}})


# -- as a check


def test_a_gate_is_a_figure_and_its_least_share(report: EvalReport) -> None:
    assert gate_of("0.9") == FigureGate("value F1", 0.9)
    assert gate_of("recall = 0.25") == FigureGate("recall", 0.25)
    assert failures(report, [FigureGate("valid in the end", 0.6)]) == []
    assert failures(report, [FigureGate("recall", 0.9)]) == ["recall is 50.0%, below 90.0%"]
    unknown = EvalReport("m", "t", [])
    assert failures(unknown, [FigureGate("recall", 0)]) == ["recall is unknown, below 0.0%"]


@pytest.mark.parametrize("told", ["90", "tokens a record=3", "recall=", "-1", "nan"])
def test_what_is_no_gate_is_refused(told: str) -> None:
    with pytest.raises(ConfigError):
        gate_of(told)


def test_junit_has_a_case_for_each_text_and_gate(report: EvalReport) -> None:
    suites = ElementTree.fromstring(junit(report, [FigureGate("recall", 0.9), FigureGate("recall", 0.1)]))
    assert suites.attrib == {"tests": "5", "failures": "3", "errors": "1", "skipped": "0"}
    cases = {case.get("name"): [each.tag for each in case] for case in suites.iter("testcase")}
    assert cases == {
        "basel": ["failure"],
        "bern": ["failure"],
        "ulm": ["error"],
        "recall >= 0.9": ["failure"],
        "recall >= 0.1": [],
    }
    told = suites.find(".//testcase[@name='basel']/failure")
    assert told is not None
    assert told.text == "/nights: wrong value (10 times too large): gold 3, found 30"


def test_markdown_has_the_figures_and_the_slips(report: EvalReport) -> None:
    told = markdown(report, [FigureGate("recall", 0.9)])
    assert told.startswith("### first: 3 texts\n")
    assert "- **failed**: recall is 50.0%, below 90.0%" in told
    assert "| recall | 50.0% | " in told
    assert "- /nights: 10 times too large, once\n" in told


def test_a_strangers_words_stay_words_in_xml_and_markdown(tmp_path: Path) -> None:
    cases = [{"id": HOSTILE, "text": "Oslo", "record": {"town": HOSTILE.replace("\ud800", "")}}]
    said = {"town": HOSTILE.replace("\ud800", "") + "x" * 9, "nights": None}
    with ChatServer([reply(said)]) as server, Extractor("m", base_url=server.base_url) as ex:
        report = evaluate(ex, Visit, cases, name=HOSTILE, run=Run(journal=False))
    (case,) = ElementTree.fromstring(junit(report)).iter("testcase")
    assert "<script>alert(1)</script>" in (case.get("name") or "")
    head = markdown(report).splitlines()[0]
    assert "<script>" not in head
    assert r"\<script\>alert\(1\)\</script\>" in head
    assert "\x1b" not in markdown(report)
    assert report.to_json().encode()


def test_cases_may_be_pairs_of_a_text_and_its_record() -> None:
    pairs = [
        (CASES[0]["text"], CASES[0]["record"]),
        [CASES[1]["text"], Visit.model_validate(CASES[1]["record"])],
    ]
    with ChatServer(answer) as server, Extractor("m", base_url=server.base_url) as ex:
        report = evaluate(ex, Visit, pairs, run=Run(journal=False))
        gold = [each.detail and each.detail.gold for each in report.records]
        assert gold == [{"town": "Basel", "nights": 3}, {"town": "Bern", "nights": None}]
        for wrong in (["a text"], [5], [("a text", {"town": "Bern"}, "more")]):
            with pytest.raises(
                ConfigError, match=r"case 1: a case is .*, or a pair of a text and its record"
            ):
                evaluate(ex, Visit, wrong)
