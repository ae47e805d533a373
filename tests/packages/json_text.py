"""`python -m tests.packages.json_text TARGET...`: how many types of packages are sent as JSON text, and why.

Only the plan is looked at: of each large union its largest member. Nothing is sent.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Iterator

from extractor.errors import ExtractorError
from extractor.schema import RecordType
from tests.packages.trial import record_type, table


def planned(asked: RecordType, target: str) -> list[RecordType]:
    """Return what the requests of a plan ask for; the whole where it can't be divided."""
    try:
        shares = asked.divided([target])
    except ExtractorError:
        return [asked]
    if forks := asked.forks([target], shares):
        return planned(asked.narrowed(tuple((fork.place, (fork.largest,)) for fork in forks)), target)
    return [asked.shared(share) for share in shares]


def kind_of(asked: RecordType, target: str) -> str:
    """Return what becomes of a type with a target."""
    if not asked.exceeds(target):
        told = any("JSON text" in note.detail for note in asked.compiled(target).report)
        return "in one request, some text that the target can't say" if told else "in one request, no text"
    parts = planned(asked, target)
    if not any(part.exceeds(target) for part in parts):
        return "in parts, no text because of a limit"
    return "not divided, text" if len(parts) == 1 else "in parts, one of them text because of a limit"


def counted(target: str) -> Iterator[tuple[str, str]]:
    """Yield each type with what becomes of it."""
    for name in table():
        try:
            yield name, kind_of(RecordType.of(record_type(name)), target)
        except (ImportError, AttributeError):
            yield name, "not installed"
        except Exception as error:  # as Pydantic, or the type's own code, refuses it
            yield name, f"refused: {type(error).__name__}"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for target in sys.argv[1:]:
        counts = Counter[str]()
        for name, kind in counted(target):
            counts[kind] += 1
            if "one of them" in kind or kind.startswith("not divided"):
                print(f"{kind}: {name}", flush=True)  # noqa: T201
        for kind, count in counts.most_common():
            print(f"{target}: {count:4} {kind}", flush=True)  # noqa: T201
