"""A record type for one target: its strict schema, and the codec between its records and strict JSON."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar, cast

from pydantic import ValidationError
from pydantic_core import to_json

from .. import evidence
from ..errors import Invalid, Problem, Unjudged
from ..evidence.leaves import Path
from ..evidence.meanings import Meanings
from ..messages import JSON, StrictSchema
from ..reading import Reader, RecordShape, bare
from .codec.choices import choice_names
from .codec.values import Codec, Misfit, dumps, has_too_many_digits, loads, says_nan
from .compiler.fitting import within_limits
from .compiler.targets import Target
from .forms.chunked import has, items_have, joins, whole
from .nodes import Note, TypeSource
from .problems import invalid, not_json
from .types.documents.proof import quick_proof

T = TypeVar("T")
VERSION = "1"  # part of each fingerprint: raise it whenever the same type would give another schema


@dataclass(frozen=True, slots=True)
class CompiledSchema(Generic[T]):
    """A record type, compiled for a target.

    - schema: the strict schema.
    - report: what the target cannot express, and what was done instead.
    - name: legal for the target, and the same in every process.
    - fingerprint: SHA-256 of all that is sent.
    - codec: translates between records and strict JSON.
    - source: the type as the compiler read it.
    - past: which limits of the target it exceeds, so that part of it is sent as JSON text; "" if none.
    """

    name: str
    description: str | None
    schema: dict[str, JSON]
    target: Target
    report: tuple[Note, ...]
    fingerprint: str
    strict: StrictSchema = field(repr=False)
    codec: Codec = field(repr=False, compare=False)
    source: TypeSource = field(repr=False, compare=False)
    _made_from: tuple[Any, ...] = field(repr=False, compare=False)
    _shape: RecordShape = field(repr=False, compare=False)
    past: str = field(default="", repr=False)

    def reader(
        self, strictly: bool = False, values: bool = False, as_in_text: Meanings | None = None
    ) -> Reader:
        """Return a function that finds the record in a reply, by the strict schema.

        - strictly: accept only plain JSON in the schema's shape.
        - values: also accept values that are written differently from the schema.
        - as_in_text: reads values that are written as in the text.
        """
        return Reader(self._shape, not strictly, values, as_in_text)

    def encode(self, record: T) -> str:
        """Return the record as strict JSON text. Raises Invalid if it does not fit its own type."""
        try:
            return dumps(self.codec.encode(record))
        except Misfit as misfit:
            raise invalid(misfit.problems()) from None
        except (ValueError, RecursionError) as error:
            raise invalid([Problem("", f"has no JSON: {error}", type="value_error")]) from error

    def decode(self, text: str | bytes, context: Any = None) -> T:
        """Return the record in a strict JSON text.

        - context: what Pydantic's validators find as `info.context`.

        Raises InvalidJSON or Invalid, or Unjudged if the type's own code raises something else. An
        InvalidJSON has a `__cause__` if the text is valid JSON that Python can't hold.
        """
        try:
            return self._decoded(text, context)
        except (Invalid, MemoryError):
            raise
        except Exception as error:
            if isinstance(text, str) and not _is_text(text):
                raise not_json("a lone surrogate is no text", text) from None
            raise Unjudged.of(error) from error

    def _decoded(self, text: str | bytes, context: Any) -> T:
        if not self.codec.plain or says_nan(text):
            text = self._plain(text)
        try:
            return cast(T, self.source.validate(text, context))
        except ValidationError as error:
            if isinstance(text, str) and not _is_text(text):
                raise not_json("a lone surrogate is no text", text) from None
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            if first["type"] == "json_invalid" and not first["loc"]:
                cause = ValueError(first["msg"]) if has_too_many_digits(error) else None
                raise not_json(first["msg"], text) from cause
            raise invalid(self.source.problems(error, text)) from error

    def _plain(self, text: str | bytes) -> bytes:
        try:
            data = loads(text, as_written=True)
        except (ValueError, TypeError) as error:
            raise not_json(str(error), text) from (error if has_too_many_digits(error) else None)
        try:
            return to_json(self.codec.decode(data), inf_nan_mode="constants")
        except Misfit as misfit:
            raise invalid(misfit.problems()) from None
        except RecursionError:
            raise invalid([Problem("", "is nested too deep", type="recursion_loop")]) from None

    def judges(self, data: JSON) -> bool:
        """Return whether plain JSON, as `decode` gives it for a JSON Schema document, is a record."""
        try:
            self.source.validate(to_json(data, inf_nan_mode="constants"), None)
        except Invalid:
            return False
        return True

    def whole(self, data: JSON, context: Any = None) -> T:
        """Return the record made of plain JSON, as the chunks of a text gave it. Raises Invalid, or Unjudged
        if the type's own code raises something else.
        """
        try:
            return cast(T, whole(self.source, data, context))
        except (Invalid, MemoryError):
            raise
        except Exception as error:
            raise Unjudged.of(error) from error

    def has(self, path: Path) -> bool:
        """Whether records can have something at a path; "*" stands for an index of a list."""
        return has(self.source, path)

    def items_have(self, name: str) -> bool:
        """Whether the items of some list of records can have a member of that name."""
        return items_have(self.source, name)

    @property
    def joins(self) -> evidence.Joins:
        """How the lists of records are merged, see `evidence.merging`."""
        return joins(self.source)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._made_from


def _is_text(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


def compiled(source: TypeSource, target: Target, made_from: tuple[Any, ...]) -> CompiledSchema[Any]:
    """Return a record type, as it was read, compiled for a target. made_from: how it is made again where it
    was pickled. Raises SchemaError.
    """
    schema, codec, notes, past = within_limits(source, target)
    name = target.legal_name(source.name)
    canonical = json.dumps([schema, name, target.name, VERSION], ensure_ascii=True)
    return CompiledSchema(
        name=name,
        description=schema.get("description"),
        schema=schema,
        target=target,
        report=(*source.notes, *notes),
        fingerprint=hashlib.sha256(canonical.encode()).hexdigest(),
        strict=StrictSchema(name, schema, schema.get("description")),
        codec=codec,
        source=source,
        _made_from=made_from,
        _shape=RecordShape(schema, name, quick_proof(bare(schema)), partial(choice_names, codec)),
        past=past,
    )
