"""What OpenDocument's styles tell: list numbers, and what is hidden. Source: OpenDocument 1.3, part 3.

Runs in the reading process alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .numbering import BULLET, written
from .opc import attribute, local

DEEP = 10  # levels of a list
_PARENTS = 20  # styles that a style may rest on
_FORMS = {"i": "lowerRoman", "I": "upperRoman", "a": "lowerLetter", "A": "upperLetter", "1": "decimal"}


class Styles:
    """The styles of a document. trees: those that define some, None for one that is missing."""

    def __init__(self, *trees: Any) -> None:
        self._styles: dict[str, Any] = {}
        self._levels: dict[str, Mapping[int, Any]] = {}
        self._counts: dict[str, list[int]] = {}
        self._outline = ""
        for tree in trees:
            for each in () if tree is None else tree.iter():
                name = attribute(each, "name") or ""
                if local(each) == "style":
                    self._styles[name] = each
                elif local(each) in ("list-style", "outline-style"):
                    self._levels[name] = {_whole(attribute(level, "level"), 1): level for level in each}
                    self._outline = name if local(each) == "outline-style" else self._outline

    def heading(self, element: Any) -> str:
        """Return the number that a heading shows; "" for none."""
        depth = min(_whole(attribute(element, "outline-level"), 1), DEEP)
        levels = self._levels.get(self._outline, {})
        if attribute(element, "is-list-header") == "true" or not _shows(levels.get(depth)):
            return ""
        return _label(levels, self._count(self._outline, levels, depth), depth)

    def listed(self, element: Any, outer: OpenList | None) -> OpenList:
        """Return a list that begins. outer: the one that it is within."""
        own = attribute(element, "style-name")
        style = own or (outer.style if outer else "")
        depth = min(outer.depth + 1 if outer else 1, DEEP)
        goes_on = attribute(element, "continue-numbering") == "true" or attribute(element, "continue-list")
        if outer is None and not goes_on:
            self._counts.pop(style, None)
        return OpenList(self, style, depth)

    def next_label(self, listed: OpenList, item: Any) -> str:
        """Return the number, or the bullet, of the next item of a list."""
        levels = self._levels.get(listed.style, {})
        level = levels.get(listed.depth)
        if level is None or local(level) != "list-level-style-number":
            return BULLET if level is not None and local(level) == "list-level-style-bullet" else ""
        begin = attribute(item, "start-value")
        numbers = self._count(listed.style, levels, listed.depth, _whole(begin, 0) if begin else None)
        return _label(levels, numbers, listed.depth) if _shows(level) else ""

    def _count(
        self, style: str, levels: Mapping[int, Any], depth: int, begin: int | None = None
    ) -> list[int]:
        counts = self._counts.setdefault(style, [])
        del counts[depth:]
        while len(counts) < depth:
            level = levels.get(len(counts) + 1)
            start = 1 if level is None else _whole(attribute(level, "start-value"), 1)
            counts.append(start - 1 if len(counts) + 1 == depth else start)
        counts[-1] = counts[-1] + 1 if begin is None else begin
        return counts

    def is_hidden(self, element: Any) -> bool:
        """Whether an element, or its style, says that it is not shown."""
        if attribute(element, "display") == "none":
            return True
        name = attribute(element, "style-name")
        return name is not None and self._property(name, "text-properties", "display") == "none"

    def is_hidden_sheet(self, sheet: Any) -> bool:
        """Whether a sheet is not shown."""
        return self._property(attribute(sheet, "style-name") or "", "table-properties", "display") == "false"

    def _property(self, name: str | None, group: str, key: str) -> str | None:
        """Return a property of a style, or of one that it rests on."""
        for _ in range(_PARENTS):
            style = self._styles.get(name or "")
            if style is None:
                return None
            told = (attribute(each, key) for each in style if local(each) == group)
            if (found := next(filter(None, told), None)) is not None:
                return found
            name = attribute(style, "parent-style-name")
        return None


class OpenList:
    """A list that is being read. depth: from 1."""

    def __init__(self, styles: Styles, style: str, depth: int) -> None:
        self._styles, self.style, self.depth = styles, style, depth

    def label(self, item: Any) -> str:
        """Return the number, or the bullet, of the next item."""
        return self._styles.next_label(self, item)


def _shows(level: Any) -> bool:
    return level is not None and bool(attribute(level, "num-format"))


def _label(levels: Mapping[int, Any], counts: list[int], depth: int) -> str:
    level = levels[depth]
    shown = max(min(_whole(attribute(level, "display-levels"), 1), depth), 1)
    numbers = [
        written(counts[each - 1], _FORMS.get(attribute(levels[each], "num-format") or "1", "decimal"))
        for each in range(depth - shown + 1, depth + 1)
        if each in levels
    ]
    before, after = (attribute(level, name) or "" for name in ("num-prefix", "num-suffix"))
    return f"{before}{'.'.join(numbers)}{after}".strip()


def _whole(told: str | None, otherwise: int) -> int:
    return int(told) if told and told.isdecimal() and len(told) < 9 else otherwise
