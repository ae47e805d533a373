"""`python -m tests.packages [part of a name]`: how the types of packages fare, as a table."""

import sys
import time
import warnings

from tests.packages.trial import SEED, Row, table, tried


def line(row: Row, seconds: float) -> str:
    """Return a row of the table."""
    said = "refused, as by Pydantic" if row.refused and row.shared else row.refused and "REFUSED"
    said = said or ("FAULTS" if row.faults else "whole")
    return (
        f"{said:24} {row.made:3} records  {row.unheld:2} not held by Pydantic  {seconds:5.1f} s  {row.name}"
    )


def main(wanted: str = "") -> int:
    """Try the types whose names hold `wanted`; return 1 if any does not pass."""
    warnings.simplefilter("ignore")
    rows = []
    print(f"seed {SEED}")
    for name in filter(lambda name: wanted in name, table()):
        start = time.perf_counter()
        try:
            rows.append(tried(name))
        except (ImportError, AttributeError) as error:
            print(f"{'not installed':24} {name}: {error}")
            continue
        print(line(rows[-1], time.perf_counter() - start), flush=True)
        for fault in [*([rows[-1].refused] if rows[-1].refused else []), *rows[-1].faults[:3]]:
            print(f"    {fault}")
    packages = {row.name.split(":")[0] for row in rows}
    good = sum(row.passed for row in rows)
    print(f"{len(rows)} types of {len(packages)} packages: {good} pass, {len(rows) - good} do not")
    return int(good < len(rows))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
