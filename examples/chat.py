"""The plain chat calls under `extract`: a reply, a stream, a parsed reply, and a tool that is a function."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from extractor import Extractor, Message


class Trip(BaseModel):
    town: Annotated[str, Field(max_length=30)]
    nights: Annotated[int, Field(ge=1, le=30)]


def convert(amount: Decimal, currency: Literal["CHF", "GBP", "USD"]) -> str:
    """Convert an amount to euros."""
    rates = {"CHF": "1.06", "GBP": "1.15", "USD": "0.88"}
    return f"{amount * Decimal(rates[currency]):.2f} EUR"


if __name__ == "__main__":
    with Extractor(temperature=0, max_tokens=80) as extractor:
        history = [Message("user", "Name one town on the Rhine.")]
        reply = extractor.chat(history)
        print("chat:  ", reply.content)

        history += [reply.message, Message("user", "Is it far from Paris?")]
        print("stream: ", end="")
        for chunk in extractor.chat_stream(history):
            print(chunk.content, end="", flush=True)

        trip = Message("user", "Reply in JSON: town and nights. We stay in Basel for three nights.")
        print("\nparse: ", extractor.parse([trip], Trip).parsed)

        price = Message("user", "How much is 40 CHF in euros? Use the tool.")
        reply = extractor.chat([price], tools=[convert])
        for call in reply.tool_calls:
            print("tool:  ", call.function.arguments, "->", convert(**call.function.parsed_arguments))
        if not reply.tool_calls:  # models without a template for tools, such as the embedded one
            print("tool:   not called:", reply.content)
