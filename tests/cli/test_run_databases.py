"""`extractor run` from and to real databases: what goes in, what a table gets, and how a run goes on."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ended import Cli, Ended

from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply, slow, status
from tests.databases.places import Place, of_each_kind
from tests.loopback import Loopback, Weather, running
from tests.postgres import PASSWORD, PASSWORD_IN_URL, empty_database

ONE_KIND = pytest.mark.sampled(1)  # the flow is that of all databases: a run tries one, drawn anew each time
TYPES = """
from datetime import date
from pydantic import BaseModel

class Visit(BaseModel):
    town: str
    day: date

class Echo(BaseModel):
    checksum: int
    length: int
"""


@pytest.fixture(params=of_each_kind)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A database of each kind in turn, with six mails in it."""
    kind: str = request.param
    server = kind == "postgresql"
    url = (
        empty_database(request.getfixturevalue("postgresql"))
        if server
        else f"{kind}:///{tmp_path}/the.{kind}"
    )
    place = Place(kind, url)
    towns = [*enumerate(["Basel", "Köln, am Rhein", "", "bad", "Bonn", "Bern"], 1)]
    place.do(
        "CREATE TABLE mails (id BIGINT PRIMARY KEY, body TEXT)",
        *(f"INSERT INTO mails VALUES ({i}, '{town}')" for i, town in towns),
    )
    return place


def asked(request: ReceivedRequest) -> str:
    text: str = json.loads(request.body)["messages"][-1]["content"]
    return text


def visit(request: ReceivedRequest) -> Scripted:
    text = asked(request)
    return status(400, "I do not read that.") if "bad" in text else reply({"town": text, "day": "2026-05-03"})


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(visit) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXTRACTOR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "visits.py").write_text(TYPES)
    return tmp_path


class Run:
    def __init__(self, cli: Cli, server: ChatServer) -> None:
        self.cli, self.server = cli, server

    def __call__(self, *arguments: object) -> Ended:
        ended = self.cli(
            *("run", "-t", "visits.py:Visit", "--base-url", self.server.base_url, "-m", "m", "-x", "body"),
            *arguments,
        )
        for secret in (PASSWORD, PASSWORD_IN_URL):
            assert secret not in ended.err + ended.out
        return ended


@pytest.fixture
def run(cli: Cli, server: ChatServer, folder: Path) -> Run:
    return Run(cli, server)


def member(place: Place, name: str) -> str:
    return {
        "postgresql": f"visit ->> '{name}'",
        "sqlite": f"visit ->> '$.{name}'",
        "duckdb": f"visit.{name}::VARCHAR",
    }[place.kind]


def towns(place: Place, table: str = "visits") -> list[Any]:
    return place.rows(f"SELECT id, {member(place, 'town')} FROM {table} ORDER BY id")


READ = [(1, "Basel"), (2, "Köln, am Rhein"), (3, None), (4, None), (5, "Bonn"), (6, "Bern")]


# -- in and out


@pytest.mark.slow
def test_a_table_goes_into_another_one_of_the_same_database(run: Run, place: Place) -> None:
    end = run(place.url, "--table", "mails", "-o", place.url, "--into", "visits", "--batch-rows", "2")
    assert end.status == 1, end.err
    assert "6 of 6 rows, 4 ok, 1 failed, 1 empty" in end.err
    assert towns(place) == READ
    days = place.rows(f"SELECT {member(place, 'day')} FROM visits WHERE id = 1")
    assert days == [("2026-05-03",)]
    assert place.rows("SELECT count(*) FROM visits WHERE visit_error IS NOT NULL") == [(1,)]
    assert place.rows("SELECT count(DISTINCT visit_schema) FROM visits") == [(1,)]
    assert place.count("mails") == 6


def test_a_date_that_python_has_not_fails_its_row_alone(run: Run, folder: Path) -> None:
    query = "SELECT unnest(['Basel', 'Bonn']) AS body, unnest(['infinity', '2026-05-03'])::DATE AS day"
    end = run("duckdb://", "--query", query, "-o", "out.jsonl")
    assert end.status == 1, end.err
    first, second = map(json.loads, (folder / "out.jsonl").read_text().splitlines())
    assert (first["visit"], first["visit_error"]["kind"]) == (None, "input")
    assert "'day'" in first["visit_error"]["message"]
    assert (second["day"], second["visit"]["town"]) == ("2026-05-03", "Bonn")


@pytest.mark.slow
def test_half_of_a_character_in_json_stops_no_run(run: Run, place: Place, folder: Path) -> None:
    lines = [{"id": 1, "body": "Basel", "note": "half \ud83d"}, {"id": 2, "body": "Bonn", "note": "whole"}]
    (folder / "half.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert run("half.jsonl", "-o", place.url, "--into", "visits", "--limit", "1").status == 0
    assert run("half.jsonl", "-o", place.url, "--into", "visits", "--resume").status == 0
    assert place.rows("SELECT id, note FROM visits ORDER BY id") == [(1, "half ?"), (2, "whole")]


@pytest.mark.slow
def test_a_query_goes_into_a_file_and_a_file_into_a_table(run: Run, place: Place, folder: Path) -> None:
    query = "SELECT id, body FROM mails WHERE id <> 4 ORDER BY id DESC"
    assert run(place.url, "--query", query, "-o", "out.jsonl").status == 0
    rows = [json.loads(line) for line in (folder / "out.jsonl").read_text("utf-8").splitlines()]
    assert [row["id"] for row in rows] == [6, 5, 3, 2, 1]
    (folder / "in.csv").write_text("id,body\n7,Genf\n8,\n")
    assert run("in.csv", "-o", place.url, "--into", "visits", "--flatten").status == 0
    assert place.rows("SELECT id, town, CAST(day AS VARCHAR) FROM visits ORDER BY id") == [
        ("7", "Genf", "2026-05-03"),
        ("8", None, None),
    ]


@pytest.mark.slow
def test_an_input_without_types_takes_those_of_the_table_that_is_there(
    run: Run, place: Place, folder: Path
) -> None:
    end = run(place.url, "--table", "mails", "-o", place.url, "--into", "visits", "--key", "id")
    assert end.status == 1
    (folder / "more.csv").write_text("id,body\n7,Genf\nseven,Genf\n")
    end = run("more.csv", "-o", place.url, "--into", "visits", "--key", "id")
    assert end.status == 1
    assert "1 rows are not in the table visits" in end.err
    assert "row 2: id: " in end.err
    assert towns(place)[-1] == (7, "Genf")


@ONE_KIND
@pytest.mark.slow
def test_limit_and_sample_take_some_rows(run: Run, place: Place) -> None:
    assert [line["id"] for line in run(place.url, "--table", "mails", "--limit", "2").lines] == [1, 2]
    assert len(run(place.url, "--table", "mails", "--sample", "3").lines) == 3
    end = run(place.url, "--table", "mails", "--dry-run")
    assert "6 rows: 1 without text" in end.out


@ONE_KIND
@pytest.mark.slow
def test_a_row_that_fails_is_asked_again_in_place(run: Run, place: Place) -> None:
    run.server.play(lambda request: status(400, "no") if "Bern" in asked(request) else visit(request))
    arguments = (place.url, "--table", "mails", "-o", place.url, "--into", "visits", "--key", "id")
    assert run(*arguments).status == 1
    assert towns(place)[-1] == (6, None)
    run.server.play(visit)
    end = run(*arguments, "--retry-failed")
    assert end.status == 1
    assert towns(place) == READ
    assert place.count("visits") == 6


# -- what cannot work


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("URL", "-x", "body"), "Name them with --table or --query"),
        (("URL", "--table", "a", "--query", "SELECT 1"), "Name them with --table or --query"),
        (("URL", "--table", "nowhere"), "nowhere"),
        (("URL", "--query", "SELECT body AS a FROM mails"), "no column 'body'"),
        (("URL", "--table", "mails", "-o", "URL"), "Name it with --into"),
        (("URL", "--table", "mails", "-o", "URL", "--into", "mails"), "would be added to mails"),
        (
            ("URL", "--table", "mails", "-o", "URL", "--into", "a", "--key", "nr"),
            "not one of the columns id, body",
        ),
        (("URL", "--table", "mails", "-o", "URL", "--into", "other"), "has no column 'body'"),
        (("URL", "--table", "mails", "-o", "URL", "--into", "a", "--retry-failed"), "name their --key"),
        (("in.csv", "--table", "mails"), "INPUT that is a database"),
        (("in.csv", "-o", "out.csv", "--into", "mails"), "OUTPUT that is a database"),
        (("q.jsonl", "-o", "URL", "--into", "a", "--quarantine", "q.jsonl", "--append"), "name its --key"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_asked(
    arguments: tuple[str, ...], why: str, run: Run, place: Place, folder: Path
) -> None:
    (folder / "in.csv").write_text("id,body\n1,Basel\n")
    (folder / "q.jsonl").write_text("")
    place.do("CREATE TABLE other (id BIGINT)")
    end = run(*(place.url if each == "URL" else each for each in arguments))
    assert end.status == 2, end.err
    assert why in re.sub(r"\s+", " ", end.err)
    assert not run.server.requests
    assert place.count("a") == 0


@ONE_KIND
@pytest.mark.slow
def test_rows_of_another_version_of_the_type_are_not_mixed_in(run: Run, place: Place, folder: Path) -> None:
    arguments = (place.url, "--table", "mails", "-o", place.url, "--into", "visits", "--key", "id")
    assert run(*arguments, "--limit", "1").status == 0
    (folder / "later.py").write_text(TYPES.replace("day: date", "day: str"))
    asked_before = len(run.server.requests)
    end = run(*arguments, "-t", "later.py:Visit")
    assert end.status == 2
    said = re.sub(r"\s+", " ", end.err)
    assert "the table visits was written for another version of Visit" in said
    assert "another table, with --into" in said
    assert "/day" in said
    assert len(run.server.requests) == asked_before


# -- going on


@ONE_KIND
@pytest.mark.slow
def test_a_run_that_appends_is_not_written_twice_by_chance(run: Run, place: Place) -> None:
    arguments = (place.url, "--table", "mails", "-o", place.url, "--into", "visits")
    assert run(*arguments, "--limit", "3").status == 0
    end = run(*arguments)
    assert end.status == 2
    assert "3 rows of this run are already in visits: --resume adds the missing ones" in end.err
    assert run(*arguments, "--resume").status == 1
    assert towns(place) == READ
    assert run(*arguments, "--resume").status == 0
    assert place.count("visits") == 6
    assert run(*arguments, "--append").status == 1
    assert place.count("visits") == 12


@pytest.mark.slow
def test_a_run_that_stops_says_how_to_go_on_without_the_password(
    cli: Cli, folder: Path, place: Place
) -> None:
    def first_then_no(request: ReceivedRequest) -> Scripted:
        return visit(request) if "Basel" in asked(request) else status(401, "no such key")

    with ChatServer(first_then_no) as server:
        run = Run(cli, server)
        end = run(place.url, "--table", "mails", "-o", place.url, "--into", "visits", "--concurrency", "1")
        assert end.status == 2
        assert "Finished rows are in the table visits" in end.err
        command = shlex.split(end.err.splitlines()[-1])
        assert command[-1] == "--resume"
        assert towns(place) == READ[:1]
        server.play(visit)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PGPASSWORD", PASSWORD)
            assert cli(*command[1:]).status == 1
    assert towns(place) == READ


@ONE_KIND
@pytest.mark.slow
def test_an_input_that_has_changed_is_not_gone_on_with(run: Run, place: Place) -> None:
    arguments = (place.url, "--table", "mails", "-o", place.url, "--into", "visits")
    run(*arguments, "--limit", "3")
    place.do("UPDATE mails SET body = 'Chur' WHERE id = 2")
    end = run(*arguments, "--resume")
    assert end.status == 2
    assert "does not begin with the 3 rows that are already written" in re.sub(r"\s+", " ", end.err)


def test_a_database_that_goes_away_stops_the_run_which_is_gone_on_with(
    run: Run, postgresql: str, folder: Path
) -> None:
    place, admin = Place("postgresql", empty_database(postgresql)), Place("postgresql", postgresql)
    (folder / "in.jsonl").write_text("".join(f'{{"id": {i}, "body": "town {i}"}}\n' for i in range(9)))
    allow = f"ALTER DATABASE {place.database} ALLOW_CONNECTIONS"
    lost = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{place.database}'"

    def then_gone(request: ReceivedRequest) -> Scripted:
        if "town 5" in asked(request):
            admin.do(f"{allow} false", lost)
        return visit(request)

    run.server.play(then_gone)
    arguments = ("in.jsonl", "-o", place.url, "--into", "visits", "--batch-rows", "2", "--concurrency", "1")
    end = run(*arguments)
    assert end.status == 2
    assert "The run did not finish: " in end.err
    assert end.err.splitlines()[-1].endswith("--resume")
    admin.do(f"{allow} true")
    before = place.count("visits")
    assert before in (2, 4)
    run.server.play(visit)
    assert run(*arguments, "--resume").status == 0
    assert towns(place) == [(i, f"town {i}") for i in range(9)]


# -- a quarantine


@ONE_KIND
@pytest.mark.slow
def test_rows_without_a_record_stay_out_of_the_table_and_come_in_once_they_are_mended(
    run: Run, place: Place, folder: Path
) -> None:
    arguments = ("-o", place.url, "--into", "visits", "--batch-rows", "2", "--quarantine", "bad.jsonl")
    end = run(place.url, "--table", "mails", *arguments)
    assert end.status == 1
    assert "bad.jsonl holds 2 of the rows" in end.err
    good = [row for row in READ if row[1]]
    assert towns(place) == good
    lines = [json.loads(line) for line in (folder / "bad.jsonl").read_text().splitlines()]
    assert [(line["index"], line["input"]["id"], line["error"]["kind"]) for line in lines] == [
        (2, 3, "no_text"),
        (3, 4, "status"),
    ]
    command = shlex.split(end.err.splitlines()[-1])
    mended = [{**line, "input": {**line["input"], "body": "Genf"}} for line in lines]
    (folder / "bad.jsonl").write_text("".join(json.dumps(line) + "\n" for line in mended))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", PASSWORD)
        end = run.cli(*command[1:])
        again = run.cli(*command[1:])
        estimated = run.cli(*command[1:], "--dry-run")
    assert end.status == 0, end.err
    assert again.status == estimated.status == 2
    told = re.sub(r"\s+", " ", again.err)
    assert "these 2 rows of a quarantine were put into visits before, and would be there twice" in told
    assert towns(place) == sorted([*good, (3, "Genf"), (4, "Genf")])


@pytest.mark.slow
def test_with_a_key_a_quarantine_is_emptied_into_the_table(run: Run, place: Place, folder: Path) -> None:
    arguments = ("-o", place.url, "--into", "visits", "--key", "id", "--quarantine", "bad.jsonl")
    run(place.url, "--table", "mails", *arguments)
    run.server.play(lambda request: reply({"town": "Genf", "day": "2026-05-03"}))
    end = run("bad.jsonl", *arguments, "--append", "--retry-failed")
    assert end.status == 0, end.err
    assert [json.loads(line)["input"]["id"] for line in (folder / "bad.jsonl").read_text().splitlines()] == [
        3
    ]
    assert (4, "Genf") in towns(place)


def test_a_database_that_goes_away_stops_the_run_and_leaves_a_drained_quarantine_as_it_was(
    run: Run, postgresql: str, folder: Path
) -> None:
    place = Place("postgresql", empty_database(postgresql))
    admin = Place("postgresql", postgresql)
    (folder / "in.jsonl").write_text("".join(f'{{"id": {i}, "body": "bad {i}"}}\n' for i in range(4)))
    arguments = ("-o", place.url, "--into", "visits", "--key", "id", "--quarantine", "bad.jsonl")
    assert run("in.jsonl", *arguments).status == 1
    held = (folder / "bad.jsonl").read_text()
    allow = f"ALTER DATABASE {place.database} ALLOW_CONNECTIONS"

    def then_gone(request: ReceivedRequest) -> Scripted:
        if "bad 2" in asked(request):
            gone = (
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{place.database}'"
            )
            admin.do(f"{allow} false", gone)
        return reply({"town": "Genf", "day": "2026-05-03"})

    run.server.play(then_gone)
    drain = ("bad.jsonl", *arguments, "--append", "--retry-failed", "--batch-rows", "1", "--concurrency", "1")
    end = run(*drain)
    assert end.status == 2
    said = re.sub(r"\s+", " ", end.err)
    assert "not currently accepting connections" in said
    assert "bad.jsonl has not changed" in said
    assert (folder / "bad.jsonl").read_text() == held
    admin.do(f"{allow} true")
    run.server.play(lambda request: reply({"town": "Genf", "day": "2026-05-03"}))
    assert run(*drain).status == 0
    assert towns(place) == [(i, "Genf") for i in range(4)]
    assert (folder / "bad.jsonl").read_text() == ""


@ONE_KIND
@pytest.mark.slow
def test_a_crash_between_quarantine_and_table_holds_no_row_twice(
    run: Run, place: Place, folder: Path
) -> None:
    arguments = (place.url, "--table", "mails", "-o", place.url, "--into", "visits")
    quarantine = ("--quarantine", "bad.jsonl")
    run(*arguments, *quarantine)
    lines = (folder / "bad.jsonl").read_text()
    place.do("DELETE FROM visits", "UPDATE _extractor_runs SET rows_done = 0, digest = ''")
    (folder / "bad.jsonl").write_text(lines + lines[:40])  # and the end of a line that was being written
    assert run(*arguments, *quarantine, "--resume").status == 1
    again = [json.loads(line) for line in (folder / "bad.jsonl").read_text().splitlines()]
    assert [line["index"] for line in again] == [2, 3]
    assert towns(place) == [row for row in READ if row[1]]
    assert "bad.jsonl: 2 rows" in run(*arguments, *quarantine, "--resume").err


@ONE_KIND
@pytest.mark.slow
def test_a_line_of_a_quarantine_that_is_broken_by_hand_is_not_lost(
    run: Run, place: Place, folder: Path
) -> None:
    arguments = (place.url, "--table", "mails", "-o", place.url, "--into", "visits")
    quarantine = ("--quarantine", "bad.jsonl")
    (folder / "bad.jsonl").touch(0o644)
    run(*arguments, *quarantine)
    assert stat.S_IMODE((folder / "bad.jsonl").stat().st_mode) == 0o600
    broken = "{" + (folder / "bad.jsonl").read_text()
    (folder / "bad.jsonl").write_text(broken)
    end = run(*arguments, *quarantine, "--resume")
    assert end.status == 2
    assert "line 1 of bad.jsonl can't be read" in end.err
    assert (folder / "bad.jsonl").read_text() == broken


# -- rows that a database does not take


def test_a_record_that_postgresql_cannot_hold_is_the_rows_error(
    run: Run, postgresql: str, folder: Path
) -> None:
    place = Place("postgresql", empty_database(postgresql))
    run.server.play(lambda request: reply({"town": asked(request) + "\0", "day": "2026-05-03"})
                    if "Bonn" in asked(request) else visit(request))  # fmt: skip
    (folder / "in.jsonl").write_text(
        '{"id": 1, "body": "Basel"}\n{"id": 2, "body": "Bonn"}\n{"id": 3, "body": "Bern\\u0000"}\n'
    )
    end = run("in.jsonl", "-o", place.url, "--into", "visits")
    assert end.status == 1
    assert "1 records were not written to the table visits" in end.err
    assert "1 rows are not in the table visits" in end.err
    assert "row 3: " in end.err
    assert towns(place) == [(1, "Basel"), (2, None)]
    (why,) = place.rows("SELECT visit_error ->> 'message' FROM visits WHERE id = 2")
    assert "0000" in why[0] or "Unicode" in why[0]
    end = run("in.jsonl", "-o", place.url, "--into", "other", "--quarantine", "bad.jsonl")
    assert end.status == 1
    assert [json.loads(line)["index"] for line in (folder / "bad.jsonl").read_text().splitlines()] == [1, 2]
    assert towns(place, "other") == [(1, "Basel")]


# -- crashes


@pytest.fixture
def busy() -> Iterator[Loopback]:
    with running(Weather(latency=0.05)) as server:
        yield server


@pytest.mark.crash
@pytest.mark.sampled(1)
@pytest.mark.parametrize("key", [(), ("--key", "id")], ids=["append", "upsert"])
def test_killed_twice_and_resumed_every_row_is_in_the_table_once(
    key: tuple[str, ...], place: Place, busy: Loopback, folder: Path
) -> None:
    rows, size, in_flight, chance = 900, 20, 32, random.Random(1)
    (folder / "in.jsonl").write_text(
        "".join(json.dumps({"id": i, "body": f"This is row {i}."}) + "\n" for i in range(rows))
    )
    command = [sys.executable, "-m", "extractor", "run", "in.jsonl", "-t", "visits.py:Echo", "-x", "body"]
    command += ["-o", place.url, "--into", "echoes", "--batch-rows", str(size), *key, "--resume"]
    command += ["--base-url", busy.base_url, "-m", "m", "--concurrency", str(in_flight)]
    environ = {**os.environ, "OPENAI_API_KEY": "k"}
    for nth in range(2):
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environ) as process:
            while busy.stats()["distinct"] < rows * (nth + 1) / 3 and process.poll() is None:
                time.sleep(0.02)
            time.sleep(chance.random() * 0.1)
            process.kill()
        assert place.count("echoes") % size == 0
    assert 0 < place.count("echoes") < rows
    ended = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    assert ended.returncode == 0, ended.stderr
    assert PASSWORD_IN_URL not in ended.stderr
    found = place.rows(
        "SELECT count(*), count(DISTINCT id), min(id), max(id) FROM echoes WHERE echo IS NOT NULL"
    )
    assert found == [(rows, rows, 0, rows - 1)]
    assert busy.stats()["repeated"] <= 2 * in_flight


@pytest.mark.crash
def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(folder: Path) -> None:
    place = Place("sqlite", f"sqlite:///{folder}/out.db")
    (folder / "in.jsonl").write_text(
        "".join(json.dumps({"id": i, "body": f"row {i}"}) + "\n" for i in range(40))
    )
    seen = threading.Event()

    def answer(request: ReceivedRequest) -> Scripted:
        if "row 9" in asked(request):
            seen.set()
        return slow(visit(request), latency=0.05)

    environ = {**os.environ, "OPENAI_API_KEY": "k"}
    with ChatServer(answer) as server:
        command = [
            sys.executable,
            "-m",
            "extractor",
            "run",
            "in.jsonl",
            "-t",
            "visits.py:Visit",
            "-x",
            "body",
        ]
        command += ["-o", place.url, "--into", "visits", "--base-url", server.base_url, "-m", "m"]
        process = subprocess.Popen(
            [*command, "--concurrency", "2"], stderr=subprocess.PIPE, text=True, env=environ
        )
        assert seen.wait(60)
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=60)[1]
        assert process.returncode == 130, err
        done = place.rows("SELECT id FROM visits ORDER BY id")
        assert done == [(i,) for i in range(len(done))]
        assert len(done) >= 5
        again = shlex.split(err.splitlines()[-1])
        assert again[-1] == "--resume"
        ended = subprocess.run([sys.executable, "-m", *again], env=environ, capture_output=True, check=False)
        assert ended.returncode == 0, ended.stderr
        assert place.rows("SELECT count(*), count(DISTINCT id) FROM visits") == [(40, 40)]
        assert len(server.requests) <= 40 + 2
