"""The names of months and weekdays are those of the CLDR."""

from __future__ import annotations

import pytest
from babel.core import get_cldr_version

from extractor.evidence.names import CUSTOMS, MONTHS, WEEKDAYS
from tests import calendar_names


@pytest.mark.slow
def test_the_file_is_what_its_program_writes() -> None:
    text = calendar_names.FILE.read_text(encoding="utf-8")
    if f"version {get_cldr_version()}." in text:  # else another test compares the names
        assert text == calendar_names.written()
    assert "Unicode-3.0" in text


@pytest.mark.parametrize(
    ("ours", "theirs"), [(MONTHS, calendar_names.months()), (WEEKDAYS, calendar_names.weekdays())]
)
def test_the_names_are_those_of_the_cldr_whatever_its_version(
    ours: dict[int, tuple[str, ...]], theirs: dict[int, set[str]]
) -> None:
    assert ours.keys() == theirs.keys()
    for number, names in ours.items():
        both = len(theirs[number] & set(names))
        assert both >= 0.95 * max(len(names), len(theirs[number])), number


@pytest.mark.slow
def test_customs_are_those_of_the_cldr_whatever_its_version() -> None:
    theirs = calendar_names.customs()
    same = {name for name, said in CUSTOMS.items() if theirs.get(name) == said}
    assert len(same) >= 0.9 * max(len(CUSTOMS), len(theirs))
    told = {name: CUSTOMS[name] for name in ("de", "de_CH", "en", "en_GB", "fr", "ja")}
    assert told == {"de": ",dmy", "de_CH": ".dmy", "en": ".mdy", "en_GB": ".dmy", "fr": ",dmy", "ja": ".ymd"}
