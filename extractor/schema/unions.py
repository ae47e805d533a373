"""The types that records of a union are of, and which of them a record is. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from functools import lru_cache
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from typing_extensions import TypeAliasType

from ..errors import SchemaError
from ..messages import JSON
from .record_type import MARKS, RecordType, WithExtras

if TYPE_CHECKING:
    from .types.documents.judge import JudgeRecord

_BRANCHES = ("anyOf", "oneOf")
_BESIDE = {"title", "description", "$defs", "$schema", "$id", "$comment", "examples", "discriminator"}


def types_in(record_type: Any) -> tuple[Any, ...]:
    """Return the types that records of a union can be of, in its order; () for any other record type.

    A union is one of models or dataclasses; what a discriminator or an alias is around counts as the union
    itself. Or it is a JSON Schema document with `anyOf` or `oneOf` objects that each have a title, or a name
    in `$defs`.
    """
    if isinstance(record_type, (Mapping, RecordType, *MARKS)):
        kind = RecordType.of(record_type)
        found = _documents_in(kind.written) if kind.is_document and not kind.forms else ()
        return tuple(map(WithExtras, found)) if kind.keeps_extras else found
    while isinstance(record_type, TypeAliasType):
        record_type = record_type.__value__
    if get_origin(record_type) is Annotated:
        return types_in(get_args(record_type)[0])
    if get_origin(record_type) not in (Union, UnionType):
        return ()
    types: list[Any] = []
    for each in get_args(record_type):
        inner = get_args(each)[0] if get_origin(each) is Annotated else each
        within = types_in(inner) or (inner,)
        if not all(isinstance(kind, type) and _has_members(kind) for kind in within):
            return ()
        types += within
    return tuple(dict.fromkeys(types))


def place_of_type(record: Any, types: Sequence[Any]) -> int | None:
    """Return the position of the type that a record is of; None if it is of none. The first of the
    JSON Schemas that it conforms to counts.
    """
    own = type(record)
    if own in types:
        return types.index(own)
    return next((place for place, each in enumerate(types) if _is_of(record, each)), None)


def _is_of(record: Any, kind: Any) -> bool:
    if isinstance(kind, type):
        return isinstance(record, kind)
    return not _judge(RecordType.of(kind))(record)


def _has_members(kind: type) -> bool:
    return issubclass(kind, BaseModel) or is_dataclass(kind)


def _documents_in(document: Mapping[str, JSON]) -> tuple[dict[str, JSON], ...]:
    """Return the schemas that a document is a union of, each whole and with its name as title."""
    from .types.documents.library import load

    try:
        whole = load(document)
    except SchemaError:  # whoever compiles it says what is wrong
        return ()
    definitions: Any = whole.get("$defs", {})
    node = _followed(whole, definitions)[0]
    branches = [key for key in _BRANCHES if key in node]
    if len(branches) != 1 or node.keys() - _BESIDE - {*branches}:
        return ()
    found = [_followed(each, definitions) for each in node[branches[0]]]
    if len(found) < 2 or not all(name and schema.get("type") == "object" for schema, name in found):
        return ()
    return tuple({**schema, "title": name, "$defs": definitions} for schema, name in found)


def _followed(node: Any, definitions: Mapping[str, Any]) -> tuple[Any, str]:
    """Return where a schema's references lead to, and its title, else its name in `$defs`."""
    name = ""
    while isinstance(node.get("$ref"), str) and not node.keys() - _BESIDE - {"$ref"}:
        key = node["$ref"].rpartition("/")[2]
        name, node = str(node.get("title") or key), definitions[key]
    return node, str(node.get("title") or name)


@lru_cache(64)
def _judge(kind: RecordType) -> JudgeRecord:
    from .types.documents.library import problems

    return problems(kind.written)
