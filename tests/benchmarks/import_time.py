"""How long `import extractor` takes, beside `import httpx, pydantic`: python tests/benchmarks/import_time.py

Fresh processes in pairs, so that a busy machine slows both; prints medians and the median ratio.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 15


def seconds(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


def main() -> None:
    ours, theirs = "import extractor", "import httpx, pydantic"
    seconds(ours), seconds(theirs)  # byte code is written
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS)]
    for name, times in zip((ours, theirs), zip(*pairs, strict=True), strict=True):
        print(f"{name:24} {1000 * statistics.median(times):7.1f} ms")
    print(f"{'ratio':24} {statistics.median(a / b for a, b in pairs):7.2f}")


if __name__ == "__main__":
    main()
