"""The script that type checkers read uses every verb."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from extractor import AsyncExtractor, Extractor

SCRIPT = (Path(__file__).parent / "typed_verbs.py").read_text("utf-8")
SAME = {"close", "aclose", "frame", "probe"}  # nothing in them depends on a type; aframe is frame


@pytest.mark.parametrize(
    ("kind", "function"), [(Extractor, "ex: Extractor"), (AsyncExtractor, "ex: AsyncExtractor")]
)
def test_every_verb_is_in_it(kind: type, function: str) -> None:
    verbs = {name for name in dir(kind) if inspect.isfunction(getattr(kind, name)) and name[0] != "_"} - SAME
    bodies = "".join(part for part in re.split(r"\n\n\n", SCRIPT) if function in part)
    assert not {verb for verb in verbs if f"ex.{verb}(" not in bodies}
