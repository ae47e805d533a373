"""`extractor` and `python -m extractor`."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit."""
    from .cli.app import run

    run(sys.argv[1:])


if __name__ == "__main__":
    main()
