"""Files become a table to be asked: DuckDB reads the texts, keeps the records, and counts them.

`python examples/pipelines/duckdb_script.py` writes support.duckdb. Run it twice: what was asked is not
asked again.
"""

import sys
from pathlib import Path

import duckdb

from extractor import Columns, Extractor

EXAMPLES = Path(__file__).parent.parent
sys.path.append(str(EXAMPLES))
from support_email import SupportEmail  # noqa: E402

TEXTS = "SELECT parse_filename(filename) AS file, content AS body FROM read_text(?) ORDER BY file"


def main() -> None:
    with duckdb.connect("support.duckdb") as db, Extractor(max_tokens=300, max_repairs=1) as extractor:
        mails = db.sql(TEXTS, params=[f"{EXAMPLES}/texts/support_email/*.txt"])
        tickets = extractor.frame(mails, SupportEmail, text="body", columns=Columns(flatten=True))
        db.execute("DROP TABLE IF EXISTS tickets")
        tickets.create("tickets")
        print(db.sql("SELECT category, count(*) AS tickets FROM tickets GROUP BY ALL ORDER BY ALL"))


if __name__ == "__main__":
    main()
