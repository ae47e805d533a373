"""`tests.bulk.crash` in a process whose clock is set: `python -m tests.bulk.stepped SECONDS ...`."""

from __future__ import annotations

import sys
import time

UNTIL = 0.3  # seconds of the run after which the clock is set

if __name__ == "__main__":
    step, true, began = float(sys.argv[1]), time.time, time.monotonic()
    stepped = began + UNTIL
    time.time = lambda: true() + (step if time.monotonic() > stepped else 0.0)
    from tests.bulk.crash import main

    stepped = time.monotonic() + UNTIL
    main(*sys.argv[2:])
