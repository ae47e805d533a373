"""Installed as `typed-extractor`, imported as `extractor`: the `extractor` of the registry is a stranger."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROSE = [
    *(ROOT / "extractor").rglob("*.py"),
    *(ROOT / "docs").glob("*.md"),
    *ROOT.glob("*.md"),
    ROOT / "pyproject.toml",
]
STRANGERS = re.compile(r"(?<![\w-])extractor\[[a-z]|pip install (-\S+ )*['\"]?extractor\b")


def test_the_package_is_installed_by_its_own_name() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["name"] == "typed-extractor"


@pytest.mark.slow
def test_nobody_is_sent_to_the_package_of_a_stranger() -> None:
    found = {str(path): match[0] for path in PROSE if (match := STRANGERS.search(path.read_text("utf-8")))}
    assert len(PROSE) > 200
    assert found == {}


def test_each_extra_that_a_hint_names_is_there() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {
        name
        for path in PROSE
        for some in re.findall(r"typed-extractor\[([a-z0-9,]+)\]", path.read_text("utf-8"))
        for name in some.split(",")
    }
    assert named
    assert named <= extras.keys()
