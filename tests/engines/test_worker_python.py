"""Which Python Spark's workers run: looked at before a job, where they are on this machine."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from extractor import ConfigError
from extractor.engines.worker_python import check_workers


@dataclass
class Context:
    pythonExec: str  # noqa: N815
    master: str = "local[2]"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs that are called like Python, in PATH: one without the package, one of another version."""
    for name, lines in {
        "bare": "echo \"ModuleNotFoundError: No module named 'extractor'\" >&2; exit 1",
        "older": "echo 3.9",
        "same": "echo {}.{}".format(*sys.version_info),
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{lines}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


@pytest.mark.parametrize(
    ("python", "why"),
    [
        ("bare", r"bare, which can't import this library and pyarrow \(ModuleNotFoundError: No module named"),
        ("older", r"older, which is Python 3\.9, but this is 3\.1"),
        ("gone", "run gone, which is not there"),
    ],
)
def test_a_python_that_can_not_do_it_is_named_with_the_setting(python: str, why: str, programs: Path) -> None:
    with pytest.raises(ConfigError, match=why) as error:
        check_workers(Context(python))
    assert f"PYSPARK_PYTHON={sys.executable}" in str(error.value)


def test_a_python_that_can_is_taken_and_so_are_other_machines(programs: Path) -> None:
    assert check_workers(Context("same")) is None  # type: ignore[func-returns-value]
    assert check_workers(Context(sys.executable)) is None  # type: ignore[func-returns-value]
    assert check_workers(Context("bare", "spark://host:7077")) is None  # type: ignore[func-returns-value]
