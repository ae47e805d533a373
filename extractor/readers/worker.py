"""The process in which strangers' bytes are parsed: what they make a library do harms nobody else.

Run as a script. It reads a line of JSON, and the document after it; it writes a line of JSON for each result.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import Any


def _main() -> None:
    asked = json.loads(sys.stdin.buffer.readline())
    sys.path[:] = asked["sys_path"]
    data = sys.stdin.buffer.read()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries that print spoil nothing
    _limit(asked["memory"] + 4 * len(data), asked["seconds"])
    from extractor.readers.tasks import TASKS
    from extractor.readers.unreadable import ReadFailed, why_not_loaded

    def tell(told: Any) -> None:
        out.write(json.dumps(told).encode() + b"\n")
        out.flush()

    try:
        for each in TASKS[asked["task"]](data, **asked["options"]):
            tell({"value": each})
        tell({"end": True})
    except ReadFailed as error:
        tell({"error": [error.kind, error.message]})
    except ImportError as error:
        tell({"error": ["needs", why_not_loaded(error)]})
    except MemoryError:
        tell({"error": ["too_large", ""]})
    except Exception as error:  # whatever a library raises over a stranger's bytes
        tell({"error": ["damaged", f"{type(error).__name__}: {error}"[:300]]})


def _limit(memory: int, seconds: int) -> None:
    if sys.platform == "win32":  # it has no such limits; the time is bounded from without
        return
    import resource

    limits = {resource.RLIMIT_AS: memory, resource.RLIMIT_CPU: seconds, resource.RLIMIT_CORE: 0}
    for limit, most in limits.items():
        with suppress(ValueError, OSError):  # macOS takes no limit of addresses
            resource.setrlimit(limit, (most, most))


if __name__ == "__main__":
    _main()
