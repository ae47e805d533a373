"""The tables of docs/facts.md are the code's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import extractor
from extractor import errors

ROOT = Path(extractor.__file__).parent
PAGE = (ROOT.parent / "docs/facts.md").read_text("utf-8")


def section(title: str) -> list[list[str]]:
    """Return the cells of the rows of a section's table."""
    body = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in body.splitlines() if line.startswith("| ")]
    return [row for row in rows[1:] if not row[0].startswith("---")]


def test_each_error_is_named_with_the_one_that_it_derives_from() -> None:
    kinds = [getattr(errors, name) for name in errors.__all__]
    classes = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Exception)]
    ours = {
        kind.__name__: kind.__bases__[0].__name__ for kind in classes if kind is not errors.ExtractorError
    }
    assert {name.strip("`"): base.strip("`") for name, base, _ in section("Errors")} == ours


@pytest.mark.slow
def test_each_environment_variable_of_ours_is_named() -> None:
    code = "\n".join(path.read_text("utf-8") for path in ROOT.rglob("*.py"))
    named = {name for cell, _ in section("Environment variables") for name in re.findall(r"`(\w+)`", cell)}
    ours = set(re.findall(r"\b(?:EXTRACTOR|OTEL)_[A-Z_]+\b", code))
    assert ours <= named
    assert {"HF_ENDPOINT", "SSL_CERT_FILE", "SSL_CERT_DIR"} <= named
