"""Statements of any length with a known answer, and what stands for a model that reads them.

They have page headers, headings of accounts, sub-totals, rows that are wrapped, and rows that differ in one
character or not at all.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

TOWNS = ("Ghent", "New Haven", "Zürich", "St. Gallen", "Malmö", "大阪")
ROW = re.compile(r"^(T-\d{4,})  (.+?)(?:\n    (.+))?  (\d+\.\d{2})$", re.MULTILINE)


class Entry(BaseModel):
    number: str
    town: str
    amount: str
    account: str


class Statement(BaseModel):
    bank: str
    entries: list[Entry]


@dataclass(frozen=True)
class Made:
    """A statement as text, and what is in it."""

    text: str
    record: Statement


def statement(entries: int, seed: int, repeats: bool = True) -> Made:
    """Return a statement of so many entries, five accounts one after the other. repeats: whether rows may be
    equal, as two payments of one number.
    """
    chance, rows, pieces = random.Random(seed), list[Entry](), ["Harbour Bank\n"]
    number, account, total = 0, "", 0.0
    for i in range(entries):
        if i % 40 == 0:
            pieces.append(f"\f- Harbour Bank, page {i // 40 + 1} -\n\n")
        if i % -(-entries // 5) == 0:
            account = f"AC-{chance.randrange(10**5):05}"
            pieces.append(f"\nAccount {account}\n\n")
        same = repeats and rows and rows[-1].account == account and chance.random() < 0.1
        number += not same
        town, amount = chance.choice(TOWNS), f"{chance.randrange(1, 99)}.{chance.choice(['00', '50'])}"
        row = rows[-1] if same else Entry(number=f"T-{number:04}", town=town, amount=amount, account=account)
        rows.append(row)
        total += float(row.amount)
        wrapped = "\n    " if chance.random() < 0.1 and " " in row.town else " "
        pieces.append(f"{row.number}  {wrapped.join(row.town.split(' ', 1))}  {row.amount}\n")
        if i % 25 == 24:
            pieces.append(f"    carried over {total:.2f}\n")
    return Made("".join(pieces), Statement(bank="Harbour Bank", entries=rows))


def read(text: str, skips: float = 0.0, seed: int = 0) -> dict[str, Any]:
    """Return what a model gives that reads its part of the text well. skips: the share of rows
    that it overlooks.
    """
    entries = []
    for match in ROW.finditer(text):
        heading = re.findall(r"^Account (\S+)$", text[: match.start()], re.MULTILINE)
        number, town, more, amount = match.groups()
        if random.Random(f"{seed}{match[0]}").random() >= skips:
            entry = {"number": number, "town": " ".join(filter(None, (town, more))), "amount": amount}
            entries.append({**entry, "account": heading[-1] if heading else None})
    return {"bank": "Harbour Bank" if "Harbour Bank" in text else None, "entries": entries}
