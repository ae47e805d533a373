"""Commands that continue a run. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..bulk.journal import masked
from ..tables.databases.address import is_database, without_password
from ..tables.destination import Destination
from ..tables.versions import beside

_KEY = re.compile(r"^((?:-p|--param=)?\s*(?:api_key|extra_headers)\s*=).*", re.DOTALL)
ONLY_ONCE = ("--resume", "--append", "--retry-failed")  # said anew, where they are needed
WITH_VALUE = (
    "--limit",
    "--sample",
    "--quarantine",
    "--table",
    "--query",
    "--encoding",
    "--delimiter",
    "--sheet",
)


def feeding_again(
    command: Sequence[str], sources: Sequence[str], quarantine: str, to_file: bool
) -> list[str]:
    """Return the command that asks the rows of a quarantine again, and adds what comes to the output.

    command: the one that made the quarantine, and read `sources`. to_file: whether it has an output file.
    """
    plain_command = without(command, (*ONLY_ONCE, "--rows"), WITH_VALUE)
    place = plain_command.index(sources[0]) if sources[0] in plain_command else len(plain_command)
    rest = plain_command[place + 1 :]
    for other in sources[1:]:
        if other in rest:
            rest.remove(other)
    again = [*plain_command[:place], quarantine, *rest, "--retry-failed"]
    return [*again, "--append", "--quarantine", quarantine] if to_file else again


def without(command: Sequence[str], flags: Sequence[str], with_value: Sequence[str]) -> list[str]:
    """Return a command without some of its options."""
    left: list[str] = []
    parts = iter(command)
    for part in parts:
        if part in with_value:
            next(parts, None)
        elif part not in flags and part.partition("=")[0] not in with_value:
            left.append(part)
    return left


def feeding(command: Sequence[str], sources: Sequence[str], destination: Destination) -> list[str]:
    """Return the command that feeds the quarantine again. Into a table without a key, what fails once more
    goes into another file: see `check_doubling`.
    """
    if destination.quarantine is None:
        return []
    again = feeding_again(command, sources, destination.quarantine, destination.output != "-")
    if destination.sink is None or destination.sink.keys:
        return again
    return [*again[:-1], beside(destination.quarantine)]


def without_passwords(word: str) -> str:
    """Return a word of the command as others may see it: without passwords and keys."""
    return _KEY.sub(r"\1***", without_password(word) if is_database(word) else masked(word))


def with_value(command: Sequence[str], option: str, value: str) -> list[str]:
    """Return a command in which an option that is there has another value."""
    written = [f"{option}={value}" if part.startswith(f"{option}=") else part for part in command]
    return [
        value if before == option else part for before, part in zip(["", *written], written, strict=False)
    ]


def once_more(command: Sequence[str], option: str | None) -> list[str]:
    """Return the command for the same run, with one option that says how."""
    plain = [part for part in command if part not in ONLY_ONCE]
    return plain if option is None else [*plain, option]
