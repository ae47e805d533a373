"""`extractor schema`, whole."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from ended import Cli

TYPES = """
from decimal import Decimal
from pydantic import BaseModel

class Sum(BaseModel):
    amount: Decimal

class Other(BaseModel):
    x: int
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sums.py").write_text(TYPES)
    return tmp_path


def test_the_strict_schema_is_printed_as_json(cli: Cli, folder: Path) -> None:
    end = cli("schema", "sums.py:Sum")
    assert (end.status, end.err) == (0, "")
    schema = json.loads(end.out)
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["amount"]


def test_a_json_schema_is_compiled_too(cli: Cli, folder: Path) -> None:
    (folder / "s.json").write_text('{"type": "object", "properties": {"x": {"type": "integer"}}}')
    by_option, by_name = cli("schema", "--schema", "s.json"), cli("schema", "s.json")
    assert by_option == by_name
    assert json.loads(by_name.out)["additionalProperties"] is False


def test_the_report_tells_what_became_of_each_keyword(cli: Cli, folder: Path) -> None:
    reported = json.loads(cli("schema", "sums.py:Sum", "--report").out)
    assert reported.keys() == {"name", "target", "version", "fingerprint", "schema", "report"}
    assert reported["schema"] == json.loads(cli("schema", "sums.py:Sum").out)
    assert ("/properties/amount", "re-encoded") in [(n["pointer"], n["action"]) for n in reported["report"]]


def test_targets_differ_and_are_listed(cli: Cli, folder: Path) -> None:
    names = [line.partition("\t")[0] for line in cli("schema", "--list-targets").out.splitlines()]
    assert {"openai", "anthropic", "gemini", "local"} <= set(names)
    (folder / "lengths.py").write_text("from pydantic import BaseModel\nclass A(BaseModel):\n    x: str\n")
    assert cli("schema", "lengths.py", "--target", "local").out != cli("schema", "lengths.py").out


def test_an_unknown_target_is_a_clear_error(cli: Cli, folder: Path) -> None:
    end = cli("schema", "sums.py:Sum", "--target", "opnai")
    assert (end.status, end.out) == (2, "")
    assert end.err.startswith("error: ")
    assert "openai" in end.err


@pytest.mark.parametrize("arguments", [[], ["sums.py:Sum", "sums.py:Other"]])
def test_one_type_is_printed_at_a_time(cli: Cli, folder: Path, arguments: list[str]) -> None:
    end = cli("schema", *arguments)
    assert end.status == 2
    assert "name one record type" in end.err


def test_golden_files_are_written_and_a_drift_shows_as_a_diff(cli: Cli, folder: Path) -> None:
    common = ("schema", "sums.py:Sum", "sums.py:Other", "--target", "openai")
    assert cli(*common, "--write", "schemas").status == 0
    assert sorted(path.name for path in (folder / "schemas").iterdir()) == [
        "Other.openai.json",
        "Sum.openai.json",
    ]
    assert cli(*common, "--check", "schemas").status == 0
    (folder / "later.py").write_text(TYPES.replace("x: int", "y: int"))
    end = cli("schema", "later.py:Other", "--target", "openai", "--check", "schemas")
    assert end.status == 1
    assert '-    "x": {' in end.out
    assert '+    "y": {' in end.out
    assert "Of 1 schemas, 1 changed and 0 are missing" in end.err
    command = shlex.split(end.err.splitlines()[-1])
    assert command == ["extractor", *("schema", "later.py:Other", "--target", "openai", "--write", "schemas")]
    assert cli(*command[1:]).status == 0
    assert cli("schema", "later.py:Other", "--target", "openai", "--check", "schemas").status == 0


def test_a_missing_golden_file_is_a_difference(cli: Cli, folder: Path) -> None:
    end = cli("schema", "sums.py:Sum", "--target", "openai", "--check", "schemas")
    assert end.status == 1
    assert '+  "type": "object"' in end.out
    assert "0 changed and 1 are missing" in end.err


def test_two_types_of_one_name_cannot_share_a_file(cli: Cli, folder: Path) -> None:
    (folder / "again.py").write_text(TYPES)
    end = cli("schema", "sums.py:Sum", "again.py:Sum", "--write", "schemas")
    assert end.status == 2
    assert "two of the record types have the same name" in end.err
    assert not (folder / "schemas").exists()
