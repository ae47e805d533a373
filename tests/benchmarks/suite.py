"""Put the official JSON Schema test suite through the loader: `python -m tests.benchmarks.suite DIR`.

DIR is a copy of the suite, such as the folder `json` in jsonschema's source distribution
(`pip download --no-binary jsonschema --no-deps jsonschema`). Prints, for each draft, how many cases
the loaded schema and the judge decide as the suite wants; then those that they do not. Two kinds
differ on purpose: formats are checked, and metaschemas that leave out vocabularies are not obeyed.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from extractor.errors import SchemaError
from extractor.schema.types.documents.library import load, problems

DRAFTS = {
    "draft4": "http://json-schema.org/draft-04/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}


def main(suite: Path) -> None:
    """Print the table."""
    differences: list[str] = []
    print(f"{'draft':<14}{'cases':>7}{'loaded':>8}{'judged':>8}")
    for draft in DRAFTS:
        count: Counter[str] = Counter()
        documents = remotes(suite / "remotes", draft)
        for path in sorted((suite / "tests" / draft).glob("*.json")):
            for group in json.loads(path.read_text("utf-8")):
                for test, right in decided(group, draft, documents):
                    count.update(["cases", *(judge for judge, each in right.items() if each)])
                    if not all(right.values()):
                        differences.append(f"{draft}/{path.name}: {group['description']}: {test}")
        print(f"{draft:<14}{count['cases']:>7}{count['loaded']:>8}{count['judged']:>8}")
    print(*differences, sep="\n")


def remotes(folder: Path, draft: str) -> dict[str, Any]:
    """The documents that the suite serves, of this draft or of none in particular."""
    return {
        f"http://localhost:1234/{path.relative_to(folder)}": json.loads(path.read_text("utf-8"))
        for path in sorted(folder.rglob("*.json"))
        if path.relative_to(folder).parts[0] not in DRAFTS.keys() - {draft}
    }


def decided(group: Any, draft: str, documents: dict[str, Any]) -> Iterator[tuple[str, dict[str, bool]]]:
    """Yield each test's description, and whether the loaded schema and the judge are right about it."""
    schema = group["schema"] if isinstance(group["schema"], dict) else {"allOf": [group["schema"]]}
    schema = {"$schema": DRAFTS[draft], **schema}
    try:
        loaded, judge = Draft202012Validator(load(schema, documents)), problems(schema, documents)
    except SchemaError as error:
        yield str(error), {"loaded": False, "judged": False}
        return
    for test in group["tests"]:
        right = {
            "loaded": loaded.is_valid(test["data"]) == test["valid"],
            "judged": (not judge(test["data"])) == test["valid"],
        }
        yield test["description"], right


if __name__ == "__main__":
    main(Path(sys.argv[1]))
