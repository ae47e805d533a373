"""How easily the pages read: `python -m tests.benchmarks.prose docs README.md`.

Prints, for each page, its sentences, the mean of words a sentence, the share of sentences over 30 words, and
how many of the Python blocks that print something show what they print. Code blocks, tables, headings and
HTML are left out. A code span counts as one word, a link as the words that it shows.

`python -m tests.benchmarks.prose extractor` does the same for the docstrings and comments of modules;
`--long` prints each sentence over 30 words with its page.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

LONG = 30
FIELD = re.compile(r"(?<=[.;:])\s+(?=[a-z_]+(?:, [a-z_]+)*: )")  # each begins a sentence
DIRECTIVE = re.compile(r"#!|# ?(noqa|type:|fmt:|pragma)")
FENCE = re.compile(r"^( *)(```|~~~)(.*?)\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
NO_PROSE = re.compile(r"^ *(#|\||<|!!! |!\[|\[[^]]*\]: |---)")
ITEM = re.compile(r"^ *(?:[-*+]|\d+\.) +")
RUN_IN_HEADING = re.compile(r"^\*\*[^*]+\.\*\* ")
END = re.compile(r"[.!?][)\"'”’*_]*(?=\s+[\"'“‘(*_]*[A-Z0-9`\x00])")
ABBREVIATIONS = ("e.g.", "i.e.", "etc.", "vs.", "No.", "Inc.", "cf.", "approx.")


@dataclass(frozen=True)
class Reading:
    """The figures of some prose: its sentences and words, and the blocks that print.

    `shown` counts those blocks that are followed by their output. `long` counts sentences over 30 words.
    """

    sentences: int = 0
    words: int = 0
    long: int = 0
    printing: int = 0
    shown: int = 0

    @property
    def mean(self) -> float:
        """Words a sentence; 0 where there is no sentence."""
        return self.words / self.sentences if self.sentences else 0.0

    @property
    def share(self) -> float:
        """The fraction of sentences over 30 words."""
        return self.long / self.sentences if self.sentences else 0.0

    def __add__(self, other: Reading) -> Reading:
        return Reading(
            self.sentences + other.sentences,
            self.words + other.words,
            self.long + other.long,
            self.printing + other.printing,
            self.shown + other.shown,
        )


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs and list items of a page of Markdown, each on one line."""
    found: list[list[str]] = [[]]
    for line in FENCE.sub("\n", text).splitlines():
        if not line.strip() or NO_PROSE.match(line):
            found.append([])
        elif ITEM.match(line):
            found.append([ITEM.sub("", line)])
        else:
            found[-1].append(line.strip())
    return [RUN_IN_HEADING.sub("", " ".join(lines)) for lines in found if lines]


def sentences(text: str) -> list[str]:
    """Return the sentences of a page of Markdown, code spans and links as the reader sees them."""
    return [sentence for paragraph in paragraphs(text) for sentence in split(paragraph)]


def split(paragraph: str) -> list[str]:
    codes: list[str] = []

    def hide(match: re.Match[str]) -> str:
        codes.append(match[0])
        return f"\x00{len(codes) - 1}\x00"

    hidden = re.sub(r"(`+).+?\1|<https?:[^>]*>", hide, paragraph)
    hidden = re.sub(r"!?\[((?:[^]\[]|\[[^]]*\])*)\]\([^)]*\)", r"\1", hidden)
    ends = [m.end() for m in END.finditer(hidden) if not hidden[: m.end()].endswith(ABBREVIATIONS)]
    parts = [hidden[a:b].strip() for a, b in pairwise([0, *ends, len(hidden)])]
    return [re.sub(r"\x00(\d+)\x00", lambda m: codes[int(m[1])], part) for part in parts if part]


def words(sentence: str) -> int:
    """Return how many words a sentence has; a code span is one."""
    return len(re.findall(r"[^\W_]\S*|\x00", re.sub(r"(`+).+?\1\S*", "\x00", sentence)))


def measure(text: str) -> Reading:
    """Return the figures of one page of Markdown."""
    lengths = [n for n in map(words, sentences(text)) if n]
    printing, shown = outputs(text)
    return Reading(len(lengths), sum(lengths), sum(n > LONG for n in lengths), printing, shown)


def told(page: Path) -> str:
    """Return the prose of a page: of a module its docstrings and comments."""
    text = page.read_text("utf-8")
    return "\n\n".join([*docstrings(text), *comments(text)]) if page.suffix == ".py" else text


def docstrings(source: str) -> Iterator[str]:
    """Yield the docstrings of a module and of everything in it, private names too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield FIELD.sub("\n\n", ast.get_docstring(node) or "")


def comments(source: str) -> Iterator[str]:
    """Yield the comments of a module; those on lines of their own below one another are one."""
    last, found = -1, ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or DIRECTIVE.match(token.string):
            continue
        text, (row, _) = token.string.lstrip("#- "), token.start
        if token.line.strip().startswith("#") and row == last + 1:
            found = f"{found} {text}"
        else:
            yield found
            found = text
        last = row if token.line.strip().startswith("#") else -1
    yield found


def outputs(text: str) -> tuple[int, int]:
    """Return how many Python blocks print something, and how many of them are followed by their output."""
    blocks = list(FENCE.finditer(text))
    printing = [b for b in blocks if b[3].strip() == "python" and re.search(r"\bprint\(|\.print\(", b[4])]
    after = {a.start(): b for a, b in pairwise(blocks) if not text[a.end() : b.start()].strip()}
    shown = [b for b in printing if b.start() in after and after[b.start()][3].strip() == "output"]
    return len(printing), len(shown)


def pages(paths: Iterable[str]) -> list[Path]:
    found: list[Path] = []
    for path in map(Path, paths):
        found += sorted([*path.rglob("*.md"), *path.rglob("*.py")]) if path.is_dir() else [path]
    return found


def main(arguments: Sequence[str]) -> None:
    total, named = Reading(), [each for each in arguments if each != "--long"]
    print(f"{'page':34}{'sentences':>10}{'words each':>11}{'over 30':>9}{'print':>7}{'shown':>7}")
    for page in pages(named):
        reading = measure(told(page))
        total += reading
        print(line(str(page), reading))
        if "--long" in arguments:
            for sentence in sentences(told(page)):
                if words(sentence) > LONG:
                    print(f"  {words(sentence)}: {sentence}")
    print(line("all", total))


def line(name: str, reading: Reading) -> str:
    figures = (
        f"{reading.sentences:10}{reading.mean:11.1f}{reading.share:9.1%}{reading.printing:7}{reading.shown:7}"
    )
    return f"{name:34}{figures}"


if __name__ == "__main__":
    main(sys.argv[1:])
