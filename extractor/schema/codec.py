"""Strict JSON <-> what Pydantic reads. One small class per re-encoding, each with its inverse.

`encode` takes a Python value and gives strict JSON; `decode` takes strict JSON and gives plain JSON
in the user's own shape. `plain` codecs decode to what they are given, so a type made of them alone is
validated straight from the text.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache, singledispatch
from pathlib import PurePath
from typing import Any

from pydantic import Secret, SecretBytes, SecretStr, TypeAdapter
from pydantic_core import PydanticSerializationError, from_json, to_jsonable_python

from ..errors import Problem
from ..messages import JSON
from .nodes import ABSENT, TAG, VALUE
from .problems import Step, pointer

# Floats that JSON has no numbers for are said by numbers that no float can hold. Until the text is
# written they stand as strings with a lone surrogate, which no valid text can hold.
HUGE = {"\udcffinf": "1e999", "\udcff-inf": "-1e999", "\udcffnan": "1e9999"}
NAN = HUGE["\udcffnan"]


class Misfit(Exception):
    """A value has no place in the schema. `steps`: where, innermost first."""

    def __init__(self, reason: str, value: Any = None, type: str = "value_error") -> None:  # noqa: A002
        super().__init__(reason)
        self.reason, self.value, self.type, self.steps = reason, value, type, list[Step]()

    def at(self, step: Step) -> Misfit:
        """Return this misfit, one level further out."""
        self.steps.append(step)
        return self

    def problem(self) -> Problem:
        """Return it as a problem at its pointer."""
        return Problem(pointer(self.steps[::-1]), self.reason, self.value, self.type)


@singledispatch
def text_of(value: Any) -> JSON:
    """Return a leaf's plain JSON, as Pydantic reads it."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    try:
        return to_jsonable_python(value)
    except PydanticSerializationError:
        return _by_its_own_serializer(value)


def _by_its_own_serializer(value: Any) -> JSON:
    try:
        return _adapter(type(value)).dump_python(value, mode="json")
    except Exception as error:
        raise Misfit(f"{type(value).__name__} is no JSON: {error}", repr(value)) from error


@lru_cache(maxsize=256)
def _adapter(cls: type) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


text_of.register(str, lambda value: str.__str__(value) if type(value) is not str else value)
text_of.register(Enum, lambda value: value.value)
text_of.register(Decimal, str)
text_of.register(PurePath, str)
text_of.register(Secret, lambda value: text_of(value.get_secret_value()))
text_of.register(SecretStr, lambda value: value.get_secret_value())
text_of.register(re.Pattern, lambda value: text_of(value.pattern))  # a pattern of bytes as latin-1
text_of.register(bytes, lambda value: value.decode("latin-1"))
text_of.register(complex, lambda value: str(value).strip("()"))


@text_of.register(datetime)
@text_of.register(date)
@text_of.register(time)
def _(value: Any) -> str:
    return str(value.isoformat())


@text_of.register(timedelta)
def duration(value: timedelta) -> str:
    """Return a span of time as ISO 8601 has it, days as the largest unit."""
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    fraction = f".{value.microseconds:06}".rstrip("0") if value.microseconds else ""
    days = f"{value.days}D" if value.days else ""
    seconds = f"T{value.seconds}{fraction}S" if value.seconds or fraction or not days else ""
    return f"{sign}P{days}{seconds}"


class Codec:
    """What all codecs share: this one leaves JSON as it is."""

    plain = True

    def encode(self, value: Any) -> JSON:
        """Return strict JSON for a Python value. Raises Misfit."""
        return text_of(value)

    def decode(self, data: JSON) -> JSON:
        """Return plain JSON for strict JSON. Raises Misfit."""
        return data

    def accepts(self, value: Any) -> bool:
        """Return whether a Python value belongs here."""
        return True

    def exact(self, value: Any) -> bool:
        """Return whether it is of this very class, not of a subclass."""
        return getattr(self, "type", None) is type(value)


def json_of(value: Any) -> JSON:
    """Return a value's own JSON, containers too."""
    if isinstance(value, dict):
        return {key: json_of(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_of(item) for item in value]
    return text_of(value)


@dataclass(slots=True)
class Leaf(Codec):
    """A scalar. type: the class of its values, None where any will do. test: says more."""

    type: Any = None
    test: Callable[[Any], bool] | None = None
    plain = True

    def accepts(self, value: Any) -> bool:
        """By class, then by the leaf's own constraints."""
        if self.type is None:
            return not isinstance(value, dict | list | tuple | set | frozenset) and value is not None
        if not isinstance(value, self.type) or (isinstance(value, bool) and self.type is not bool):
            return False
        if isinstance(value, datetime) and self.type is date:
            return False
        return self.test is None or self.test(value)


class Null(Codec):
    """Null."""

    def encode(self, value: Any) -> JSON:
        """Only None."""
        if value is not None:
            raise Misfit("must be None", value)
        return None

    def accepts(self, value: Any) -> bool:
        """Only None."""
        return value is None


@dataclass(slots=True)
class Number(Codec):
    """A float. names: infinities and nan are said by name, since the type allows them."""

    names: bool = False
    plain = True

    def encode(self, value: Any) -> JSON:
        """Infinity is a number too large for a float, unless it has a name."""
        if isinstance(value, float) and not math.isfinite(value):
            if self.names:
                return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
            return f"\udcff{float(value)}"
        return float(value) if isinstance(value, float) else text_of(value)

    def decode(self, data: JSON) -> JSON:
        """Names become numbers."""
        return (
            {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}.get(data, data)
            if isinstance(data, str)
            else data
        )

    def accepts(self, value: Any) -> bool:
        """Floats, and integers where nothing else takes them."""
        return isinstance(value, float)


class Bytes(Codec):
    """Bytes in base64."""

    plain = True

    def encode(self, value: Any) -> JSON:
        """Return base64."""
        return base64.b64encode(
            value.get_secret_value() if isinstance(value, SecretBytes) else value
        ).decode()

    def accepts(self, value: Any) -> bool:
        """Only bytes."""
        return isinstance(value, bytes | bytearray | SecretBytes)


@dataclass(slots=True)
class Choice(Codec):
    """One of a few values; `said` and `sent` are parallel to `meant`: plain JSON and strict JSON."""

    meant: list[Any]
    said: list[JSON]
    sent: list[JSON]
    plain: bool = True

    def encode(self, value: Any) -> JSON:
        """Return what stands for `value`."""
        for meant, sent in zip(self.meant, self.sent, strict=True):
            if meant is value or (same(meant, value)):
                return sent
        for said, sent in zip(self.said, self.sent, strict=True):
            if same(said, value):
                return sent
        raise Misfit(f"must be one of {', '.join(map(repr, self.said))}"[:400], value, "literal_error")

    def decode(self, data: JSON) -> JSON:
        """Return the plain JSON that `data` stands for."""
        if self.plain:
            return data
        for said, sent in zip(self.said, self.sent, strict=True):
            if same(sent, data):
                return said
        raise Misfit(f"must be one of {', '.join(map(repr, self.said))}"[:400], data, "literal_error")

    def accepts(self, value: Any) -> bool:
        """Whether there is a choice for it."""
        return any(meant is value or same(meant, value) for meant in self.meant)


def same(a: Any, b: Any) -> bool:
    """Return whether two values are equal and of one type: 1 is not True, but 1.0."""
    numbers = type(a) in (int, float) and type(b) in (int, float)
    return (type(a) is type(b) or numbers) and bool(a == b)


@dataclass(slots=True)
class Array(Codec):
    """An array of one kind of item. bound: a length that the compiler has added."""

    items: Codec
    type: Any = None
    bound: int | None = None
    plain: bool = True

    def encode(self, value: Any) -> JSON:
        """Encode each item."""
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            raise Misfit("must be a list", value, "list_type")
        return each(self.items.encode, list(value))

    def decode(self, data: JSON) -> JSON:
        """Decode each item."""
        if not isinstance(data, list):
            return data
        return each(self.items.decode, data)

    def accepts(self, value: Any) -> bool:
        """By class, then item by item."""
        if isinstance(value, str | bytes | Mapping):
            return False
        wanted = self.type or (Sequence, Set, Iterable)
        return isinstance(value, wanted) and (
            not isinstance(value, Sequence | Set) or all(map(self.items.accepts, value))
        )


def each(convert: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    """Return the converted items; a misfit says which one it was."""
    result: list[Any] = []
    try:
        for item in items:
            result.append(convert(item))  # noqa: PERF401  its length says where a misfit is
    except Misfit as misfit:
        raise misfit.at(len(result)) from None
    return result


@dataclass(slots=True)
class Tuple(Codec):
    """A tuple: `first`, then any number of `rest` if there is one, then `last`.

    keys: the names of the places where it is an object on the wire, the variadic part under `rest_key`.
    """

    first: list[Codec]
    rest: Codec | None = None
    last: list[Codec] = field(default_factory=list)
    keys: list[str] | None = None
    rest_key: str = ""
    plain: bool = False

    def encode(self, value: Any) -> JSON:
        """Encode by place."""
        value = list(value)
        codecs = self._codecs(len(value))
        encoded = [
            _at(i, codec.encode, item) for i, (codec, item) in enumerate(zip(codecs, value, strict=True))
        ]
        if self.keys is None:
            return encoded
        if self.rest is None:
            return dict(zip(self.keys, encoded, strict=True))
        end = len(encoded) - len(self.last)
        parts = [*encoded[: len(self.first)], *encoded[end:]]
        return {**dict(zip(self.keys, parts, strict=True)), self.rest_key: encoded[len(self.first) : end]}

    def _codecs(self, length: int) -> list[Codec]:
        middle = length - len(self.first) - len(self.last)
        if middle < 0 or (middle and self.rest is None):
            raise Misfit(
                f"must have {len(self.first) + len(self.last)} items, not {length}", type="tuple_length"
            )
        return [*self.first, *([self.rest] * middle if self.rest else []), *self.last]

    def decode(self, data: JSON) -> JSON:
        """Return the array."""
        if self.keys is None:
            if not isinstance(data, list):
                return data
            return [
                _at(i, codec.decode, item)
                for i, (codec, item) in enumerate(zip(self._codecs(len(data)), data, strict=True))
            ]
        wanted = {*self.keys, *([self.rest_key] if self.rest else [])}
        check_keys(data, wanted, wanted)
        middle = data[self.rest_key] if self.rest else []
        if not isinstance(middle, list):
            raise Misfit("must be a list", middle, "list_type")
        parts = [data[key] for key in self.keys]
        items = [*parts[: len(self.first)], *middle, *parts[len(self.first) :]]
        return [
            _at(i, codec.decode, item)
            for i, (codec, item) in enumerate(zip(self._codecs(len(items)), items, strict=True))
        ]

    def accepts(self, value: Any) -> bool:
        """By length, then place by place."""
        if not isinstance(value, tuple):
            return False
        try:
            return all(
                codec.accepts(item) for codec, item in zip(self._codecs(len(value)), value, strict=True)
            )
        except Misfit:
            return False


def _at(step: Step, convert: Callable[[Any], Any], item: Any) -> Any:
    try:
        return convert(item)
    except Misfit as misfit:
        raise misfit.at(step) from None


def check_keys(data: JSON, known: Set[str], required: Set[str]) -> None:
    """Raise Misfit unless `data` is an object with all required and no unknown keys."""
    if not isinstance(data, dict):
        raise Misfit("must be an object", data, "model_type")
    if missing := sorted(required - data.keys()):
        raise Misfit(f"lacks {', '.join(map(repr, missing))}", data, "missing")
    if unknown := sorted(data.keys() - known):
        raise Misfit(f"has the unknown members {', '.join(map(repr, unknown))}", data, "extra_forbidden")


@dataclass(slots=True)
class Field:
    """One member of an object: `wire` is its name there, `name` its attribute or key in Python, `path`
    its place in plain JSON. null_is_absent: null on the wire means that it is left out. wrapped: it is
    said as {"value": ...}, since null is a value of its own. optional: it may be missing on the wire.
    """

    wire: str
    name: str
    path: tuple[Step, ...]
    codec: Codec
    default: Any = ABSENT
    required: bool = True
    null_is_absent: bool = False
    wrapped: bool = False
    optional: bool = False


@dataclass(slots=True)
class Extras:
    """Members that the type does not name: beside the others, or as a list of entries under `key`."""

    codec: Codec
    key: str | None = None


@dataclass(slots=True)
class Object(Codec):
    """An object with named members."""

    fields: list[Field]
    by_item: bool = False
    type: Any = None
    extras: Extras | None = None
    rest: tuple[str, Codec] | None = None  # the other members, under one key
    filler: str | None = None  # a member that stands for having none
    is_rest: bool = False  # these are the other members of an object
    plain: bool = True

    def encode(self, value: Any) -> JSON:
        """Read the members one by one."""
        if self.by_item and not isinstance(value, Mapping):
            raise Misfit("must be a mapping", value, "dict_type")
        if self.type and not self.by_item and not isinstance(value, self.type):
            raise Misfit(f"must be a {self.type.__name__}", value, "model_type")
        result: dict[str, JSON] = {}
        for member in self.fields:
            self._encode_field(member, value, result)
        if self.rest:
            result[self.rest[0]] = self.rest[1].encode(value)
        if self.filler:
            return {self.filler: True}
        if self.extras:
            self._encode_extras(value, result)
        elif (
            self.by_item
            and not self.rest
            and not self.is_rest
            and (unknown := value.keys() - {f.name for f in self.fields})
        ):
            raise Misfit(
                f"has the unknown members {', '.join(sorted(map(repr, unknown)))}", value, "extra_forbidden"
            )
        return result

    def _encode_field(self, member: Field, value: Any, result: dict[str, JSON]) -> None:
        found = value.get(member.name, ABSENT) if self.by_item else getattr(value, member.name, ABSENT)
        if found is ABSENT:
            if member.required:
                raise Misfit("is missing", type="missing").at(member.name)
            if not member.optional:
                result[member.wire] = None
            return
        try:
            encoded = member.codec.encode(found)
        except Misfit as misfit:
            if member.required or found is not member.default:
                raise misfit.at(member.name) from None
            if not member.optional:  # a default that its own type would refuse
                result[member.wire] = None
            return
        result[member.wire] = {"value": encoded} if member.wrapped else encoded

    def _encode_extras(self, value: Any, result: dict[str, JSON]) -> None:
        known = {member.name for member in self.fields}
        if self.by_item:
            found = {k: v for k, v in value.items() if k not in known}
        else:
            found = getattr(value, "__pydantic_extra__", None)
            if found is None:
                found = {k: v for k, v in getattr(value, "__dict__", {}).items() if k not in known}
        encoded = {key: _at(key, self.extras.codec.encode, item) for key, item in found.items()}  # type: ignore[union-attr]
        if self.extras.key is None:  # type: ignore[union-attr]
            result.update(encoded)
        else:
            result[self.extras.key] = [{"key": k, "value": v} for k, v in encoded.items()]  # type: ignore[union-attr]

    def decode(self, data: JSON) -> JSON:
        """Put the members back where Pydantic looks for them."""
        if not isinstance(data, dict):
            raise Misfit("must be an object", data, "model_type")
        if self.filler:
            check_keys(data, {self.filler}, {self.filler})
            return {}
        result: Any = {}
        if self.rest:
            data = dict(data)
            result.update(self._others(data.pop(self.rest[0], None)))
        seen = 0
        for member in self.fields:
            if member.wire in data:
                seen += 1
                self._decode_field(member, data[member.wire], result)
        if seen < len(data) or self.extras:
            self._decode_extras(data, result)
        return result

    def _others(self, data: JSON) -> dict[str, JSON]:
        others = self.rest[1].decode(data)  # type: ignore[index]
        if not isinstance(others, dict):
            raise Misfit("the other members must be an object", data, "model_type")
        return others

    def _decode_field(self, member: Field, item: JSON, result: JSON) -> None:
        if item is None and (member.null_is_absent or member.wrapped):
            return
        try:
            if member.wrapped:
                check_keys(item, {"value"}, {"value"})
                item = item["value"]
            item = member.codec.decode(item)
        except Misfit as misfit:
            misfit.steps.extend(reversed(member.path))
            raise
        if len(member.path) == 1:
            result[member.path[0]] = item
        else:
            put(result, member.path, item)

    def _decode_extras(self, data: JSON, result: JSON) -> None:
        known = {member.wire for member in self.fields}
        others = {key: value for key, value in data.items() if key not in known}
        if self.extras is None:
            result.update(others)  # judged by the type: it may forbid them, or not care
            return
        if self.extras.key is not None:
            others = entries(others.pop(self.extras.key, []), Codec(), str)
            taken = {member.path[0] for member in self.fields}
            if clash := sorted(others.keys() & taken):
                raise Misfit("is said twice: as a member and among the others", clash[0], "duplicate_key").at(
                    clash[0]
                )
        for key, value in others.items():
            result[key] = _at(key, self.extras.codec.decode, value)

    def accepts(self, value: Any) -> bool:
        """By class; mappings by their members."""
        if not self.by_item:
            return self.type is None or isinstance(value, self.type)
        if not isinstance(value, Mapping):
            return False
        known = {member.name for member in self.fields}
        return all(
            m.codec.accepts(value[m.name]) if m.name in value else not m.required for m in self.fields
        ) and (self.extras is not None or value.keys() <= known)


def put(result: JSON, path: tuple[Step, ...], value: JSON) -> None:
    """Set `value` at `path`, making objects and arrays on the way."""
    for step, following in zip(path, path[1:], strict=False):
        empty: JSON = [] if isinstance(following, int) else {}
        result = _slot(result, step, empty)
    _slot(result, path[-1], None)
    result[path[-1]] = value


def _slot(holder: JSON, step: Step, empty: JSON) -> JSON:
    if isinstance(holder, list):
        while len(holder) <= step:  # type: ignore[operator]
            holder.append(None)
        if holder[step] is None:  # type: ignore[index]
            holder[step] = empty  # type: ignore[index]
        return holder[step]  # type: ignore[index]
    return holder.setdefault(step, empty)


@dataclass(slots=True)
class Mapped(Codec):
    """A mapping. as_entries: a list of {"key", "value"} on the wire; pairs: a list of pairs in plain JSON."""

    keys: Codec
    values: Codec
    as_entries: bool = True
    pairs: bool = False
    plain: bool = False

    def encode(self, value: Any) -> JSON:
        """Encode keys and values."""
        if not isinstance(value, Mapping):
            raise Misfit("must be a mapping", value, "dict_type")
        found = [
            (_at(str(k), self.keys.encode, k), _at(str(k), self.values.encode, v)) for k, v in value.items()
        ]
        if self.as_entries:
            return [{"key": k, "value": v} for k, v in found]
        return dict(found)

    def decode(self, data: JSON) -> JSON:
        """Return the mapping that the entries make; a key that comes twice is a misfit."""
        if not self.as_entries:
            if not isinstance(data, dict):
                return data
            return {key: _at(key, self.values.decode, value) for key, value in data.items()}
        if self.pairs:
            return [
                [_at("key", self.keys.decode, k), _at(key_text(k), self.values.decode, v)]
                for k, v in pairs_of(data)
            ]
        return entries(data, self.values, self._key)

    def _key(self, data: JSON) -> str:
        return key_text(self.keys.decode(data))

    def accepts(self, value: Any) -> bool:
        """Key by key, value by value."""
        return isinstance(value, Mapping) and all(
            self.keys.accepts(k) and self.values.accepts(v) for k, v in value.items()
        )


def key_text(key: JSON) -> str:
    """Return a key as the text that JSON writes for it."""
    if isinstance(key, str):
        return key
    return (
        {True: "true", False: "false", None: "null"}[key]
        if key is None or isinstance(key, bool)
        else str(key)
    )


def pairs_of(data: JSON) -> list[tuple[JSON, JSON]]:
    """Return keys and values of a list of entries. Raises Misfit unless it is one, or if a key comes twice."""
    if not isinstance(data, list):
        raise Misfit("must be a list of entries, each with 'key' and 'value'", data, "dict_type")
    seen: set[str] = set()
    result = []
    for i, entry in enumerate(data):
        try:
            check_keys(entry, {"key", "value"}, {"key", "value"})
        except Misfit as misfit:
            raise misfit.at(i) from None
        identity = repr(entry["key"])
        if identity in seen:
            raise Misfit("this key comes twice", entry["key"], "duplicate_key").at(
                key_text(entry["key"]) if not isinstance(entry["key"], dict | list) else i
            )
        seen.add(identity)
        result.append((entry["key"], entry["value"]))
    return result


def entries(data: JSON, values: Codec, key_of: Callable[[JSON], str]) -> dict[str, JSON]:
    """Return the object that a list of entries makes. Raises Misfit."""
    result: dict[str, JSON] = {}
    for said, value in pairs_of(data):
        key = key_of(said)
        if key in result:
            raise Misfit("this key comes twice", said, "duplicate_key").at(key)
        result[key] = _at(key, values.decode, value)
    return result


@dataclass(slots=True)
class Nullable(Codec):
    """The inner codec's values, or null."""

    inner: Codec
    plain: bool = True

    def encode(self, value: Any) -> JSON:
        """None is null."""
        return None if value is None else self.inner.encode(value)

    def decode(self, data: JSON) -> JSON:
        """Null stays null."""
        return None if data is None else self.inner.decode(data)

    def accepts(self, value: Any) -> bool:
        """None, or what the inner codec accepts."""
        return value is None or self.inner.accepts(value)


@dataclass(slots=True)
class Branch:
    """One member of a union. tag: the one key of the object that holds it on the wire, if ambiguous.
    fits: whether strict JSON has this member's shape. mark: what tells Pydantic which member is meant.
    """

    label: str
    codec: Codec
    fits: Callable[[JSON], bool]
    tag: str | None = None
    mark: str | None = None


@dataclass(slots=True)
class Union(Codec):
    """One of several types."""

    branches: list[Branch]
    pick: Callable[[Any], Any] | None = None
    plain: bool = False

    def encode(self, value: Any) -> JSON:
        """Encode by the member that the value belongs to."""
        failed: Misfit | None = None
        for branch in self._candidates(value):
            try:
                encoded = branch.codec.encode(value)
            except Misfit as misfit:
                failed = failed or misfit
                continue
            return encoded if branch.tag is None else {branch.tag: encoded}
        raise failed or Misfit(
            f"belongs to none of {', '.join(b.label for b in self.branches)}", value, "union"
        )

    def _candidates(self, value: Any) -> Iterable[Branch]:
        if self.pick and (label := self.pick(value)):
            yield from (b for b in self.branches if b.label == label)
        accepted = [b for b in self.branches if b.codec.accepts(value)]
        exact = [b for b in accepted if b.codec.exact(value)]
        yield from exact
        yield from (b for b in accepted if b not in exact)
        if not accepted:
            yield from self.branches

    def decode(self, data: JSON) -> JSON:
        """Decode by the member that was meant."""
        branch = self._meant(data)
        if branch.tag is not None:
            data = data[branch.tag]
        decoded = branch.codec.decode(data)
        return decoded if branch.mark is None else {TAG: branch.mark, VALUE: decoded}

    def _meant(self, data: JSON) -> Branch:
        for branch in self.branches:
            if branch.tag is not None:
                if isinstance(data, dict) and len(data) == 1 and branch.tag in data:
                    return branch
            elif branch.fits(data):
                return branch
        raise Misfit(f"must be one of {', '.join(b.label for b in self.branches)}", data, "union_tag_invalid")

    def accepts(self, value: Any) -> bool:
        """What any member accepts."""
        return any(branch.codec.accepts(value) for branch in self.branches)


@dataclass(slots=True, eq=False)
class Reference(Codec):
    """A definition, bound once it is compiled."""

    codec: Codec = field(default_factory=lambda: Codec())
    settled: bool = False  # the codec is known, and plain
    plain: bool = False

    def encode(self, value: Any) -> JSON:
        """By the definition."""
        return self.codec.encode(value)  # type: ignore[union-attr]

    def decode(self, data: JSON) -> JSON:
        """By the definition."""
        return self.codec.decode(data)  # type: ignore[union-attr]

    def accepts(self, value: Any) -> bool:
        """By the definition."""
        return self.codec.accepts(value)  # type: ignore[union-attr]

    def exact(self, value: Any) -> bool:
        """By the definition."""
        return self.codec.exact(value)  # type: ignore[union-attr]


@dataclass(slots=True)
class Root(Codec):
    """A RootModel: its value stands for it."""

    inner: Codec
    type: Any = None
    plain: bool = True

    def encode(self, value: Any) -> JSON:
        """Encode what it holds."""
        return self.inner.encode(value.root if isinstance(value, self.type) else value)

    def decode(self, data: JSON) -> JSON:
        """As the inner codec does."""
        return self.inner.decode(data)

    def accepts(self, value: Any) -> bool:
        """By class."""
        return isinstance(value, self.type)


@dataclass(slots=True)
class Text(Codec):
    """JSON text in a string where `inside`; else a plain value for which Pydantic wants JSON text."""

    inner: Codec
    inside: bool
    plain: bool = False

    def encode(self, value: Any) -> JSON:
        """Return JSON, or its text."""
        encoded = self.inner.encode(value)
        return dumps(encoded) if self.inside else encoded

    def decode(self, data: JSON) -> JSON:
        """Return the text's JSON, or JSON's text."""
        if not self.inside:
            return dumps(self.inner.decode(data))
        if not isinstance(data, str):
            raise Misfit("must be JSON in a string", data, "string_type")
        try:
            return self.inner.decode(from_json(data))
        except ValueError as error:
            raise Misfit(f"must be JSON: {error}", data, "json_invalid") from error

    def accepts(self, value: Any) -> bool:
        """As the inner codec does."""
        return self.inner.accepts(value)


@dataclass(slots=True)
class Anything(Codec):
    """Any JSON value. wrapped: its objects are {"entries": [{"key", "value"}]}; boxed: its arrays are
    {"items": [...]}. max_array, max_string: lengths that the compiler has added.
    """

    wrapped: bool = False
    boxed: bool = False
    max_array: int | None = None
    max_string: int | None = None

    @property
    def plain(self) -> bool:  # type: ignore[override]
        """Whether JSON is left as it is."""
        return not (self.wrapped or self.max_array or self.max_string)

    def encode(self, value: Any) -> JSON:
        """Return the value's JSON."""
        if not (value is None or isinstance(value, str | bool | int | float | list | dict)):
            value = text_of(value)
        return self._wrap(value)

    def _wrap(self, value: Any) -> JSON:
        if isinstance(value, dict):
            if odd := [key for key in value if not isinstance(key, str)]:
                raise Misfit(f"JSON objects have text for keys, not {odd[0]!r}", value)
            found = {key: _at(key, self._wrap, item) for key, item in value.items()}
            return {"entries": [{"key": k, "value": v} for k, v in found.items()]} if self.wrapped else found
        if isinstance(value, list | tuple | set | frozenset):
            items = each(self._wrap, list(value))
            return {"items": items} if self.boxed else items
        return Number().encode(value) if isinstance(value, float) else text_of(value)

    def decode(self, data: JSON) -> JSON:
        """Take objects out of their entries."""
        if isinstance(data, dict) and self.wrapped:
            return self._unwrap(data)
        if isinstance(data, str):
            return check_length(data, self.max_string)
        if isinstance(data, list):
            return each(self.decode, check_length(data, self.max_array))
        return (
            {key: _at(key, self.decode, item) for key, item in data.items()}
            if isinstance(data, dict)
            else data
        )

    def _unwrap(self, data: JSON) -> JSON:
        if self.boxed and "items" in data:
            check_keys(data, {"items"}, {"items"})
            return each(self.decode, check_array(data["items"], self.max_array))
        check_keys(data, {"entries"}, {"entries"})
        return entries(check_length(data["entries"], self.max_array), self, str)


def check_array(data: JSON, limit: int | None) -> list[JSON]:
    """Return `data`; raise Misfit unless it is an array that fills no added bound."""
    if not isinstance(data, list):
        raise Misfit("must be a list", data, "list_type")
    return check_length(data, limit)  # type: ignore[no-any-return]


def check_length(data: JSON, limit: int | None) -> JSON:
    """Return `data`; raise Misfit where it fills a bound that the compiler has added: it was cut off."""
    if limit is not None and isinstance(data, str | list) and len(data) >= limit:
        unit = "items" if isinstance(data, list) else "characters"
        raise Misfit(f"was cut off at {limit} {unit}", data, "bound_reached")
    return data


def dumps(data: JSON) -> str:
    """Return strict JSON text."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if "\udcff" in text:
        for standing, said in HUGE.items():
            text = text.replace(f'"{standing}"', said)
    return text


def loads(text: str | bytes) -> JSON:
    """Return the value of JSON text. Raises ValueError, on nesting past 200 levels too."""
    data = from_json(text, allow_inf_nan=False)
    if NAN in text if isinstance(text, str) else NAN.encode() in text:
        return json.loads(text, parse_float=lambda number: math.nan if number == NAN else float(number))
    return data
