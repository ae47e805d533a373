"""Documents of an office: `extractor demo --kind bill`, `form`, `letter` and `mail`."""

from pydantic import BaseModel, Field


class Item(BaseModel):
    item: str = Field(description="What was sold, as the bill says")
    price: float


class Bill(BaseModel):
    """An invoice: who wants how much for what."""

    supplier: str = Field(description="The name of who sends the bill")
    number: str
    date: str = Field(description="The date as it stands on the bill")
    items: list[Item]
    total: float


class Form(BaseModel):
    """What somebody has filled in."""

    title: str = Field(description="What the form is for, as its heading says")
    family_name: str
    given_name: str
    born_on: str
    town: str


class Letter(BaseModel):
    """What a letter says."""

    sender: str
    date: str = Field(description="The date as it stands in the letter")
    amount: float = Field(description="The amount to be paid")


class Mail(BaseModel):
    """What a mail asks for."""

    sender: str = Field(description="The name of who writes, without the address")
    invoice: str = Field(description="The number of the invoice")
    due: str = Field(description="Until when to pay, as the mail says")
    attachment: str = Field(description="The name of the attached file")
