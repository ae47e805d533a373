"""`extractor run`, whole: a table in, a table and an exit status out."""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from ended import Cli
from visits import TYPES, Run, asked, read, visit, write

from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply, slow, status
from tests.bulk.servers import RedisServer

ROWS = [
    {"id": "7", "body": "Basel"},
    {"id": "7", "body": ""},
    {"id": "1", "body": 'Köln, "Dom"\nam Rhein'},
    {"id": "2", "body": "Basel"},
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXTRACTOR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "visits.py").write_text(TYPES)
    write(tmp_path / "in.csv", ROWS)
    write(tmp_path / "in.jsonl", ROWS)
    write(tmp_path / "in.parquet", ROWS)
    return tmp_path


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(visit) as server:
        yield server


@pytest.fixture
def run(cli: Cli, server: ChatServer, folder: Path) -> Run:
    return Run(cli, server)


@pytest.mark.parametrize("source", ["in.csv", "in.jsonl", "in.parquet"])
@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet"])
def test_every_format_goes_to_every_format(source: str, output: str, run: Run, folder: Path) -> None:
    end = run(source, "--text", "body", "-o", output)
    assert end.status == 0, end.err
    assert "4 of 4 rows, 3 ok, 1 empty" in end.err
    rows = read(folder / output)
    assert [(row["id"], row["body"] or "") for row in rows] == [(row["id"], row["body"]) for row in ROWS]
    assert [row["visit"] and row["visit"]["town"] for row in rows] == [
        "Basel",
        None,
        ROWS[2]["body"],
        "Basel",
    ]
    assert [row["visit_error"] for row in rows] == [None] * 4
    assert len(run.server.requests) == 2, "the same text is asked of once, an empty one not at all"
    assert stat.S_IMODE((folder / output).stat().st_mode) == 0o600


@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet"])
def test_members_have_their_own_columns_where_that_is_wanted(output: str, run: Run, folder: Path) -> None:
    assert run("in.csv", "-x", "body", "-o", output, "--flatten", "--usage").status == 0
    row = read(folder / output)[0]
    assert list(row) == ["id", "body", "town", "day", "visit_error", "visit_usage", "visit_schema"]
    assert (row["town"], str(row["day"])) == ("Basel", "2026-05-03")
    assert row["visit_usage"]["prompt_tokens"] > 0


def test_a_failed_row_has_its_error_gives_status_1_and_the_command_that_retries_it(
    run: Run, folder: Path
) -> None:
    write(folder / "in.jsonl", [{"body": "Basel"}, {"body": "bad"}, {"n": 1}, {"body": "Bonn"}])
    with (folder / "in.jsonl").open("a") as stream:
        stream.write('{"body": \n["no object"]\n')
    end = run("in.jsonl", "-x", "body", "-o", "out.jsonl")
    assert end.status == 1
    rows = read(folder / "out.jsonl")
    assert [row["visit_error"] and row["visit_error"]["kind"] for row in rows] == [
        *(None, "status", "input", None, "input", "input")
    ]
    assert rows[1]["visit_error"]["http_status"] == 400
    assert rows[4] == {**rows[4], "line": 5, "visit": None, "visit_schema": rows[0]["visit_schema"]}
    assert "4 failed" in end.err
    assert "(3 input, 1 status)" in end.err
    assert "1 × HTTP 400 I do not read <that>." in end.err
    assert "6 rows = 2 ok + 4 failed; out.jsonl: 6 rows." in end.err
    command = shlex.split(end.err.splitlines()[-1])
    assert command[0] == "extractor"
    assert command[-1] == "--retry-failed"
    before = len(run.server.requests)
    assert run.cli(*command[1:]).status == 1
    assert len(run.server.requests) == before + 1, "only what failed is asked again"


@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet"])
@pytest.mark.slow
def test_standard_input_goes_to_every_format(output: str, server: ChatServer, folder: Path) -> None:
    arguments = ["run", "-", "-t", "visits.py", "-x", "body", "-o", output, "--base-url", server.base_url]
    with (folder / "in.jsonl").open("rb") as lines:
        ended = subprocess.run(
            [sys.executable, "-m", "extractor", *arguments, "-m", "m"],
            stdin=lines,
            capture_output=True,
            env={**os.environ, "OPENAI_API_KEY": "k"},
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    assert [row["body"] or "" for row in read(folder / output)] == [row["body"] for row in ROWS]


def test_the_same_command_again_asks_nothing(run: Run, folder: Path) -> None:
    run("in.csv", "-x", "body", "-o", "out.csv")
    first, before = (folder / "out.csv").read_bytes(), len(run.server.requests)
    end = run("in.csv", "-x", "body", "-o", "out.csv")
    assert (folder / "out.csv").read_bytes() == first
    assert len(run.server.requests) == before
    assert "from the journal" in end.err


@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet"])
def test_an_output_that_ends_early_is_gone_on_with(output: str, run: Run, folder: Path) -> None:
    run("in.csv", "-x", "body", "-o", output, "--limit", "2")
    assert len(read(folder / output)) == 2
    if output == "out.jsonl":
        with (folder / output).open("a") as stream:
            stream.write('{"id": "1", "bo')  # a line that was being written
    assert run("in.csv", "-x", "body", "-o", output, "--resume", "--journal", "other.sqlite").status == 0
    assert [row["id"] for row in read(folder / output)] == ["7", "7", "1", "2"]
    assert [asked(request) for request in run.server.requests][1:] == [ROWS[2]["body"], "Basel"]


@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet"])
def test_an_output_with_a_row_that_could_not_be_read_is_gone_on_with(
    output: str, run: Run, folder: Path
) -> None:
    (folder / "odd.csv").write_text("id,body\n1,Basel\n2,one,cell too many\n3,Bonn\n4,Bern\n")
    run("odd.csv", "-x", "body", "-o", output, "--limit", "3")
    end = run("odd.csv", "-x", "body", "-o", output, "--resume")
    assert "1 of 4 rows, 1 ok" in end.err
    rows = read(folder / output)
    assert [row["visit"] and row["visit"]["town"] for row in rows] == ["Basel", None, "Bonn", "Bern"]
    assert [row["visit_error"] and row["visit_error"]["kind"] for row in rows] == [None, "input", None, None]


@pytest.mark.parametrize(
    ("output", "kept"), [("out.csv", "half ?"), ("out.jsonl", "half \ud83d"), ("out.parquet", "half ?")]
)
def test_half_of_a_character_in_json_stops_no_run(output: str, kept: str, run: Run, folder: Path) -> None:
    lines = [{"body": "Basel", "note": "half \ud83d"}, {"body": "Bonn", "note": "whole"}]
    write(folder / "half.jsonl", lines)
    assert run("half.jsonl", "-x", "body", "-o", output, "--limit", "1").status == 0
    end = run("half.jsonl", "-x", "body", "-o", output, "--resume")
    assert end.status == 0, end.err
    assert [row["note"] for row in read(folder / output)] == [kept, "whole"]


@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet"])
def test_another_inputs_output_is_not_gone_on_with(output: str, run: Run, folder: Path) -> None:
    run("in.csv", "-x", "body", "-o", output)
    write(folder / "other.csv", [ROWS[0], {"id": "8", "body": "Bern"}])
    before, asked_before = (folder / output).read_bytes(), len(run.server.requests)
    end = run("other.csv", "-x", "body", "-o", output, "--resume")
    assert end.status == 2
    assert "row 2 of the output is not row 2 of the input" in end.err
    assert (folder / output).read_bytes() == before
    assert len(run.server.requests) == asked_before


def test_an_output_that_rows_were_appended_to_is_told_as_what_it_is(run: Run, folder: Path) -> None:
    run("in.csv", "-x", "body", "-o", "out.csv")
    run("in.csv", "-x", "body", "-o", "out.csv", "--append")
    end = run("in.csv", "-x", "body", "-o", "out.csv", "--resume")
    assert end.status == 2
    assert "the input has only 4 rows, and the output more" in end.err
    assert "or rows were appended to it. Run it without resuming" in end.err


def test_limit_and_sample_take_some_rows_and_the_same_ones_each_time(run: Run, folder: Path) -> None:
    assert run("in.csv", "-x", "body", "--limit", "1").lines[0]["id"] == "7"
    write(folder / "many.jsonl", [{"n": i, "body": f"town {i}"} for i in range(50)])
    first = [line["n"] for line in run("many.jsonl", "-x", "body", "--sample", "5").lines]
    again = [line["n"] for line in run("many.jsonl", "-x", "body", "--sample", "5").lines]
    assert first == again == sorted(first)
    assert len(set(first)) == 5
    assert first != [0, 1, 2, 3, 4]


def test_a_dry_run_tells_what_it_would_come_to_and_asks_nothing(run: Run, folder: Path) -> None:
    end = run("in.csv", "-x", "body", "--dry-run", "-o", "out.csv", "--price", "1000,2000")
    assert end.status == 0
    assert "4 rows: 1 without text; 2 different texts" in end.out
    assert re.search(r"about \$0\.[1-9]", end.out)
    assert not run.server.requests
    assert not (folder / "out.csv").exists()


def test_semicolons_and_a_byte_order_mark_are_read_as_spreadsheets_write_them(run: Run, folder: Path) -> None:
    (folder / "in.csv").write_text("id;body\n7;Basel, Bern\n", "utf-8-sig")
    end = run("in.csv", "-x", "body", "-o", "out.csv")
    assert end.status == 0
    assert read(folder / "out.csv")[0]["body"] == "Basel, Bern"
    assert read(folder / "out.csv")[0]["visit"]["town"] == "Basel, Bern"


def test_a_field_that_no_row_has_is_told_of_before_anything_is_asked(run: Run, folder: Path) -> None:
    end = run("in.jsonl", "-x", "bdy", "-o", "out.csv")
    assert end.status == 2
    assert "no column 'bdy'; did you mean 'body'?" in end.err
    assert not (folder / "out.csv").exists()


def test_rows_that_can_not_be_read_are_mended_and_not_asked_again(run: Run, folder: Path) -> None:
    (folder / "in.jsonl").write_text('{"body": "Basel"}\nno JSON\n')
    end = run("in.jsonl", "-x", "body")
    assert end.status == 1
    assert "run the same command again" in end.err
    assert "--retry-failed" not in end.err


def test_urls_are_read_and_written_where_fsspec_is_installed(run: Run, folder: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    with fsspec.open("memory://in.csv", "w") as stream:
        stream.write((folder / "in.csv").read_text())
    for output in ("memory://out.csv", "memory://out.jsonl", "memory://out.parquet"):
        assert run("memory://in.csv", "-x", "body", "-o", output).status == 0
        with fsspec.open(output, "rb") as stream:
            (folder / "copy").with_suffix(Path(output).suffix).write_bytes(stream.read())
        rows = read((folder / "copy").with_suffix(Path(output).suffix))
        assert [row["id"] for row in rows] == ["7", "7", "1", "2"]
        assert rows[3]["visit"]["town"] == "Basel"


@pytest.mark.slow
def test_short_texts_share_requests(cli: Cli, folder: Path) -> None:
    def visits(request: ReceivedRequest) -> Scripted:
        texts = [json.loads(line) for line in asked(request).splitlines()]
        return reply({each["id"]: {"town": each["text"], "day": "2026-05-03"} for each in texts})

    write(folder / "many.csv", [{"n": i, "body": f"town {i}"} for i in range(30)])
    with ChatServer(visits) as server:
        arguments = ("many.csv", "-x", "body", "-o", "out.jsonl", "--rows-per-request", "10")
        assert "3 requests" in Run(cli, server)(*arguments, "--dry-run").out
        assert Run(cli, server)(*arguments).status == 0
        assert len(server.requests) == 3
    assert [row["visit"]["town"] for row in read(folder / "out.jsonl")] == [f"town {i}" for i in range(30)]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("in.csv", "-x", "bdy"), "did you mean 'body'"),
        (("in.csv", "-x", "{bdy}"), "no column 'bdy'"),
        (("in.xls", "-x", "body"), "there is no file or folder in.xls: did you mean in.csv"),
        (("missing.csv", "-x", "body"), "there is no file or folder missing.csv"),
        (("in.csv", "-x", "body", "-o", "cache"), "cache is a folder: name a file in it"),
        (("in.csv", "-x", "body", "-o", "gone/o.csv"), "there is no folder gone"),
        (("in.csv", "-x", "body", "-o", "in.csv"), "would overwrite"),
        (("in.csv", "-x", "body", "--limit", "1", "--sample", "1"), "choose one of them"),
        (("in.csv", "-x", "body", "--resume"), "name it with -o"),
        (("in.csv", "-x", "body", "--resume", "--retry-failed", "-o", "o.csv"), "leave --resume out"),
        (("in.csv", "-x", "body", "--name", "body", "-o", "o.csv"), "already has a field 'body'"),
        (("in.csv", "-x", "body", "--max-cost", "1", "-o", "o.csv"), "needs the price .* --price INPUT,OUT"),
        (("in.csv", "-x", "body", "--price", "1", "-o", "o.csv"), "as 0.25,2, .* not '1'"),
        (("in.csv", "-x", "body", "--price", "1,nan", "-o", "o.csv"), "as 0.25,2, .* not '1,nan'"),
        (("in.csv", "-x", "body", "--journal", "visits.py/j", "-o", "o.csv"), "journal .* can't be used"),
        (("s3://bucket/in.csv", "-x", "body"), "fsspec|cannot open"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_asked_and_leaves_files_alone(
    arguments: tuple[str, ...], why: str, run: Run, folder: Path
) -> None:
    (folder / "o.csv").write_text("as before")
    (folder / "cache").mkdir(exist_ok=True)
    end = run(*arguments)
    assert end.status == 2
    assert re.search(why, end.err)
    assert not run.server.requests
    assert (folder / "o.csv").read_text() == "as before"


def test_a_wrong_key_stops_the_run_and_keeps_what_is_done(cli: Cli, folder: Path) -> None:
    def first_then_no(request: ReceivedRequest) -> Scripted:
        return visit(request) if "Basel" in asked(request) else status(401, "no such key")

    with ChatServer(first_then_no) as server:
        end = Run(cli, server)("in.csv", "-x", "body", "-o", "out.jsonl", "--concurrency", "1")
    assert end.status == 2
    assert "did not finish" in end.err
    assert end.err.splitlines()[-1].endswith("--resume")
    assert read(folder / "out.jsonl")[0]["visit"]["town"] == "Basel"


@pytest.mark.crash
def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(folder: Path) -> None:
    write(folder / "many.jsonl", [{"n": i, "body": f"town {i}"} for i in range(40)])
    seen = threading.Event()

    def answer(request: ReceivedRequest) -> Scripted:
        if "town 9" in asked(request):
            seen.set()
        return slow(visit(request), latency=0.05)

    with ChatServer(answer) as server:
        command = [sys.executable, "-m", "extractor", "run", "many.jsonl", "-t", "visits.py", "-x", "body"]
        options = ["-o", "out.jsonl", "--base-url", server.base_url, "-m", "m", "--concurrency", "2"]
        process = subprocess.Popen(
            [*command, *options], stderr=subprocess.PIPE, text=True, env={**os.environ, "OPENAI_API_KEY": "k"}
        )
        assert seen.wait(30)
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=30)[1]
        assert process.returncode == 130, err
        done = read(folder / "out.jsonl")
        assert [row["n"] for row in done] == list(range(len(done)))
        assert "interrupted" in err
        again = shlex.split(err.splitlines()[-1])
        assert again[-1] == "--resume"
        ended = subprocess.run([sys.executable, "-m", *again], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        assert [row["n"] for row in read(folder / "out.jsonl")] == list(range(40))
        assert len(server.requests) <= 40 + 2


class Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_of_a_run_is_escaped_and_needs_nothing_else(run: Run, folder: Path) -> None:
    write(folder / "in.csv", [{"body": "Basel"}, {"body": "bad <script>alert(1)</script>"}])
    assert run("in.csv", "-x", "body", "-o", "out.csv", "--html", "run.html").status == 1
    page = (folder / "run.html").read_text("utf-8")
    found = Text()
    found.feed(page)
    assert "script" not in found.tags
    assert {"svg", "rect", "table"} <= {*found.tags}
    assert "I do not read <that>." in found.text
    assert "--retry-failed" in found.text
    assert "http://" not in page.replace(run.server.base_url, "")
    assert "src=" not in page


def test_the_journal_can_be_looked_into_handed_out_and_shortened(run: Run, cli: Cli, folder: Path) -> None:
    assert "there is no journal" in cli("journal", "stats").err
    run("in.csv", "-x", "body", "-o", "out.csv")
    assert "2 answers from " in cli("journal", "stats").out
    (first, second) = cli("journal", "export").lines
    assert first["body"]["choices"]
    assert first["key"] != second["key"]
    assert cli("journal", "prune", "--older-than", "1").err == "0 answers forgotten\n"
    assert cli("journal", "prune", "--older-than", "0").err == "2 answers forgotten\n"
    assert "0 answers" in cli("journal", "stats").out


def test_a_journal_on_a_server_is_used_like_a_file_and_its_password_shown_nowhere(
    run: Run, cli: Cli, folder: Path, redis: RedisServer
) -> None:
    with redis.client() as client:
        client.acl_setuser("me", enabled=True, passwords=["+s3cret"], keys=["*"], categories=["+@all"])
    url = redis.url.replace("//", "//me:s3cret@")
    shown = redis.url.replace("//", "//***@")
    assert "there is no journal" in cli("journal", "stats", "--journal", url).err
    write(folder / "in.csv", [{"body": "Basel"}, {"body": "bad"}])
    again = ("in.csv", "-x", "body", "-o", "out.csv", "--journal", url)
    first = run(*again, "--html", "run.html")
    assert first.status == 1
    assert f"--journal '{shown}'" in first.err
    second = run(*again)
    assert "1 from the journal" in second.err, "a failure of the service is not kept"
    stats = cli("journal", "stats", "--journal", url)
    assert shown in stats.out
    assert "1 answers from " in stats.out
    assert len(cli("journal", "export", "--journal", url).lines) == 1
    pruned = cli("journal", "prune", "--older-than", "0", "--journal", url)
    assert pruned.err == "1 answers forgotten\n"
    with redis.client() as client:
        client.acl_deluser("me")
    refused = run(*again)
    assert refused.status == 2
    assert "give a user and a password with access" in refused.err
    page = (folder / "run.html").read_text("utf-8")
    assert "--journal" in page
    for told in (first, second, stats, pruned, refused):
        assert "s3cret" not in f"{told.out}{told.err}{page}"


@pytest.mark.parametrize("given", [("-p", "{}"), ("-p{}",), ("--param={}",)])
def test_a_key_among_the_parameters_is_shown_nowhere(run: Run, folder: Path, given: tuple[str, ...]) -> None:
    write(folder / "in.csv", [{"body": "bad"}])
    headers = [each.format('extra_headers={"X-Token": "s3cret"}') for each in given]
    key = [each.format("api_key=s3cret") for each in given]
    files = ("-o", "out.csv", "--quarantine", "bad.jsonl", "--html", "run.html")
    end = run("in.csv", "-x", "body", *headers, *key, *files)
    assert end.status == 1
    for told in (end.err, *((folder / name).read_text("utf-8") for name in ("bad.jsonl", "run.html"))):
        assert "api_key=***" in told
        assert "s3cret" not in told


def test_the_estimate_knows_what_a_server_holds(run: Run, folder: Path, redis: RedisServer) -> None:
    again = ("in.csv", "-x", "body", "-o", "out.csv", "--journal", redis.url)
    assert "0 of them with an answer in the journal" in run(*again, "--dry-run").out
    run(*again)
    assert "2 of them with an answer in the journal" in run(*again, "--dry-run").out


@pytest.mark.slow
def test_the_help_shows_examples(cli: Cli) -> None:
    end = cli("run", "--help")
    assert end.status == 0
    assert "extractor run mails.csv" in end.out


@pytest.mark.parametrize("output", ["out.jsonl", "out.parquet", "out.csv"])
def test_how_sure_each_value_is_has_a_column_where_asked_for(output: str, run: Run, folder: Path) -> None:
    assert run("in.csv", "-x", "body", "-o", output, "--confidence").status == 0
    rows = read(folder / output)
    cells = [row["visit_confidence"] for row in rows if row["visit_confidence"]]
    told = [json.loads(cell) if isinstance(cell, str) else cell for cell in cells]
    assert told == [[{"pointer": "/town", "confidence": 1.0}, {"pointer": "/day", "confidence": 0.5}]] * 3


# -- files that are not what their names say


def broken(rows: int) -> str:
    """CSV with an opening quote in row 3 that nothing closes."""
    return "id,body\n" + "".join(f"{n},{chr(34) if n == 3 else ''}town {n}\n" for n in range(1, rows))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (broken(203), "in.csv, line 4: a quoted cell is not closed"),
        (broken(5) + '5,"Bern, here"\n6,Bonn\n', "in.csv, line 4: a quoted cell is not closed"),
        ('id,body\n1,"a ""quoted"" town"\n2,"\n', "in.csv, line 3: a quoted cell"),
        ('id,"body\n1,Basel\n', "in.csv, line 1: a quoted cell"),
        ("id,body\n1,Basel\n".encode("utf-16"), "iconv -f UTF-16 -t UTF-8, or name its encoding (--encoding"),
        ("id,body\n1,Basel\n".encode("utf-16-le"), "iconv -f UTF-16LE -t UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "it is an image, image/png"),
        (b"%PDF-1.7\n\xe2\xe3", "pdftotext"),
        (
            "id,body\n1,Zürich\n".encode("cp1252"),
            "byte 0xfc: name its encoding, such as --encoding windows-1252",
        ),
    ],
)
def test_a_table_whose_rows_cannot_be_told_apart_is_refused_before_anything_is_paid(
    run: Run, folder: Path, content: str | bytes, says: str
) -> None:
    (folder / "in.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    end = run("in.csv", "-x", "body", "-o", "out.csv")
    assert end.status == 2
    assert says in " ".join(end.err.split())
    assert not run.server.requests
    assert not (folder / "out.csv").exists()


def test_a_quote_that_ends_inside_of_a_cell_costs_its_row_alone(run: Run, folder: Path) -> None:
    (folder / "in.csv").write_text('id,body\n1,"Basel"\n2,"Bern" or Bonn\n3,5" of rain in Bonn\n4,"Riga" \n')
    end = run("in.csv", "-x", "body", "-o", "out.jsonl")
    assert end.status == 1
    rows = read(folder / "out.jsonl")
    assert [row.get("id") for row in rows] == ["1", None, "3", "4"]
    assert rows[1]["line"] == 3
    assert "a quote ends in the middle of a cell" in str(rows[1]["visit_error"])
    assert rows[3]["body"] == "Riga"


def test_rows_with_too_few_cells_are_told_of_since_a_line_break_may_have_cut_them(
    run: Run, folder: Path
) -> None:
    (folder / "in.csv").write_text("id,body,note\n1,Basel\n2,Bern,x\n3,Bonn\nam Rhein,y\n")
    end = run("in.csv", "-x", "body", "-o", "out.jsonl")
    assert "3 rows have fewer cells than the header, first on line 2" in " ".join(end.err.split())
    assert read(folder / "out.jsonl")[0]["note"] is None


def test_rows_in_a_cell_whose_quote_another_one_closes_are_told_of(run: Run, folder: Path) -> None:
    (folder / "in.csv").write_text('id,body\n1,"Basel\n2,Bern\n3,Bonn\n4,Ulm"\n5,Riga\n')
    end = run("in.csv", "-x", "body", "-o", "out.jsonl")
    assert "the row that ends on line 5 holds 2 lines like rows" in " ".join(end.err.split())


@pytest.mark.parametrize("sign", ["\t", "|", ";"])
def test_cells_may_stand_apart_by_other_signs_where_the_header_has_no_comma(
    run: Run, folder: Path, sign: str
) -> None:
    (folder / "in.csv").write_text(f"id{sign}body\n1{sign}Basel, Bern\n")
    assert run("in.csv", "-x", "body", "-o", "out.jsonl").status == 0
    assert read(folder / "out.jsonl")[0]["body"] == "Basel, Bern"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('[{"body": "Basel"},\n {"body": "Bern"}]', "jq -c '.[]' in.jsonl > in.lines.jsonl"),
        ('[\n  {\n    "body": "Basel"\n  }\n]\n', "jq -c '.[]' in.jsonl"),
        ('[{"body": "Basel"}]', "jq -c '.[]' in.jsonl"),
        ('{\n  "body": "Basel"\n}\n', "jq -c '.' in.jsonl"),
        ('{"body": "Basel"}\n'.encode("utf-16"), "iconv -f UTF-16 -t UTF-8"),
    ],
)
def test_json_that_is_no_json_lines_is_refused_with_what_makes_it_so(
    run: Run, folder: Path, content: str | bytes, says: str
) -> None:
    (folder / "in.jsonl").write_bytes(content.encode() if isinstance(content, str) else content)
    end = run("in.jsonl", "-x", "body", "-o", "out.jsonl")
    assert end.status == 2
    assert says in " ".join(end.err.split())


def test_a_line_of_json_that_is_no_object_costs_its_row_alone(run: Run, folder: Path) -> None:
    (folder / "in.jsonl").write_text('[1, 2]\n{"body": "Basel"}\n')
    assert run("in.jsonl", "-x", "body", "-o", "out.jsonl").status == 1
    (folder / "in.jsonl").write_text('{"body": "Bas\n{"body": "Basel"}\n')
    assert run("in.jsonl", "-x", "body", "-o", "out.jsonl").status == 1


SHY = """
from pydantic import BaseModel, field_serializer

class Visit(BaseModel):
    town: str

    @field_serializer("town")
    def spoken(self, town: str) -> str:
        if town == "Basel":
            raise ValueError("Basel is not spoken of")
        return town
"""


@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet"])
@pytest.mark.parametrize("quarantine", [True, False])
def test_a_record_that_cannot_be_written_is_a_row_that_failed(
    run: Run, folder: Path, output: str, quarantine: bool
) -> None:
    (folder / "visits.py").write_text(SHY)
    end = run("in.csv", "-x", "body", "-o", output, *(["--quarantine", "bad.jsonl"] if quarantine else []))
    assert end.status == 1
    assert "4 of 4 rows, 1 ok, 2 failed, 1 empty" in end.err
    assert "2 serialization" in end.err
    if not quarantine:
        assert "These records can't be written." in " ".join(end.err.split())
        assert [bool(row["visit_error"]) for row in read(folder / output)] == [True, False, False, True]


def test_a_text_that_is_a_list_fails_its_row_and_sends_nothing(run: Run, folder: Path) -> None:
    image = {"type": "image_url", "image_url": {"url": "http://192.0.2.1/"}}
    write(folder / "in.jsonl", [{"body": [image]}, {"body": {"a": 1}}, {"body": 7}, {"body": "Basel"}])
    ended = run("in.jsonl", "-x", "body", "-o", "out.jsonl")
    rows = read(folder / "out.jsonl")
    assert ended.status == 1
    assert [(row["visit_error"] or {}).get("kind") for row in rows] == ["input", "input", "input", None]
    assert "the text is not a string but a list" in rows[0]["visit_error"]["message"]
    assert len(run.server.requests) == 1


def test_numbers_that_json_has_not_are_written_as_texts_and_gone_on_with(run: Run, folder: Path) -> None:
    (folder / "in.jsonl").write_text('{"body": "Basel", "x": [NaN, -Infinity], "y": Infinity}\n')
    assert run("in.jsonl", "-x", "body", "-o", "out.jsonl").status == 0
    text = (folder / "out.jsonl").read_text()
    (row,) = [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]
    assert (row["x"], row["y"]) == (["NaN", "-Infinity"], "Infinity")
    assert run("in.jsonl", "-x", "body", "-o", "out.jsonl", "--resume").status == 0


def test_formulas_in_csv_are_told_of_or_made_texts(run: Run, folder: Path) -> None:
    rows = [
        {"body": "=cmd|'/c calc'!A1", "n": "-5"},
        {"body": "@SUM(A1)", "n": "+1.5"},
        {"body": "a=b", "n": "x"},
    ]
    write(folder / "in.csv", rows)
    ended = run("in.csv", "-x", "body", "-o", "out.csv")
    assert "2 cells of out.csv begin like formulas" in ended.err
    assert [row["body"] for row in read(folder / "out.csv")] == [row["body"] for row in rows]
    ended = run("in.csv", "-x", "body", "-o", "out.csv", "--limit", "1")
    assert "1 cell of out.csv begins like formulas" in ended.err
    for again in ((), ("--resume",)):
        ended = run("in.csv", "-x", "body", "-o", "safe.csv", "--formulas-as-text", *again)
        assert (ended.status, "like formulas" in ended.err) == (0, False)
        safe = read(folder / "safe.csv")
        assert [row["body"] for row in safe] == ["'=cmd|'/c calc'!A1", "'@SUM(A1)", "a=b"]
        assert [row["n"] for row in safe] == ["-5", "+1.5", "x"]


@pytest.mark.slow
def test_a_full_disk_under_the_journal_leaves_an_older_output_as_it_was(
    server: ChatServer, folder: Path
) -> None:
    output = "out.csv"
    (folder / output).write_text("before")
    write(folder / "in.csv", [{"body": f"Basel {i}"} for i in range(400)])
    ended = limited(200_000, server, "in.csv", "-x", "body", "-o", output, "--journal", "j.sqlite")
    assert ended.returncode == 2
    assert f"{output} has not changed. Finished rows are in the journal. Resume with:" in ended.stderr
    assert "--resume" not in ended.stderr
    assert (folder / output).read_text() == "before"


def limited(most: int, server: ChatServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it where no file may grow beyond so many bytes, as on a disk that is full."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    command = [
        sys.executable,
        "-m",
        "extractor",
        "run",
        "-t",
        "visits.py:Visit",
        "--base-url",
        server.base_url,
    ]
    return subprocess.run(
        [*command, "-m", "m", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=limit,
    )


@pytest.mark.parametrize("flags", [("--read-values",), ("--read-values", "--strict-reading")])
def test_a_run_reads_values_in_other_words_where_that_is_asked_for(
    cli: Cli, folder: Path, flags: tuple[str, ...]
) -> None:
    (folder / "prices.py").write_text(
        "from pydantic import BaseModel\nclass Price(BaseModel):\n  amount: float\n"
    )
    with ChatServer(reply({"amount": "1,234.50"})) as server:
        where = ("--base-url", server.base_url, "--model", "m", "-t", "prices.py:Price", "-x", "body")
        end = cli("run", "in.csv", *where, "-o", "out.jsonl", *flags)
    assert "3 ok" in end.err
    assert read(folder / "out.jsonl")[0]["price"] == {"amount": 1234.5}
