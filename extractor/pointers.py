"""JSON pointers (RFC 6901): where a value stands in JSON, as text. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

Step: TypeAlias = str | int
ANY = "*"  # stands for each index of a list, in the name of a field


def escaped(name: str) -> str:
    """Return the name of a member as a pointer has it."""
    return name.replace("~", "~0").replace("/", "~1")


def step(key: Step) -> str:
    """Return the pointer that leads one step down: to the member or the item `key`."""
    return f"/{escaped(str(key))}"


def pointer(steps: Iterable[Step]) -> str:
    """Return the pointer that `steps` make, "" for none."""
    return "".join(map(step, steps))


def steps_of(pointer: str) -> tuple[str, ...]:
    """Return the steps of a pointer: names as they are, indices as their digits; () for "", the whole.

    What stands before the first slash, as "#" does, is left out.
    """
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])


def any_index(pointer: str) -> str:
    """Return the field of a value: its pointer with `*` for indexes."""
    return "/".join(ANY if token.isdecimal() else token for token in pointer.split("/"))
