"""Receipts as pictures: `extractor demo --kind receipt`."""

from pydantic import BaseModel, Field


class Receipt(BaseModel):
    """What was bought, where and when."""

    shop: str = Field(description="The name of the shop")
    date: str = Field(description="The date as it stands on the receipt")
    total: float = Field(description="The amount to be paid")
