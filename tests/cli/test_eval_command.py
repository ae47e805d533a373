"""`extractor eval`, whole: labelled texts in, figures and a report out; two reports, and what changed."""

from __future__ import annotations

import json
import random
import re
import stat
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from ended import Cli

from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply, status

TYPES = """
from datetime import date
from pydantic import BaseModel

class Visit(BaseModel):
    town: str
    day: date | None
"""
CASES = [
    {
        "id": "basel",
        "text": "We were in Basel on 3 May 2026.",
        "gold": {"town": "Basel", "day": "2026-05-03"},
        "evidence": [{"path": "/town", "start": 11, "end": 16}, {"path": "/day", "start": 20, "end": 30}],
    },
    {"id": "bern", "text": "Bern was quiet.", "gold": {"town": "Bern", "day": None}},
    {"id": "ulm", "text": "Ulm was loud.", "gold": {"town": "Ulm", "day": None}},
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "visits.py").write_text(TYPES)
    write(tmp_path / "visits.jsonl", CASES)
    return tmp_path


def write(path: Path, lines: list[Any]) -> None:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def by_town(**found: Any) -> Any:
    """Answer with what is said for the town that the text names; refuse where nothing is."""

    def answer(request: ReceivedRequest) -> Scripted:
        text = json.loads(request.body)["messages"][-1]["content"]
        known = (record for town, record in found.items() if town in text)
        record = next(known, None)
        return reply(record) if record else status(400, "I do not read that.")

    return answer


def run(cli: Cli, answer: Any, *more: str) -> Any:
    with ChatServer(answer) as server:  # its port, and so its answers in the journal, may come again
        where = ("--base-url", server.base_url, "--model", "m", "--journal", f"{uuid4()}.db")
        return cli("eval", "visits.jsonl", "--type", "visits.py:Visit", *where, *more)


GOOD = {
    "Basel": {"town": "Basel", "day": "2026-05-03"},
    "Bern": {"town": "Bern", "day": None},
    "Ulm": {"town": "Ulm", "day": None},
}
POOR = {"Basel": {"town": "Basel", "day": None}, "Bern": {"town": "Bern", "day": "2026-01-01"}}


def figures(out: str) -> dict[str, str]:
    """Return the figures of the first table by name."""
    rows = (re.split(r" *│ *", line.strip("│ ")) for line in out.splitlines() if line.startswith("│"))
    return {row[0]: row[1] for row in rows}


def test_all_right_is_100_percent_of_everything(cli: Cli, folder: Path) -> None:
    ended = run(cli, by_town(**GOOD))
    assert ended.status == 0
    told = figures(ended.out)
    names = ("valid on the first try", "value F1", "perfect records, strict", "span F1, exact", "grounded F1")
    assert {name: told[name] for name in names} == dict.fromkeys(names, "100.0%")
    assert told["requests a record"] == "1.0"


@pytest.mark.slow
def test_answers_are_kept_in_the_cache_folder_where_no_journal_is_named(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXTRACTOR_CACHE", str(folder / "cache"))
    with ChatServer(by_town(**GOOD)) as server:
        where = ("--base-url", server.base_url, "--model", "m")
        for _ in range(2):
            ended = cli("eval", "visits.jsonl", "--type", "visits.py:Visit", *where)
            assert ended.status == 0, ended.err
            assert figures(ended.out)["value F1"] == "100.0%"
        assert len(server.requests) == len(CASES)


def test_a_text_without_a_record_has_missed_everything(cli: Cli, folder: Path) -> None:
    ended = run(cli, by_town(**POOR), "--by-field")
    told = figures(ended.out)
    assert ended.status == 0
    assert "3 texts, 2 ok, 1 transport" in ended.out
    assert told["valid in the end"] == "66.7%"
    assert told["value F1"] == "57.1%"  # 2 x 2 right / (4 gold + 3 predicted)
    assert told["nulls left empty"] == "0.0%"
    assert told["perfect records"] == "0.0%"
    assert told["grounded F1"] == "66.7%"  # of two gold values with spans, the one that was found
    assert re.search(r"/town +│ +3 +│ +2 +│ +2 ", ended.out)


@pytest.mark.slow
def test_two_reports_are_compared_text_by_text(cli: Cli, folder: Path) -> None:
    run(cli, by_town(**POOR), "-o", "poor.json")
    run(cli, by_town(**GOOD), "-o", "good.json")
    assert stat.S_IMODE((folder / "good.json").stat().st_mode) == 0o600
    ended = cli("eval", "--compare", "poor.json", "good.json")
    assert ended.status == 0
    assert re.search(r"┃ +┃ +poor +┃ +good +┃ +difference", ended.out)  # one model: the files tell them apart
    assert re.search(r"value F1 +│ +57.1% +│ +100.0% +│ +\+42.9%", ended.out)
    assert re.search(r"ulm +│ transport → ok +│ +0 +│ +1 +│ /town", ended.out)
    assert re.search(r"basel +│ ok +│ +1 +│ +2 +│ /day", ended.out)


@pytest.mark.slow
def test_the_same_report_twice_has_no_text_that_changed(cli: Cli, folder: Path) -> None:
    run(cli, by_town(**GOOD), "-o", "good.json")
    assert "with another result" not in cli("eval", "--compare", "good.json", "good.json").out


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "it has no cases"),
        ([{"text": "a"}], 'line 1: a case is {"text"'),
        ([{"text": "a", "gold": {"town": 1}}], "line 1: the gold record does not fit the type"),
        ([CASES[0], CASES[0]], "the id 'basel' is used twice"),
        ([{**CASES[1], "evidence": [{"path": "/town", "start": 0, "end": 99}]}], "is not a span of the text"),
        ([{**CASES[1], "evidence": {"town": [0, 4]}}], "is not a span of the text"),
    ],
)
def test_what_is_no_case_is_told_before_anything_is_asked(
    cli: Cli, folder: Path, lines: list[Any], said: str
) -> None:
    write(folder / "visits.jsonl", lines)
    with ChatServer(by_town(**GOOD)) as server:
        ended = cli("eval", "visits.jsonl", "-t", "visits.py:Visit", "--base-url", server.base_url, "-m", "m")
        assert not server.requests
    assert ended.status == 2
    assert said in ended.err


def test_a_json_schema_does_as_a_record_type(cli: Cli, folder: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"town": {"type": "string"}, "day": {"type": ["string", "null"]}},
        "required": ["town", "day"],
    }
    (folder / "visit.json").write_text(json.dumps(schema))
    with ChatServer(by_town(**GOOD)) as server:
        where = ("--base-url", server.base_url, "--model", "m", "--journal", "own.db")
        ended = cli("eval", "visits.jsonl", "--schema", "visit.json", *where)
    assert figures(ended.out)["perfect records"] == "100.0%"


@pytest.mark.parametrize(
    "arguments", [(), ("visits.jsonl", "--compare", "a.json", "b.json")], ids=["neither", "both"]
)
def test_labelled_texts_or_two_reports_are_named(cli: Cli, folder: Path, arguments: tuple[str, ...]) -> None:
    ended = cli("eval", *arguments)
    assert ended.status == 2
    assert "name the labelled texts, or two reports" in " ".join(ended.err.replace("│", " ").split())


@pytest.mark.slow
def test_a_file_that_is_no_report_is_refused(cli: Cli, folder: Path) -> None:
    ended = cli("eval", "--compare", "visits.jsonl", "visits.py")
    assert (ended.status, "visits.jsonl is not a report of `extractor eval -o`" in ended.err) == (2, True)


@pytest.mark.slow
def test_values_in_other_words_count_as_right_where_they_are_read(cli: Cli, folder: Path) -> None:
    said = {**GOOD, "Bern": {"town": "Bern", "day": "N/A"}, "Ulm": {"town": "Ulm", "day": "N/A"}}
    assert figures(run(cli, by_town(**said)).out)["valid in the end"] == "33.3%"
    assert figures(run(cli, by_town(**said), "--read-values").out)["valid in the end"] == "100.0%"


# -- what came instead

KINDS = ["hotel", "inn", "tent"]
STAYS = """
from datetime import date
from typing import Literal
from pydantic import BaseModel

class Stay(BaseModel):
    town: str
    day: date | None
    kind: Literal["hotel", "inn", "tent"]
    nights: int
"""


def stays(count: int, seed: int) -> tuple[list[Any], dict[str, Any]]:
    """Return labelled texts, and for each its answer: gold with damages that a model might do to it."""
    rng = random.Random(seed)
    lines, answers = list[Any](), dict[str, Any]()
    for n in range(count):
        month, day = rng.randint(1, 12), rng.randint(1, 12)
        town = f"Town{n:03}"
        gold = {
            "town": town,
            "day": f"2026-{month:02}-{day:02}",
            "kind": rng.choice(KINDS),
            "nights": 7 + n % 3,
        }
        if rng.random() < 0.2:
            gold["day"] = None
        found = dict(gold)
        if gold["day"] and rng.random() < 0.4:
            found["day"] = rng.choice([None, f"2026-{day:02}-{month:02}"])
        if rng.random() < 0.3:
            found["kind"] = rng.choice(KINDS)
        if rng.random() < 0.3:
            found["nights"] = gold["nights"] * 10
        text = f"In {town} for {gold['nights']} nights."
        evidence = [{"pointer": "/town", "start": 3, "end": 10}]
        lines.append(
            {
                "id": town,
                "text": text,
                "record": gold,
                "evidence": evidence,
                "season": "hot" if n % 2 else "cold",
            }
        )
        if rng.random() < 0.9:
            answers[town] = found
    return lines, answers


def page_of(path: Path) -> Any:
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', path.read_text("utf-8"), re.S
    )
    assert found is not None
    return json.loads(found[1])


def evaluated(cli: Cli, folder: Path, name: str, seed: int, *more: str) -> tuple[list[Any], dict[str, Any]]:
    (folder / "stay.py").write_text(STAYS)
    lines, _ = stays(40, 1)
    _, answers = stays(40, seed)
    write(folder / "stays.jsonl", lines)
    with ChatServer(by_town(**answers)) as server:
        where = ("--base-url", server.base_url, "-m", "m", "--journal", f"{name}.db", "--name", name)
        ended = cli("eval", "stays.jsonl", "-t", "stay.py:Stay", *where, "-o", f"{name}.json", *more)
    assert ended.status == 0, ended.err
    return lines, answers


@pytest.mark.slow
def test_every_figure_of_the_page_is_that_of_the_raw_lines(cli: Cli, folder: Path) -> None:
    lines, answers = evaluated(cli, folder, "first", 1, "--slice", "season", "--html", "page.html")
    page = page_of(folder / "page.html")
    names = ["town", "day", "kind", "nights"]
    pairs = {line["id"]: (line["record"], answers.get(line["id"])) for line in lines}

    def counts(field: str, ids: Any) -> list[int]:
        """Count gold values, found ones, and those that are the same."""
        some = [(gold[field], (found or {}).get(field)) for gold, found in map(pairs.__getitem__, ids)]
        return [
            sum(gold is not None for gold, _ in some),
            sum(found is not None for _, found in some),
            sum(gold is not None and gold == found for gold, found in some),
        ]

    for row, name in zip(page["fields"], names, strict=True):
        gold, found, right = counts(name, pairs)
        (run,) = row["runs"]
        assert row["field"] == f"/{name}"
        assert (run["gold"], run["found"], run["right"]) == (gold, found, right)
        assert run["precision"] == pytest.approx(right / found)
        assert run["recall"] == pytest.approx(right / gold)
        assert run["f1"] == pytest.approx(2 * right / (gold + found))
        verdicts = run["verdicts"]
        missed = sum(g[name] is not None and (f is None or f[name] is None) for g, f in pairs.values())
        assert verdicts.get("missed", 0) == missed
        assert verdicts.get("wrong value", 0) == gold - right - missed
        nulls = [f for g, f in pairs.values() if g[name] is None]
        kept = sum(f is not None and f[name] is None for f in nulls)
        assert run["nulls"] == (pytest.approx(kept / len(nulls)) if nulls else None)
    total = [sum(each) for each in zip(*(counts(name, pairs) for name in names), strict=True)]
    shown = {each["name"]: each["values"][0]["value"] for each in page["figures"]}
    assert shown["value F1"] == pytest.approx(2 * total[2] / (total[0] + total[1]))
    assert shown["perfect records"] == pytest.approx(sum(g == f for g, f in pairs.values()) / 40)
    assert shown["valid in the end"] == len(answers) / 40
    placed = len(answers) + sum(f["nights"] == pairs[i][0]["nights"] for i, f in answers.items())
    assert shown["span F1, exact"] == pytest.approx(2 * len(answers) / (40 + placed))
    swapped = [i for i, (g, f) in pairs.items() if f and f["day"] and g["day"] and f["day"] != g["day"]]
    slips = {(each["field"], each["how"]): each for each in page["confusions"]}
    assert slips["/day", "day and month swapped"]["texts"] == swapped
    assert len(swapped) > 2
    tenfold = [i for i, (g, f) in pairs.items() if f and f["nights"] != g["nights"]]
    assert slips["/nights", "10 times too large"]["count"] == len(tenfold)
    assert sum(each["count"] for each in page["confusions"]) == sum(
        sum(row["runs"][0]["verdicts"].values()) for row in page["fields"]
    )
    (matrix,) = (each for each in page["matrices"] if each["field"] == "/kind")
    for kind, row in zip(matrix["rows"], matrix["counts"], strict=True):
        for found, count in zip(matrix["columns"], row, strict=True):
            told = None if found == "(nothing)" else found
            assert count == sum(
                g["kind"] == kind and (f or {"kind": None})["kind"] == told for g, f in pairs.values()
            )
    (season,) = page["slices"]
    for each in season["values"]:
        ids = [line["id"] for line in lines if line["season"] == each["value"]]
        sums = [sum(some) for some in zip(*(counts(name, ids) for name in names), strict=True)]
        assert each["texts"] == len(ids)
        assert each["runs"][0]["value"] == pytest.approx(2 * sums[2] / (sums[0] + sums[1]))
    for text, (identity, (gold, found)) in zip(page["texts"], pairs.items(), strict=True):
        assert (text["id"], text["text"]) == (identity, f"In {identity} for {gold['nights']} nights.")
        rows = {row["pointer"]: row for row in text["rows"]}
        assert rows["/nights"]["gold"] == str(gold["nights"])
        assert rows["/nights"]["runs"][0]["found"] == (None if found is None else str(found["nights"]))
        assert rows["/town"]["spans"] == [[3, 10]]
        assert rows["/town"]["runs"][0]["spans"] == ([[3, 10]] if found else [])
        if found:
            assert json.loads(text["runs"][0]["attempts"][-1]["reply"]) == found


@pytest.mark.slow
def test_two_reports_on_one_page_tell_which_values_turned(cli: Cli, folder: Path) -> None:
    lines, before = evaluated(cli, folder, "first", 1)
    _, after = evaluated(cli, folder, "second", 2)
    after = {name: {**record} for name, record in after.items()}
    ended = cli("eval", "--compare", "first.json", "second.json", "--html", "both.html")
    assert ended.status == 0
    page = page_of(folder / "both.html")
    assert [run["title"] for run in page["runs"]] == ["first", "second"]
    for row in page["fields"]:
        name = row["field"][1:]
        sides = []
        for line in lines:
            gold = line["record"][name]
            told = [answers.get(line["id"]) for answers in (before, after)]
            if gold is None:
                sides.append([found is None or found[name] is None for found in told])
            else:
                sides.append([found is not None and found[name] == gold for found in told])
        assert row["turned"] == {"right": sides.count([False, True]), "wrong": sides.count([True, False])}
        assert row["change"]["value"] == pytest.approx(row["runs"][1]["f1"] - row["runs"][0]["f1"])
        assert row["change"]["low"] <= row["change"]["value"] <= row["change"]["high"]
    changes = {each["name"]: each["change"] for each in page["figures"]}
    values = {each["name"]: [side["value"] for side in each["values"]] for each in page["figures"]}
    assert changes["value F1"]["value"] == pytest.approx(values["value F1"][1] - values["value F1"][0])


@pytest.mark.slow
def test_view_shows_a_report(cli: Cli, folder: Path) -> None:
    run(cli, by_town(**POOR), "-o", "poor.json", "--html", "poor.html")
    ended = cli("view", "poor.json", "-o", "viewed.html")
    assert ended.status == 0
    assert (folder / "viewed.html").read_bytes() == (folder / "poor.html").read_bytes()
    assert stat.S_IMODE((folder / "viewed.html").stat().st_mode) == 0o600


def test_what_it_was_asked_with_is_in_the_report(cli: Cli, folder: Path) -> None:
    more = (
        "--temperature",
        "0.5",
        "--seed",
        "7",
        "-p",
        "top_p=0.9",
        "--max-tokens",
        "99",
        "--prompt",
        "small",
    )
    run(cli, by_town(**GOOD), "-o", "good.json", "--name", "mine", "-i", "Be exact.", *more)
    report = json.loads((folder / "good.json").read_text())
    options = {name: value for name, value in report["options"].items() if name != "base_url"}
    assert report["name"] == "mine"
    assert options == {
        "temperature": 0.5,
        "seed": 7,
        "top_p": 0.9,
        "max_tokens": 99,
        "prompt": "small",
        "instructions": "Be exact.",
        "strict_reading": False,
        "read_values": False,
    }


@pytest.mark.slow
def test_an_evaluation_fails_below_a_figure_and_writes_what_ci_reads(cli: Cli, folder: Path) -> None:
    (folder / "summary.md").write_text("before\n")
    outputs = ("--junit", "eval.xml", "--summary", "summary.md")
    ended = run(cli, by_town(**POOR), "--fail-under", "0.9", "--fail-under", "precision=0.5", *outputs)
    assert ended.status == 1
    assert "Failed: value F1 is 57.1%, below 90.0%." in ended.err
    assert "precision" not in ended.err
    assert 'tests="5" failures="3" errors="1"' in (folder / "eval.xml").read_text()
    assert (folder / "summary.md").read_text().startswith("before\n### m: 3 texts\n")
    assert run(cli, by_town(**POOR), "--fail-under", "0.5").status == 0
    assert cli("eval", "visits.jsonl", "-t", "visits.py:Visit", "--fail-under", "90").status == 2


@pytest.mark.slow
def test_slips_and_slices_stand_in_the_shell_too(cli: Cli, folder: Path) -> None:
    write(folder / "visits.jsonl", [{**case, "land": "[b]CH[/b]"} for case in CASES])
    ended = run(cli, by_town(**POOR), "--slice", "land")
    assert re.search(r"/day +│ found, but gold has nothing +│ invented +│ +1 ", ended.out)
    assert "[b]CH[/b]" in ended.out


@pytest.mark.slow
def test_scoring_of_a_file_holds_and_is_refused_before_anything_is_asked(cli: Cli, folder: Path) -> None:
    (folder / "scoring.json").write_text('{"/day": {"ignore": true}}')
    assert figures(run(cli, by_town(**GOOD), "--scoring", "scoring.json").out)["precision"] == "100.0%"
    (folder / "scoring.json").write_text('{"/days": {"ignore": true}}')
    ended = run(cli, lambda request: pytest.fail("it was asked"), "--scoring", "scoring.json")
    assert (ended.status, "no gold record has a field '/days'" in ended.err) == (2, True)


def test_gold_may_name_the_file_of_its_text_below_its_own_folder(cli: Cli, folder: Path) -> None:
    (folder / "texts").mkdir()
    (folder / "texts" / "ulm.txt").write_text("Ulm was loud.")
    line = {"path": "texts/ulm.txt", "record": {"town": "Ulm", "day": None}}
    write(folder / "visits.jsonl", [line])
    assert figures(run(cli, by_town(**GOOD)).out)["perfect records"] == "100.0%"
    write(folder / "visits.jsonl", [{**line, "sha256": "0" * 64}])
    assert "its sha256 differs" in run(cli, by_town(**GOOD)).err
    write(folder / "visits.jsonl", [{**line, "path": "../ulm.txt"}])
    assert "is not below" in run(cli, by_town(**GOOD)).err
    write(folder / "visits.jsonl", [{**line, "path": "none.txt"}])
    assert "cannot read none.txt" in run(cli, by_town(**GOOD)).err


def test_what_was_answered_before_a_run_stopped_is_kept(cli: Cli, folder: Path) -> None:
    def until_ulm(request: ReceivedRequest) -> Scripted:
        return status(401) if b"Ulm" in request.body else by_town(**GOOD)(request)

    ended = run(cli, until_ulm, "-o", "part.json", "--concurrency", "1")
    assert ended.status == 2
    assert "The evaluation did not finish" in ended.err
    report = json.loads((folder / "part.json").read_text())
    assert ([each["id"] for each in report["records"]], report["complete"]) == (["basel", "bern"], False)


@pytest.mark.slow
def test_a_report_tells_no_key(cli: Cli, folder: Path) -> None:
    secret = ("-p", "api_key=sk-very-secret", "-p", 'extra_headers={"X-Key": "sk-very-secret"}')
    run(cli, by_town(**GOOD), "-o", "good.json", "--html", "good.html", *secret)
    for name in ("good.json", "good.html"):
        assert "sk-very-secret" not in (folder / name).read_text()


def test_an_evaluation_of_two_models_is_called_by_both(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    more = ("--escalate", "openai:large", "--below", "0.1", "-o", "r.json")
    ended = run(cli, by_town(**GOOD), *more)
    assert ended.status == 0, ended.err
    assert json.loads((folder / "r.json").read_text())["name"] == "m, then openai:large"
    named = run(cli, by_town(**GOOD), *more, "--name", "both")
    assert (named.status, json.loads((folder / "r.json").read_text())["name"]) == (0, "both")
