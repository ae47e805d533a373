"""`--mask`: placeholders are sent, kept and told; the output has the values."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ended import Cli

from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply

TYPE = """
from pydantic import BaseModel

class Inquiry(BaseModel):
    mail: str
    customer: str
"""
FINDER = """
import re

def customers(text):
    return [(m.start(), m.end(), "customer") for m in re.finditer(r"C-\\d{6}", text)]

nothing = 3
"""
SECRETS = ("ada@example.org", "bob@example.net", "C-123456", "C-654321")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("inquiry.py").write_text(TYPE)
    Path("finders.py").write_text(FINDER)
    Path("ada.txt").write_text("ada@example.org, C-123456")
    Path("mails.jsonl").write_text(
        '{"body": "Ada, ada@example.org, C-123456"}\n{"body": "Bob, bob@example.net, C-654321"}\n'
    )
    return tmp_path


def copied(request: ReceivedRequest) -> Scripted:
    text = json.loads(request.body)["messages"][-1]["content"]
    found = re.findall(r"email_\d+@masked\.invalid|\[CUSTOMER_\d+\]", text)
    return reply(dict(zip(("mail", "customer"), [*found, "not masked"], strict=False)))


def sent(server: ChatServer) -> str:
    return "".join(request.body.decode() for request in server.requests)


@pytest.mark.parametrize("customer", [r"customer=C-\d{6}", "finders.py:customers"])
def test_extract_sends_placeholders_and_writes_the_values(cli: Cli, folder: Path, customer: str) -> None:
    with ChatServer(copied) as server:
        at = ("-m", "m", "--base-url", server.base_url)
        masks = ("--mask", "email", "--mask", customer)
        end = cli("extract", "-t", "inquiry.py:Inquiry", "ada.txt", *at, *masks)
    assert (end.status, json.loads(end.out)["record"]) == (0, {"mail": SECRETS[0], "customer": SECRETS[2]})
    assert not any(secret in sent(server) for secret in SECRETS)


@pytest.mark.slow
def test_run_keeps_placeholders_and_a_second_run_is_read_back(cli: Cli, folder: Path) -> None:
    with ChatServer(copied) as server:
        at = ("-m", "m", "--base-url", server.base_url, "--journal", "kept/journal.sqlite")
        call = ("run", "mails.jsonl", "-t", "inquiry.py:Inquiry", "-x", "body", "--mask", "email")
        call = (*call, "--mask", r"customer=C-\d{6}")
        for out in ("first.jsonl", "second.jsonl"):
            assert cli(*call, *at, "-o", out).status == 0
        assert len(server.requests) == 2
        assert not any(secret in sent(server) for secret in SECRETS)
        assert cli(*call[:-2], *at, "-o", "third.jsonl").status == 0  # the other mask asks something else
        assert len(server.requests) == 4
    rows = [json.loads(line)["inquiry"] for line in Path("second.jsonl").read_text().splitlines()]
    assert rows == [
        {"mail": "ada@example.org", "customer": "C-123456"},
        {"mail": "bob@example.net", "customer": "C-654321"},
    ]


def test_the_journal_of_a_run_has_nothing_that_is_masked(cli: Cli, folder: Path) -> None:
    with ChatServer(copied) as server:
        at = ("-m", "m", "--base-url", server.base_url, "--journal", "kept/journal.sqlite")
        masks = ("--mask", "email", "--mask", r"customer=C-\d{6}")
        cli("run", "mails.jsonl", "-t", "inquiry.py:Inquiry", "-x", "body", "-o", "o.jsonl", *at, *masks)
    kept = b"".join(path.read_bytes() for path in Path("kept").iterdir())
    assert b"[CUSTOMER_1]" in kept
    assert not any(secret.encode() in kept for secret in SECRETS)


@pytest.mark.slow
def test_eval_measures_the_values_that_came_back(cli: Cli, folder: Path) -> None:
    gold: dict[str, Any] = {"mail": "ada@example.org", "customer": "C-123456"}
    Path("gold.jsonl").write_text(json.dumps({"text": "ada@example.org, C-123456", "record": gold}))
    with ChatServer(copied) as server:
        at = ("-m", "m", "--base-url", server.base_url, "--journal", "journal.sqlite", "-o", "report.json")
        masks = ("--mask", "email", "--mask", r"customer=C-\d{6}")
        end = cli("eval", "gold.jsonl", "-t", "inquiry.py:Inquiry", *at, *masks)
    assert "100.0%" in end.out
    assert json.loads(Path("report.json").read_text())["options"]["mask"] == ["email", r"customer=C-\d{6}"]
    assert not any(secret in sent(server) for secret in SECRETS)


@pytest.mark.parametrize(
    ("mask", "why"),
    [
        ("e-mail", "is not one of email, iban, card, phone, ip, presidio"),
        ("customer=C-(", "is not a regular expression"),
        ("finders.py:nothing", "finders.py:nothing is not a function"),
        ("finders.py:customer", "did you mean finders.py:customers"),
        ("absent.py:customers", "there is no file absent.py"),
    ],
)
def test_a_mask_that_means_nothing_is_refused_at_once(cli: Cli, folder: Path, mask: str, why: str) -> None:
    end = cli(
        "extract",
        "-t",
        "inquiry.py:Inquiry",
        "-m",
        "m",
        "--base-url",
        "http://127.0.0.1:9",
        "ada.txt",
        "--mask",
        mask,
    )
    assert end.status == 2
    assert why in " ".join(end.err.split())
