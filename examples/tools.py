"""Two functions that the model may call, and the record that it has to answer with."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from extractor import Extractor, Message

STOCK = {"kettle": (7, "18.50"), "teapot": (0, "24.00"), "cup": (120, "3.20")}
RATES = {"CHF": "0.95", "GBP": "0.87", "USD": "1.14"}


def look_up(product: Literal["kettle", "teapot", "cup"]) -> dict[str, object]:
    """Tell how many of a product are in stock, and the price of one in euros."""
    there, price = STOCK[product]
    return {"in_stock": there, "euros": Decimal(price)}


def convert(euros: Decimal, currency: Literal["CHF", "GBP", "USD"]) -> Decimal:
    """Convert an amount in euros to another currency."""
    return round(euros * Decimal(RATES[currency]), 2)


class Quote(BaseModel):
    """The offer to the customer, once price and stock are known."""

    product: Annotated[str, Field(max_length=20)]
    available: bool
    price: Decimal
    currency: Annotated[str, Field(max_length=3)]


if __name__ == "__main__":
    ask = [Message("user", "I'd like a kettle. Is there one, and what is it in Swiss francs?")]
    with Extractor(temperature=0, max_tokens=80) as extractor:
        run = extractor.run_tools(ask, Quote, tools=[look_up, convert], tool_choice="look_up", max_rounds=4)
    for result in run.results:
        print("call:  ", result.call.function.name, result.call.function.arguments, "->", result.content)
    print("answer:", run.record if run.error is None else run.error)
    print("usage: ", run.usage.total_tokens, "tokens in", run.rounds, "rounds")
