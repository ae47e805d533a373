"""What a value that is written as in a text means, where a locale and a day leave one meaning. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from .customs import Customs
from .numbers import numbers, plain_digits, written

_UNKNOWN = Customs()
_LONGEST = 60  # characters of a value that is read
_DIGITS = re.compile(r"([-+]?)\s?(\d[\d., '’]*|[.,]\d+)")


@dataclass(frozen=True, slots=True)
class Meanings:
    """Reads values as texts of one kind write them. customs: of their locale. reference: the day that they
    count from.
    """

    customs: Customs = _UNKNOWN
    reference: date | None = None

    def number(self, said: str) -> str | None:
        """Return the digits of a number, with a point before decimals; None if more than one is possible,
        or no locale is known.
        """
        match = _DIGITS.fullmatch(plain_digits(said.strip())) if len(said) <= _LONGEST else None
        if match is None or self.customs.decimal is None:
            return None
        readings = sorted(written(match[2].strip(), self.customs.decimal), key=lambda each: -each[1])
        if not readings or (len(readings) > 1 and readings[0][1] == readings[1][1]):
            return None
        return ("-" if match[1] == "-" else "") + format(readings[0][0], "f")

    def day(self, said: str) -> date | None:
        """Return the day that is meant by the whole of a text; None if several are as likely."""
        from .dates import calendar  # a tenth of a second of regular expressions

        said = said.strip()
        if not said or len(said) > _LONGEST:
            return None
        scores: defaultdict[date, float] = defaultdict(float)
        found = calendar(said, numbers(said, self.customs.decimal), self.reference, self.customs.first)
        for (year, month, dom), spans in found.days.items():
            whole = [span.score for span in spans if (span.start, span.end) == (0, len(said))]
            if whole and year and month and dom:
                scores[date(year, month, dom)] = max(whole)
        best = sorted(scores.items(), key=lambda each: -each[1])[:2]
        return best[0][0] if best and (len(best) == 1 or best[0][1] > best[1][1]) else None
