"""Pages of a PDF, read in a process of their own: what a file makes PDFium do harms nobody else.

As a script it reads a line of JSON and the file, and writes what the pages gave. `read` runs this file by
its path, so it imports nothing of the package.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from contextlib import suppress
from typing import Any, Literal, TypeAlias

As: TypeAlias = Literal["file", "images", "text"]
MEMORY = 2**30  # bytes that a file may take to be read
SECONDS = 120  # of CPU
PIXELS = 50_000_000  # of one page's image: 20 inches by 20 at 350 dpi


class UnreadablePages(Exception):
    """The pages cannot be had; the message says why."""


def read(data: bytes, as_: As, pages: list[int] | None, dpi: float) -> list[bytes]:
    """Return what the pages of a PDF make: one file, PNG images or texts. Raises UnreadablePages."""
    asked = {"as": as_, "pages": pages, "dpi": dpi, "sys_path": sys.path}
    command = [sys.executable, "-I", __file__]
    given = json.dumps(asked).encode() + b"\n" + data
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=5 * SECONDS)  # noqa: S603
        said = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        raise UnreadablePages(
            f"the PDF cannot be read: it takes more than {MEMORY / 2**30:g} GiB or {SECONDS} s, or PDFium "
            "breaks on it"
        ) from None
    if "error" in said:
        raise UnreadablePages(said["error"])
    return [base64.b64decode(each) for each in said["pages"]]


def _main() -> None:
    asked = json.loads(sys.stdin.buffer.readline())
    sys.path[:] = asked["sys_path"]
    data = sys.stdin.buffer.read()
    _limit(len(data))
    try:
        told: dict[str, Any] = {"pages": [base64.b64encode(each).decode() for each in _read(data, asked)]}
    except UnreadablePages as error:
        told = {"error": str(error)}
    sys.stdout.write(json.dumps(told))


def _limit(size: int) -> None:
    if sys.platform == "win32":  # it has no such limits; the time is bounded from without
        return
    import resource

    limits = {
        resource.RLIMIT_AS: MEMORY + 4 * size,
        resource.RLIMIT_CPU: SECONDS,
        resource.RLIMIT_CORE: 0,
    }
    for limit, most in limits.items():
        with suppress(ValueError, OSError):  # macOS takes no limit of addresses
            resource.setrlimit(limit, (most, most))


def _read(data: bytes, asked: dict[str, Any]) -> list[bytes]:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise UnreadablePages(f"the PDF cannot be opened, it may be encrypted or damaged: {error}") from error
    chosen = _chosen(asked["pages"], len(document))
    try:
        match asked["as"]:
            case "file":
                return [_only(document, chosen)]
            case "images":
                return [_png(document, number, asked["dpi"]) for number in chosen]
        return [_text(document, number) for number in chosen]
    except pypdfium2.PdfiumError as error:
        raise UnreadablePages(f"a page of the PDF cannot be read: {error}") from error


def _chosen(pages: list[int] | None, count: int) -> list[int]:
    """Return indexes from 0."""
    chosen = list(range(1, count + 1)) if pages is None else pages
    wrong = [page for page in chosen if not 1 <= page <= count]
    if wrong or not chosen:
        said = f"no page {wrong[0]}" if wrong else "no page chosen"
        raise UnreadablePages(f"{said}: the PDF has pages 1 to {count}")
    return [page - 1 for page in chosen]


def _only(document: Any, chosen: list[int]) -> bytes:
    from io import BytesIO

    import pypdfium2

    part, file = pypdfium2.PdfDocument.new(), BytesIO()
    part.import_pages(document, chosen)
    part.save(file)
    return file.getvalue()


def _png(document: Any, number: int, dpi: float) -> bytes:
    from io import BytesIO

    width, height = (side * dpi / 72 for side in document.get_page_size(number))
    if width * height > PIXELS:
        raise UnreadablePages(
            f"page {number + 1} is an image of {width:,.0f} x {height:,.0f} pixels at dpi={dpi:g}; "
            f"{PIXELS // 1_000_000} million are allowed: give a smaller dpi"
        )
    file, page = BytesIO(), document[number]
    page.render(scale=dpi / 72).to_pil().save(file, "PNG")
    page.close()
    return file.getvalue()


def _text(document: Any, number: int) -> bytes:
    page = document[number]
    words: str = page.get_textpage().get_text_bounded().replace("\r\n", "\n")
    page.close()
    return words.encode(errors="replace")


if __name__ == "__main__":
    _main()
