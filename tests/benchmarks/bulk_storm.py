"""A storm over 10,000 rows: `python -m tests.benchmarks.bulk_storm [ROWS [CONCURRENCY]]`.

30 % of the answers are 429, a third of them each without Retry-After, with seconds and with a date; 5 %
are 503, 3 % of the connections are dropped, 3 % of the bodies cut, 3 % no JSON. Fair weather follows.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.bulk.storms import weathered


def main(rows: int = 10_000, concurrency: int = 128) -> None:
    fair, began = rows // 4, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        seen = weathered(Path(folder), rows, fair, concurrency, (None, 1, "date"))
    indexes = seen.pop("indexes")
    print(f"{rows + fair} rows in {time.monotonic() - began:.0f} s; right: {seen.pop('right')}")
    print("each once, in order:", indexes == list(range(rows + fair)))
    print("failed:", len(seen["errors"]), *seen.pop("errors")[:3])
    print(seen)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
