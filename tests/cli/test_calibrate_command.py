"""`extractor calibrate`, whole: labelled texts in, figures, a plot and a calibration out."""

from __future__ import annotations

import json
import math
import re
import stat
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ended import Cli

from extractor.loading import load_type
from extractor.schema import compile_schema
from extractor.testing import ChatServer, ReceivedRequest, Scripted, logprobs, reply
from extractor.tuned import Tuned

TYPES = """
from pydantic import BaseModel

class Visit(BaseModel):
    town: str
    guests: int
"""
TOWNS = ["Basel", "Bern", "Ulm", "Köln"]
TEXTS = 120


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXTRACTOR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "visits.py").write_text(TYPES)
    cases = ({"text": f"{i}: {TOWNS[i % 4]}, {i % 9} guests", "gold": gold(i)} for i in range(TEXTS))
    (tmp_path / "visits.jsonl").write_text("".join(f"{json.dumps(case)}\n" for case in cases))
    return tmp_path


def gold(i: int) -> dict[str, Any]:
    return {"town": TOWNS[i % 4], "guests": i % 9}


def overconfident(request: ReceivedRequest) -> Scripted:
    """Every second town is wrong; the model is rather sure of those, and surer of the right ones."""
    i = int(re.findall(r"(\d+): ", json.loads(request.body)["messages"][-1]["content"])[-1])
    wrong = i % 2 == 0
    town = TOWNS[(i + 1) % 4] if wrong else TOWNS[i % 4]
    return logprobs(reply({"town": town, "guests": i % 9}), {town: math.log(0.7 if wrong else 0.95)})


def calibrate(cli: Cli, server: ChatServer, *more: object) -> Any:
    where = ("--base-url", server.base_url, "--model", "m", "--journal", "j.db")
    return cli("calibrate", "visits.jsonl", "--type", "visits.py:Visit", *where, *more)


def second(request: ReceivedRequest, right: bool) -> Scripted:
    """It is asked for doubtful members alone, and always right about the town, or always wrong."""
    i = int(re.findall(r"(\d+): ", request.json["messages"][-1]["content"])[-1])
    asked = request.json["response_format"]["json_schema"]["schema"]["properties"]
    said = {"town": TOWNS[i % 4] if right else "Rome", "guests": i % 9}
    return reply({name: said[name] for name in asked})


def figures(out: str) -> dict[str, list[float]]:
    rows = re.findall(r"│ ([\w -]+?) +│ +([\d.]+) │ +([\d.]+)% │", out)
    return {name: [float(error), float(caught)] for name, error, caught in rows}


@pytest.mark.slow
def test_the_error_on_the_held_out_half_falls_and_nothing_is_paid_for_twice(cli: Cli, folder: Path) -> None:
    pytest.importorskip("sklearn", reason="needs the `calibrate` extra")
    with ChatServer(overconfident) as server:
        ended = calibrate(cli, server, "-o", "c.json", "--plot", "plot.svg")
        asked = len(server.requests)
        again = calibrate(cli, server, "-o", "c.json", "--method", "platt", "--plot", "plot.html")
        assert len(server.requests) == asked == TEXTS
    assert (ended.status, again.status) == (0, 0), ended.err + again.err
    found = figures(ended.out)
    assert list(found) == ["mean log-probability", "score", "calibrated"]
    assert found["calibrated"][0] < 0.05 < found["score"][0]
    assert found["calibrated"][1] > 50  # a quarter of the values is wrong, a fifth is looked at
    assert "119" not in ended.out
    assert "120 values of 60 texts" in ended.out
    told = json.loads((folder / "c.json").read_text())
    assert (told["method"], told["model"], told["texts"]) == ("platt", "m", 60)
    assert stat.S_IMODE((folder / "c.json").stat().st_mode) == 0o600
    assert ElementTree.parse(folder / "plot.svg").getroot().tag.endswith("svg")
    assert "<svg" in (folder / "plot.html").read_text()


@pytest.mark.slow
def test_the_file_serves_extract_and_run(cli: Cli, folder: Path) -> None:
    pytest.importorskip("sklearn", reason="needs the `calibrate` extra")
    (folder / "mail.txt").write_text("1: Bern, 1 guests")
    (folder / "mails.jsonl").write_text('{"body": "2: Ulm, 2 guests"}\n')
    with ChatServer(overconfident) as server:
        assert calibrate(cli, server).status == 0
        where = ("--base-url", server.base_url, "--model", "m", "--type", "visits.py:Visit")
        extract = cli("extract", "mail.txt", *where, "--calibration", "calibration.json")
        run = cli("run", "mails.jsonl", "-x", "body", *where, "--calibration", "calibration.json")
    (line,) = extract.lines
    assert line["confidence"] == {"/town": 1.0, "/guests": 1.0}
    (row,) = run.lines
    assert {cell["pointer"]: cell["confidence"] < 0.2 for cell in row["visit_confidence"]} == {
        "/town": True,
        "/guests": False,
    }


@pytest.mark.slow
def test_too_few_labels_are_said_as_such(cli: Cli) -> None:
    pytest.importorskip("sklearn", reason="needs the `calibrate` extra")
    with ChatServer(overconfident) as server:
        ended = calibrate(cli, server, "--limit", "30")
    assert ended.status == 2
    assert "too few labels" in ended.err
    assert not Path("calibration.json").exists()


@pytest.mark.parametrize(
    ("more", "why"),
    [(("--method", "guess"), "isotonic or platt"), (("--plot", "plot.png"), "FILE.svg or FILE.html")],
)
def test_what_could_not_be_written_is_refused_before_anything_is_asked(
    cli: Cli, more: tuple[str, ...], why: str
) -> None:
    with ChatServer(overconfident) as server:
        ended = calibrate(cli, server, *more)
        assert (ended.status, len(server.requests)) == (2, 0)
    assert why in " ".join(ended.err.split())


@pytest.mark.slow
def test_a_promise_tells_from_which_score_on_values_are_right_and_where_gold_does_not_show_it(
    cli: Cli, folder: Path
) -> None:
    with ChatServer(overconfident) as server:
        ended = calibrate(cli, server, "--right", "0.9", "-o", "p.json")
    assert ended.status == 0, ended.err
    told = json.loads((folder / "p.json").read_text())["fields"]
    assert 0.3 < told["/town"]["threshold"] < 0.5  # what is not in the text is half as sure
    assert (told["/town"]["count"], told["/town"]["wrong"], told["/town"]["kept"]) == (60, 0, 0.5)
    assert "right in 90.0% of cases, each with 95% assurance" in ended.out


def test_a_share_of_1_cannot_be_promised(cli: Cli) -> None:
    ended = cli("calibrate", "visits.jsonl", "--type", "visits.py:Visit", "--right", "1", "-m", "m")
    assert ended.status == 2
    assert "right must be a share between 0 and 1, such as 0.97, not 1.0" in ended.err


@pytest.mark.slow
@pytest.mark.parametrize(("right", "status"), [(True, 0), (False, 1)])
def test_a_second_model_that_is_no_better_gets_no_promise(
    right: bool, status: int, cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer(overconfident) as first, ChatServer(lambda asked: second(asked, right)) as other:
        monkeypatch.setenv("OPENAI_BASE_URL", other.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "key")
        ended = calibrate(cli, first, "--right", "0.9", "--escalate", "openai:large")
        asked = len(other.requests)
        again = calibrate(cli, first, "--right", "0.9", "--escalate", "openai:large")
        assert (len(first.requests), len(other.requests)) == (TEXTS, asked)
    assert (ended.status, again.status) == (status, status), ended.err
    assert (folder / "promise.json").exists() == right
    verdict = "is better" if right else "is not better beyond chance"
    told = " ".join(ended.err.split())
    assert f"60 of 120 texts have doubtful values; there large {verdict}: value F1 50.0% before," in told
    assert (
        "difference +50.0% (+50.0% to +50.0%)" if right else "No file was written; without --escalate"
    ) in told


def test_a_second_model_without_a_promise_is_refused(cli: Cli) -> None:
    ended = cli("calibrate", "visits.jsonl", "--type", "visits.py:Visit", "--escalate", "openai:large")
    assert (ended.status, "--escalate needs --right" in ended.err) == (2, True)


@pytest.mark.slow
def test_a_tuned_model_is_calibrated_as_it_is_asked(cli: Cli, folder: Path) -> None:
    fingerprint = compile_schema(load_type("visits.py:Visit")).fingerprint
    (folder / "t.json").write_text(Tuned("m", fingerprint, "Towns are capitals.").to_json())
    with ChatServer(overconfident) as server:
        ended = calibrate(
            cli, server, "--right", "0.5", "--tuned", "t.json", "--temperature", "0.2", "-p", "n=1"
        )
        assert all(b"Towns are capitals." in request.body for request in server.requests)
        assert {(request.json["temperature"], request.json["n"]) for request in server.requests} == {(0.2, 1)}
    assert ended.status == 0, ended.err
