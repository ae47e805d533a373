"""Runs the command line in this process, as `extractor ARGUMENTS` would."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer.main
from ended import Cli, Ended

from extractor.cli.app import run


@pytest.fixture(scope="session", autouse=True)
def commands_built_once() -> Iterator[None]:
    """Typer reads all signatures anew for each call, 50 ms of a test; a program is called once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", cache(typer.main.get_command))
        yield


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    for name in ("EXTRACTOR_MODEL", "OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: object) -> Ended:
        with pytest.raises(SystemExit) as end:
            run([str(argument) for argument in arguments])
        return Ended(end.value.code or 0, *capsys.readouterr())

    return call


@pytest.fixture(autouse=True)
def modules_as_before(tmp_path: Path) -> Iterator[None]:
    """Forget the modules that a test has written and loaded."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in sys.modules.keys() - modules:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]
