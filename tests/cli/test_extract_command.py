"""`extractor extract`, whole: arguments in, lines and an exit status out."""

from __future__ import annotations

import io
import json
import math
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ended import Cli

from extractor.testing import ChatServer, ReceivedRequest, Scripted, logprobs, reply, slow, status

TYPES = """
from datetime import date
from pydantic import BaseModel

class Visit(BaseModel):
    town: str
    day: date
"""
BASEL = {"town": "Basel", "day": "2026-05-03"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "visits.py").write_text(TYPES)
    (tmp_path / "one.txt").write_text("We were in Basel on 3 May 2026.")
    (tmp_path / "two.txt").write_text("Grüße aus Köln", "utf-8")
    return tmp_path


def body(request: ReceivedRequest) -> Any:
    return json.loads(request.body)


def basel_or_refused(request: ReceivedRequest) -> Scripted:
    text = body(request)["messages"][-1]["content"]
    return reply(BASEL) if "Basel" in text else status(400, "I do not read that.")


def test_each_input_gives_a_line_and_all_records_give_status_0(cli: Cli, folder: Path) -> None:
    with ChatServer([reply(BASEL)], repeat_last=True) as server:
        end = cli(
            "extract",
            "--type",
            "visits.py:Visit",
            "--base-url",
            server.base_url,
            "-m",
            "m",
            "one.txt",
            "two.txt",
        )
    assert (end.status, end.err) == (0, "")
    assert [(line["source"], line["outcome"], line["record"]) for line in end.lines] == [
        ("one.txt", "ok", BASEL),
        ("two.txt", "ok", BASEL),
    ]
    assert end.lines[0]["usage"]["total_tokens"] > 0


def test_inputs_without_a_record_have_lines_with_an_error_and_give_status_1(cli: Cli, folder: Path) -> None:
    (folder / "latin.txt").write_bytes("Grüße".encode("latin-1"))
    (folder / "empty.txt").write_text(" \n")
    files = ["missing.txt", "one.txt", "latin.txt", "empty.txt", "two.txt", ".", "one.txt"]
    with ChatServer(basel_or_refused) as server:
        end = cli("extract", "-t", "visits.py:Visit", "--base-url", server.base_url, "-m", "m", *files)
        asked = len(server.requests)
    assert end.status == 1
    assert [line["source"] for line in end.lines] == files
    assert [line.get("error", {}).get("kind", line["outcome"]) for line in end.lines] == [
        "missing",
        "ok",
        "encoding",
        "empty",
        "status",
        "unreadable",
        "ok",
    ]
    assert asked == 3, "what cannot be read is not sent"
    assert end.err == "5 of 7 inputs gave no record. Their lines say why.\n"


def test_a_text_in_place_of_a_file_is_told_where_texts_go(cli: Cli, folder: Path) -> None:
    with ChatServer() as server:
        url = server.base_url
        end = cli("extract", "-t", "visits.py:Visit", "--base-url", url, "-m", "m", "Basel, 3 nights.")
    assert end.status == 1
    assert end.lines[0]["error"]["message"] == (
        "there is no file Basel, 3 nights.; a text itself is read from standard input: "
        "echo 'TEXT' | extractor extract - ..."
    )


def test_a_dash_is_standard_input(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("Basel, 東京".encode())))
    with ChatServer(basel_or_refused) as server:
        end = cli("extract", "-t", "visits.py:Visit", "--base-url", server.base_url, "-m", "m", "-")
        (request,) = server.requests
    assert (end.status, end.lines[0]["source"]) == (0, "-")
    assert body(request)["messages"][-1]["content"] == "Basel, 東京"


def test_a_json_schema_serves_as_record_type(cli: Cli, folder: Path) -> None:
    schema = {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]}
    (folder / "visit.json").write_text(json.dumps(schema))
    with ChatServer([reply({"town": "Basel"})]) as server:
        end = cli("extract", "--schema", "visit.json", "--base-url", server.base_url, "-m", "m", "one.txt")
    assert (end.status, end.lines[0]["record"]) == (0, {"town": "Basel"})


@pytest.mark.slow
def test_the_output_file_is_for_its_owner_and_standard_output_stays_empty(cli: Cli, folder: Path) -> None:
    with ChatServer([reply(BASEL)]) as server:
        end = cli(
            "extract",
            "-t",
            "visits.py",
            "--base-url",
            server.base_url,
            "-m",
            "m",
            "one.txt",
            "-o",
            "out.jsonl",
        )
    assert (end.status, end.out) == (0, "")
    assert json.loads((folder / "out.jsonl").read_text("utf-8"))["record"] == BASEL
    assert stat.S_IMODE(os.stat("out.jsonl").st_mode) == 0o600


def test_a_list_and_a_table_are_written_at_the_end(cli: Cli, folder: Path) -> None:
    with ChatServer(basel_or_refused) as server:
        common = (
            "extract",
            "-t",
            "visits.py",
            "--base-url",
            server.base_url,
            "-m",
            "m",
            "one.txt",
            "two.txt",
        )
        as_list, as_table = cli(*common, "--format", "json"), cli(*common, "--format", "table")
    assert [line["outcome"] for line in json.loads(as_list.out)] == ["ok", "transport"]
    assert "│ Basel" in as_table.out
    assert "two.txt: HTTP 400: I do not read that." in as_table.out
    assert (as_list.status, as_table.status) == (1, 1)


def test_options_go_into_each_request(cli: Cli, folder: Path) -> None:
    (folder / "solved.jsonl").write_text(
        json.dumps({"text": "Bern, 1 May 2026", "record": {"town": "Bern", "day": "2026-05-01"}})
    )
    with ChatServer([reply(BASEL)]) as server:
        end = cli(
            *("extract", "-t", "visits.py", "--base-url", server.base_url, "-m", "m", "one.txt"),
            *("-i", "Towns are Swiss.", "--examples", "solved.jsonl", "--temperature", "0.5", "--seed", "7"),
            *(
                "--max-tokens",
                "99",
                "-p",
                "top_p=0.9",
                "-p",
                "reasoning_effort=low",
                "-p",
                'extra_body={"min_p": 0.1}',
            ),
        )
        sent = body(server.requests[0])
    assert end.status == 0
    assert (sent["temperature"], sent["seed"], sent["max_tokens"], sent["top_p"]) == (0.5, 7, 99, 0.9)
    assert (sent["reasoning_effort"], sent["min_p"]) == ("low", 0.1)
    said = json.dumps(sent["messages"])
    assert "Towns are Swiss." in said
    assert "Bern, 1 May 2026" in said


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["-t", "visits.py:Vist"], "did you mean visits.py:Visit?"),
        (["-t", "nowhere.py:Visit"], "there is no file nowhere.py"),
        (["--schema", "remote.json"], "https://example.com/other.json"),
        (["-t", "visits.py", "--base-url", "no-url"], "base_url is not a URL"),
        (["-t", "visits.py", "-p", "temprature=1"], "did you mean 'temperature'?"),
        (["-t", "visits.py", "-p", "top_p"], "--param takes NAME=VALUE"),
        (["-t", "visits.py", "-p", "stop=[1"], "starts like JSON, but is invalid"),
        (["-t", "visits.py", "--seed", "1", "-p", "seed=2"], "the parameter seed is given twice"),
        (
            ["-t", "visits.py", "--examples", "wrong.jsonl"],
            "wrong.jsonl, line 1: the record is invalid at /day",
        ),
        (["-t", "visits.py", "-o", "one.txt"], "-o one.txt would overwrite one of the inputs"),
        (["-t", "visits.py", "-o", "no/folder/out.jsonl"], "cannot write to"),
        (["-t", "visits.py", "-m", "openai:gpt-5-mini"], "set OPENAI_API_KEY"),
        (["-t", "visits.py", "-m", "opnai:x"], "did you mean 'openai'?"),
    ],
)
def test_what_is_wrong_with_the_call_is_one_paragraph_and_status_2(
    cli: Cli, folder: Path, arguments: list[str], why: str
) -> None:
    (folder / "remote.json").write_text('{"$ref": "https://example.com/other.json"}')
    (folder / "wrong.jsonl").write_text('{"text": "t", "record": {"town": "Bern", "day": "soon"}}')
    with ChatServer() as server:
        where = [] if {"-m", "--base-url"} & set(arguments) else ["--base-url", server.base_url]
        model = [] if "-m" in arguments else ["-m", "m"]
        end = cli("extract", *arguments, *where, *model, "one.txt")
        assert not server.requests
    assert (end.status, end.out) == (2, "")
    assert end.err.startswith("error: ")
    assert why in end.err
    assert end.err.count("\n") == 1
    assert "Traceback" not in end.err


@pytest.mark.parametrize("arguments", [[], ["-t", "visits.py", "--schema", "s.json"]])
def test_a_record_type_is_named_once(cli: Cli, folder: Path, arguments: list[str]) -> None:
    end = cli("extract", *arguments, "one.txt")
    assert end.status == 2
    assert "--type FILE.py:Name or --schema FILE.json" in " ".join(end.err.replace("│", "").split())


def test_a_server_without_a_model_name_is_asked_about(cli: Cli, folder: Path) -> None:
    end = cli("extract", "-t", "visits.py", "--base-url", "http://127.0.0.1:9/v1", "one.txt")
    assert (end.status, end.err) == (2, "error: which model at http://127.0.0.1:9/v1? Name it with --model\n")


def started(server: ChatServer, *arguments: str) -> subprocess.Popen[str]:
    where = ("-t", "visits.py", "--base-url", server.base_url, "-m", "m")
    command = [sys.executable, "-m", "extractor", "extract", *where, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.crash
def test_ctrl_c_keeps_what_is_done(folder: Path) -> None:
    script = [reply(BASEL), slow(reply(BASEL), latency=math.inf)]
    arguments = ("one.txt", "two.txt", "-o", "out.jsonl")
    with ChatServer(script) as server, started(server, *arguments) as program:
        server.wait_for(2, timeout=60)
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=60)
    assert program.returncode == 130
    assert said.startswith("Interrupted: 1 of 2 inputs are done (1 ok, ")
    assert said.endswith("they are in out.jsonl.\n")
    (line,) = (folder / "out.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["record"] == BASEL


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_ends_it_without_a_word(folder: Path) -> None:
    with (
        ChatServer([reply(BASEL)], repeat_last=True) as server,
        started(server, *["one.txt"] * 99) as program,
    ):
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.readline()
        program.stdout.close()
        assert program.stderr.read() == ""
        assert program.wait(60) == 1
        assert len(server.requests) < 99


def test_a_key_in_the_environment_is_sent_and_never_shown(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "sk-very-secret-key"
    with ChatServer(status(400, f"bad request with {key}"), api_key=key) as server:
        common = ("extract", "-t", "visits.py", "--base-url", server.base_url, "-m", "m", "one.txt")
        monkeypatch.setenv("OPENAI_API_KEY", key)
        end = cli("--debug", *common)
        assert server.requests[0].authorized
    assert end.lines[0]["error"]["http_status"] == 400
    assert key not in end.out + end.err


@pytest.mark.slow
def test_how_sure_each_value_is_stands_in_the_line_where_it_is_asked_for(cli: Cli, folder: Path) -> None:
    told = logprobs(reply(BASEL), {"Basel": math.log(0.5) * math.sqrt(3)})
    with ChatServer(told) as server:
        where = ("--type", "visits.py:Visit", "--base-url", server.base_url, "-m", "m", "one.txt")
        sure = cli("extract", *where, "--confidence")
        sampled = cli("extract", *where, "--samples", "3")
        plain = cli("extract", *where)
        assert len(server.requests) == 5
    assert sure.lines[0]["confidence"] == {"/town": pytest.approx(0.5), "/day": 1.0}
    assert sampled.lines[0]["confidence"] == {"/town": pytest.approx(0.75), "/day": 1.0}
    assert "confidence" not in plain.lines[0]


def test_names_of_members_that_look_like_markup_end_nothing(cli: Cli, folder: Path) -> None:
    record = {"[/nope]": "[bold]x", "a\x1b[2J": "y"}
    members = {name: {"type": "string"} for name in record}
    (folder / "any.json").write_text(json.dumps({"type": "object", "properties": members}))
    (folder / "[red].txt").write_text("Basel")
    with ChatServer(reply(record)) as server:
        options = ("--schema", "any.json", "--base-url", server.base_url, "-m", "m")
        ended = cli("extract", *options, "--format", "table", "[red].txt")
    assert ended.status == 0, ended.err
    assert "[/nope]" in ended.out
    assert "[red].txt" in ended.out
    assert "\x1b" not in ended.out


def test_how_tolerantly_replies_are_read_is_an_option(cli: Cli, folder: Path) -> None:
    (folder / "prices.py").write_text(
        "from pydantic import BaseModel\n\nclass Price(BaseModel):\n    amount: float\n"
    )
    with ChatServer([reply('{"amount": "1,234.50",}')], repeat_last=True) as server:
        where = ("--type", "prices.py:Price", "--base-url", server.base_url, "-m", "m", "one.txt")
        values = cli("extract", *where, "--read-values")
        plain = cli("extract", *where)
        strictly = cli("extract", *where, "--strict-reading")
    assert values.lines[0]["record"] == {"amount": 1234.5}
    assert [end.lines[0]["outcome"] for end in (plain, strictly)] == ["invalid", "invalid_json"]


def test_the_request_is_shown_and_nothing_is_sent(cli: Cli, folder: Path) -> None:
    command = ("extract", "-t", "visits.py:Visit", "one.txt", "two.txt", "--show-request")
    with ChatServer() as server:
        done = cli(*command, "--temperature", "0", "-m", "m", "--base-url", server.base_url)
        assert server.requests == ()
    assert done.status == 0
    first, second = done.out.removeprefix("POST ").split("POST ")
    assert first.startswith(f"{server.base_url}/chat/completions")
    assert json.loads(first.partition("\n\n")[2])["temperature"] == 0
    assert "Grüße aus Köln" in second
    assert "two.txt: about" in done.err
    assert "Nothing was sent" in done.err


def test_a_file_that_is_not_there_has_no_request(cli: Cli, folder: Path) -> None:
    where = ("-m", "m", "--base-url", "http://127.0.0.1:9/v1")
    done = cli("extract", "-t", "visits.py:Visit", "none.txt", "--show-request", *where)
    assert done.status == 2
    assert "none.txt" in done.err
