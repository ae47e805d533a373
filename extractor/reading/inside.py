"""Values inside a record that are not as the schema has them, where they have one reading. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Protocol, TypeAlias

from ..pointers import step
from .scalars import NOTHING_IN_TEXT, TIMES, format_of, has_form, is_json_text
from .shape import RecordShape, choice_key, distinct, folded, parts_of, place_names
from .syntax import Digits, mended, whole_value, written

JSON: TypeAlias = Any
MOST_SHOWN = 3  # places of values that were read in one way
LONGEST_SHOWN = 100  # characters of a place, which may have words of the model in it
ENTRY = {"key", "value"}
SCALAR_TYPES = frozenset(  # under whose names a union's scalars are said; a record's only member is none
    {
        *("str", "int", "float", "bool", "date", "datetime", "time", "timedelta", "Decimal", "UUID"),
        *("string", "integer", "number", "boolean", "date-time", "duration", "uuid", "decimal"),
    }
)
NOTHING = frozenset({"n/a", "null", "none", "nil", "not available", "not applicable", "-", "–", "—"})
_DECIMAL = re.compile(r"\^\(-\?\[0-9\]")  # how the pattern of a decimal begins
_NUMBER = re.compile(r"([-+]?)((?:0|[1-9][0-9]*|[1-9][0-9]{0,2}(?:,[0-9]{3})+)(?:\.[0-9]+)?)")


_PLAIN_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_PLAIN_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


Note: TypeAlias = tuple[str, str]  # how a value was read, and where it stands, as a JSON pointer
Inner: TypeAlias = tuple[JSON, tuple[Note, ...]]


class AsInText(Protocol):
    """Reads what is written as in a text of a locale, counted from a day."""

    def number(self, said: str) -> str | None:
        """Return the digits of a number; None if it is none, or has more than one meaning."""
        ...

    def day(self, said: str) -> date | None:
        """Return the day that is meant; None if it is none, or may be more than one."""
        ...


class Inside:
    """Reads the inside of a value by its schema. texts: whether JSON in a string is read as an object or a
    list, a map as a list of entries, and a list as the places of a tuple. values: whether choices in another
    spelling, numbers as text, and words for nothing are read. as_in_text: reads numbers and dates that are
    written as in the text; None if nobody says how that is.
    """

    def __init__(
        self, shape: RecordShape, texts: bool, values: bool, as_in_text: AsInText | None = None
    ) -> None:
        self._shape, self._texts, self._values = shape, texts, values
        self._as_in_text = as_in_text
        self._kept: list[JSON] = []  # so that no other value gets the place of one that was looked at
        self._known_fits = shape.fitting()
        self._known: dict[tuple[int, int, str], Inner] = {}

    def read(self, value: JSON) -> tuple[JSON, tuple[str, ...]]:
        """Return the value, as much of it read as has one reading, and how."""
        value, notes = self._read(self._shape.schema, value, "")
        places: dict[str, list[str]] = {}
        for how, pointer in notes:
            places.setdefault(how, []).append(pointer or "the whole")
        return value, tuple(f"{how} ({listed(where)})" for how, where in places.items())

    def _read(self, node: JSON, value: JSON, pointer: str) -> Inner:
        key = id(node), id(value), pointer
        if key not in self._known:
            self._kept.append(value)
            self._known[key] = self._new(node, value, pointer)
        return self._known[key]

    def _new(self, node: JSON, value: JSON, pointer: str) -> Inner:
        if not isinstance(node, Mapping):
            return value, ()
        node = self._shape.plain(node)
        if isinstance(value, str):
            return self._text(node, value, pointer)
        if branches := node.get("anyOf") or node.get("oneOf"):
            return self._branch(branches, value, pointer)
        if self._texts and pointer:
            other = self._otherwise(node, value, pointer)
            if other is not None:
                return other
        return self._inner(node, value, pointer)

    def _otherwise(self, node: Mapping[str, JSON], value: JSON, pointer: str) -> Inner | None:
        """Return a value that is given in another form than the schema has for it; None if it is not, or
        may be several.
        """
        if is_json_text(node):
            return written(value), (("JSON in place of its text", pointer),)
        if node.get("type") == "array" and not isinstance(value, list):
            name = self._shape.list_name
            is_all = name is not None and pointer == step(name)  # its items may stand one a line
            return None if is_all else self._as_list(node, value, pointer)
        if isinstance(value, list) and node.get("type") != "array" and not self._fits(value, node):
            return self._as_item(node, value, pointer)
        return None

    def _as_list(self, node: Mapping[str, JSON], value: JSON, pointer: str) -> Inner | None:
        """Return the list whose only item was given, or whose items were given by their indices."""
        items = self._shape.plain(node.get("items") or {})
        members = items.get("properties") or {}
        if value in (None, {}) or members.keys() == ENTRY:
            return None
        one, notes = self._read(items, value, f"{pointer}/0") if members else (value, ())
        if self._is_nearly(one, items):
            return [one], (("an item in place of a list of one", pointer), *notes)
        if not (members and isinstance(value, dict) and [*value] in (indices(value, 0), indices(value, 1))):
            return None
        each = [self._read(items, item, f"{pointer}/{i}") for i, item in enumerate(value.values())]
        if not all(self._is_nearly(item, items) for item, _ in each):
            return None
        return [item for item, _ in each], (("an object of indices as a list", pointer), *_all_notes(each))

    def _as_item(self, node: Mapping[str, JSON], value: list[JSON], pointer: str) -> Inner | None:
        """Return the only item of a list, if it is wanted by itself, or the list in its wrapper."""
        members = node.get("properties") or {}
        if len(value) == 1 and value[0] is not None:
            one, notes = self._read(node, value[0], pointer)
            if self._is_nearly(one, node):
                return one, (("a list of one in place of its item", pointer), *notes)
        if len(members) != 1:
            return None
        [(name, member)] = members.items()
        inner, notes = self._read(member, value, pointer + step(name))
        if not self._fits({name: inner}, node):
            return None
        return {name: inner}, (("a list without its wrapper", pointer), *notes)

    def _fits(self, value: JSON, node: Mapping[str, JSON]) -> bool:
        self._kept.append(value)
        return self._known_fits(value, node)

    def _is_nearly(self, value: JSON, node: Mapping[str, JSON]) -> bool:
        """Whether a value fits, or is an object that does but for members that are missing."""
        if self._fits(value, node):
            return True
        return isinstance(value, dict) and bool(value) and self._shape.resembles(value, node)

    def _inner(self, node: Mapping[str, JSON], value: JSON, pointer: str) -> Inner:
        """Return the value with what is inside of it read."""
        if isinstance(value, dict) and self._texts and node.get("type") == "array":
            return self._entries(node, value, pointer)
        if isinstance(value, dict) and self._texts and self._holds_entries(node) and "entries" not in value:
            inner, notes = self._entries(node["properties"]["entries"], value, pointer)
            return ({"entries": inner}, notes) if notes else (value, ())
        if isinstance(value, list) and self._texts and node.get("properties"):
            return self._places(node, value, pointer)
        if not isinstance(value, dict | list):
            return value, ()
        each = {key: self._read(inner, v, pointer + step(key)) for key, v, inner in parts_of(node, value)}
        notes = _all_notes(each.values())
        if not notes:
            return value, ()
        if isinstance(value, list):
            return [item for item, _ in each.values()], notes
        return {name: each[name][0] if name in each else item for name, item in value.items()}, notes

    def _holds_entries(self, node: Mapping[str, JSON]) -> bool:
        """Whether this is an object of any members, as any JSON value has it where objects need names."""
        member = (node.get("properties") or {}).get("entries")
        if len(node.get("properties") or {}) != 1 or member is None:
            return False
        items = self._shape.plain(self._shape.plain(member).get("items") or {})
        return (items.get("properties") or {}).keys() == ENTRY

    def _entries(self, node: Mapping[str, JSON], value: dict[str, JSON], pointer: str) -> Inner:
        """Return the entries of a map, where those are wanted."""
        members = self._shape.plain(node.get("items") or {}).get("properties") or {}
        if members.keys() != ENTRY or (value and value.keys() <= ENTRY):
            return value, ()
        entries = [{"key": name, "value": item} for name, item in value.items()]
        read, notes = self._read(node, entries, pointer)
        return (read, (("a map as its entries", pointer), *notes)) if self._fits(read, node) else (value, ())

    def _places(self, node: Mapping[str, JSON], value: list[JSON], pointer: str) -> Inner:
        """Return the members that the places of a tuple are, if it is given as a list."""
        names = place_names(len(value))
        if [*node["properties"]] != names:
            return value, ()
        read, notes = self._read(node, dict(zip(names, value, strict=True)), pointer)
        if not self._fits(read, node):
            return value, ()
        return read, (("a list as the places of a tuple", pointer), *notes)

    def _branch(self, branches: list[JSON], value: JSON, pointer: str) -> Inner:
        if not self._values and any(self._fits(value, branch) for branch in branches):
            return value, ()
        read = [(branch, self._read(branch, value, pointer)) for branch in branches]
        found = [inner for branch, inner in read if self._fits(inner[0], branch)]
        if len(distinct([item for item, _ in found])) == 1 or (value == [] and found):
            return next((inner for inner in found if not self._is_map(branches, inner[0])), found[0])
        return (value, ()) if found else self._unnamed(branches, value, pointer) or (value, ())

    def _is_map(self, branches: list[JSON], value: JSON) -> bool:
        """Whether a list is one of a map's entries, under the name of its type."""
        known = value if isinstance(value, dict) else {}
        named = [member for name, member in self._named(branches) if name in known]
        items = self._shape.plain(named[0].get("items") or {}) if named else {}
        return (items.get("properties") or {}).keys() == ENTRY

    def _named(self, branches: list[JSON]) -> Iterator[tuple[str, Mapping[str, JSON]]]:
        """Yield the types of a union that are each said under a name, with those names."""
        for branch in map(self._shape.plain, branches):
            if len(members := branch.get("properties") or {}) == 1:
                [(name, member)] = members.items()
                yield name, self._shape.plain(member)

    def _unnamed(self, branches: list[JSON], value: JSON, pointer: str) -> Inner | None:
        """Return a scalar under the name of its type, where it is given without; None where several take it.
        A text in the form of a date or time is one, if that is a type of the union.
        """
        if isinstance(value, dict | list) or value is None or not self._texts or not pointer:
            return None
        named = [(name, each) for name, each in self._named(branches) if name in SCALAR_TYPES]
        taking = [(name, each) for name, each in named if self._fits(value, each)]
        formed = [(name, each) for name, each in taking if format_of(each) is not None]
        free = [(name, each) for name, each in taking if format_of(each) is None and "pattern" not in each]
        meant = [each for each in formed if has_form(value, format_of(each[1]))] or free
        known = all(format_of(each) in TIMES for _, each in formed)
        if len(meant) != 1 or not known or len(formed) + len(free) < len(taking):
            return None
        return {meant[0][0]: value}, (("a value without the name of its type", pointer),)

    def _text(self, node: Mapping[str, JSON], value: str, pointer: str) -> Inner:
        """Return what a text stands for at a place that takes other values."""
        if self._values and value in NOTHING_IN_TEXT and self._fits(None, node):
            return None, (("a word for nothing", pointer),)
        if self._fits(value, node):
            return self._formatted(node, value, pointer) if self._values else (value, ())
        if self._texts and isinstance(inner := parsed(value), dict | list):
            read, notes = self._read(node, inner, pointer)
            if self._fits(read, node) or self._shape.resembles(read, node):
                return read, (("JSON in a string", pointer), *notes)
        if unnamed := self._unnamed(node.get("anyOf") or [], value, pointer):
            return unnamed
        return self._value(node, value.strip(), pointer) if self._values else (value, ())

    def _value(self, node: Mapping[str, JSON], said: str, pointer: str) -> Inner:
        if (said.casefold() in NOTHING or not said) and self._fits(None, node):
            return None, (("a word for nothing", pointer),)
        local = self._as_in_text and self._as_in_text.number(said)
        number = _number(local or said)
        either = not local and self._is_either(said, node)
        if number is not None and self._fits(number, node) and not either:
            return number, (("a number in a string", pointer),)
        choices = self._choices(node)
        names = [*self._shape.names.get(choice_key(choices), {}).items()]
        names += [(choice, choice) for choice in choices if isinstance(choice, str)]
        meant = distinct([choice for name, choice in names if folded(name) == folded(said)])
        return (meant[0], (("a choice in another spelling", pointer),)) if len(meant) == 1 else (said, ())

    def _formatted(self, node: Mapping[str, JSON], value: str, pointer: str) -> Inner:
        """Return what a text stands for where a date, a decimal or the like is wanted as a text."""
        branches = [self._shape.plain(branch) for branch in node.get("anyOf") or node.get("oneOf") or [node]]
        texts = [branch for branch in branches if branch.get("type") == "string"]
        decimal = all(_DECIMAL.match(str(text.get("pattern", ""))) for text in texts)
        said = value.strip()
        if not texts or not (decimal or all("format" in text for text in texts)):
            return value, ()
        if (said.casefold() in NOTHING or not said) and self._fits(None, node):
            return None, (("a word for nothing", pointer),)
        if self._as_in_text is not None and (local := self._local(self._as_in_text, texts, said)):
            return local, (("as the text writes it", pointer),)
        if decimal and self._means_other(said):
            return value, (("a number that would be another one as the text writes it", pointer),)
        if decimal and (said.count(",") > 1 or ("," in said and "." in said)) and _number(said) is not None:
            return said.replace(",", "").removeprefix("+"), (("a number with groups", pointer),)
        return value, ()

    def _local(self, as_in_text: AsInText, texts: list[Mapping[str, JSON]], said: str) -> str | None:
        """Return the number or date as JSON writes it, where it is written as in the text."""
        if all(_DECIMAL.match(str(text.get("pattern", ""))) for text in texts):
            return None if _PLAIN_NUMBER.fullmatch(said) else as_in_text.number(said)
        if any(text.get("format") != "date" for text in texts) or _PLAIN_DATE.fullmatch(said):
            return None
        day = as_in_text.day(said)
        return None if day is None else day.isoformat()

    def _means_other(self, said: str) -> bool:
        """Whether a number as JSON writes it would be another one as the text writes numbers."""
        if self._as_in_text is None or not _PLAIN_NUMBER.fullmatch(said):
            return False
        meant = self._as_in_text.number(said)
        return meant is not None and Decimal(meant) != Decimal(said)

    def _is_either(self, said: str, node: Mapping[str, JSON]) -> bool:
        """Whether a single comma may be a decimal one: in half of the world "1,234" is a bit over one."""
        return said.count(",") == 1 and "." not in said and self._fits(0.5, node)

    def _choices(self, node: Mapping[str, JSON]) -> list[JSON]:
        node = self._shape.plain(node)
        branches = node.get("anyOf") or node.get("oneOf") or ()
        found = [*node.get("enum", ()), *([node["const"]] if "const" in node else [])]
        found += [choice for branch in branches for choice in self._choices(branch)]
        return [choice for choice in found if choice is not None]


def indices(value: Sequence[JSON] | Mapping[str, JSON], first: int) -> list[str]:
    """Return the indices that so many items have as names, counted from `first`."""
    return [str(first + i) for i in range(len(value))]


def parsed(text: str) -> JSON:
    """Return the object or list that a text is, itself perhaps the text of one; else the text."""
    found: JSON = text
    while isinstance(found, str):
        try:
            found = whole_value(mended(found)[0])
        except (ValueError, RecursionError):
            return text
    return found if isinstance(found, dict | list) else text


def _all_notes(inner: Iterable[Inner]) -> tuple[Note, ...]:
    return tuple(note for _, notes in inner for note in notes)


def listed(places: Sequence[str]) -> str:
    """Return the first few places in words."""
    shown = (" ".join(place.split())[:LONGEST_SHOWN] for place in places[:MOST_SHOWN])
    return ", ".join(shown) + (", …" if len(places) > MOST_SHOWN else "")


def _number(said: str) -> JSON:
    match = _NUMBER.fullmatch(said)
    if match is None:
        return None
    digits = ("-" if match[1] == "-" else "") + match[2].replace(",", "")
    return Digits.of(digits) if "." in digits or len(digits) > 300 else int(digits)
