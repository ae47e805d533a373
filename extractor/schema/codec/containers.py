"""Strict JSON <-> what Pydantic reads: arrays, tuples, unions, and any JSON value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ...messages import JSON
from ..nodes import TAG, VALUE
from .checks import at, check_array, check_keys
from .mappings import entries, text_key
from .values import Around, Codec, Misfit, Number, WrittenNumber, check_length, each, text_of


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
    """One of several types. pick: the label of the member that a value belongs to. marked: its member is
    told by the JSON. whole: floats such as 1.0 are integers, which Pydantic may take for true, or for a time.
    """

    branches: list[Branch]
    pick: Callable[[Any], Any] | None = None
    plain: bool = False
    marked: bool = True
    whole: bool = False

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
        if self.whole and isinstance(data, float) and data.is_integer():
            data = int(Decimal(data.digits)) if isinstance(data, WrittenNumber) else int(data)
        if not self.marked:
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
