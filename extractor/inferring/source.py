"""A draft -> readable Python. Every word of a model's is written as a literal, and names are safe. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any

from .drafts import DraftField, TypeDraft, is_optional

WIDTH = 100
SPELT = {"text": "str", "number": "float", "integer": "int", "yes_no": "bool", "date": "date"}


def source_of(draft: TypeDraft, notes: Sequence[str] = ()) -> str:
    """Return a Python module with the record type. notes: what is said above it, as comments."""
    fields = [each for field in draft.fields for each in (field, *field.members)]
    typing = ["Annotated"] if fields else []
    typing += ["Literal"] if any(each.choices for each in fields) else []
    lines = ["from __future__ import annotations", ""]
    lines += ["from datetime import date"] if any(each.kind == "date" for each in fields) else []
    lines += [f"from typing import {', '.join(typing)}"] if typing else []
    lines += ["", f"from pydantic import BaseModel{', Field' if fields else ''}", ""]
    for note in notes:
        lines += [f"# {line}" for line in wrap(_plain(note), WIDTH - 2)]
    for field in draft.fields:
        if field.members:
            lines += ["", *_class(field.item, field.description, field.members)]
    lines += ["", *_class(draft.name, draft.description, draft.fields)]
    return "\n".join(lines).replace("\n\n\n\n", "\n\n\n") + "\n"


def _class(name: str, description: str, fields: Sequence[DraftField]) -> Iterator[str]:
    yield ""
    yield f"class {name}(BaseModel):"
    if description:
        yield f"    {_docstring(description)}"
        yield ""
    for each in fields:
        yield from _member(each)
    if not fields and not description:
        yield "    pass"


def _member(field: DraftField) -> Iterator[str]:
    kind = SPELT[field.kind]
    if field.choices:
        kind = f"Literal[{', '.join(map(_literal, field.choices))}]"
    kind = field.item if field.members else kind
    kind = f"list[{kind}]" if field.is_list else kind
    kind = f"{kind} | None" if is_optional(field) else kind
    told = [f"description={_literal(field.description)}"] if field.description else []
    told += [f"examples=[{', '.join(map(_literal, field.examples))}]"] if field.examples else []
    default = "" if field.required else " = []" if field.is_list else " = None"
    line = f"    {field.name}: Annotated[{kind}, Field({', '.join(told)})]{default}"
    if len(line) <= WIDTH:
        yield line
        return
    yield f"    {field.name}: Annotated["
    yield f"        {kind},"
    yield "        Field("
    yield from (f"            {each}," for each in told)
    yield "        ),"
    yield f"    ]{default}"


def _docstring(said: str) -> str:
    """Return a literal that stands where a docstring does; with the usual quotes where that is the same."""
    plain = '"' not in said and "\\" not in said
    return f'"""{said}"""' if plain else _literal(said)


def _literal(value: Any) -> str:
    """Return the value in Python, strings in double quotes."""
    if not isinstance(value, str):
        return repr(value)
    spelt = repr(value)
    if spelt[0] == "'" and '"' not in value:
        return f'"{spelt[1:-1]}"'
    return spelt


def _plain(note: str) -> str:
    return "".join(each if each.isprintable() else " " for each in note)
