"""Strict JSON <-> what Pydantic reads: objects with named members, and others beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ...messages import JSON
from ...pointers import Step
from ..nodes import ABSENT
from .checks import at, at_all, check_keys
from .mappings import entries, text_key
from .values import Codec, Misfit, check_length

COPIED = (list, dict, set)  # Pydantic copies such defaults for each record


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
