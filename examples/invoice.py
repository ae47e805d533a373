"""Invoices with their line items: `python examples/invoice.py` reads one of the texts."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from extractor import extract

Money = Annotated[Decimal, Field(max_digits=12, decimal_places=2)]
Name = Annotated[str, Field(max_length=80)]  # a bound keeps small models from running on


class Currency(StrEnum):
    CHF = "CHF"
    EUR = "EUR"
    GBP = "GBP"
    INR = "INR"
    JPY = "JPY"
    USD = "USD"


class LineItem(BaseModel):
    """One line of an invoice."""

    model_config = ConfigDict(str_strip_whitespace=True)

    description: Name = Field(description="What was sold, as written, without quantity and price")
    quantity: Annotated[Decimal, Field(max_digits=10, decimal_places=3)] = Field(
        default=Decimal(1), description="How many, how much, or how long; 1 where the line does not say"
    )
    unit_price: Money | None = Field(default=None, description="Price of one, if the line says it")
    amount: Money = Field(description="What the whole line costs; negative for a discount")


class Invoice(BaseModel):
    """An invoice: who owes whom how much, and for what."""

    model_config = ConfigDict(str_strip_whitespace=True)

    number: Name = Field(description="The invoice's own number; not an order, customer or tax number")
    issued: date = Field(description="Date of the invoice itself")
    due: date | None = Field(default=None, description="Date by which to pay, if the text names a date")
    seller: Name = Field(description="Name of the person or firm that sends the invoice")
    buyer: Name = Field(description="Name of the person or firm that is to pay")
    currency: Currency
    net: Money | None = Field(default=None, description="Sum before tax, if given")
    tax: Money | None = Field(default=None, description="All taxes together, if given")
    total: Money = Field(description="Sum of the whole invoice with tax, before any payment made")
    items: list[LineItem] = Field(min_length=1, max_length=15)  # raise it for longer invoices

    @property
    def adds_up(self) -> bool:
        """Whether lines, net and tax agree with the total, to 5 cents.

        No validator: honest invoices round, withhold and miscount. Show those that fail to a person.
        """
        lines = sum(item.amount for item in self.items)
        net = self.total - (self.tax or 0) if self.net is None else self.net
        agree = abs(net + (self.tax or 0) - self.total) <= Decimal("0.05")
        return agree and min(abs(lines - net), abs(lines - self.total)) <= Decimal("0.05")


if __name__ == "__main__":
    text = Path(__file__).with_name("texts").joinpath("invoice", "01-garden-office.txt").read_text("utf-8")
    invoice = extract(Invoice, text)
    print(invoice.model_dump_json(indent=2))
    print("adds up" if invoice.adds_up else "does not add up: show it to a person")
