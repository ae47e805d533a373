"""Whether a JSON value has the shape that a strict schema says: its members, its types, its choices. Pure.

Bounds, patterns and formats are not checked here: a reply that breaks one still has the record's shape, and
its place can be asked for again. An object takes the members alone that its schema names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeAlias

from ..pointers import step
from .scalars import (
    NUMBERS,
    doubtful_text,
    doubts,
    has_lost,
    is_code,
    is_finite,
    is_number,
    is_numeral,
    mistyped,
    type_names,
)
from .syntax import whole_value, written

JSON: TypeAlias = Any
Schema: TypeAlias = Mapping[str, JSON]
Prove: TypeAlias = Callable[[str], bool]
Names: TypeAlias = Mapping[frozenset[str], Mapping[str, JSON]]
BOUNDS: Final = frozenset(
    {
        *("pattern", "format", "minLength", "maxLength", "minItems", "maxItems", "multipleOf"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    }
)
_TYPES: Mapping[str, Callable[[JSON], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: is_number(value) and (isinstance(value, int) or value.is_integer()),
    "number": lambda value: is_number(value) and is_finite(value),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def place_names(count: int) -> list[str]:
    """Return the names of a tuple's places, if it is asked for as an object."""
    return [f"item_{i + 1}" for i in range(count)]


@dataclass(slots=True)
class Beside:
    """The pointers of members that a schema does not have, and of objects that have no others. misnamed:
    the pointers of members that are missing, and the name under which each seems to have been given.
    mistyped: the pointers of values that would become others, and what is wrong. converted: the pointers of
    values that have another type than asked for, which a validator may take. absent: those of members that
    are missing. doubtful: those of texts, by what may be said of them.
    """

    members: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    misnamed: list[tuple[str, str]] = field(default_factory=list)
    mistyped: list[tuple[str, str]] = field(default_factory=list)
    converted: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    doubtful: dict[str, list[str]] = field(default_factory=dict)


class RecordShape:
    """The shape of a strict schema. name: what the record is called there. prove: says quickly of most
    JSON texts with this shape that they have it. names: tells the names of choices, by all choices of a
    place, see `choice_key`.
    """

    schema: Schema
    name: str

    def __init__(
        self,
        schema: Schema,
        name: str = "",
        prove: Prove | None = None,
        names: Callable[[], Names] = dict,
    ) -> None:
        self.schema, self.name = schema, name
        self._prove, self._names = prove, names

    @cached_property
    def names(self) -> Names:
        """The names of choices that are not what they are called in the program."""
        return self._names()

    def proves(self, text: str) -> bool:
        """Return whether all of `text` is JSON of this shape, as far as a quick look shows."""
        return self._prove is not None and self._prove(text)

    def repeats_a_name(self, text: str) -> bool:
        """Return whether an object in JSON text has two values of one name."""
        as_named = not self._is_open and "\\u" not in text  # names are written as the schema has them
        if as_named and all(text.count(name) < 2 for name in self._quoted_names):
            return False
        try:
            whole_value(text)
        except (ValueError, RecursionError):
            return True
        return False

    @cached_property
    def _quoted_names(self) -> tuple[str, ...]:
        """The names of all members, as they stand in JSON."""
        return tuple({f'"{name}"' for part in _parts(self.schema) for name in part.get("properties", ())})

    @cached_property
    def _is_open(self) -> bool:
        """Whether an object may have members that the schema does not name."""
        parts = _parts(self.schema)
        return any(
            part.get("additionalProperties", "object" in type_names([part])) is not False for part in parts
        )

    def may_be_doubtful(self, text: str) -> bool:
        """Return whether JSON text may have a text that `beside` says something of."""
        return has_lost(text) or self._doubtful_text.search(text) is not None

    @cached_property
    def _doubtful_text(self) -> re.Pattern[str]:
        return doubtful_text(list(_parts(self.schema)))

    @property
    def takes_nothing(self) -> bool:
        """Whether it is an object without members."""
        root = self.plain(self.schema)
        return root.get("properties") == {} and not root.get("additionalProperties")

    def is_whole(self, text: str) -> bool:
        """Return whether all of `text` is JSON of this shape."""
        if self.proves(text):
            return True
        try:
            return bool(text.strip()) and self.fits(whole_value(text))
        except (ValueError, RecursionError):
            return False

    def fits(self, value: JSON, node: Schema | None = None) -> bool:
        """Return whether the value has the shape: all required members, no others, the right types."""
        return self._check(value, node, exact=True)

    def fitting(self) -> Callable[[JSON, Schema], bool]:
        """Return `fits` for many parts of one value. What it was given has to be kept until the last call."""
        check = _Check(self, exact=True)

        def fits(value: JSON, node: Schema) -> bool:
            try:
                return check.fits(node, value)
            except RecursionError:
                return False

        return fits

    def resembles(self, value: JSON, node: Schema | None = None) -> bool:
        """Return whether the value has no other members than the schema names, and at least one of those;
        some may be missing, and scalars be of other types.
        """
        return self.knows(value, node) and self._check(value, node, exact=False)

    def knows(self, value: JSON, node: Schema | None = None) -> bool:
        """Return whether some member of the value is one of the schema's, where that is an object."""
        members = self.members if node is None else self._only(node, value).get("properties")
        return not members or (isinstance(value, dict) and not members.keys().isdisjoint(value))

    @property
    def members(self) -> Mapping[str, Schema]:
        """The members of the root."""
        found: Mapping[str, Schema] = self.plain(self.schema).get("properties") or {}
        return found

    @property
    def list_name(self) -> str | None:
        """The name of the root's only member, where that is a list of one kind of item."""
        if len(self.members) != 1:
            return None
        [(name, member)] = self.members.items()
        array = self._only(member, [])
        is_list = array.get("type") == "array" and "items" in array and "prefixItems" not in array
        return name if is_list else None

    def of_items(self) -> RecordShape | None:
        """Return the shape of an item of the root's list, where that is its only member."""
        if self.list_name is None:
            return None
        items = self._only(self.members[self.list_name], []).get("items")
        if not isinstance(items, Mapping):
            return None
        return RecordShape({**items, "$defs": self.schema.get("$defs", {})})

    @property
    def item_name(self) -> str | None:
        """The name of the definition that the items of the root's list refer to."""
        array = self.plain(self.members[self.list_name]) if self.list_name is not None else {}
        items = array.get("items")
        reference = items.get("$ref") if isinstance(items, Mapping) else None
        return None if reference is None else str(reference).rpartition("/")[2]

    def plain(self, node: Schema) -> Schema:
        """Return what a reference stands for."""
        for _ in range(100):  # a chain of references ends sooner
            reference = node.get("$ref") if isinstance(node, Mapping) else None
            if reference is None:
                return node
            root = reference == "#"
            definitions = self.schema.get("$defs", {})
            node = self.schema if root else definitions.get(str(reference).removeprefix("#/$defs/"), {})
        return {}

    def beside(self, value: JSON) -> Beside:
        """Return what of a value the schema does not have."""
        found = Beside()
        self._beside(self.schema, value, "", found)
        return found

    def _beside(self, node: JSON, value: JSON, pointer: str, found: Beside) -> None:
        if not isinstance(value, dict | list):
            self._scalar(node, value, pointer, found)
            return
        asked = type_names([*self._leaves(node)])
        if pointer and asked and ("object" if isinstance(value, dict) else "array") not in asked:
            found.converted.append(pointer)
        node = self._only(node, value)
        if isinstance(value, dict) and "properties" in node and not node.get("additionalProperties"):
            self._unplaced(node, value, pointer, found)
        for key, item, inner in parts_of(node, value):
            self._beside(inner, item, pointer + step(key), found)

    def _unplaced(self, node: Schema, value: Mapping[str, JSON], pointer: str, found: Beside) -> None:
        """Note the members of an object that has no others than its schema names."""
        members = node["properties"]
        others = [name for name in value if name not in members]
        found.members += [pointer + step(name) for name in others]
        if members and others and len(others) == len(value):
            found.strangers.append(pointer)
        missing = {name: member for name, member in members.items() if name not in value}
        found.absent += [pointer + step(name) for name in missing if name in node.get("required", ())]
        meant = {name: self._meant(name, value[name], missing) for name in others}
        found.misnamed += [(pointer + step(right), name) for name, right in meant.items() if right]

    def _scalar(self, node: JSON, value: JSON, pointer: str, found: Beside) -> None:
        """Note a scalar that is of none of the types asked for: validators may take `true` for 1, 0 for a day
        in 1970, and a text for a number.
        """
        leaves = list(self._leaves(node))
        for what in doubts(value, leaves):
            found.doubtful.setdefault(what, []).append(pointer)
        if (wrong := mistyped(value, leaves)) is not None:
            found.mistyped.append((pointer, wrong))
        elif pointer and type_names(leaves) and not self._is_of_a_kind(value, leaves):
            found.converted.append(pointer)
        elif isinstance(value, str) and not self._is_chosen(value, leaves):
            found.doubtful.setdefault("texts that are none of the choices asked for", []).append(pointer)

    def _is_of_a_kind(self, value: JSON, leaves: Sequence[Schema]) -> bool:
        """Whether a scalar has a type that is asked for; other scalars than texts are choices as they are."""
        if isinstance(value, str):
            texts = [leaf for leaf in leaves if "string" in type_names([leaf])]
            if type_names(leaves) & NUMBERS:  # the names of numbers, beside which a text may be read as one
                chosen = any("enum" not in leaf or self.fits(value, leaf) for leaf in texts)
                return chosen and not is_numeral(value, texts)
            return bool(texts)
        return any(self.fits(value, leaf) for leaf in leaves)

    def _is_chosen(self, value: str, leaves: Sequence[Schema]) -> bool:
        """Whether a text is one of the choices of its place, if it has such. A type may take others than the
        JSON Schema that its author wrote for it.
        """
        choices = [leaf for leaf in leaves if not {"enum", "const"}.isdisjoint(leaf) and not is_code(leaf)]
        texts = [leaf for leaf in leaves if "string" in type_names([leaf])]
        return not texts or any(leaf not in choices or self.fits(value, leaf) for leaf in texts)

    def _leaves(self, node: JSON) -> Iterator[Schema]:
        """Yield the schemas for scalars that a place has, each with its description."""
        plain: Schema = self.plain(node) if isinstance(node, Mapping) else {}
        branches = plain.get("anyOf") or plain.get("oneOf")
        if not branches:
            yield plain
        told = {"description": plain["description"]} if "description" in plain else {}
        for branch in branches or ():
            yield from ({**told, **leaf} for leaf in self._leaves(branch))

    def _meant(self, name: str, value: JSON, missing: Mapping[str, Schema]) -> str | None:
        """Return the name of the missing member that one with another name stands for: it has nearly the
        same name, or is an object, or objects, just of its shape.
        """
        near = (meant for meant in missing if folded(meant) == folded(name))
        items = value if isinstance(value, list) else [value]
        if items and all(isinstance(item, dict) and item for item in items):
            fitting = (meant for meant, member in missing.items() if self.fits(value, member))
            return next(near, None) or next(fitting, None)
        return next(near, None)

    def _only(self, node: JSON, value: JSON) -> Schema:
        """Return the schema that a value is meant for. If there are several, an object has the members of
        all, and a list the items of all; a list with a tuple among them is one of anything.
        """
        plain: Schema = self.plain(node) if isinstance(node, Mapping) else {}
        branches = plain.get("anyOf") or plain.get("oneOf")
        if not branches:
            return plain
        kind = "object" if isinstance(value, dict) else "array"
        left: list[Schema] = [branch for branch in map(self.plain, branches) if kind in type_names([branch])]
        if kind == "object" and len(left) > 1:
            left = [branch for branch in left if self._may_be(value, branch)] or left
        if len(left) == 1:
            return left[0]
        if kind == "array" and not any("prefixItems" in branch for branch in left):
            return {"items": {"anyOf": [branch.get("items", {}) for branch in left]}} if left else {}
        return _any_of(left) if kind == "object" and left else {}

    def _may_be(self, value: Mapping[str, JSON], branch: Schema) -> bool:
        """Whether an object has the constants of a schema, as far as it has those members."""
        members: Mapping[str, Schema] = branch.get("properties") or {}
        constants = (
            name for name in members if name in value and not {"const", "enum"}.isdisjoint(members[name])
        )
        return all(self.fits(value[name], members[name]) for name in constants)

    def _check(self, value: JSON, node: Schema | None, *, exact: bool) -> bool:
        try:
            return _Check(self, exact).fits(self.schema if node is None else node, value)
        except RecursionError:
            return False


class _Check:
    """One check; what was found out is kept by schema and value, so that unions do not multiply it."""

    def __init__(self, shape: RecordShape, exact: bool) -> None:
        self._shape, self._exact = shape, exact
        self._known: dict[tuple[int, int], bool] = {}

    def fits(self, node: JSON, value: JSON) -> bool:
        if not isinstance(node, Mapping):
            return node is not False
        if not isinstance(value, dict | list):
            return self._fits(node, value)
        key = id(node), id(value)
        if key not in self._known:
            self._known[key] = self._fits(node, value)
        return self._known[key]

    def _fits(self, node: Schema, value: JSON) -> bool:
        node = self._shape.plain(node)
        branches = node.get("anyOf") or node.get("oneOf")
        if branches and not any(self.fits(branch, value) for branch in branches):
            return False
        if not all(self.fits(part, value) for part in node.get("allOf") or ()):
            return False
        return self._is_of_type(node, value) and self._inside(node, value)

    def _is_of_type(self, node: Schema, value: JSON) -> bool:
        if not self._exact and not isinstance(value, dict | list):
            kinds = type_names([node])
            return not kinds or not kinds <= {"object", "array"}
        if "const" in node or "enum" in node:
            choices = node.get("enum", [node.get("const")])
            return not isinstance(value, dict | list) and any(same(value, choice) for choice in choices)
        kinds = type_names([node])
        return not kinds or any(_TYPES[kind](value) for kind in kinds if kind in _TYPES)

    def _inside(self, node: Schema, value: JSON) -> bool:
        if isinstance(value, dict):
            return self._members(node, value)
        if isinstance(value, list):
            first = node.get("prefixItems") or ()
            rest = node.get("items", True)
            return all(map(self.fits, first, value)) and all(self.fits(rest, v) for v in value[len(first) :])
        return True

    def _members(self, node: Schema, value: Mapping[str, JSON]) -> bool:
        members = node.get("properties")
        if self._exact and not value.keys() >= set(node.get("required", ())):
            return False
        if members is None:
            others = node.get("additionalProperties", True)
        else:
            others = node.get("additionalProperties", "patternProperties" in node)
        known = members or {}
        return all(self.fits(known.get(name, others), item) for name, item in value.items())


def parts_of(node: Schema, value: JSON) -> Iterator[tuple[str | int, JSON, JSON]]:
    """Yield the steps into an object or a list, with the values there and their schemas, None for none."""
    if isinstance(value, list):
        first = node.get("prefixItems") or ()
        for i, item in enumerate(value):
            yield i, item, first[i] if i < len(first) else node.get("items")
    elif "properties" in node or isinstance(node.get("additionalProperties"), Mapping):
        members, others = node.get("properties") or {}, node.get("additionalProperties")
        for name, item in value.items():
            if name in members or isinstance(others, Mapping):
                yield name, item, members.get(name, others)


def _parts(node: JSON) -> Iterator[Schema]:
    """Yield the objects in a schema, itself too: all schemas in it, and some others."""
    if isinstance(node, Mapping):
        yield node
    inner = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    for part in inner:
        yield from _parts(part)


def _any_of(branches: Sequence[Schema]) -> Schema:
    """Return the schema of an object that has the members of all these."""
    members: dict[str, list[JSON]] = {}
    for branch in branches:
        for name, member in (branch.get("properties") or {}).items():
            members.setdefault(name, []).append(member)
    is_open = any("properties" not in each or each.get("additionalProperties") for each in branches)
    properties = {name: {"anyOf": each} for name, each in members.items()}
    return {"properties": properties, "additionalProperties": is_open}


def folded(name: str) -> str:
    """Return a name's letters and digits, as they are compared."""
    return "".join(filter(str.isalnum, name)).casefold()


def choice_key(choices: Iterable[JSON]) -> frozenset[str]:
    """Return what the choices of a place are looked up by."""
    return frozenset(map(written, choices))


def same(a: JSON, b: JSON) -> bool:
    """Return whether two scalars are one value in JSON, where 1 is 1.0, and no boolean."""
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def bare(schema: JSON) -> JSON:
    """Return a schema without bounds, patterns and formats."""
    if isinstance(schema, list):
        return [bare(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    kept = {name: part for name, part in schema.items() if name not in BOUNDS}
    for name, part in kept.items():
        if name in ("properties", "$defs") and isinstance(part, Mapping):
            kept[name] = {key: bare(inner) for key, inner in part.items()}
        elif name not in ("enum", "const", "default", "examples"):
            kept[name] = bare(part)
    return kept


def distinct(values: list[JSON]) -> list[JSON]:
    """Return the values without repetitions, the first of each kept. Raises RecursionError."""
    return list({written(value, sort=True): value for value in reversed(values)}.values())
