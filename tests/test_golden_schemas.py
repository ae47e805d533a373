"""The strict schemas of the example types stand in schemas/: a change in the compiler shows as a diff.

`extractor schema --write schemas` rewrites them.
"""

from __future__ import annotations

from pathlib import Path

from extractor.cli.schema import GOLDEN_TARGETS, differences, golden_files
from extractor.demo import example_types

SCHEMAS = Path(__file__).parent.parent / "schemas"


def test_the_golden_schemas_are_what_the_compiler_gives() -> None:
    files = golden_files(example_types(), GOLDEN_TARGETS)
    assert sorted(files) == sorted(path.name for path in SCHEMAS.iterdir())
    assert "".join(differences(SCHEMAS, files)) == ""
