"""One word, one meaning."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

import extractor


@pytest.mark.slow
def test_no_two_classes_share_a_name() -> None:
    trees = [ast.parse(path.read_text("utf-8")) for path in Path(extractor.__file__).parent.rglob("*.py")]
    classes = [node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    twice = {name for name, count in Counter(classes).items() if count > 1 and not name.startswith("_")}
    assert len(classes) > 300
    assert twice == set()
