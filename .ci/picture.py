"""`python .ci/picture.py`: draw docs/assets/page.png, the picture of the README, with Chromium.

A loopback server answers with the gold record of an example, so the picture needs no model.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "examples")]

from papers import Bill  # noqa: E402

from extractor import Extractor, read  # noqa: E402
from extractor.testing import ChatServer, reply  # noqa: E402

PICTURE = ROOT / "docs/assets/page.png"
DOCUMENT = ROOT / "examples/documents/bill/harbour_print.pdf"
WIDTH, HEIGHT = 1280, 620


def main() -> None:
    """Draw the picture."""
    gold = [json.loads(line) for line in (ROOT / "examples/gold/bill.jsonl").read_text("utf-8").splitlines()]
    record = next(each["record"] for each in gold if DOCUMENT.name in json.dumps(each))
    with ChatServer(reply(record)) as server, Extractor("any", base_url=server.base_url) as ex:
        html = ex.run(Bill, read(DOCUMENT)).to_html()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        page.write_text(html, "utf-8")
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += [
            f"--window-size={WIDTH},{HEIGHT}",
            "--virtual-time-budget=3000",
            f"--screenshot={PICTURE}",
        ]
        subprocess.run([*command, page.as_uri()], check=True, capture_output=True)  # noqa: S603


if __name__ == "__main__":
    main()
