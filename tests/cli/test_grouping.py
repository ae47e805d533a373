"""A command takes one value where its command line has several options."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from typing import Annotated

import typer
from typer.testing import CliRunner

from extractor.cli.grouping import grouping


@dataclass(frozen=True)
class Place:
    """Where something is."""

    town: Annotated[str, typer.Option("--town", "-t", help="The town.")] = "Ulm"
    number: Annotated[int | None, typer.Option(min=1)] = None


@grouping
def visit(
    name: Annotated[str, typer.Argument()],
    *,
    loud: Annotated[bool, typer.Option("--loud")] = False,
    place: Place,
    times: Annotated[int, typer.Option()] = 1,
) -> None:
    """Visit somebody."""
    typer.echo(f"{name} {loud} {place} {times}")


app = typer.Typer()
app.command()(visit)


def said(*arguments: str) -> str:
    return CliRunner().invoke(app, arguments).output.strip()


def test_options_of_a_group_come_as_one_value() -> None:
    assert said("Ada", "-t", "Bonn", "--number", "3", "--loud") == "Ada True Place(town='Bonn', number=3) 1"


def test_a_group_that_nobody_speaks_of_has_its_defaults() -> None:
    assert said("Ada", "--times", "2") == "Ada False Place(town='Ulm', number=None) 2"


def test_options_of_a_group_are_checked_and_described_as_others_are() -> None:
    assert "greater than or equal to 1" in said("Ada", "--number", "0")
    assert "The town." in said("--help")
    assert "Visit somebody." in said("--help")


def test_options_stand_where_their_group_does() -> None:
    assert [*signature(visit).parameters] == ["name", "loud", "town", "number", "times"]
