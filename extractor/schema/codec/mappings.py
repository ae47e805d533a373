"""Strict JSON <-> what Pydantic reads: mappings, as objects or as lists of entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ...messages import JSON
from .checks import at, check_keys
from .values import Codec, Misfit


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
