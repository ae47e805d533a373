"""`extractor` and `python -m extractor`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, NoReturn

from .systems import write_utf_8

LIBRARIES = ("typer", "rich")  # of the extra cli


def main() -> NoReturn:
    """Run the command line and exit."""
    arguments = sys.argv[1:]
    write_utf_8((sys.stdout, sys.stderr))
    if said := answered(arguments):
        sys.stdout.write(said)
        sys.exit(0)
    if lacking := lacks(find_spec):
        sys.stderr.write(lacking)
        sys.exit(2)
    from .cli.app import run

    run(arguments)


def answered(arguments: Sequence[str]) -> str:
    """Return what is said without loading the commands: the version, where that is all that is asked for."""
    return f"extractor {version('typed-extractor')}\n" if list(arguments) == ["--version"] else ""


def lacks(find: Callable[[str], Any]) -> str:
    """Return what to install for the commands; "" if all is there. find: finds a library, or None."""
    lacking = " and ".join(name for name in LIBRARIES if find(name) is None)
    hint = "pip install 'typed-extractor[cli]'"
    return f"error: the command line needs {lacking}: {hint}\n" if lacking else ""


if __name__ == "__main__":
    main()
