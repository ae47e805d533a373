"""Growing JSON text -> a tree of where its values stand. Strict JSON, each character read once. Pure.

A tree only ever grows at its end, so a place in the text says what was there when the text ended there.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO
from operator import attrgetter

DEPTH = 200  # levels of nesting: what decoding the whole takes
_ESCAPE = (
    r'\\(?:["\\/bfnrt]|u(?:[0-9abcefABCEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}'
    r"|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}))"
)
_TEXT = re.compile(r'(?:[^"\\\x00-\x1f\ud800-\udfff]++|' + _ESCAPE + ")*+").match
_BEGUN_ESCAPE = re.compile(
    r"\\(?:u(?:[0-9a-fA-F]{0,3}|[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u(?:[dD](?:[c-fC-F][0-9a-fA-F]?)?)?)?)?)?)?"
).fullmatch
_SPACE = re.compile(r"[ \t\n\r]*+").match
_SCALAR = re.compile(r"[-+.0-9A-Za-z]*+").match
_IS_SCALAR = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null").fullmatch
_OPENING = re.compile(r"[{\[]").search
_start = attrgetter("start")


@dataclass(slots=True, eq=False)
class Node:
    """One value. kind: "{", "[", '"', or "0" for a scalar. start, end: where it stands. whole: where it
    was known to be whole, 0 while it is not; numbers are only known by what comes after them. key: its
    name in the object around it. cache: for the reader.
    """

    kind: str
    start: int
    key: str | None = None
    end: int = 0
    whole: int = 0
    children: list[Node] | None = None
    members: dict[str | None, Node] | None = None
    cache: object = None

    def count(self, at: int) -> int:
        """Return how many children had begun when the text ended at `at`."""
        children = self.children or []
        if not children or children[-1].start < at:
            return len(children)
        return bisect_left(children, at, key=_start)

    def member(self, key: str, at: int) -> Node | None:
        """Return the last member of that name that had begun at `at`."""
        found = (self.members or {}).get(key)
        if found is None or found.start < at:
            return found
        earlier = (self.children or [])[: self.count(at)]
        return next((node for node in reversed(earlier) if node.key == key), None)


class Scan:
    """Feed it text; `root` is the tree so far. In a text that is no JSON the objects and arrays in it are
    looked for, as `found_json` does; `root` is then the last one that began and is not broken.

    length: characters fed. steps: how much work that was. tip: the string that is growing, if one is.
    """

    def __init__(self) -> None:
        self.root: Node | None = None
        self.length = 0
        self.steps = 0
        self.tip: Node | None = None
        self.tip_length = 0
        self._text = StringIO()
        self._base = 0  # where the text at hand begins
        self._rest = ""  # an escape that has not ended
        self._pieces: list[str] = []  # of the string, or of the scalar, that has not ended
        self._stack: list[Node] = []
        self._key: str | None = None
        self._last: Node | None = None  # the last root that is whole
        self._changed = False
        self._read: Callable[[str, int], int] = self._value

    def feed(self, text: str) -> bool:
        """Take more text; return whether a value began, grew or ended by it."""
        self._text.write(text)
        self.length += len(text)
        self._changed = False
        if self._rest:
            text, self._rest = self._rest + text, ""
        self._base = self.length - len(text)
        i, end = 0, len(text)
        while i < end:
            self.steps += 1
            i = self._read(text, i)
        return self._changed

    def raw(self, node: Node) -> str:
        """Return the text of a value that is whole."""
        self._text.seek(node.start)
        found = self._text.read(node.end - node.start)
        self._text.seek(self.length)
        return found

    def text(self, node: Node, length: int) -> str:
        """Return the first `length` characters of a string's value; of one that grows, all so far."""
        if node is self.tip:
            self._pieces[:] = ["".join(self._pieces)]
            return self._pieces[0][:length]
        return str(json.loads(self.raw(node)))[:length]

    # One method a state: each takes the text at hand and a place in it, and returns where it goes on

    def _value(self, text: str, i: int) -> int:
        i = _SPACE(text, i).end()  # type: ignore[union-attr]
        if i == len(text):
            return i
        char = text[i]
        if char == '"':
            self._begin('"', i)
            self._read = self._string
            return i + 1
        if char in "{[":
            return self._open(char, i)
        if not (char.isascii() and (char.isalnum() or char == "-")):
            return self._fail(i)
        self._begin("0", i)
        self._read = self._scalar
        return i

    def _begin(self, kind: str, i: int) -> Node:
        node = Node(kind, self._base + i, self._key)
        self._key = None
        if self._stack:
            around = self._stack[-1]
            around.children.append(node)  # type: ignore[union-attr]
            if around.members is not None:
                around.members[node.key] = node
        else:
            self.root = node
        if kind in '"0':
            self._stack.append(node)
            self._pieces = []
        if kind == '"':
            self.tip, self.tip_length, self._changed = node, 0, True
        return node

    def _open(self, char: str, i: int) -> int:
        if len(self._stack) >= DEPTH:
            return self._fail(i)
        node = self._begin(char, i)
        node.children = []
        if char == "{":
            node.members = {}
        self._stack.append(node)
        self._read = self._first_key if char == "{" else self._first_item
        self._changed = True
        return i + 1

    def _first_item(self, text: str, i: int) -> int:
        i = _SPACE(text, i).end()  # type: ignore[union-attr]
        return self._close(i + 1) if text[i : i + 1] == "]" else self._value(text, i)

    def _first_key(self, text: str, i: int) -> int:
        i = _SPACE(text, i).end()  # type: ignore[union-attr]
        return self._close(i + 1) if text[i : i + 1] == "}" else self._next_key(text, i)

    def _next_key(self, text: str, i: int) -> int:
        i = _SPACE(text, i).end()  # type: ignore[union-attr]
        if i == len(text):
            return i
        if text[i] != '"':
            return self._fail(i)
        self._pieces = []
        self._read = self._key_text
        return i + 1

    def _key_text(self, text: str, i: int) -> int:
        i = self._characters(text, i)
        if text[i : i + 1] == '"':
            self._key = "".join(self._pieces)
            self._read = self._colon
            return i + 1
        return i

    def _colon(self, text: str, i: int) -> int:
        i = _SPACE(text, i).end()  # type: ignore[union-attr]
        if i == len(text):
            return i
        if text[i] != ":":
            return self._fail(i)
        self._read = self._value
        return i + 1

    def _string(self, text: str, i: int) -> int:
        i = self._characters(text, i)
        if text[i : i + 1] == '"':
            self.tip = None
            return self._close(i + 1)
        return i

    def _characters(self, text: str, i: int) -> int:
        """Read on in a string, up to its end, the text's end or what no string holds."""
        end = _TEXT(text, i).end()  # type: ignore[union-attr]
        if end > i:
            found = text[i:end]
            if "\\" in found:
                found = json.loads(f'"{found}"')
            self._pieces.append(found)
            if self.tip is not None:
                self.tip_length += len(found)
                self._changed = True
        if end == len(text) or text[end] == '"':
            return end
        if _BEGUN_ESCAPE(text, end):
            self._rest = text[end:]
            return len(text)
        return self._fail(end)

    def _scalar(self, text: str, i: int) -> int:
        end = _SCALAR(text, i).end()  # type: ignore[union-attr]
        self._pieces.append(text[i:end])
        if end == len(text):
            return end
        if not _IS_SCALAR("".join(self._pieces)):
            return self._fail(end)
        self._close(end)
        return end

    def _close(self, end: int) -> int:
        node = self._stack.pop()
        node.end = self._base + end
        node.whole = node.end + (node.kind == "0")
        self._changed = True
        if self._stack:
            self._read = self._next_item if self._stack[-1].kind == "[" else self._next_member
        else:
            self._last = node
            self._read = self._after
        return end

    def _next_item(self, text: str, i: int) -> int:
        return self._comma(text, i, "]", self._value)

    def _next_member(self, text: str, i: int) -> int:
        return self._comma(text, i, "}", self._next_key)

    def _comma(self, text: str, i: int, closing: str, following: Callable[[str, int], int]) -> int:
        i = _SPACE(text, i).end()  # type: ignore[union-attr]
        if i == len(text):
            return i
        if text[i] == closing:
            return self._close(i + 1)
        if text[i] != ",":
            return self._fail(i)
        self._read = following
        return i + 1

    def _after(self, text: str, i: int) -> int:
        """What follows on a whole value: white space, or this is a text with JSON in it."""
        i = _SPACE(text, i).end()  # type: ignore[union-attr]
        return i if i == len(text) else self._fail(i)

    def _fail(self, i: int) -> int:
        """This is no JSON: give it up, and look for some from here on."""
        if self._last is not None and self._last.kind not in "{[":
            self._last = None  # in prose a word or a number is no answer
        self._changed = self._changed or self.root is not self._last
        self.root, self.tip, self._key = self._last, None, None
        self._stack.clear()
        self._pieces = []
        self._read = self._seek
        return i

    def _seek(self, text: str, i: int) -> int:
        found = _OPENING(text, i)
        return len(text) if found is None else self._open(found.group(), found.start())


def children(node: Node, at: int) -> Sequence[Node]:
    """Return the children that had begun when the text ended at `at`."""
    found = node.children or []
    count = node.count(at)
    return found if count == len(found) else found[:count]
