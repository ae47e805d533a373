"""Cells of CSV that a spreadsheet would run as formulas."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

LEADS = tuple("=+-@\t\r\n＝＋－＠")  # source: OWASP, "CSV Injection"
QUOTE = "'"  # before a text, for spreadsheets


def is_formula(value: Any) -> bool:
    """Whether a spreadsheet may take a cell for a formula: a number with a sign is none."""
    if not isinstance(value, str) or not value.startswith(LEADS):
        return False
    with suppress(ValueError):
        float(value)
        return False
    return True


def unquoted(text: str) -> str:
    """Return a cell as it was before a formula was made text of."""
    return text[1:] if text.startswith(QUOTE) and is_formula(text[1:]) else text


@dataclass(slots=True)
class Formulas:
    """What becomes of formulas. as_text: whether they are made text of. found: how many there were."""

    as_text: bool = False
    found: int = 0

    def text(self, value: Any) -> Any:
        """Return what is written of a cell."""
        if not is_formula(value):
            return value
        self.found += 1
        return QUOTE + value if self.as_text else value
