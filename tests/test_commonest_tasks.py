"""The ten commonest tasks do what they are said to, in as many lines as the documentation says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.benchmarks.commonest_tasks import FOLDER, TASKS, carried_out, sizes

PAGE = Path(__file__).parent.parent / "docs" / "compared.md"


@pytest.mark.slow
def test_each_task_gives_what_it_has_to() -> None:
    assert carried_out(sys.executable, "with_extractor") == dict.fromkeys(TASKS)


@pytest.mark.parametrize(("place", "library"), [(0, "extractor"), (1, "instructor"), (2, "langextract")])
def test_the_table_has_the_sizes_of_the_tasks_as_they_stand(place: int, library: str) -> None:
    taken = sizes(FOLDER / f"with_{library}.py")
    shown = {
        cells[0].strip(): cells[1 + place].strip()
        for cells in (line.strip("| \n").split("|") for line in PAGE.read_text("utf-8").splitlines())
        if len(cells) == 4
    }
    for name, (said, _) in TASKS.items():
        size = taken.get(name)
        told = "no way" if size is None else f"{size.lines} lines, {size.concepts} names"
        assert shown[said] == told
