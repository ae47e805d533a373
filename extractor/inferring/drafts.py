"""What a model proposes, and the record type that comes of it. Pure: nothing that a model says is run."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, Field, create_model

from ..schema import Free  # proposed words need not stand in the texts

Kind: TypeAlias = Literal["text", "number", "integer", "yes_no", "date"]
MOST_CHOICES = 30
CHOICE = 30  # characters of the longest choice: a small model lists whole sentences of the texts
MOST_EXAMPLES = 3
LONGEST = 400  # characters of a description, and of an example
_TAKEN = frozenset(dir(BaseModel)) | frozenset(
    {"annotated", "basemodel", "bool", "date", "field", "float", "int", "list", "literal", "str"}
)
_LETTERS = str.maketrans(  # that Unicode does not take apart
    {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
)
PYTHON: dict[Kind, Any] = {"text": str, "number": float, "integer": int, "yes_no": bool, "date": date}


class ProposedMember(BaseModel):
    """One member of the items of a list, or of a part."""

    name: Free[str] = Field(description="in snake_case, as a programmer would call it")
    kind: Kind
    description: Free[str] = Field(description="one line: what it means, its unit or form")


class ProposedField(ProposedMember):
    """One field of the record."""

    choices: list[Free[str]] = Field(
        description="if it is one of a few fixed values: all of them; else empty"
    )
    is_list: bool = Field(description="whether a text may have several of it")
    members: list[ProposedMember] = Field(
        description="if it has parts, such as the lines of an order: its members; else empty"
    )


class ProposedType(BaseModel):
    """A record type that holds what is wanted of texts like these."""

    name: Free[str] = Field(description="of the record, a singular noun in CamelCase")
    description: Free[str] = Field(description="one line: what a record is")
    fields: list[ProposedField]


@dataclass(frozen=True, slots=True)
class DraftField:
    """One field. name: safe in Python. kind: of its values, where it has no members. choices: the texts
    it chooses from; none if any will do. required: whether each record has to have it. item: the name of
    the class of its members, where it has some.
    """

    name: str
    kind: Kind = "text"
    description: str = ""
    choices: tuple[str, ...] = ()
    examples: tuple[str | int | float | bool, ...] = ()
    is_list: bool = False
    required: bool = False
    members: tuple[DraftField, ...] = ()
    item: str = ""


@dataclass(frozen=True, slots=True)
class TypeDraft:
    """A record type before it is one."""

    name: str
    description: str
    fields: tuple[DraftField, ...]


def draft_of(proposed: ProposedType) -> TypeDraft:
    """Return what was proposed with safe names, none of them twice."""
    name, fields = class_name(proposed.name), _distinct([_field(each) for each in proposed.fields])
    return TypeDraft(name, _line(proposed.description), tuple(_with_classes(fields, name)))


def proposed_twice(proposed: ProposedType) -> list[str]:
    """Return the safe names that more than one field has, those of members as "lines/count"."""
    names = Counter(field_name(each.name) for each in proposed.fields)
    for name, each in {field_name(each.name): each for each in reversed(proposed.fields)}.items():
        names.update(f"{name}/{field_name(member.name)}" for member in each.members)
    return [name for name, count in names.items() if count > 1]


def record_type_of(draft: TypeDraft) -> type[BaseModel]:
    """Return the record type that the draft means; `source_of` spells the same in Python."""
    members = {each.name: _definition(each) for each in draft.fields}
    return _made(draft.name, draft.description, members)


def is_optional(field: DraftField) -> bool:
    """Return whether a field may be null; a list is empty instead."""
    return not field.required and not field.is_list


def field_name(said: str) -> str:
    """Return a name as a field of a model may have: an identifier in snake case that nothing else has."""
    plain = _ascii(said)
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
    name = re.sub(r"[^a-z0-9]+", "_", snake.lower()).strip("_")[:60] or "field"
    name = f"field_{name}" if name[0].isdigit() else name
    taken = keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in _TAKEN
    return f"{name}_" if taken or name.startswith("model_") else name


def class_name(said: str) -> str:
    """Return a name as a class may have."""
    words = re.findall(r"[A-Za-z0-9]+", _ascii(said))
    name = "".join(word[0].upper() + word[1:] for word in words)[:60] or "Record"
    name = f"Record{name}" if name[0].isdigit() else name
    taken = keyword.iskeyword(name) or name.lower() in _TAKEN
    return f"{name}Record" if taken else name


def without(draft: TypeDraft, names: Iterable[str]) -> TypeDraft:
    """Return the draft without some of its fields, and of their members ("lines/count")."""
    left = frozenset(names)
    kept = (each for each in draft.fields if each.name not in left)
    return replace(draft, fields=tuple(_without_members(each, left) for each in kept))


def _without_members(field: DraftField, names: frozenset[str]) -> DraftField:
    kept = tuple(each for each in field.members if f"{field.name}/{each.name}" not in names)
    return replace(field, members=kept)


def _field(told: ProposedField) -> DraftField:
    members = _distinct([_member(each) for each in told.members])
    choices = tuple(dict.fromkeys(filter(None, map(_line, told.choices))))
    few = 2 <= len(choices) <= MOST_CHOICES and max(map(len, choices)) <= CHOICE
    usable = told.kind == "text" and not members and few
    return replace(_member(told), choices=choices if usable else (), is_list=told.is_list, members=members)


def _member(told: ProposedMember) -> DraftField:
    return DraftField(field_name(told.name), told.kind, _line(told.description))


def _distinct(fields: Sequence[DraftField]) -> tuple[DraftField, ...]:
    """Return the fields without those of a name that another one has already."""
    found: dict[str, DraftField] = {}
    for each in fields:
        found.setdefault(each.name, each)
    return tuple(found.values())


def _with_classes(fields: Iterable[DraftField], record: str) -> Iterator[DraftField]:
    """Yield the fields, those with members with a class that no other one has, nor the record."""
    taken = {record}
    for each in fields:
        name = class_name(each.name)
        while name in taken:
            name += "Part"
        if each.members:
            taken.add(name)
        yield replace(each, item=name) if each.members else each


def _definition(field: DraftField) -> tuple[Any, Any]:
    kind: Any = PYTHON[field.kind]
    if field.choices:
        kind = Literal[field.choices]
    if field.members:
        below = {each.name: _definition(each) for each in field.members}
        kind = _made(field.item, field.description, below)
    kind = list[kind] if field.is_list else kind
    told = Field(description=field.description or None, examples=list(field.examples) or None)
    kind = Annotated[kind | None if is_optional(field) else kind, told]
    if field.required:
        return kind, ...
    return kind, [] if field.is_list else None


def _made(name: str, description: str, members: dict[str, Any]) -> type[BaseModel]:
    made: type[BaseModel] = create_model(name, __doc__=description or None, **members)
    return made


def _line(said: str) -> str:
    """Return words of a model as one line that any file and screen can have."""
    seen = "".join(each if each.isprintable() else " " for each in said)
    return " ".join(seen.split())[:LONGEST]


def _ascii(said: str) -> str:
    return unicodedata.normalize("NFKD", said.translate(_LETTERS)).encode("ascii", "ignore").decode()
