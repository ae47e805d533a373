"""Dagster: one op reads a table and writes another. Tried again, it writes over what it wrote, by key.

`pip install dagster`, then `python examples/pipelines/dagster_op.py` makes support.db and fills it.
"""

import sys
from pathlib import Path

import pyarrow as pa
from dagster import Out, RetryPolicy, job, op

from extractor import DatabaseSink, DatabaseSource, Extractor

EXAMPLES = Path(__file__).parent.parent
sys.path.append(str(EXAMPLES))
from support_email import SupportEmail  # noqa: E402

URL = "sqlite:///support.db"


@op(out=Out(str))
def mails() -> str:
    files = sorted((EXAMPLES / "texts/support_email").glob("*.txt"))
    rows = pa.table(
        {"file": [each.name for each in files], "body": [each.read_text("utf-8") for each in files]}
    )
    DatabaseSink(URL, "mails", mode="upsert", key="file").write(rows)
    return "mails"


@op(out=Out(int), retry_policy=RetryPolicy(max_retries=2))
def tickets(table: str) -> int:
    with Extractor(max_tokens=300, max_repairs=1) as extractor:
        read = extractor.frame(DatabaseSource(URL, table=table), SupportEmail, text="body")
    return DatabaseSink(URL, "tickets", mode="upsert", key="file").write(read).rows


@job
def support() -> None:
    tickets(mails())


if __name__ == "__main__":
    print(support.execute_in_process().output_for_node("tickets"), "tickets")
