"""A frame of texts becomes a table: all support e-mails, with their records in columns beside them.

Run it twice: the second time every answer comes out of the journal.
"""

from pathlib import Path

import polars as pl
from support_email import SupportEmail

from extractor import Columns, Extractor

if __name__ == "__main__":
    files = sorted((Path(__file__).parent / "texts/support_email").glob("*.txt"))
    mail = pl.DataFrame(
        {"file": [file.name for file in files], "body": [file.read_text("utf-8") for file in files]}
    )
    with Extractor(max_tokens=300, max_repairs=1) as extractor:
        print(extractor.estimate(mail, SupportEmail, text="body"))
        table = extractor.frame(mail, SupportEmail, text="body", columns=Columns(flatten=True, usage=True))
    print(table.drop("body"))
    print("failed:", table["support_email_error"].count())
    print("from the journal:", table["support_email_usage"].struct.field("from_cache").sum())
