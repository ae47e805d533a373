"""What all tasks are given; it is not counted. The model is `gpt-4o-mini` at OPENAI_BASE_URL."""

from __future__ import annotations

from base64 import b64decode

from pydantic import BaseModel


class Line(BaseModel):
    """One line of an invoice."""

    article: str
    amount: float


class Invoice(BaseModel):
    """An invoice."""

    number: str
    total: float


TEXT = "Invoice A-17. Total due: 1250.00 EUR"
LINES = "2 chairs 100.00, 1 desk 300.00"
SOLVED = "Invoice B-2. Total due: 12.00 EUR"
TEXTS = [f"Invoice A-{n}. Total due: {n}.00 EUR" for n in range(1, 9)]
LABELLED = [(text, Invoice(number=f"A-{n}", total=n)) for n, text in enumerate(TEXTS, 1)]
LONG = "\n\n".join(f"{n} chairs {n}.00" for n in range(1, 2000))
PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
