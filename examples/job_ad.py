"""Job advertisements: `python examples/job_ad.py` reads one of the texts."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from extractor import extract

Name = Annotated[str, Field(max_length=80)]  # a bound keeps small models from running on
Amount = Annotated[Decimal, Field(ge=0, max_digits=9, decimal_places=2)]


class Remote(StrEnum):
    ON_SITE = "on_site"
    HYBRID = "hybrid"
    REMOTE = "remote"


class Salary(BaseModel):
    """What the job pays: a range, or the same amount twice."""

    minimum: Amount | None = None
    maximum: Amount | None = None
    currency: Literal["CHF", "EUR", "GBP", "PLN", "USD"]
    period: Literal["hour", "day", "month", "year"]

    @model_validator(mode="after")
    def from_low_to_high(self) -> Self:
        """Return the range with its ends in order."""
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            self.minimum, self.maximum = self.maximum, self.minimum
        return self


class JobAd(BaseModel):
    """One advertised job: the first, where a page has several."""

    model_config = ConfigDict(str_strip_whitespace=True)

    title: Name = Field(description="Title of the job, without pay grade, hours and gender marks")
    employer: Name = Field(description="The firm one would work for; not an agency or job board")
    location: Name | None = Field(default=None, description="Town of the job, if there is one")
    remote: Remote | None = Field(default=None, description="Where one works, if the text says so")
    salary: Salary | None = Field(
        default=None, description="Pay for the job as offered, if numbers are given"
    )
    skills: list[Annotated[str, Field(max_length=40)]] = Field(
        max_length=12,
        description="Required skills, tools, licences and languages, short; no degrees, nothing optional",
    )
    experience_years: int | None = Field(default=None, ge=0, le=50, description="Least years asked for")
    apply_by: date | None = Field(default=None, description="Last day to apply")
    contact: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._+-]{1,40}@[A-Za-z0-9-]{1,40}(\.[A-Za-z0-9-]{1,20}){1,3}$",
        description="E-mail address for applications",
    )

    @field_validator("skills")
    @classmethod
    def each_once(cls, skills: list[str]) -> list[str]:
        """Return the skills without repetitions, whatever their case."""
        first: dict[str, str] = {}
        for skill in skills:
            first.setdefault(skill.casefold(), skill)
        return list(first.values())


if __name__ == "__main__":
    folder = Path(__file__).with_name("texts") / "job_ad"
    job = extract(JobAd, (folder / "01-warehouse-night-shift.txt").read_text("utf-8"))
    print(job.model_dump_json(indent=2))
