"""Writes extractor/evidence/names.py out of the CLDR, as Babel has it: python -m tests.calendar_names"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from babel import Locale
from babel.core import get_cldr_version
from babel.localedata import locale_identifiers

FILE = Path(__file__).parents[1] / "extractor" / "evidence" / "names.py"
# Chinese and Japanese number their months.
LOCALES = (
    *("en", "fr", "de", "es", "it", "pt", "nl", "ca", "sv", "da", "nb", "fi", "pl", "cs", "sk", "hu", "ro"),
    *("bg", "ru", "uk", "el", "tr", "hr", "sl", "et", "lv", "lt", "id", "vi", "th", "ar", "he", "fa", "hi"),
    "ko",
)
HEAD = '''"""The names of months and weekdays in common languages, casefolded, without their last point.

CUSTOMS are the decimal mark and the order of day, month and year in a short date, by language, and by
territory where it has others than the language.

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


def customs() -> dict[str, str]:
    """Return, by locale, the decimal mark and the order of a short date: "de": ",dmy"."""
    found: dict[str, str] = {}
    for locale in sorted(map(Locale.parse, locale_identifiers()), key=lambda each: str(each).count("_")):
        pattern = locale.date_formats["short"].pattern
        order = re.sub(r"(.)\1+", r"\1", re.sub("[^dmy]", "", re.sub("'[^']*'", "", pattern).lower()))
        mark = locale.number_symbols.get("latn", {}).get("decimal", "")
        if locale.variant or sorted(order) != ["d", "m", "y"] or mark not in (".", ","):
            continue
        name = f"{locale.language}_{locale.territory}" if locale.territory else locale.language
        if found.get(locale.language) != mark + order:
            found.setdefault(name, mark + order)
    return dict(sorted(found.items()))


def written() -> str:
    """Return the text of the file."""
    tables = (("MONTHS", months()), ("WEEKDAYS", weekdays()))
    known = [f'    "{name}": "{said}",' for name, said in customs().items()]
    last = "\n".join(["CUSTOMS: dict[str, str] = {", *known, "}", ""])
    return HEAD.format(version=get_cldr_version()) + "\n".join([*(_table(*each) for each in tables), last])


def _table(name: str, table: dict[int, set[str]]) -> str:
    lines = [f"{name}: dict[int, tuple[str, ...]] = {{"]
    for number, words in table.items():
        lines += [f"    {number}: (", *(f'        "{word}",' for word in sorted(words)), "    ),"]
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
