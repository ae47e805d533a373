"""A text of 200 pages made from the example texts, with planted records, and what stands for a model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from extractor.testing import ReceivedRequest, Reply, reply

TEXTS = Path(__file__).parent.parent.parent / "examples" / "texts"
PAGES, PAGE = 200, 1800  # characters of a page, at least


class Delivery(BaseModel):
    number: str
    town: str
    crates: int


class Ledger(BaseModel):
    depot: str
    keeper: str
    total_crates: int
    deliveries: list[Delivery]


Planted = tuple[int, Delivery]  # where its line begins
TOWNS = ("Ghent", "Kraków", "Zürich", "Nantes", "Malmö", "大阪")
LINE = re.compile(r"Delivery (D-\d{4}) to (\S+), (\d+) crates\.")


def line_of(one: Delivery) -> str:
    return f"Delivery {one.number} to {one.town}, {one.crates} crates."


def book(pages: int = PAGES) -> tuple[str, list[Planted]]:
    """Return the text and its deliveries in order: three lines on each page, of which two may be equal."""
    filler = [path.read_text("utf-8") for path in sorted(TEXTS.rglob("*.txt"))]
    parts, planted, at, total = [], list[Planted](), 0, 0

    def add(piece: str) -> None:
        nonlocal at
        parts.append(piece)
        at += len(piece)

    add("Depot: Harbour North\n\n")
    for page in range(pages):
        add(f"- page {page + 1} -\n\n")
        end = at + PAGE
        for n in range(3):
            one = Delivery(
                number=f"D-{page * 2 + n // 2:04}", town=TOWNS[page % len(TOWNS)], crates=page % 9 + 1
            )
            planted.append((at, one))
            total += one.crates
            add(line_of(one) + "\n" + filler[(page * 3 + n) % len(filler)][: PAGE // 3] + "\n\n")
        while at < end:
            add(filler[page % len(filler)][: end - at] + "\n")
    add(f"\n- the end -\nKept by: Ines Duarte\nTotal: {total} crates\n")
    return "".join(parts), planted


def text_of(request: ReceivedRequest) -> str:
    """The text that a request is about."""
    said: str = request.json["messages"][-1]["content"]
    return said


def model(request: ReceivedRequest) -> Reply:
    """Answer as a model that reads its part of the text well, and nothing else."""
    return reply(answer(text_of(request)))


def answer(text: str) -> dict[str, Any]:
    def first(pattern: str) -> str | None:
        found = re.search(pattern, text)
        return found[1] if found else None

    total = first(r"Total: (\d+) crates")
    return {
        "depot": first(r"Depot: (.+)"),
        "keeper": first(r"Kept by: (.+)"),
        "total_crates": int(total) if total else None,
        "deliveries": [
            {"number": number, "town": town, "crates": int(crates)}
            for number, town, crates in LINE.findall(text)
        ],
    }
