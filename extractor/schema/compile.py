"""The walk: a record type in, its strict schema and its codec out."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from os import PathLike
from typing import Any, Generic, Literal, TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from ..errors import ConfigError, Invalid, Problem, SchemaError, Unjudged
from ..evidence.leaves import Path
from ..evidence.merging import Joins
from ..messages import JSON, StrictSchema
from ..reading import Reader, RecordShape, bare
from .choices import choice_names
from .chunked import Chunked, has, items_have, joins, whole, with_gaps
from .codec import Codec, Misfit, dumps, has_too_many_digits, loads, says_nan
from .limits import Size, inlined_levels, limited, members_that_fit, nodes, size, written_out
from .nodes import Note, Source
from .problems import invalid, not_json
from .proof import quick_proof
from .quotes import Quoted, with_quotes
from .rules import OTHERS
from .targets import TARGETS, Target
from .walk import Walk

T = TypeVar("T")
VERSION = "1"  # part of each fingerprint: raise it whenever the same type would give another schema
CACHED = 4096


@dataclass(frozen=True)
class WithExtras:
    """A JSON Schema document whose objects take members that it does not name, unless it says otherwise."""

    record_type: Any


@dataclass(frozen=True, slots=True)
class CompiledSchema(Generic[T]):
    """A record type, compiled for a target.

    schema: the strict schema. report: what the target could not carry, and what became of it.
    name: legal for the target, the same in every process. fingerprint: SHA-256 of all that is sent.
    """

    name: str
    description: str | None
    schema: dict[str, JSON]
    target: Target
    report: tuple[Note, ...]
    fingerprint: str
    strict: StrictSchema = field(repr=False)
    _codec: Codec = field(repr=False, compare=False)
    _source: Source = field(repr=False, compare=False)
    _made_from: tuple[Any, ...] = field(repr=False, compare=False)
    _shape: RecordShape = field(repr=False, compare=False)

    def reader(self, strictly: bool = False, values: bool = False) -> Reader:
        """Return what finds the record in a reply, by the strict schema. strictly: in plain JSON alone, in
        the schema's shape. values: also where they are said otherwise than the schema has them.
        """
        return Reader(self._shape, not strictly, values)

    def encode(self, record: T) -> str:
        """Return the record as strict JSON text. Raises Invalid where it does not fit its own type."""
        try:
            return dumps(self._codec.encode(record))
        except Misfit as misfit:
            raise invalid(misfit.problems()) from None
        except (ValueError, RecursionError) as error:
            raise invalid([Problem("", f"has no JSON: {error}", type="value_error")]) from error

    def decode(self, text: str | bytes, context: Any = None) -> T:
        """Return the record that strict JSON text says. Raises InvalidJSON or Invalid; Unjudged where the
        type's own code raises something else. An InvalidJSON has a `__cause__` where the text is JSON of
        something that Python can't hold.

        context: what Pydantic's validators find as `info.context`.
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
        if not self._codec.plain or says_nan(text):
            text = self._plain(text)
        try:
            return cast(T, self._source.validate(text, context))
        except ValidationError as error:
            if isinstance(text, str) and not _is_text(text):
                raise not_json("a lone surrogate is no text", text) from None
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            if first["type"] == "json_invalid" and not first["loc"]:
                cause = ValueError(first["msg"]) if has_too_many_digits(error) else None
                raise not_json(first["msg"], text) from cause
            raise invalid(self._source.problems(error, text)) from error

    def _plain(self, text: str | bytes) -> bytes:
        try:
            data = loads(text, as_written=not self.target.enforced)
        except (ValueError, TypeError) as error:
            raise not_json(str(error), text) from (error if has_too_many_digits(error) else None)
        try:
            return to_json(self._codec.decode(data), inf_nan_mode="constants")
        except Misfit as misfit:
            raise invalid(misfit.problems()) from None
        except RecursionError:
            raise invalid([Problem("", "is nested too deep", type="recursion_loop")]) from None

    def judges(self, data: JSON) -> bool:
        """Return whether plain JSON, as `decode` gives it for a JSON Schema document, is a record."""
        try:
            self._source.validate(to_json(data, inf_nan_mode="constants"), None)
        except Invalid:
            return False
        return True

    def whole(self, data: JSON, context: Any = None) -> T:
        """Return the record that plain JSON is, as the chunks of a text gave it. Raises Invalid; Unjudged
        where the type's own code raises something else.
        """
        try:
            return cast(T, whole(self._source, data, context))
        except (Invalid, MemoryError):
            raise
        except Exception as error:
            raise Unjudged.of(error) from error

    def has(self, path: Path) -> bool:
        """Whether records can have something at a path; "*" stands for an index of a list."""
        return has(self._source, path)

    def items_have(self, name: str) -> bool:
        """Whether the items of some list of records can have a member of that name."""
        return items_have(self._source, name)

    @property
    def joins(self) -> Joins:
        """What tells how the lists of records are merged, see `evidence.merging`."""
        return joins(self._source)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._made_from


def _is_text(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


_cache: dict[Any, CompiledSchema[Any]] = {}


def compile_schema(
    record_type: Any,
    target: str | Target = "openai",
    documents: Mapping[str, JSON] | None = None,
    extras: Literal["keep"] | None = None,
) -> CompiledSchema[Any]:
    """Return `record_type` compiled for `target`; compiled once, then looked up.

    record_type: a Pydantic model, anything that a TypeAdapter takes, or a JSON Schema document.
    documents: JSON Schemas by URI, to which references may point; nothing is ever fetched. extras: see
    `with_extras`. Raises SchemaError with pointer and reason, and ConfigError for an unknown target.
    """
    record_type = with_extras(record_type, extras)
    try:
        found = _cache.get((record_type, target))
    except TypeError:  # no hash
        found = None
    return found or _compile(record_type, target, documents)


def with_extras(record_type: Any, extras: Literal["keep"] | None) -> Any:
    """Return the record type with what becomes of members that a JSON Schema document does not name.

    extras: "keep" to let objects have them where the document does not forbid them. None, the default, closes
    such objects, since an open one invites models to invent members. Raises ConfigError for other words, and
    for record types that are no documents: a Pydantic model has `extra="allow"` for that.
    """
    if extras is None:
        return record_type
    if extras != "keep":
        raise ConfigError(f'extras is "keep" or None, not {extras!r}')
    if isinstance(record_type, Quoted | Chunked):
        return type(record_type)(with_extras(record_type.record_type, extras))
    if not isinstance(record_type, Mapping | WithExtras):
        raise ConfigError('extras="keep" is for JSON Schema documents: write extra="allow" into the model')
    return record_type if isinstance(record_type, WithExtras) else WithExtras(record_type)


def _compile(
    record_type: Any, target: str | Target, documents: Mapping[str, JSON] | None
) -> CompiledSchema[Any]:
    chosen = find_target(target)
    key = _key(record_type, target) if documents is None else None
    if key in _cache:
        return _cache[key]
    try:
        compiled = _compiled(_read(record_type, documents), chosen)
    except RecursionError:
        raise SchemaError("the type is nested too deep") from None
    compiled = replace(compiled, _made_from=(compile_schema, (record_type, target, documents)))
    if len(_cache) >= CACHED:
        _cache.clear()
    if key is not None:
        _cache[key] = compiled
    return compiled


def _key(record_type: Any, target: str | Target) -> Any:
    """Return what to keep the compiled schema under, None where it is not kept. Types that compare equal
    may differ in order, so others than classes go by identity; a kept one is never freed.
    """
    if isinstance(record_type, Quoted | Chunked | WithExtras):
        inner = _key(record_type.record_type, target)
        return None if inner is None else (type(record_type), inner)
    if isinstance(record_type, Mapping):
        try:
            return json.dumps(record_type), target
        except (TypeError, ValueError, RecursionError):
            return None  # loading it says what is wrong
    if isinstance(record_type, type) and not hasattr(record_type, "__origin__"):
        return record_type, target
    return (repr(record_type), id(record_type)), target


def find_target(target: str | Target) -> Target:
    """Return the target of that name. Raises ConfigError."""
    if isinstance(target, Target):
        return target
    try:
        return TARGETS[target]
    except (KeyError, TypeError):
        raise ConfigError(f"there is no target {target!r}; there are {', '.join(TARGETS)}") from None


def _read(record_type: Any, documents: Mapping[str, JSON] | None) -> Source:
    if isinstance(record_type, Quoted):
        return with_quotes(_read(record_type.record_type, documents))
    if isinstance(record_type, Chunked):
        return with_gaps(_read(record_type.record_type, documents))
    keeps_extras = isinstance(record_type, WithExtras)
    document = record_type.record_type if keeps_extras else record_type
    if isinstance(document, Mapping):
        from .document_input import read as read_document

        return read_document(document, documents, keeps_extras)
    from .pydantic_input import read

    check_type(record_type)
    return read(record_type)


def check_type(record_type: Any) -> None:
    """Raise SchemaError for what is a value, such as a text, and no type."""
    if isinstance(record_type, BaseModel):
        name = type(record_type).__name__
        raise SchemaError(f"the record type is the class {name} itself, not an instance of it")
    if isinstance(record_type, str | bytes | PathLike | list | tuple | set | int | float):
        named = ", and as the name of one it is not fully defined" if isinstance(record_type, str) else ""
        listed = isinstance(record_type, list | tuple)
        order = "parse(messages, Model) and rows(texts, Model)" if listed else "extract(Model, text)"
        raise SchemaError(
            f"{record_type!r:.60} is no type{named}: a record type is a Pydantic model, any type that a "
            f"TypeAdapter takes, or a JSON Schema as a dict. Were the arguments swapped? It is {order}"
        )


def _compiled(source: Source, target: Target) -> CompiledSchema[Any]:
    schema, codec, notes = within_limits(source, target)
    name = legal_name(source.name, target)
    canonical = json.dumps([schema, name, target.name, VERSION], ensure_ascii=True)
    return CompiledSchema(
        name=name,
        description=schema.get("description"),
        schema=schema,
        target=target,
        report=(*source.notes, *notes),
        fingerprint=hashlib.sha256(canonical.encode()).hexdigest(),
        strict=StrictSchema(name, schema, schema.get("description")),
        _codec=codec,
        _source=source,
        _made_from=(),
        _shape=RecordShape(schema, name, quick_proof(bare(schema)), partial(choice_names, codec)),
    )


def within_limits(source: Source, target: Target) -> tuple[dict[str, JSON], Codec, list[Note]]:
    """Return strict schema, codec and notes. What is too large for the target is said as JSON text:
    first definitions, the largest first, then the root's last members. Raises SchemaError.
    """
    walk = Walk(target, source)
    wire, codec = walk.root()
    bodies = walk.bodies(wire)
    optional = _optional(bodies[""]) if target.max_optional is not None else 0
    if target.max_optional is not None and optional > target.max_optional:
        why = f"{optional} optional members, at most {target.max_optional}: all are required"
        return _otherwise(source, replace(target, all_required=True, max_optional=None), "required", why)
    if target.inlines is not None:
        whole = written_out(bodies, target.inlines)
        if whole is None:
            why = f"over {target.inlines:,} characters written out, at most that: deep parts as JSON text"
            return _otherwise(
                source, replace(target, inlines=None, max_references=1, max_nesting=10), "$ref", why
            )
        bodies = {"": whole}
    if target.max_inlined is not None and (levels := inlined_levels(bodies)) > target.max_inlined:
        return _shallower(source, target, levels)
    bodies = limited(bodies, target, lambda *note: walk.note("", *note))
    whole_size = size(bodies)
    if not whole_size.fits(target):
        walk, bodies, codec = _as_text(walk, bodies, whole_size)
    definitions = {name: body for name, body in bodies.items() if name}
    return {**bodies[""], **({"$defs": definitions} if definitions else {})}, codec, walk.notes


def _otherwise(
    source: Source, target: Target, keyword: str, why: str
) -> tuple[dict[str, JSON], Codec, list[Note]]:
    schema, codec, notes = within_limits(source, target)
    return schema, codec, [Note("", keyword, "re-encoded", why), *notes]


def _shallower(source: Source, target: Target, levels: float) -> tuple[dict[str, JSON], Codec, list[Note]]:
    """Say deep parts as JSON text, the fewest that bring the levels within the limit."""
    most = target.max_inlined or 1
    for nesting in range(2 * most, most - 1, -1):  # schemas of all kinds: at least as many as objects
        flatter = replace(target, max_inlined=None, max_references=most - 1, max_nesting=nesting)
        schema, codec, notes = within_limits(source, flatter)
        if inlined_levels({"": schema, **schema.get("$defs", {})}) <= most:
            break
    why = f"{levels} levels of objects written out, at most {most}: deep parts as JSON text"
    return schema, codec, [Note("", "$ref", "re-encoded", why), *notes]


def _optional(root: dict[str, JSON]) -> int:
    return sum(len(node.get("properties", ())) - len(node.get("required", ())) for node in nodes(root))


def _as_text(walk: Walk, bodies: dict[str, Any], found: Size) -> tuple[Walk, dict[str, Any], Codec]:
    target, why = walk.target, found.excess(walk.target)
    said = said_as_text(walk, bodies, found)
    kept: int | None = None if said else members_that_fit(bodies, target, OTHERS)
    while True:
        again = Walk(target, walk.source, said_as_text=said, kept=kept, why=why)
        wire, codec = again.root()
        bodies = limited(again.bodies(wire), target, lambda *note: again.note("", *note))  # noqa: B023
        if size(bodies).fits(target):
            return again, bodies, codec
        if kept == 0:
            raise SchemaError(f"too large for the target {target.name}, even as JSON text: {why}")
        kept = members_that_fit(bodies, target, OTHERS) if kept is None else kept * 9 // 10


def said_as_text(walk: Walk, bodies: dict[str, Any], whole: Size) -> frozenset[str]:
    """Return the references of the definitions to say as JSON text, so that the others fit."""
    sizes = {name: size({name: body}) for name, body in bodies.items() if name}
    refs = {name: key[0] for key, name in walk.names.items()}
    properties, text = whole.properties, whole.text
    said = set()
    for name in sorted(sizes, key=lambda name: -sizes[name].properties - sizes[name].text // 40):
        if Size(properties, text).fits(walk.target):
            break
        if name in refs:
            said.add(refs[name])
            properties, text = properties - sizes[name].properties, text - sizes[name].text
    return frozenset(said)


def legal_name(name: str, target: Target) -> str:
    """Return `name` as the target takes it; a changed one ends in a hash, so that names stay apart."""
    if re.match(target.name_pattern, name):
        return name
    kept = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")[:50] or "record"
    return f"{kept}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
