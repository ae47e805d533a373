"""Strict JSON <-> what Pydantic reads: arrays, objects, mappings, unions, and any JSON value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ...messages import JSON
from ..nodes import ABSENT, TAG, VALUE
from ..problems import Step
from .values import Around, Codec, Misfit, Number, check_length, each, text_of

COPIED = (list, dict, set)  # Pydantic copies such defaults for each record


@dataclass(slots=True)
class Array(Codec):
    """An array of one kind of item."""

    items: Codec
    type: Any = None
    plain: bool = True

    def encode(self, value: Any) -> JSON:
        """Encode each item."""
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            raise Misfit("must be a list", value, "list_type")
        return each(self.items.encode, list(value))

    def decode(self, data: JSON) -> JSON:
        """Decode each item."""
        return data if self.plain or not isinstance(data, list) else each(self.items.decode, data)

    def accepts(self, value: Any) -> bool:
        """By class, then item by item."""
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, self.type or Iterable):
            return False
        return not isinstance(value, Sequence | Set) or all(map(self.items.accepts, value))


@dataclass(slots=True)
class Tuple(Codec):
    """A tuple: `first`, then any number of `rest` if there is one, then `last`.

    keys: the names of the places where it is an object on the wire, the variadic part under `rest_key`.
    filler: a member that stands for having none. bound: a length of the variadic part that was added.
    """

    first: list[Codec]
    rest: Codec | None = None
    last: list[Codec] = field(default_factory=list)
    keys: list[str] | None = None
    rest_key: str = ""
    filler: str | None = None
    bound: int | None = None
    type: Any = tuple
    plain: bool = False

    def encode(self, value: Any) -> JSON:
        """Encode by place."""
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            raise Misfit("must be a tuple", value, "tuple_type")
        encoded = self._placed("encode", list(value))
        if self.keys is None:
            return encoded
        if self.filler:
            return {self.filler: True}
        start, end = len(self.first), len(encoded) - len(self.last)
        members = dict(zip(self.keys, [*encoded[:start], *encoded[end:]], strict=True))
        return members if self.rest is None else {**members, self.rest_key: encoded[start:end]}

    def _placed(self, method: str, items: list[Any]) -> list[JSON]:
        converters = iter([getattr(codec, method) for codec in self._codecs(len(items))])
        return each(lambda item: next(converters)(item), items)

    def _codecs(self, length: int) -> list[Codec]:
        middle = length - len(self.first) - len(self.last)
        if middle < 0 or (middle and self.rest is None):
            raise Misfit(
                f"must have {len(self.first) + len(self.last)} items, not {length}", type="tuple_length"
            )
        return [*self.first, *([self.rest] * middle if self.rest else []), *self.last]

    def decode(self, data: JSON) -> JSON:
        """Return the array."""
        if self.plain:
            return data
        if self.keys is None:
            return self._placed("decode", data) if isinstance(data, list) else data
        if self.filler:
            check_keys(data, {self.filler}, {self.filler})
            return []
        wanted = {*self.keys, self.rest_key} if self.rest else set(self.keys)
        check_keys(data, wanted, wanted)
        middle = check_array(data[self.rest_key], self.bound) if self.rest else []
        parts, start = [data[key] for key in self.keys], len(self.first)
        return self._placed("decode", [*parts[:start], *middle, *parts[start:]])

    def accepts(self, value: Any) -> bool:
        """By length, then place by place."""
        if not isinstance(value, self.type):
            return False
        try:
            return all(c.accepts(item) for c, item in zip(self._codecs(len(value)), value, strict=True))
        except Misfit:
            return False


def at(step: Step, convert: Callable[[Any], Any], item: Any) -> Any:
    """Return the converted item; a misfit is at `step`."""
    try:
        return convert(item)
    except Misfit as misfit:
        raise misfit.at(step) from None


def at_all(path: Sequence[Step], convert: Callable[[Any], Any], item: Any) -> Any:
    """Return the converted item; a misfit is at the end of `path`."""
    try:
        return convert(item)
    except Misfit as misfit:
        raise misfit.at(*path) from None


def check_keys(data: JSON, known: Set[str], required: Set[str]) -> None:
    """Raise Misfit unless `data` is an object with all required and no unknown keys."""
    if not isinstance(data, dict):
        raise Misfit("must be an object", data, "model_type")
    if missing := sorted(required - data.keys()):
        raise Misfit(f"lacks {', '.join(map(repr, missing))}", data, "missing")
    if unknown := sorted(data.keys() - known):
        raise Misfit(f"has the unknown members {', '.join(map(repr, unknown))}", data, "extra_forbidden")


def check_array(data: JSON, limit: int | None) -> list[JSON]:
    """Return `data`; raise Misfit unless it is an array that fills no added bound."""
    if not isinstance(data, list):
        raise Misfit("must be a list", data, "list_type")
    return list(check_length(data, limit))


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

    def encode_into(self, found: Any, result: dict[str, JSON]) -> None:
        """Say the value that was found, or its absence."""
        if found is ABSENT and self.required:
            raise Misfit("is missing", type="missing").at(*self.path)
        if self.may_be_absent and is_default(found, self.default) and not self.codec.accepts(found):
            found = ABSENT  # a default that its own type would refuse
        if found is not ABSENT:
            encoded = at_all(self.path, self.codec.encode, found)
            result[self.wire] = {"value": encoded} if self.wrapped else encoded
        elif not self.optional:
            told = not self.may_be_absent and self.codec.accepts(None)
            result[self.wire] = self.codec.encode(None) if told else None  # null may be a text on the wire

    @property
    def may_be_absent(self) -> bool:
        """Whether the wire can say that it is left out."""
        return self.optional or self.null_is_absent or self.wrapped

    def decode_into(self, item: JSON, result: dict[str, JSON]) -> None:
        """Put the member where Pydantic looks for it."""
        if item is None and (self.null_is_absent or self.wrapped):
            return
        try:
            if self.wrapped:
                check_keys(item, {"value"}, {"value"})
                item = item["value"]
            item = self.codec.decode(item)
        except Misfit as misfit:
            raise misfit.at(*self.path) from None
        if len(self.path) == 1:
            result[str(self.path[0])] = item
        else:
            put(result, self.path, item)


def is_default(found: Any, default: Any) -> bool:
    """Return whether a value is the default, or a copy of it."""
    return found is default or (type(found) is type(default) in COPIED and found == default)


class Unsaid(Field):
    """A member that values do not have, of texts: those that a record comes with. Each is said empty."""

    def encode_into(self, found: Any, result: dict[str, JSON]) -> None:
        """Say the empty texts."""
        assert isinstance(self.codec, Object)  # noqa: S101  what else has members
        result[self.wire] = {member.wire: "" for member in self.codec.fields}


@dataclass(slots=True)
class Extras:
    """Members that the type does not name: beside the others, or as a list of entries under `key`."""

    codec: Codec
    key: str | None = None
    bound: int | None = None


@dataclass(slots=True)
class Object(Codec):
    """An object with named members. rest: its other members are JSON text under one key; open: these
    are such other members. elsewhere: names of members that are said elsewhere. filler: a member that stands
    for having none.
    """

    fields: list[Field]
    by_item: bool = False
    type: Any = None
    extras: Extras | None = None
    rest: tuple[str, Codec] | None = None
    open: bool = False
    filler: str | None = None
    plain: bool = True
    elsewhere: frozenset[str] = frozenset()

    def encode(self, value: Any) -> JSON:
        """Read the members one by one."""
        self._check(value)
        if self.filler:
            return {self.filler: True}
        result: dict[str, JSON] = {}
        misfits = []
        for member in self.fields:
            found = value.get(member.name, ABSENT) if self.by_item else attribute(value, member.name)
            try:
                member.encode_into(found, result)
            except Misfit as misfit:
                misfits.append(misfit)
        if misfits:
            raise Misfit.of(misfits)
        if self.rest:
            result[self.rest[0]] = self.rest[1].encode(value)
        if self.extras:
            self._encode_extras(self.extras, value, result)
        return result

    def _check(self, value: Any) -> None:
        if not self.by_item:
            if self.type and not isinstance(value, self.type):
                raise Misfit(f"must be a {self.type.__name__}", value, "model_type")
            return
        if not isinstance(value, Mapping):
            raise Misfit("must be a mapping", value, "dict_type")
        if self.extras or self.rest or self.open:
            return
        if unknown := value.keys() - {member.name for member in self.fields} - self.elsewhere:
            shown = ", ".join(sorted(map(repr, unknown)))
            raise Misfit(f"has the unknown members {shown}", value, "extra_forbidden")

    def _encode_extras(self, extras: Extras, value: Any, result: dict[str, JSON]) -> None:
        found = value if self.by_item else getattr(value, "__pydantic_extra__", None)
        if found is None:
            found = getattr(value, "__dict__", {})
        known = (
            {member.name for member in self.fields} | self.elsewhere
            if found is not getattr(value, "__pydantic_extra__", 0)
            else ()
        )
        encoded = {k: at(k, extras.codec.encode, v) for k, v in found.items() if k not in known}
        if extras.key is None:
            result.update(encoded)
        else:
            result[extras.key] = [{"key": k, "value": v} for k, v in encoded.items()]

    def decode(self, data: JSON) -> JSON:
        """Put the members back where Pydantic looks for them."""
        if self.plain:
            return data
        if not isinstance(data, dict):
            raise Misfit("must be an object", data, "model_type")
        if self.filler:
            check_keys(data, {self.filler}, {self.filler})
            return {}
        result: dict[str, JSON] = {}
        if self.rest:
            data = dict(data)
            result.update(self._others(data.pop(self.rest[0], None)))
        misfits = []
        seen = 0
        for member in self.fields:
            if member.wire in data:
                seen += 1
                try:
                    member.decode_into(data[member.wire], result)
                except Misfit as misfit:
                    misfits.append(misfit)
        if misfits:
            raise Misfit.of(misfits)
        if seen < len(data):
            self._decode_extras(data, result)
        return result

    def _others(self, data: JSON) -> dict[str, JSON]:
        others = self.rest[1].decode(data)  # type: ignore[index]
        if not isinstance(others, dict):
            raise Misfit("the other members must be an object", data, "model_type")
        return others

    def _decode_extras(self, data: dict[str, JSON], result: dict[str, JSON]) -> None:
        known = {member.wire for member in self.fields}
        others = {key: value for key, value in data.items() if key not in known}
        if self.extras is None:
            for name, value in others.items():  # judged by the type: it may forbid them, or not care
                result.setdefault(name, value)
            return
        codec, key = self.extras.codec, self.extras.key
        if key is not None:
            others = entries(check_length(others.pop(key, []), self.extras.bound), Codec(), text_key)
            if clash := sorted(others.keys() & {str(member.path[0]) for member in self.fields}):
                misfit = Misfit("is said twice: as a member and among the others", clash[0], "duplicate_key")
                raise misfit.at(clash[0])
        result.update({name: at(name, codec.decode, value) for name, value in others.items()})

    def accepts(self, value: Any) -> bool:
        """By class; mappings by their members."""
        if not self.by_item:
            return self.type is None or isinstance(value, self.type)
        if not isinstance(value, Mapping):
            return False
        known = {member.name for member in self.fields} | self.elsewhere
        return (self.extras is not None or value.keys() <= known) and all(
            m.codec.accepts(value[m.name]) if m.name in value else not m.required for m in self.fields
        )


def attribute(value: Any, name: str) -> Any:
    """Return an attribute, past the descriptors of deprecated ones; ABSENT if there is none."""
    held = getattr(value, "__dict__", {})
    return held[name] if name in held else getattr(value, name, ABSENT)


def put(holder: JSON, path: Sequence[Step], value: JSON) -> None:
    """Set `value` at `path`, making objects and arrays on the way."""
    for step, following in pairwise(path):
        holder = _slot(holder, step, [] if isinstance(following, int) else {})
    _slot(holder, path[-1], None)
    holder[path[-1]] = value


def _slot(holder: JSON, step: Any, empty: JSON) -> JSON:
    if not isinstance(holder, list):
        return holder.setdefault(step, empty)
    holder.extend([None] * (step + 1 - len(holder)))
    if holder[step] is None:
        holder[step] = empty
    return holder[step]


@dataclass(slots=True)
class Mapped(Codec):
    """A mapping. as_entries: a list of {"key", "value"} on the wire; pairs: a list of pairs in plain JSON;
    text_keys: keys are text on the wire. reads: what a key's text means, where two may mean the same.
    """

    keys: Codec
    values: Codec
    as_entries: bool = True
    pairs: bool = False
    text_keys: bool = False
    reads: Callable[[str], Any] | None = None
    plain: bool = False

    def encode(self, value: Any) -> JSON:
        """Encode keys and values."""
        if not isinstance(value, Mapping):
            raise Misfit("must be a mapping", value, "dict_type")
        found = [
            (at(str(k), self.keys.encode, k), at(str(k), self.values.encode, v)) for k, v in value.items()
        ]
        return [{"key": k, "value": v} for k, v in found] if self.as_entries else dict(found)

    def decode(self, data: JSON) -> JSON:
        """Return the mapping that the entries make; a key that comes twice is a misfit."""
        if self.as_entries and self.pairs:
            return [[self.keys.decode(k), at(key_text(k), self.values.decode, v)] for k, v in pairs_of(data)]
        if self.as_entries:
            return self._apart(entries(data, self.values, self._key))
        if not isinstance(data, dict):
            return data
        return self._apart({key: at(key, self.values.decode, value) for key, value in data.items()})

    def _apart(self, decoded: dict[str, JSON]) -> dict[str, JSON]:
        """Refuse a key that means what another one does: Pydantic would keep one of the two entries."""
        meanings: dict[Any, str] = {}
        for key in decoded if self.reads else ():
            first = key
            with suppress(Exception):  # a key that can't be read is Pydantic's to refuse
                first = meanings.setdefault(self.reads(key), key)  # type: ignore[misc]
            if first != key:
                raise Misfit(f"this key means the same as {first!r}", key, "duplicate_key").at(key)
        return decoded

    def _key(self, said: JSON) -> str:
        return text_key(self.keys.decode(said)) if self.text_keys else key_text(self.keys.decode(said))

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
        {True: "true", False: "false"}[key] if isinstance(key, bool) else "null" if key is None else str(key)
    )


def text_key(key: JSON) -> str:
    """Return a key that has to be text. Raises Misfit."""
    if not isinstance(key, str):
        raise Misfit("a key must be text", key, "string_type")
    return key


def pairs_of(data: JSON) -> Iterator[tuple[JSON, JSON]]:
    """Yield keys and values of a list of entries. Raises Misfit unless it is one, or if a key comes twice."""
    if not isinstance(data, list):
        raise Misfit("must be a list of entries, each with 'key' and 'value'", data, "dict_type")
    seen: set[str] = set()
    for i, entry in enumerate(data):
        at(i, lambda entry: check_keys(entry, {"key", "value"}, {"key", "value"}), entry)
        key = entry["key"]
        if repr(key) in seen:
            step = i if isinstance(key, dict | list) else key_text(key)
            raise Misfit("this key comes twice", key, "duplicate_key").at(step)
        seen.add(repr(key))
        yield key, entry["value"]


def entries(data: JSON, values: Codec, key_of: Callable[[JSON], str]) -> dict[str, JSON]:
    """Return the object that a list of entries makes. Raises Misfit with the faults of all."""
    result: dict[str, JSON] = {}
    misfits = []
    for i, (said, value) in enumerate(pairs_of(data)):
        key = at(i, key_of, said)
        if key in result:
            raise Misfit("this key comes twice", said, "duplicate_key").at(key)
        try:
            result[key] = values.decode(value)
        except Misfit as misfit:
            misfits.append(misfit.at(key))
    if misfits:
        raise Misfit.of(misfits)
    return result


@dataclass(slots=True)
class Nullable(Around):
    """The inner codec's values, or null."""

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

    def is_meant(self, data: JSON) -> bool:
        """Return whether strict JSON is of this member."""
        if self.tag is None:
            return self.fits(data)
        return isinstance(data, dict) and data.keys() == {self.tag}


@dataclass(slots=True)
class Union(Codec):
    """One of several types. pick: the label of the member that a value belongs to."""

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
            else:
                return encoded if branch.tag is None else {branch.tag: encoded}
        raise failed or self._misfit(value)

    def _misfit(self, value: Any) -> Misfit:
        labels = ", ".join(branch.label for branch in self.branches)
        return Misfit(f"must be one of {labels}", value, "union_tag_invalid")

    def _candidates(self, value: Any) -> Iterable[Branch]:
        if self.pick and (label := self.pick(value)):
            yield from (branch for branch in self.branches if branch.label == label)
        accepted = [branch for branch in self.branches if branch.codec.accepts(value)]
        yield from sorted(accepted or self.branches, key=lambda branch: not branch.codec.exact(value))

    def decode(self, data: JSON) -> JSON:
        """Decode by the member that was meant."""
        if self.plain:
            return data
        branch = next((branch for branch in self.branches if branch.is_meant(data)), None)
        if branch is None:
            raise self._misfit(data)
        if branch.tag is not None:
            data = data[branch.tag]
            if not branch.fits(data):
                raise Misfit(f"is no {branch.label}, as which it was said", data, "union_tag_invalid")
        decoded = branch.codec.decode(data)
        return decoded if branch.mark is None else {TAG: branch.mark, VALUE: decoded}

    def accepts(self, value: Any) -> bool:
        """What any member accepts."""
        return any(branch.codec.accepts(value) for branch in self.branches)

    def exact(self, value: Any) -> bool:
        """What any member takes for its own."""
        return any(branch.codec.exact(value) for branch in self.branches)


@dataclass(slots=True, eq=False, repr=False)
class Reference(Around):
    """A definition, bound once it is compiled. settled: its codec is known, and plain."""

    inner: Codec = field(default_factory=Codec)
    plain: bool = False
    settled: bool = False


@dataclass(slots=True)
class Root(Around):
    """A RootModel: its value stands for it."""

    type: Any = None

    def encode(self, value: Any) -> JSON:
        """Encode what it holds."""
        return self.inner.encode(value.root if isinstance(value, self.type) else value)

    def accepts(self, value: Any) -> bool:
        """By class."""
        return isinstance(value, self.type)

    def exact(self, value: Any) -> bool:
        """Whether it is of this very class."""
        return type(value) is self.type


@dataclass(slots=True)
class Wrapped(Around):
    """A root that is no object, under the one key "value"."""

    plain: bool = False

    def encode(self, value: Any) -> JSON:
        """Wrap."""
        return {"value": self.inner.encode(value)}

    def decode(self, data: JSON) -> JSON:
        """Unwrap."""
        check_keys(data, {"value"}, {"value"})
        return self.inner.decode(data["value"])


@dataclass(slots=True)
class Anything(Codec):
    """Any JSON value. wrapped: its objects are {"entries": [{"key", "value"}]}; boxed: its arrays are
    {"items": [...]}. max_array, max_string: lengths that the compiler has added.
    """

    wrapped: bool = False
    boxed: bool = False
    max_array: int | None = None
    max_string: int | None = None
    plain: bool = True

    def accepts(self, value: Any) -> bool:
        """What JSON can say; other values are said by the JSON that they have."""
        return value is None or type(value) in (str, bool, int, float, list, dict)

    def encode(self, value: Any) -> JSON:
        """Return the value's JSON."""
        if not (value is None or isinstance(value, str | bool | int | float | list | dict)):
            value = text_of(value)
        return self._wrap(value)

    def _wrap(self, value: Any) -> JSON:
        if isinstance(value, dict):
            if odd := [key for key in value if not isinstance(key, str)]:
                raise Misfit(f"JSON objects have text for keys, not {odd[0]!r}", value)
            found = {key: at(key, self._wrap, item) for key, item in value.items()}
            return {"entries": [{"key": k, "value": v} for k, v in found.items()]} if self.wrapped else found
        if isinstance(value, list | tuple | set | frozenset):
            items = each(self._wrap, list(value))
            return {"items": items} if self.boxed else items
        return Number().encode(value) if isinstance(value, float) else text_of(value)

    def decode(self, data: JSON) -> JSON:
        """Take objects out of their entries."""
        if isinstance(data, dict):
            if self.wrapped:
                return self._unwrap(data)
            return {key: at(key, self.decode, item) for key, item in data.items()}
        if isinstance(data, list):
            return each(self.decode, check_length(data, self.max_array))
        return check_length(data, self.max_string)

    def _unwrap(self, data: dict[str, JSON]) -> JSON:
        if self.boxed and "items" in data:
            check_keys(data, {"items"}, {"items"})
            return each(self.decode, check_array(data["items"], self.max_array))
        check_keys(data, {"entries"}, {"entries"})
        return entries(check_length(data["entries"], self.max_array), self, text_key)
