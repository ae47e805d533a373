"""Kill -9 a run of 120,000 rows by a provider's batches at each stage: `python -m tests.benchmarks.batch_api
[ROWS [PROVIDER]]`; PROVIDER is openai or anthropic, by default both.

Each run is killed with SIGKILL at the next stage, until one comes to its end. Checks that the requests were
split within the provider's limits, that none was in two batches, that nothing was uploaded twice and nothing
asked by an ordinary call, and that every row is right; prints what happened, and the last run's memory.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from extractor.testing import Delivery
from tests.bulk.batch_crash import ANTHROPIC, OPENAI, killed_at_each_stage

MOST = {"openai": 50_000, "anthropic": 100_000}
CASES = {
    "openai": ("openai:gpt-5-mini", OPENAI, ("/files", "/batches")),
    "anthropic": ("anthropic:claude-haiku-4-5", ANTHROPIC, ("/messages/batches",)),
}


def main(rows: int = 120_000, name: str | None = None) -> None:
    for provider in [name] if name else CASES:
        model, kills, paths = CASES[provider]
        batches = -(-rows // MOST[provider])
        print(f"\n{model}: {rows:,} rows, {batches} batches wanted", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            seen, said = killed_at_each_stage(
                Path(folder), rows, model, kills, Delivery(), lambda line: print("  " + line, flush=True)
            )
        print(f"  killed {len(seen.killed)} times; done: {dict(seen.done)}")
        print(f"  requests answered: {len(seen.sent):,}, more than once: {len(seen.sent) - seen.once}")
        print(f"  the last run: {said}")
        assert [seen.done[path] for path in paths] == [batches] * len(paths)
        assert seen.done["ordinary"] == 0
        assert len(seen.sent) == seen.once == rows
        assert (said["done"], said["wrong"]) == (rows, [])


if __name__ == "__main__":
    rows, name = [*sys.argv[1:], None, None][:2]
    main(*([int(rows)] if rows else []), *([name] if name else []))
