"""What a JSON Schema document can tell of its records, which are plain JSON. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from pydantic_core import from_json

from ...errors import Problem
from ...messages import JSON
from ..types.documents.formats import conforms
from ..types.documents.library import load, load_with_judge
from ..types.documents.proof import Prove, proof_of
from ..types.documents.wrapped import unwrapped
from .arrow import Records, records_of_document
from .check import Check, no_json
from .meaning import Meaning, canonical

Document: TypeAlias = Mapping[str, JSON]


def name(written: Document) -> str:
    """Return the title of a document, not yet legal for any target."""
    return str(unwrapped(written).get("title") or "record")


def described(written: Document) -> dict[str, JSON]:
    """Return the document as one JSON Schema whose references are all `#/$defs/NAME`. Raises SchemaError."""
    return load(written)


def hidden(written: Document) -> list[str]:
    """Return []: no member of plain JSON is written as asterisks."""
    return []


def dumper(written: Document) -> Callable[[Any], JSON]:
    """Return what leaves a record as it is."""
    return _itself


def reader(written: Document) -> Callable[[JSON], Any]:
    """Return what leaves JSON as it is: the document judges it elsewhere."""
    return _itself


def _itself(data: JSON) -> JSON:
    return data


def records(written: Document, keeps_extras: bool) -> Records:
    """Return how records become Arrow."""
    return records_of_document(unwrapped(written), keeps_extras)


def meaning(written: Document) -> Meaning:
    """Return the document in its canonical form. Raises SchemaError."""
    return {"reads": canonical(load(written))}


def checker(written: Document, as_written: bool) -> Check:
    """Return the check of JSON text by `jsonschema`. Raises SchemaError."""
    loaded, judge = load_with_judge(written)
    proves: Prove | None = proof_of(loaded, conforms)

    def check(data: bytes, text: str | None = None) -> Sequence[Problem]:
        if text is None and proves is not None and proves(data):
            return ()
        try:
            record = from_json(data)
        except ValueError as error:
            return [no_json(str(error))]
        return judge(record, text)

    return check
