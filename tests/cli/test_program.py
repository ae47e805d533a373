"""The program around the commands: what it loads, how it ends, what it says when it fails."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from ended import Cli

from extractor.cli.app import FAULT, explained, without_debug
from extractor.errors import SchemaError


def test_the_command_line_loads_on_use_alone() -> None:
    heavy = "{'typer', 'rich', 'xllamacpp', 'pandas', 'pyarrow', 'extractor.cli.app'}"
    code = f"import sys, extractor, extractor.__main__; print(sys.modules.keys() & {heavy})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


@pytest.mark.slow
def test_the_module_and_the_command_are_the_same_program() -> None:
    command = Path(sys.executable).with_name("extractor")
    first, second = (
        subprocess.run([*program, "--version"], capture_output=True, text=True)
        for program in ([command], [sys.executable, "-m", "extractor"])
    )
    assert first.stdout == second.stdout == f"extractor {version('typed-extractor')}\n"


@pytest.mark.parametrize("command", ["extract", "schema", "demo", "serve", "models pull", "models list"])
def test_each_command_has_a_help_text(cli: Cli, command: str) -> None:
    end = cli(*command.split(), "--help")
    assert end.status == 0
    assert f"Usage: extractor {command}" in end.out


@pytest.mark.slow
def test_help_says_where_keys_come_from(cli: Cli) -> None:
    assert "Keys are read from the environment only" in " ".join(cli("extract", "--help").out.split())
    assert "--api-key" not in cli("extract", "--help").out


def test_an_unknown_command_is_answered_with_a_near_one(cli: Cli) -> None:
    end = cli("extrct")
    assert end.status == 2
    assert "Did you mean 'extract'?" in end.err


def test_tracebacks_come_with_debug_alone(cli: Cli) -> None:
    quiet, loud, late = (
        cli("schema", "x.py:A"),
        cli("--debug", "schema", "x.py:A"),
        cli("schema", "x.py:A", "--debug"),
    )
    assert quiet.err == "error: there is no file x.py\n"
    assert loud.err == late.err
    assert "Traceback (most recent call last)" in loud.err
    assert loud.err.endswith(quiet.err)
    assert quiet.status == loud.status == late.status == 2


def test_debug_is_an_option_only_before_the_end_of_options() -> None:
    assert without_debug(["extract", "--debug", "a"]) == (["extract", "a"], True)
    assert without_debug(["extract", "--", "--debug"]) == (["extract", "--", "--debug"], False)
    assert without_debug(["a"]) == (["a"], False)


def test_what_is_raised_on_purpose_is_told_apart_from_faults() -> None:
    assert explained(SchemaError("a tuple has no end", "/items")) == ("a tuple has no end (at /items)", 2)
    assert explained(OSError(28, "No space left on device")) == ("[Errno 28] No space left on device", 2)
    said, status = explained(KeyError("x"))
    assert (status, said.startswith("KeyError: 'x'. This is a bug in extractor")) == (FAULT, True)
