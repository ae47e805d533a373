"""Runs the command line in this process, as `extractor ARGUMENTS` would."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ended import Cli, Ended

from extractor.cli.app import run


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
    path = list(sys.path)
    yield
    sys.path[:] = path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]
