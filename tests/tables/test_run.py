"""`tables.run`: what the shell can do, from Python."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from extractor import (
    Columns,
    ConfigError,
    DatabaseSink,
    DatabaseSource,
    Extractor,
    ExtractorError,
    Run,
    RunStopped,
    Usage,
    tables,
)
from extractor.tables import Holding, TableRun
from extractor.tables.bill import Bill
from extractor.testing import ChatServer, ReceivedRequest, Scripted, slow, status
from tests.tables.towns import Visit, asked, lines, visit, write


def test_each_row_goes_to_one_of_two_files_and_the_sum_says_how_many(ex: Extractor) -> None:
    write("in.jsonl", ["Basel", "bad", "", "Bonn"])
    result = tables.run(
        "in.jsonl",
        Visit,
        text="body",
        into="good.parquet",
        quarantine="bad.jsonl",
        model=ex,
        columns=Columns(flatten=True),
    )
    assert (result.rows, result.ok, result.failed, result.empty, result.left) == (4, 2, 1, 1, 0)
    assert result.sum == "4 rows = 2 ok + 1 failed + 1 empty"
    assert result.places == (Holding("good.parquet", 2, 2), Holding("bad.jsonl", 2, 2))
    assert result.failures == {"HTTP 400 I do not read that.": 1}
    assert result.usage.total_tokens > 0
    assert pq.read_table("good.parquet").column("town").to_pylist() == ["Basel", "Bonn"]
    assert [line["index"] for line in lines("bad.jsonl")] == [1, 2]


def test_a_quarantine_is_mended_and_fed_again(ex: Extractor) -> None:
    write("in.jsonl", ["Basel", "bad", "Bonn"])
    tables.run("in.jsonl", Visit, text="body", into="good.jsonl", quarantine="bad.jsonl", model=ex)
    held = lines("bad.jsonl")
    assert held[0]["again"].startswith("tables.run('bad.jsonl', Visit, text='body', into='good.jsonl'")
    held[0]["input"]["body"] = "Bern"
    Path("bad.jsonl").write_text(json.dumps(held[0]) + "\n")
    result = tables.run(
        "bad.jsonl",
        Visit,
        text="body",
        into="good.jsonl",
        append=True,
        quarantine="bad.jsonl",
        run=Run(retry="failed"),
        model=ex,
    )
    assert result.places == (Holding("good.jsonl", 3, 1), Holding("bad.jsonl", 0, 0))
    assert [row["visit"]["town"] for row in lines("good.jsonl")] == ["Basel", "Bonn", "Bern"]


def test_a_run_is_resumed_and_the_sum_says_what_was_done_before(ex: Extractor) -> None:
    write("in.jsonl", ["Basel", "Bonn", "Bern"])
    tables.run("in.jsonl", Visit, text="body", into="out.jsonl", limit=1, model=ex)
    result = tables.run("in.jsonl", Visit, text="body", into="out.jsonl", resume=True, model=ex)
    assert result.sum == "3 rows = 1 done before + 2 ok"
    assert result.places == (Holding("out.jsonl", 3, 2),)


def test_a_run_that_can_not_go_on_raises_with_what_it_came_to(ex: Extractor) -> None:
    def first_then_no(request: ReceivedRequest) -> Scripted:
        return visit(request) if "Basel" in asked(request) else status(401, "no such key")

    write("in.jsonl", ["Basel", "Bonn", "Bern"])
    with (
        ChatServer(first_then_no) as server,
        Extractor("m", base_url=server.base_url, api_key="k") as other,
        pytest.raises(RunStopped, match="HTTP 401") as stopped,
    ):
        tables.run("in.jsonl", Visit, text="body", into="out.jsonl", model=other, run=Run(concurrency=1))
    result: TableRun = stopped.value.partial  # type: ignore[attr-defined]
    assert (result.rows, result.ok, result.left) == (3, 1, 2)
    assert result.places == (Holding("out.jsonl", 1, 1),)
    assert "It did not finish: the run stopped: " in str(result)


@pytest.mark.slow
def test_ctrl_c_writes_what_is_done_and_says_so(ex: Extractor) -> None:
    def answer(request: ReceivedRequest) -> Scripted:
        if "town 9" in asked(request):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return slow(visit(request), latency=0.02)

    write("in.jsonl", [f"town {i}" for i in range(40)])
    with ChatServer(answer) as server, Extractor("m", base_url=server.base_url, api_key="k") as other:
        with pytest.raises(KeyboardInterrupt) as stopped:
            tables.run(
                "in.jsonl", Visit, text="body", into="out.parquet", model=other, run=Run(concurrency=2)
            )
        done = pq.read_table("out.parquet").num_rows
        assert 0 < done < 40
        assert f"{done:,} ok + {40 - done} left" in stopped.value.__notes__[-1]
        assert (
            other.estimate([{"body": f"town {i}"} for i in range(40)], Visit, text="body").in_journal >= done
        )
        result = tables.run("in.jsonl", Visit, text="body", into="out.parquet", resume=True, model=other)
        assert (result.earlier, result.ok) == (done, 40 - done)
        assert len(server.requests) <= 42


@pytest.mark.slow
def test_a_table_of_a_database_goes_into_another(ex: Extractor) -> None:
    sqlite3 = pytest.importorskip("sqlite3")
    pytest.importorskip("duckdb")
    with sqlite3.connect("mail.db") as database:
        database.execute("CREATE TABLE mail (id INTEGER PRIMARY KEY, body TEXT)")
        database.executemany("INSERT INTO mail (body) VALUES (?)", [("Basel",), ("bad",), ("Bonn",)])
    database.close()
    result = tables.run(
        DatabaseSource("sqlite:///mail.db", "mail"),
        Visit,
        text="body",
        into=DatabaseSink("duckdb:///out.duckdb", "visits"),
        quarantine="bad.jsonl",
        model=ex,
    )
    assert result.sum == "3 rows = 2 ok + 1 failed"
    assert result.places == (Holding("the table visits", None, 2), Holding("bad.jsonl", 1, 1))


def test_an_estimate_sends_nothing(ex: Extractor, server: ChatServer) -> None:
    write("in.jsonl", ["Basel", "", "Bonn"])
    told = tables.estimate("in.jsonl", Visit, text="body", model=ex)
    assert (told.rows, told.empty, told.requests) == (3, 1, 2)
    assert not server.requests


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (
            lambda: tables.run(Visit, "in.jsonl", into="o.jsonl"),
            r"swapped: it is tables\.run\('in\.jsonl', Visit\)",
        ),
        (lambda: tables.estimate(Visit, "in.jsonl"), "the arguments are swapped"),
        (
            lambda: tables.run("in.jsonl", Visit, txt="body"),
            r"'txt' is not a keyword here; did you mean 'text'\?",
        ),
        (lambda: tables.run("in.jsonl", Visit, output="o.jsonl"), r"did you mean 'into'\?"),
        (
            lambda: tables.run("in.jsonl", Visit, sideways=1),
            r"'sideways' is not .* \(The call is run\(source, record_type, into=\.\.\., \.\.\.\)",
        ),
        (lambda: tables.run("in.jsonl", Visit, into=None), "into= is the file that is written"),
        (
            lambda: tables.run("in.jsonl", "visits.py:Visit", text="body", into="o.jsonl"),
            "`from visits import Visit`",
        ),
        (lambda: tables.run([{"body": "Basel"}], Visit, into="o.jsonl"), "`ex.rows` takes texts"),
        (lambda: tables.run(None, Visit, into="o.jsonl"), "what is read is a file"),
        (lambda: tables.run("in.jsonlx", Visit, into="o.jsonl"), "did you mean in.jsonl"),
    ],
)
def test_a_call_that_was_guessed_wrong_is_told_as_that(call: Any, why: str, ex: Extractor) -> None:
    write("in.jsonl", ["Basel"])
    with pytest.raises(ExtractorError, match=why):
        call()


@pytest.mark.parametrize("args", [["in.jsonl", Visit], ["in.jsonl", Visit, "o.jsonl"]])
def test_a_call_that_python_rejects_comes_with_its_form(args: list[Any]) -> None:
    with pytest.raises(TypeError, match=r"The call is run\(source, record_type, into=\.\.\., \.\.\.\)"):
        tables.run(*args)


def test_an_estimate_leaves_out_what_is_done_and_says_what_is_not(ex: Extractor, server: ChatServer) -> None:
    Path("mail").mkdir()
    for name in "abcdef":
        Path(f"mail/{name}.txt").write_text(f"Basel {name}")
    Path("mail/b.txt").write_bytes(b"\0\1\2")
    Path("mail/e.txt").write_bytes(b"\0\1\2")
    Path("mail/f.txt").write_text(" ")
    files: dict[str, Any] = {"into": "o.jsonl", "quarantine": "q.jsonl"}
    tables.run("mail", Visit, **files, limit=3, model=ex)
    asked = len(server.requests)
    anew = tables.estimate("mail", Visit, **files, model=ex)
    assert anew.sum == "6 rows = 2 from the journal + 1 to ask + 1 without text + 2 invalid"
    told = tables.estimate("mail", Visit, **files, resume=True, model=ex)
    assert told.sum == (
        "6 rows = 3 done before (1 of them in the quarantine) + 1 to ask + 1 without text + 1 invalid"
    )
    (why,) = told.invalid
    assert why.startswith("mail/e.txt: it is not")
    assert len(server.requests) == asked
    result = tables.run("mail", Visit, **files, resume=True, model=ex)
    assert (result.earlier, result.ok, result.empty, result.failed) == (3, 1, 1, 1)
    assert len(server.requests) == asked + told.requests


@pytest.mark.slow
def test_an_estimate_learns_from_the_answers_of_the_rows_that_are_done(
    ex: Extractor, server: ChatServer
) -> None:
    write("in.jsonl", [f"Basel {i}" for i in range(60)])
    tables.run("in.jsonl", Visit, text="body", into="o.jsonl", limit=30, model=ex)
    told = tables.estimate("in.jsonl", Visit, text="body", into="o.jsonl", resume=True, model=ex)
    assert told.sum == "60 rows = 30 done before + 30 to ask"
    assert told.assumption == "tokens as in 30 answers of the journal"
    rest = tables.run("in.jsonl", Visit, text="body", into="o.jsonl", resume=True, model=ex)
    assert abs(told.prompt_tokens / rest.usage.prompt_tokens - 1) < 0.1
    assert abs(told.completion_tokens / rest.usage.completion_tokens - 1) < 0.1


def test_an_error_in_a_quarantine_names_the_file_and_the_row(ex: Extractor) -> None:
    Path("a.jsonl").write_text('{"body": "Basel"}\n')
    Path("b.jsonl").write_text('{"body": "Bonn"}\n{"body": \n')
    tables.run(
        ["a.jsonl", "b.jsonl"], Visit, text="body", into="o.jsonl", quarantine="q.jsonl", rows=True, model=ex
    )
    (held,) = lines("q.jsonl")
    assert held["error"]["where"] == "b.jsonl, row 2"
    assert held["error"]["message"].startswith("b.jsonl, row 2: line 2: this line is not JSON")
    Path("mail").mkdir()
    Path("mail/a.txt").write_bytes(b"\0\1\2")
    tables.run("mail", Visit, into="o.jsonl", quarantine="q.jsonl", model=ex)
    (held,) = lines("q.jsonl")
    assert held["error"]["message"].startswith("mail/a.txt: it is not")


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ({"into": "in.jsonl"}, "would overwrite the input"),
        ({"into": "out.jsonl", "limit": 1, "sample": 1}, "limit= takes the first rows, sample= random ones"),
        ({"into": "out.jsonl", "resume": True, "append": True}, "resume=True continues with the same input"),
        ({"into": "out.jsonl", "resume": True, "run": Run(retry="failed")}, "leave resume=True out"),
        ({"into": "out.jsonl", "run": Run(ordered=False)}, "files always keep the order"),
        ({"into": "out.jsonl", "model": 7}, "not int"),
        (
            {"source": ["in.jsonl", "q.jsonl"], "into": "o.csv", "quarantine": "q.jsonl"},
            "must be the only input",
        ),
        ({"into": "sqlite:///out.db"}, "Name it with a DatabaseSink"),
        ({"into": "out.jsonl", "text": "bdy"}, "did you mean 'body'"),
    ],
)
def test_what_can_not_work_is_said_in_the_words_of_python_before_anything_is_sent(
    call: dict[str, Any], why: str, ex: Extractor, server: ChatServer
) -> None:
    write("in.jsonl", ["Basel"])
    before = Path("in.jsonl").read_text()
    with pytest.raises(ConfigError, match=why):
        tables.run(**{"source": "in.jsonl", "record_type": Visit, "text": "body", "model": ex, **call})
    assert not server.requests
    assert Path("in.jsonl").read_text() == before


def test_rows_that_wait_for_one_before_them_are_told_where_a_run_stops(ex: Extractor) -> None:
    def answer(request: ReceivedRequest) -> Scripted:
        if "Basel" in asked(request):
            return slow(visit(request), latency=1.0)
        return status(401, "no such key") if "last" in asked(request) else visit(request)

    write("in.jsonl", ["Basel", "Bonn", "Bern", "bad last"])
    with (
        ChatServer(answer) as server,
        Extractor("m", base_url=server.base_url, api_key="k") as other,
        pytest.raises(RunStopped) as stopped,
    ):
        tables.run("in.jsonl", Visit, text="body", into="out.jsonl", model=other)
    result: TableRun = stopped.value.partial  # type: ignore[attr-defined]
    assert result.rows == result.ok + result.failed + (result.left or 0) == 4
    assert result.places[0].rows == result.ok


@pytest.mark.parametrize(
    ("holding", "told"),
    [
        (Holding("a.csv", 3, 3), "a.csv: 3 rows"),
        (Holding("a.csv", 3, 1), "a.csv: 3 rows, 1 of them new"),
        (Holding("a.csv", 3, 0), "a.csv: 3 rows"),
        (Holding("a.csv", None, 0), "a.csv: unchanged"),
        (Holding("the table t", None, 1200), "the table t: 1,200 rows added"),
    ],
)
def test_what_a_file_holds_is_told_in_a_few_words(holding: Holding, told: str) -> None:
    assert str(holding) == told


def test_a_sum_says_what_waits_in_the_journal() -> None:
    result = TableRun(
        *(9, 1, 2, 0, 0, 0, 6, 4, 0),
        failures={},
        journal="j.sqlite",
        refused={},
        bare=0,
        places=(),
        usage=Usage(),
        cost=None,
        bill=Bill(),
        stopped="it was interrupted",
    )
    assert result.sum == "9 rows = 1 done before + 2 ok + 6 left (4 of them with an answer in the journal)"
