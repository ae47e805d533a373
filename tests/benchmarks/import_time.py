"""How long the package takes to import, beside httpx and pydantic: python tests/benchmarks/import_time.py

Fresh processes in turn, so that a busy machine slows all; prints medians and median ratios to the first.
The last line is what a program pays that uses the library.
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


IMPORTS = (
    "import httpx, pydantic",
    "import extractor",
    "import httpx; from pydantic import BaseModel, TypeAdapter",
    "from extractor import Extractor; import httpx",
)


def main() -> None:
    for code in IMPORTS:
        seconds(code)  # byte code is written
    rounds = [[seconds(code) for code in IMPORTS] for _ in range(ROUNDS)]
    for i, code in enumerate(IMPORTS):
        ratio = statistics.median(times[i] / times[0] for times in rounds)
        print(f"{code:60} {1000 * statistics.median(t[i] for t in rounds):7.1f} ms {ratio:6.2f}")


if __name__ == "__main__":
    main()
