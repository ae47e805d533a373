"""Writes extractor/evidence/names.py out of the CLDR, as Babel has it: python -m tests.calendar_names"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from babel import Locale
from babel.core import get_cldr_version

FILE = Path(__file__).parents[1] / "extractor" / "evidence" / "names.py"
# Chinese and Japanese number their months.
LOCALES = (
    *("en", "fr", "de", "es", "it", "pt", "nl", "ca", "sv", "da", "nb", "fi", "pl", "cs", "sk", "hu", "ro"),
    *("bg", "ru", "uk", "el", "tr", "hr", "sl", "et", "lv", "lt", "id", "vi", "th", "ar", "he", "fa", "hi"),
    "ko",
)
HEAD = '''"""The names of months and weekdays in common languages, casefolded, without their last point.

Made by tests/calendar_names.py out of the Unicode CLDR, version {version}.
Copyright © 2004-2025 Unicode, Inc. Its licence, Unicode-3.0, is in LICENSES/Unicode-3.0.txt.
"""

from __future__ import annotations

'''


def names(kind: str, widths: tuple[str, ...]) -> dict[int, set[str]]:
    """Return the names by number: of "months" from 1, of "days" from Monday, 0."""
    found: defaultdict[int, set[str]] = defaultdict(set)
    for locale in map(Locale.parse, LOCALES):
        for context in ("format", "stand-alone"):
            for width in widths:
                for number, name in getattr(locale, kind)[context][width].items():
                    found[number].add(name.casefold().strip("."))
    return {n: {name for name in found[n] if not name[0].isdigit()} for n in sorted(found)}


def months() -> dict[int, set[str]]:
    """Return the names of the months."""
    return names("months", ("wide", "abbreviated"))


def weekdays() -> dict[int, set[str]]:
    """Return the names of the weekdays."""
    return names("days", ("wide",))


def written() -> str:
    """Return the text of the file."""
    tables = (("MONTHS", months()), ("WEEKDAYS", weekdays()))
    return HEAD.format(version=get_cldr_version()) + "\n".join(_table(*each) for each in tables)


def _table(name: str, table: dict[int, set[str]]) -> str:
    lines = [f"{name}: dict[int, tuple[str, ...]] = {{"]
    for number, words in table.items():
        lines += [f"    {number}: (", *(f'        "{word}",' for word in sorted(words)), "    ),"]
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
