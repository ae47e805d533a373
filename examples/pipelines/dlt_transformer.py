"""dlt: mails come out of a resource, and a transformer makes tickets of them, merged by their file.

`pip install 'dlt[duckdb]'`, then `python examples/pipelines/dlt_transformer.py` writes support.duckdb.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt

from extractor import Extractor

EXAMPLES = Path(__file__).parent.parent
sys.path.append(str(EXAMPLES))
from support_email import SupportEmail  # noqa: E402

Rows = list[dict[str, Any]]


@dlt.resource
def mails() -> Iterator[Rows]:
    """Pages of rows: each page is in flight at once."""
    files = sorted((EXAMPLES / "texts/support_email").glob("*.txt"))
    yield [{"file": file.name, "body": file.read_text("utf-8")} for file in files]


@dlt.transformer(data_from=mails, write_disposition="merge", primary_key="file")
def tickets(page: Rows) -> Iterator[dict[str, Any]]:
    with Extractor(max_tokens=300, max_repairs=1) as extractor:
        for outcome in extractor.rows(page, SupportEmail, text="body"):
            if outcome.record is not None:
                yield {"file": outcome.key["file"], **outcome.record.model_dump(mode="json")}
            elif outcome.error is not None:
                yield dlt.mark.with_table_name({**outcome.key, "why": str(outcome.error)}, "quarantine")


if __name__ == "__main__":
    pipeline = dlt.pipeline("support", destination=dlt.destinations.duckdb("support.duckdb"))
    print(pipeline.run(tickets))
