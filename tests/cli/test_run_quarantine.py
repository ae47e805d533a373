"""`extractor run --quarantine`: good rows here, the others there, and back again once they are mended."""

from __future__ import annotations

import csv
import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ended import Cli
from hypothesis import given, settings
from hypothesis import strategies as st
from visits import TYPES, Run, asked, read, visit, write

from extractor.bulk.quarantine import line_of
from extractor.cli.commands import feeding_again
from extractor.tables.columns import typed
from extractor.tables.placed import placed
from extractor.tables.table import BadRow
from extractor.tables.values import plain
from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply, slow, status

TOWNS = ["Basel", "bad Bern", "", "Bonn", "lost", "Köln"]
ROWS = [{"id": str(i), "body": town} for i, town in enumerate(TOWNS)]
MISSING = [1, 2, 4]  # one that fails, one without text, one without a record


class Service:
    """Answers as `visit` does, and wrongly to "lost", until it is mended."""

    mended = False

    def __call__(self, request: ReceivedRequest) -> Scripted:
        text = asked(request).removeprefix("bad ") if self.mended else asked(request)
        if b"lost" in request.body and not self.mended:  # repairs are asked for in other words
            return reply({"town": "Loos", "day": "never"})
        return reply({"town": text, "day": "2026-05-03"}) if self.mended else visit(request)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def server(service: Service) -> Iterator[ChatServer]:
    with ChatServer(service) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXTRACTOR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "visits.py").write_text(TYPES)
    for kind in ("csv", "jsonl", "parquet"):
        write(tmp_path / f"in.{kind}", ROWS)
    return tmp_path


@pytest.fixture
def run(cli: Cli, server: ChatServer, folder: Path) -> Run:
    return Run(cli, server)


def ids(path: Path) -> list[int]:
    return [int(row["id"]) for row in read(path)]


def test_good_rows_go_to_the_output_and_the_others_with_all_that_is_known_to_the_quarantine(
    run: Run, folder: Path
) -> None:
    end = run("in.csv", "-x", "body", "-o", "good.jsonl", "--quarantine", "bad.jsonl")
    assert end.status == 1
    assert ids(folder / "good.jsonl") == [0, 3, 5]
    assert all(row["visit"] and not row["visit_error"] for row in read(folder / "good.jsonl"))
    refused, empty, invalid = read(folder / "bad.jsonl")
    assert [refused["index"], empty["index"], invalid["index"]] == MISSING
    assert [line["input"] for line in (refused, empty, invalid)] == [ROWS[i] for i in MISSING]
    assert (refused["error"]["kind"], refused["error"]["http_status"]) == ("status", 400)
    assert refused["attempts"][0]["failure"]["message"] == "I do not read <that>."
    assert (empty["error"]["kind"], empty["attempts"]) == ("no_text", [])
    assert invalid["error"]["kind"] == "invalid"
    assert invalid["error"]["problems"][0]["pointer"] == "/day"
    assert invalid["error"]["attempts"] == len(invalid["attempts"]) > 1
    assert json.loads(invalid["attempts"][0]["text"]) == {"town": "Loos", "day": "never"}
    assert invalid["attempts"][0]["problems"][0]["value"] == "never"
    assert invalid["schema"] == read(folder / "good.jsonl")[0]["visit_schema"]
    assert stat.S_IMODE((folder / "bad.jsonl").stat().st_mode) == 0o600
    assert end.err.splitlines()[-1].strip() == invalid["again"]


@pytest.mark.slow
@pytest.mark.parametrize("source", ["in.csv", "in.jsonl", "in.parquet"])
@pytest.mark.parametrize("output", ["good.csv", "good.jsonl", "good.parquet"])
def test_a_quarantine_that_is_fed_again_after_a_fix_gives_exactly_the_missing_rows(
    source: str, output: str, run: Run, folder: Path, service: Service
) -> None:
    run(source, "-x", "body", "-o", output, "--quarantine", "bad.jsonl", "--row-id", "n")
    before = len(run.server.requests)
    service.mended = True
    again = shlex.split(read(folder / "bad.jsonl")[0]["again"])
    assert run.cli(*again[1:]).status == 0
    assert ids(folder / output) == [0, 3, 5, 1, 4]
    assert [int(row["n"]) for row in read(folder / output)] == [0, 3, 5, 1, 4]
    assert [line["index"] for line in read(folder / "bad.jsonl")] == [2], "what has no text has none still"
    assert len(run.server.requests) == before + 2
    assert run.cli(*again[1:]).status == 0
    assert ids(folder / output) == [0, 3, 5, 1, 4], "fed once more, no row is doubled"
    assert len(run.server.requests) == before + 2


@pytest.mark.slow
@pytest.mark.parametrize("output", ["good.csv", "good.jsonl", "good.parquet"])
def test_rows_with_an_id_are_added_once_even_where_the_machine_died_before_they_left_the_quarantine(
    output: str, run: Run, folder: Path, service: Service
) -> None:
    run("in.csv", "-x", "body", "-o", output, "--quarantine", "bad.jsonl", "--row-id", "n")
    held = (folder / "bad.jsonl").read_bytes()
    service.mended = True
    again = shlex.split(read(folder / "bad.jsonl")[0]["again"])[1:]
    assert run.cli(*again).status == 0
    (folder / "bad.jsonl").write_bytes(held)  # as it was before
    assert run.cli(*again).status == 0
    assert ids(folder / output) == [0, 3, 5, 1, 4]
    assert [line["index"] for line in read(folder / "bad.jsonl")] == [2]


def test_the_missing_rows_come_to_a_file_of_their_own_if_that_is_wanted(
    run: Run, folder: Path, service: Service
) -> None:
    run("in.csv", "-x", "body", "-o", "good.csv", "--quarantine", "bad.jsonl")
    held = (folder / "bad.jsonl").read_bytes()
    service.mended = True
    assert run("bad.jsonl", "-x", "body", "-o", "missing.csv", "--retry-failed").status == 0
    assert ids(folder / "missing.csv") == MISSING
    assert list(read(folder / "missing.csv")[0]) == list(read(folder / "good.csv")[0])
    assert (folder / "bad.jsonl").read_bytes() == held


def test_a_row_is_mended_in_the_quarantine_itself(run: Run, folder: Path) -> None:
    (folder / "in.jsonl").write_text('{"id": "0", "body": "Basel"}\n{"id": "1", "body": Bern}\n')
    run("in.jsonl", "-x", "body", "-o", "good.jsonl", "--quarantine", "bad.jsonl")
    (line,) = read(folder / "bad.jsonl")
    assert line["input"] == '{"id": "1", "body": Bern}'
    write(folder / "bad.jsonl", [{**line, "input": '{"id": "1", "body": "Bern"}'}])
    assert (
        run("bad.jsonl", "-x", "body", "-o", "good.jsonl", "--quarantine", "bad.jsonl", "--append").status
        == 0
    )
    assert [row["visit"]["town"] for row in read(folder / "good.jsonl")] == ["Basel", "Bern"]
    assert read(folder / "bad.jsonl") == []


def test_rows_that_are_typed_keep_their_types_through_the_quarantine(
    run: Run, folder: Path, service: Service
) -> None:
    own = {
        "body": ["Basel", "bad Bern"],
        "on": [date(2026, 1, 2), date(2026, 1, 3)],
        "sum": [Decimal("1.50"), Decimal("2.25")],
        "raw": [b"\x00\xff", b"\xfe"],
        "tags": [{"a": [1]}, {"a": [2, 3]}],
    }
    table = pa.table(own)
    pq.write_table(table, folder / "typed.parquet")
    run("typed.parquet", "-x", "body", "-o", "good.parquet", "--quarantine", "bad.jsonl")
    service.mended = True
    again = shlex.split(read(folder / "bad.jsonl")[0]["again"])
    assert run.cli(*again[1:]).status == 0
    assert pq.read_table(folder / "good.parquet").select(table.column_names) == table


def test_a_run_with_a_quarantine_is_gone_on_with(cli: Cli, folder: Path, service: Service) -> None:
    def no_more(request: ReceivedRequest) -> Scripted:
        return status(401, "no such key") if "Bonn" in asked(request) else service(request)

    options = ("in.csv", "-x", "body", "-o", "good.jsonl", "--quarantine", "bad.jsonl", "--concurrency", "1")
    with ChatServer(no_more) as server:
        end = Run(cli, server)(*options)
    assert end.status == 2
    assert ids(folder / "good.jsonl") == [0]
    assert [line["index"] for line in read(folder / "bad.jsonl")] == [1, 2]
    with ChatServer(service) as server:
        resumed = Run(cli, server)(*options, "--resume")
        assert resumed.status == 1
        assert {"Bonn", "Köln"} <= {asked(request) for request in server.requests}
    positions = [*ids(folder / "good.jsonl"), *(line["index"] for line in read(folder / "bad.jsonl"))]
    assert positions == [0, 3, 5, 1, 2, 4], "each row is in one of the two, and the key was no fault of any"


@pytest.mark.slow
def test_what_is_not_done_stays_in_a_quarantine_that_is_being_emptied(
    cli: Cli, folder: Path, service: Service
) -> None:
    many = [{"id": str(i), "body": f"bad {i}"} for i in range(40)]
    write(folder / "in.jsonl", many)
    with ChatServer(service) as server:
        Run(cli, server)("in.jsonl", "-x", "body", "-o", "good.jsonl", "--quarantine", "bad.jsonl")
    again = [*shlex.split(read(folder / "bad.jsonl")[0]["again"])[1:], "--concurrency", "2"]
    service.mended = True
    seen = threading.Event()

    def answer(request: ReceivedRequest) -> Scripted:
        if asked(request) == "bad 9":
            seen.set()
        return slow(service(request), latency=0.05)

    with ChatServer(answer) as server:
        again[again.index("--base-url") + 1] = server.base_url
        process = subprocess.Popen(
            [sys.executable, "-m", "extractor", *again],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OPENAI_API_KEY": "k"},
        )
        assert seen.wait(30)
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=30)[1]
        assert process.returncode == 130, err
        done, left = ids(folder / "good.jsonl"), [line["index"] for line in read(folder / "bad.jsonl")]
        assert 0 < len(done) < 40
        assert done + left == list(range(40))
        assert cli(*shlex.split(err.splitlines()[-1])[1:]).status == 0
    assert ids(folder / "good.jsonl") == list(range(40))
    assert read(folder / "bad.jsonl") == []


@pytest.mark.slow
def test_rows_of_another_input_are_added_whole_or_not_at_all(
    cli: Cli, folder: Path, service: Service
) -> None:
    write(folder / "later.csv", [{"id": "6", "body": "Trier"}, {"id": "7", "body": "Ulm"}])
    options = ("-x", "body", "-o", "good.csv", "--quarantine", "bad.jsonl", "--concurrency", "1", "--append")

    def no_ulm(request: ReceivedRequest) -> Scripted:
        return status(401, "no such key") if asked(request) == "Ulm" else service(request)

    with ChatServer(no_ulm) as server:
        run = Run(cli, server)
        assert run("in.csv", *options).status == 1
        before = (folder / "good.csv").read_bytes(), (folder / "bad.jsonl").read_bytes()
        end = run("later.csv", *options)
        assert end.status == 2
        assert "Nothing was added to good.csv" in end.err
        assert ((folder / "good.csv").read_bytes(), (folder / "bad.jsonl").read_bytes()) == before
    with ChatServer(service) as server:
        assert Run(cli, server)("later.csv", *options).status == 0
    assert ids(folder / "good.csv") == [0, 3, 5, 6, 7]
    assert [line["index"] for line in read(folder / "bad.jsonl")] == MISSING


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("in.csv", "--quarantine", "bad.csv"), "JSON Lines"),
        (("in.csv", "--quarantine", "good.jsonl"), "must be different files"),
        (("in.csv", "--append", "--resume"), "choose one of them"),
        (("bad.jsonl", "--quarantine", "bad.jsonl"), "add --append"),
        (("bad.jsonl", "--quarantine", "bad.jsonl", "--append", "--limit", "1"), "leave --limit"),
        (("in.csv", "--append", "--row-id", "body"), "already"),
        (("other.csv", "--append"), "the output has no column|is not"),
    ],
)
def test_what_would_lose_or_mix_rows_is_refused_before_anything_is_asked(
    arguments: tuple[str, ...], why: str, run: Run, folder: Path
) -> None:
    import re

    assert run("in.csv", "-x", "body", "-o", "good.jsonl", "--quarantine", "bad.jsonl").status == 1
    assert run("in.csv", "-x", "body", "-o", "good.csv", "--quarantine", "other.jsonl").status == 1
    write(folder / "other.csv", [{"id": "9", "body": "Trier", "more": "x"}])
    asked_before = len(run.server.requests)
    before = {path.name: path.read_bytes() for path in folder.glob("*.*")}
    output = "good.csv" if "other.csv" in arguments else "good.jsonl"
    end = run(*arguments, "-x", "body", "-o", output)
    assert end.status == 2
    assert re.search(why, end.err), end.err
    assert len(run.server.requests) == asked_before
    assert {path.name: path.read_bytes() for path in folder.glob("*.*")} == before


OWN = st.dictionaries(
    st.text(max_size=3), st.none() | st.integers() | st.text(max_size=5) | st.booleans(), max_size=3
)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0), OWN)))
def test_what_a_quarantine_holds_comes_out_as_it_went_in(rows: list[tuple[int, dict[str, Any]]]) -> None:
    error = {"kind": "invalid", "message": "no"}
    held = [line_of(index, own, error, "0" * 16, "extractor run") for index, own in rows]
    through = [json.loads(json.dumps(line)) for line in held]
    assert [(each.index, each.row) for each in placed(through)] == rows


@settings(deadline=None)
@given(st.lists(OWN))
def test_rows_of_any_other_file_are_taken_as_they_are(rows: list[dict[str, Any]]) -> None:
    assert [(each.index, each.row) for each in placed(rows)] == list(enumerate(rows))


def test_what_was_no_row_is_none_until_it_is_mended() -> None:
    error = {"kind": "input", "message": "no"}
    (cells,) = placed([line_of(3, ["a", "b"], error, "", "")])
    assert isinstance(cells.row, BadRow)
    assert cells.input == ["a", "b"]


LEAVES = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    pa.binary(): st.binary(max_size=5),
    pa.date32(): st.dates(),
    pa.timestamp("us"): st.datetimes(),
    pa.timestamp("us", "UTC"): st.datetimes(timezones=st.just(UTC)),
    pa.time64("us"): st.times(),
    pa.duration("us"): st.timedeltas(timedelta(days=-1000), timedelta(days=1000)),
    pa.decimal128(10, 2): st.decimals(-9999, 9999, places=2, allow_nan=False),
}
TYPED = st.sampled_from([*LEAVES.items()]).flatmap(
    lambda leaf: st.sampled_from(
        [
            leaf,
            (pa.list_(leaf[0]), st.lists(st.none() | leaf[1], max_size=3)),
            (pa.struct([("a", leaf[0])]), st.fixed_dictionaries({"a": st.none() | leaf[1]})),
            (pa.map_(pa.string(), leaf[0]), st.lists(st.tuples(st.sampled_from("ab"), leaf[1]), max_size=1)),
        ]
    ).flatmap(lambda kind: st.tuples(st.just(kind[0]), st.none() | kind[1]))
)


@settings(deadline=None)
@given(TYPED)
def test_what_parquet_holds_is_of_its_type_again_after_a_quarantine(found: tuple[pa.DataType, Any]) -> None:
    kind, value = found
    own = pa.array([value], kind).to_pylist()[0]
    through = json.loads(json.dumps(plain({"x": own})))
    assert pa.array([typed(through["x"], kind)], kind) == pa.array([own], kind)


def test_the_command_that_feeds_again_is_the_same_one_about_the_quarantine() -> None:
    command = [
        "extractor",
        "run",
        "in.csv",
        "-t",
        "t.py",
        "--limit",
        "5",
        "-o",
        "o.csv",
        "--sample=3",
        "--resume",
    ]
    assert feeding_again(command, ["in.csv"], "bad.jsonl", to_file=True) == [
        *("extractor", "run", "bad.jsonl", "-t", "t.py", "-o", "o.csv"),
        *("--retry-failed", "--append", "--quarantine", "bad.jsonl"),
    ]


def test_files_of_a_folder_that_failed_are_mended_and_fed_again(
    cli: Cli, folder: Path, service: Service
) -> None:
    (folder / "mail" / "old").mkdir(parents=True)
    (folder / "mail" / "a.txt").write_text("Basel")
    (folder / "mail" / "b.txt").write_text("bad Bern")
    (folder / "mail" / "old" / "c.txt").write_bytes("Köln".encode("windows-1252"))
    with ChatServer(service) as server:
        run = Run(cli, server)
        end = run(
            "mail/**/*.txt", "mail", "-o", "good.csv", "--quarantine", "bad.jsonl", "--rows-per-request", "1"
        )
        assert end.status == 1
        assert "1 as windows-1252 (mail/old/c.txt)" in end.err
        (line,) = read(folder / "bad.jsonl")
        assert line["input"] == {"path": "mail/b.txt"}
        (folder / "mail" / "b.txt").write_text("Bern")
        assert cli(*shlex.split(line["again"])[1:]).status == 0
    with (folder / "good.csv").open(newline="") as stream:
        assert [row["path"] for row in csv.DictReader(stream)] == [
            "mail/a.txt",
            "mail/old/c.txt",
            "mail/b.txt",
        ]
    assert read(folder / "bad.jsonl") == []
