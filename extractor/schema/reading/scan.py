"""Growing JSON text -> a tree of where its values stand. JSON but for slips, each character read once. Pure.

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

from ...reading import CLOSING_MARK, MARK, held_back, mended

DEPTH = 200  # levels of nesting: what decoding the whole takes
_ESCAPE = (
    r'\\(?:["\\/bfnrt\']|u(?:[0-9abcefABCEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}'
    r"|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}))"
)
_TEXT = re.compile(r'(?:[^"\\\ud800-\udfff]++|' + _ESCAPE + ")*+").match
_BEGUN_ESCAPE = re.compile(
    r"\\(?:u(?:[0-9a-fA-F]{0,3}|[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u(?:[dD](?:[c-fC-F][0-9a-fA-F]?)?)?)?)?)?)?"
).fullmatch
_CONTROL = re.compile(r"[\x00-\x1f]").search
_SPACE = re.compile(r"[ \t\n\r]*+").match
_SCALAR = re.compile(r"[-+.0-9A-Za-z]*+").match
_IS_SCALAR = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null").fullmatch
_MARK_OR_BRACKET = re.compile(r"[{\[<◁]").search
_QUOTE_OR_BRACKET = re.compile(r'["{}\[\]]').search
_QUOTE_OR_ESCAPE = re.compile(r'["\\]').search
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
    """Feed it text; `root` is the tree so far. If a text is not JSON, objects and arrays are looked for in
    it, as `found_json` does: outside of thoughts, and never inside of brackets that are not JSON. `roots` are
    those that began, `root` the last of them. After one that is broken there is nothing any more.

    length: characters fed. steps: how much work that was. tip: the string that is growing, if one is.
    """

    def __init__(self) -> None:
        self.roots: list[Node] = []
        self.cleared = 0  # how often all before turned out to be no answer
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
        self._changed = False
        self._slips = False  # whether there is something in it that is not quite JSON
        self._depth = 0  # of brackets in text that is not JSON
        self._read: Callable[[str, int], int] = self._first

    @property
    def root(self) -> Node | None:
        """The last object or array that began, None if there is none."""
        return self.roots[-1] if self.roots else None

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
        """Return the text of a value that is whole, without slips."""
        self._text.seek(node.start)
        found = self._text.read(node.end - node.start)
        self._text.seek(self.length)
        return mended(found)[0] if self._slips else found

    def text(self, node: Node, length: int) -> str:
        """Return the first `length` characters of a string's value; of one that grows, all so far."""
        if node is self.tip:
            self._pieces[:] = ["".join(self._pieces)]
            return self._pieces[0][:length]
        if isinstance(node.cache, str):  # it broke
            return node.cache[:length]
        return str(json.loads(self.raw(node)))[:length]

    # One method a state: each takes the text at hand and a place in it, and returns where it goes on

    def _first(self, text: str, i: int) -> int:
        """The beginning of the text: a value, or prose, or a thought."""
        i = _SPACE(text, i).end()  # type: ignore[union-attr]
        if i == len(text):
            return i
        self._read = self._seek if text[i] in "{[<◁" else self._value
        return i

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
            self.roots.append(node)
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
        if text[i] == "}":  # after a comma
            self._slips = True
            return self._close(i + 1)
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
            if "\\" in found or _CONTROL(found):
                whole, slips = mended(f'"{found}"')
                found, self._slips = json.loads(whole), self._slips or bool(slips)
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
            self._read = self._after
        return end

    def _next_item(self, text: str, i: int) -> int:
        return self._comma(text, i, "]", self._further_item)

    def _further_item(self, text: str, i: int) -> int:
        i = _SPACE(text, i).end()  # type: ignore[union-attr]
        if text[i : i + 1] != "]":
            return self._value(text, i)
        self._slips = True
        return self._close(i + 1)

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
        """This is no JSON: give it up, and look for some after it, unless it was meant as JSON."""
        self._changed = self._changed or bool(self._stack)
        meant = self._was_meant()
        if self._stack or (self.roots and self.roots[-1].kind not in "{["):
            self.roots.pop()  # in prose a word or a number is no answer
        if meant is None:
            self._read = self._seek
        elif meant:
            self._clear()
            self._read = self._ignore
        else:
            self._depth, self._read = 1, self._skip
        if self.tip is not None:
            self.tip.cache = "".join(self._pieces)  # those who saw it may look at it again
        self.tip, self._key, self._pieces = None, None, []
        self._stack.clear()
        return i

    def _clear(self) -> None:
        self.roots.clear()
        self.cleared += 1

    def _was_meant(self) -> bool | None:
        """Whether what broke was meant as JSON; None if it was no object and no array."""
        if not self._stack or self._stack[0].kind in '"0':
            return None
        inside = self._stack[0].children or []
        in_key = self._key is not None or self._read == self._key_text
        return in_key or any(child.kind != "0" or child.key is not None for child in inside)

    def _seek(self, text: str, i: int) -> int:
        found = _MARK_OR_BRACKET(text, i)
        if found is None:
            return len(text)
        i = found.start()
        if text[i] == "{":
            return self._open("{", i)
        if mark := MARK.match(text, i):
            self._changed = self._changed or bool(self.roots)
            if mark["closing"]:
                self._clear()  # all before was a thought
            else:
                self._read = self._thought
            return mark.end()
        if held_back(text, i) == i:
            self._rest = text[i:]
            return len(text)
        return self._open("[", i) if text[i] == "[" else i + 1

    def _thought(self, text: str, i: int) -> int:
        closing = CLOSING_MARK.search(text, i)
        if closing is not None:
            self._read = self._seek
            return closing.end()
        self._rest = text[held_back(text, i) :]
        return len(text)

    def _skip(self, text: str, i: int) -> int:
        """What is no JSON, up to the bracket that closes it."""
        found = _QUOTE_OR_BRACKET(text, i)
        if found is None:
            return len(text)
        if found.group() == '"':
            self._read = self._skip_text
        else:
            self._depth += 1 if found.group() in "{[" else -1
            self._read = self._skip if self._depth else self._seek
        return found.end()

    def _skip_text(self, text: str, i: int) -> int:
        found = _QUOTE_OR_ESCAPE(text, i)
        if found is None:
            return len(text)
        if found.group() == '"':
            self._read = self._skip
        elif found.end() == len(text):
            self._rest = "\\"
        return found.end() + (found.group() == "\\" and not self._rest)

    def _ignore(self, text: str, i: int) -> int:
        return len(text)


def children(node: Node, at: int) -> Sequence[Node]:
    """Return the children that had begun when the text ended at `at`."""
    found = node.children or []
    count = node.count(at)
    return found if count == len(found) else found[:count]
