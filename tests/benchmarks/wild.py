"""Compile every schema in the wild for every target: `python -m tests.benchmarks.wild [TARGET...]`.

Prints, for each target, how many compile, how many are refused and how many lead to a document that
no installed package has, with the seconds it took; then every refusal once. Also takes the schemas
of `altair` and `cfn-lint` where they are installed.
"""

import sys
import time
from collections import Counter

from extractor.errors import SchemaError
from extractor.schema import TARGETS, compile_schema
from tests.schema.wild import MORE_PACKAGES, Wild, everything


def main(targets: list[str]) -> None:
    """Print the table."""
    schemas, refusals = everything(*MORE_PACKAGES), {}
    print(
        f"{len(schemas)} schemas\n\n"
        f"{'target':<16}{'compile':>8}{'refused':>8}{'lead out':>9}{'share':>7}{'seconds':>8}"
    )
    for target in targets or TARGETS:
        started = time.perf_counter()
        faults = {wild.name: fault(wild, target) for wild in schemas}
        count = Counter(
            "" if not each else "out" if "not fetched" in each else "no" for each in faults.values()
        )
        share = count[""] / (count[""] + count["no"])
        seconds = time.perf_counter() - started
        print(
            f"{target:<16}{count['']:>8}{count['no']:>8}{count['out']:>9}{share:>7.1%}{seconds:>8.1f}",
            flush=True,
        )
        refusals |= {name: each for name, each in faults.items() if each and "not fetched" not in each}
    for name, each in sorted(refusals.items()):
        print(f"{name}: {each:.200}")


def fault(wild: Wild, target: str) -> str:
    """Why the schema does not compile, "" if it does."""
    try:
        compile_schema(wild.document, target, documents=wild.documents)
    except SchemaError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main(sys.argv[1:])
