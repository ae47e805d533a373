"""The examples of a page: `python -m tests.pages PAGE...` writes what each block prints beneath it.

A block of Python runs against a server with shaped replies, or with those of a comment before it:

    <!-- replies
    {"name": "Ada"}
    -->

Each line is one reply; the last one answers all further requests. A list of names and arguments, such as
`[["convert", {"amount": 20}]]`, is a reply that calls tools. A block of `output` beneath a block of Python
holds what that prints.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from extractor.testing import ChatServer, Script, calls, reply, shaped

BLOCK = re.compile(
    r"(?:^<!-- replies\n(?P<replies>(?:(?!-->).)*)^-->\n+)?"
    r"^```python\n(?P<code>.*?)^```\n"
    r"(?P<shown>\n*^```output\n(?P<output>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
MODEL = "openai:gpt-5-mini"


@dataclass(frozen=True)
class Ran:
    """One block of a page: where its code ends in the text, what is shown beneath it, and what it printed."""

    end: int
    shown: str | None
    shown_end: int
    printed: str


def environment(url: str) -> Mapping[str, str]:
    """Return what the environment of a page's examples has."""
    return {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "any", "EXTRACTOR_MODEL": MODEL}


def run(page: Path, text: str, server: ChatServer) -> Iterator[Ran]:
    """Run the blocks of a page's text in order, in the current folder and environment, and yield each."""
    names: dict[str, object] = {"__name__": "docs"}
    for block in BLOCK.finditer(text):
        server.play(script(block["replies"]), repeat_last=True)
        code = "\n" * text.count("\n", 0, block.start("code")) + smaller(block["code"])
        with redirect_stdout(StringIO()) as printed:
            exec(compile(code, str(page), "exec", dont_inherit=True), names)
        end = block.end("code") + len("```\n")
        yield Ran(end, block["output"], block.end(), printed.getvalue())


def smaller(code: str) -> str:
    """Return code that runs on the embedded model of 98 MB in place of the one of 1.1 GB."""
    return code.replace("local:qwen2.5-coder-1.5b", "local:smollm2")


def script(replies: str | None) -> Script:
    if replies is None:
        return shaped()
    values = [json.loads(line) for line in replies.splitlines()]
    return [calls(*value) if isinstance(value, list) else reply(value) for value in values]


def with_outputs(text: str, blocks: list[Ran]) -> str:
    """Return a page's text with what its blocks print beneath each of them."""
    parts, at = [], 0
    for block in blocks:
        parts.append(text[at : block.end])
        if block.printed:
            parts.append(f"\n```output\n{block.printed.rstrip()}\n```\n")
        at = block.shown_end
    return "".join([*parts, text[at:]])


def write(page: Path) -> None:
    page = page.resolve()
    with tempfile.TemporaryDirectory() as folder, chdir(folder), ChatServer() as server:
        os.environ.update(environment(server.base_url))
        text = page.read_text("utf-8")
        page.write_text(with_outputs(text, list(run(page, text, server))), "utf-8")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        write(Path(argument))
