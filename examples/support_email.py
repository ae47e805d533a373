"""Support e-mails, sorted and summed up: `python examples/support_email.py` reads one of the texts."""

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from extractor import Extractor

Name = Annotated[str, Field(max_length=80)]  # a bound keeps small models from running on


class Category(StrEnum):
    DELIVERY = "delivery"
    DEFECT = "defect"
    BILLING = "billing"
    ACCOUNT = "account"
    QUESTION = "question"
    OTHER = "other"


class Action(StrEnum):
    REFUND = "refund"
    REPLACE = "replace"
    REPAIR = "repair"
    CANCEL = "cancel"
    INFORM = "inform"
    OTHER = "other"


class Urgency(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class Sentiment(StrEnum):
    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"


class SupportEmail(BaseModel):
    """What a customer wrote to support: who, about what, wanting what, how badly."""

    model_config = ConfigDict(str_strip_whitespace=True)

    customer: Name | None = Field(default=None, description="The customer's full name; not our agent's")
    sent: date | None = Field(default=None, description="Date on which the customer's last message was sent")
    order_number: Name | None = Field(default=None, description="The order that the complaint is about")
    product: Name | None = Field(default=None, description="The product's name, as the customer writes it")
    category: Category = Field(
        description="delivery: late, lost or wrong parcel; account: login or subscription"
    )
    action: Action = Field(description="What the customer asks us to do; inform: answer a question")
    urgency: Urgency = Field(
        description="high: danger, loss, or a date soon; low: they say there is no hurry"
    )
    sentiment: Sentiment = Field(description="How the customer feels about us")
    deadline: date | None = Field(default=None, description="Date by which the customer needs it, if named")

    @field_validator("order_number")
    @classmethod
    def without_number_sign(cls, value: str | None) -> str | None:
        """Return `A-17` for `#A-17`: the sign is no part of the number."""
        return value.lstrip("#№ ") if value else value


if __name__ == "__main__":
    folder = Path(__file__).with_name("texts") / "support_email"
    with Extractor() as extractor:
        result = extractor.run(SupportEmail, (folder / "01-kettle-leaks.txt").read_text("utf-8"))
    print(result.outcome, f"after {len(result.attempts)} attempt(s), {result.usage.total_tokens} tokens")
    print(result.record.model_dump_json(indent=2) if result.record else result.error)
