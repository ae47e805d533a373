"""JSON Schema documents of any draft in, one self-contained draft 2020-12 schema out.

Pure: references are followed only into documents that the caller hands in, and into the
metaschemas that `jsonschema-specifications` ships. Nothing is fetched, no file is read.

Sources: the specifications at https://json-schema.org/specification-links and the OpenAPI
specification, https://spec.openapis.org/oas/.
"""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from itertools import count, islice
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin

from ..errors import Problem, SchemaError
from ..messages import JSON
from .ecmascript import matcher

if TYPE_CHECKING:
    from referencing import Registry, Resource
    from referencing._core import Resolved, Resolver

MAX_DEPTH = 256  # levels of JSON; a level of schema takes one or two
MAX_NODES = 2_000_000
MAX_PROBLEMS = 50
MAX_REASON = 400  # characters


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one draft differs from 2020-12. `means_nothing`: keywords that only later drafts know."""

    uri: str
    ref_stands_alone: bool = False  # siblings of $ref are ignored
    dependencies: bool = False  # one keyword for dependentRequired and dependentSchemas
    nullable: bool = False  # OpenAPI 3.0
    means_nothing: frozenset[str] = frozenset()


_AFTER_2019 = frozenset({"prefixItems", "$dynamicRef"})
_AFTER_7 = _AFTER_2019 | {
    *("$recursiveRef", "dependentRequired", "dependentSchemas", "maxContains", "minContains"),
    *("unevaluatedItems", "unevaluatedProperties"),
}
_AFTER_6 = _AFTER_7 | {"else", "if", "then"}
_AFTER_4 = _AFTER_6 | {"const", "contains", "propertyNames"}

DRAFT_2020 = Dialect(
    "https://json-schema.org/draft/2020-12/schema", means_nothing=frozenset({"$recursiveRef"})
)
DRAFT_2019 = Dialect("https://json-schema.org/draft/2019-09/schema", means_nothing=_AFTER_2019)
DRAFT_7 = Dialect("http://json-schema.org/draft-07/schema#", True, True, means_nothing=_AFTER_7)
DRAFT_6 = Dialect("http://json-schema.org/draft-06/schema#", True, True, means_nothing=_AFTER_6)
DRAFT_4 = Dialect("http://json-schema.org/draft-04/schema#", True, True, means_nothing=_AFTER_4)
OPENAPI_30 = replace(DRAFT_4, nullable=True)


def _bare(uri: str) -> str:
    return re.sub(r"^https?:|#$", "", uri)


_DIALECTS = {_bare(each.uri): each for each in (DRAFT_2020, DRAFT_2019, DRAFT_7, DRAFT_6, DRAFT_4)}
_TOO_OLD = re.compile(r"//json-schema\.org/draft-0[0-3]/")

# Where subschemas stand, in any draft.
_ONE = frozenset(
    {
        *("additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items"),
        *("not", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
    }
)
_MANY = frozenset({"allOf", "anyOf", "items", "oneOf", "prefixItems"})
_NAMED = frozenset(
    {"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"}
)
# What is applied to the same value as the schema that holds it.
_IN_PLACE = frozenset({"allOf", "anyOf", "dependentSchemas", "else", "if", "not", "oneOf", "then"})
_LEFT_OUT = frozenset(
    {
        *("$anchor", "$comment", "$defs", "$dynamicAnchor", "$id", "$recursiveAnchor", "$schema"),
        *("$vocabulary", "components", "definitions"),
    }
)
_FREE_TEXT = frozenset(
    {
        *("$anchor", "$comment", "$dynamicAnchor", "$dynamicRef", "$id", "$recursiveRef", "$ref", "$schema"),
        *("default", "description", "id", "pattern", "title"),
    }
)
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


def load(document: Mapping[str, JSON], documents: Mapping[str, JSON] | None = None) -> dict[str, JSON]:
    """Return `document` as one draft 2020-12 schema whose references are all `#/$defs/NAME`.

    document: a schema of draft 2020-12, 2019-09, 7, 6 or 4 (as `$schema` says, else guessed), or
    an OpenAPI fragment. documents: URI -> what references may lead to; relative URIs are taken
    relative to the document's own. What no reference leads to is left out; names consist of
    letters, digits and underscores. Raises SchemaError where a schema is malformed, too deep, or
    refers to what is not there, or to itself without end.
    """
    return _Loading(_Library.of(document, documents or {})).run()


def problems(
    document: Mapping[str, JSON], documents: Mapping[str, JSON] | None = None
) -> Callable[[JSON], tuple[Problem, ...]]:
    """Return the function that says what is wrong with a plain JSON value: () if nothing is.

    The judge is `jsonschema` with its format checker, by the document as it was given. Raises
    SchemaError as `load` does.
    """
    library = _Library.of(document, documents or {})
    loaded = _Loading(library).run()
    if any(place.dialect.nullable for place in library.places.values()):  # which no validator knows
        library = _Library.of({"$schema": DRAFT_2020.uri, **loaded}, {})
    _refuse_unread_patterns(library)
    kind = _judge_of(library.root.dialect.uri)
    validator = kind(library.root.schema, registry=library.registry, format_checker=kind.FORMAT_CHECKER)

    def judge(record: JSON) -> tuple[Problem, ...]:
        try:
            return tuple(map(_problem, islice(validator.iter_errors(record), MAX_PROBLEMS)))
        except RecursionError:
            return (Problem("", "it is nested too deeply to be checked", None, "recursion_loop"),)

    return judge


def _problem(error: Any) -> Problem:
    from jsonschema.exceptions import best_match

    error = best_match([error])
    shown = repr(error.instance)
    reason = error.message.replace(shown, "the value") if len(shown) > 80 else error.message
    return Problem(_pointer(error.absolute_path), reason[:MAX_REASON], error.instance, str(error.validator))


@lru_cache
def _judge_of(dialect: str) -> Any:
    """Return the validator class of a draft, with ECMAScript's regular expressions instead of Python's."""
    from jsonschema.validators import extend, validator_for

    return extend(
        validator_for({"$schema": dialect}),
        {
            "pattern": _pattern,
            "patternProperties": _pattern_properties,
            "additionalProperties": _additional_properties,
        },
    )


def _pattern(validator: Any, pattern: str, value: JSON, schema: JSON) -> Iterator[Any]:
    from jsonschema import ValidationError

    if isinstance(value, str) and not matcher(pattern)(value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    for pattern, rule in patterns.items() if isinstance(value, dict) else ():
        for name in filter(matcher(pattern), value):
            yield from validator.descend(value[name], rule, path=name, schema_path=pattern)


def _additional_properties(validator: Any, rule: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not isinstance(value, dict):
        return
    matchers = [matcher(pattern) for pattern in schema.get("patternProperties", ())]
    named = schema.get("properties", {})
    extra = [name for name in value if name not in named and not any(known(name) for known in matchers)]
    if isinstance(rule, dict):
        for name in extra:
            yield from validator.descend(value[name], rule, path=name)
    elif extra and not rule:
        yield ValidationError(f"Additional properties are not allowed ({', '.join(map(repr, extra))})")


def _refuse_unread_patterns(library: _Library) -> None:
    """Raise SchemaError for a pattern that only `jsonschema` itself would read, by `re`, and cannot."""
    places = library.places.values()
    all_of_them = any("unevaluatedProperties" in place.schema for place in places)
    for place in places:
        if all_of_them or place.dialect is not library.root.dialect:
            for pattern in place.patterns():
                try:
                    re.compile(pattern)
                except (re.error, RecursionError, OverflowError) as error:
                    raise SchemaError(
                        f"the pattern {pattern!r} cannot be checked: {error}", place.pointer
                    ) from error


@dataclass(frozen=True, slots=True)
class _Place:
    """One schema: where it stands, in the user's eyes, and the dialect it is written in."""

    schema: JSON
    pointer: str
    dialect: Dialect

    def child(self, path: tuple[str | int, ...]) -> _Place:
        """Return the place of the subschema at `path`."""
        schema = _at(self.schema, path)
        pointer = self.pointer + _pointer(path)
        return _Place(schema, pointer, _declared(schema, pointer) or self.dialect)

    def check(self) -> None:
        """Raise SchemaError unless the schema's own keywords are as its metaschema wants them."""
        if not isinstance(self.schema, (dict, bool)):
            raise SchemaError(f"a schema is an object, true or false, not {self.schema!r:.60}", self.pointer)
        if isinstance(self.schema, bool):
            return
        if fault := _fault(self.dialect.uri, _without_subschemas(self.schema)):
            raise SchemaError(fault[1], self.pointer + fault[0])
        for pattern in self.patterns():
            try:
                matcher(pattern)
            except ValueError as error:
                raise SchemaError(
                    f"the pattern {pattern!r} is no regular expression: {error}", self.pointer
                ) from error

    def patterns(self) -> Iterator[str]:
        """Yield the schema's own regular expressions."""
        if "pattern" in self.schema:
            yield self.schema["pattern"]
        yield from self.schema.get("patternProperties", ())

    def modern(self) -> dict[str, JSON]:
        """Return the schema in the words of 2020-12; its subschemas are still as they were."""
        if self.dialect.ref_stands_alone and isinstance(self.schema.get("$ref"), str):
            return {"$ref": self.schema["$ref"]}
        return {
            new: value
            for keyword in self.schema
            if keyword not in _LEFT_OUT and keyword not in self.dialect.means_nothing
            for new, value in _translated(keyword, self.schema, self.dialect)
        }


def _translated(keyword: str, schema: dict[str, JSON], dialect: Dialect) -> Iterator[tuple[str, JSON]]:
    """Yield what stands in 2020-12 for one keyword of an older schema."""
    value = schema[keyword]
    match keyword, value:
        case "items", list():
            yield from _tuple(value, schema)
        case "dependencies", dict() if dialect.dependencies:
            yield from _dependencies(value)
        case "minimum" | "maximum", _ if schema.get(f"exclusiveM{keyword[1:]}") is True:
            yield f"exclusiveM{keyword[1:]}", value
        case "type", str() if dialect.nullable and schema.get("nullable") is True:
            yield "type", [value, "null"]
        case ("exclusiveMinimum" | "exclusiveMaximum", bool()) | ("id", str()):
            return
        case "additionalItems" | "dependencies", _:
            return
        case "nullable", _ if dialect.nullable:
            return
        case _:
            yield keyword, value


def _tuple(items: list[JSON], schema: dict[str, JSON]) -> Iterator[tuple[str, JSON]]:
    yield "prefixItems", items
    if "additionalItems" in schema:
        yield "items", schema["additionalItems"]


def _dependencies(value: dict[str, JSON]) -> Iterator[tuple[str, JSON]]:
    required = {name: each for name, each in value.items() if isinstance(each, list)}
    schemas = {name: each for name, each in value.items() if name not in required}
    if required:
        yield "dependentRequired", required
    if schemas:
        yield "dependentSchemas", schemas


@dataclass(frozen=True, slots=True)
class _Library:
    """A document with what its references may lead to, opened when the first one does.

    places: every schema that is open, by its identity.
    """

    root: _Place
    base: str
    registry: Registry[Any]
    places: dict[int, _Place]

    @classmethod
    def of(cls, document: Mapping[str, JSON], documents: Mapping[str, JSON]) -> _Library:
        """Return the library, its root copied, checked and indexed. Raises SchemaError."""
        from jsonschema_specifications import REGISTRY
        from referencing import Registry

        if not isinstance(document, Mapping):
            raise SchemaError(f"a JSON Schema document is an object, not {document!r:.60}")
        root = _opened(document, "")
        places = {id(place.schema): place for place in _checked(root, None)}
        resource = _resource(root)
        base = resource.id() or ""
        shelf = _Shelf(documents, {_uri(base, uri): uri for uri in documents}, root.dialect, places)
        lending: Any = Registry  # its arguments are attrs', which mypy cannot see
        registry = REGISTRY.combine(lending(retrieve=shelf.retrieve)).with_resource(base, resource)
        return cls(root, base, registry.crawl(), places)


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The documents that were handed in. `uris`: absolute URI -> the name it was given."""

    documents: Mapping[str, JSON]
    uris: Mapping[str, str]
    dialect: Dialect
    places: dict[int, _Place]
    open: dict[str, Resource[Any]] = field(default_factory=dict)

    def retrieve(self, uri: str) -> Resource[Any]:
        """Return the document at `uri`, or the schema in any document that calls itself so."""
        from referencing import Registry

        if uri in self.uris:
            return self.fetch(uri)
        opened = []
        for each in self.uris:
            with suppress(SchemaError):  # what is wrong with another one is no concern of this reference
                if self.speaks_of(uri.rpartition("/")[2], each):
                    opened.append((each, self.fetch(each)))
        return Registry().with_resources(opened).crawl()[uri]

    def speaks_of(self, name: str, uri: str) -> bool:
        """Return whether the document at `uri` can hold a schema of that name."""
        return json.dumps(name)[1:-1] in json.dumps(self.documents[self.uris[uri]], default=str)

    def fetch(self, uri: str) -> Resource[Any]:
        """Return the document at `uri`; the same one each time."""
        if uri not in self.open:
            place = _opened(self.documents[self.uris[uri]], f"{uri}#", self.dialect)
            self.places.update((id(each.schema), each) for each in _checked(place, self.dialect))
            self.open[uri] = _resource(place)
        return self.open[uri]


def _uri(base: str, reference: str) -> str:
    return urljoin(base, reference).rstrip("#")


def _resource(place: _Place) -> Any:
    from referencing.jsonschema import specification_with

    return specification_with(place.dialect.uri).create_resource(place.schema)


def _opened(document: JSON, pointer: str, default: Dialect | None = None) -> _Place:
    schema = _copied(document, pointer)
    return _Place(schema, pointer, _declared(schema, pointer) or default or _guessed(schema))


def _copied(document: JSON, pointer: str) -> JSON:
    """Return a copy as `json` gives it. Raises SchemaError where it is no JSON, too deep or too large."""
    pending: list[tuple[str, JSON, int]] = [(pointer, document, 0)]
    for seen in count():
        if not pending:
            break
        where, value, depth = pending.pop()
        if depth > MAX_DEPTH or seen > MAX_NODES:
            raise SchemaError(f"more than {MAX_DEPTH} levels deep, or {MAX_NODES:,} values large", where)
        pending += ((where + _escape(name), each, depth + 1) for name, each in _members(value, where))
    try:
        return json.loads(json.dumps(document, default=dict))
    except (TypeError, ValueError) as error:
        raise SchemaError(f"no JSON: {error}", pointer) from error


def _members(value: JSON, pointer: str) -> Iterable[tuple[str | int, JSON]]:
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise SchemaError("the names in a JSON object are strings", pointer)
        return value.items()
    if isinstance(value, (list, tuple)):
        return enumerate(value)
    if not isinstance(value, (str, int, float, type(None))) or (
        isinstance(value, float) and not math.isfinite(value)
    ):
        raise SchemaError(f"no JSON value: {value!r:.60}", pointer)
    return ()


def _checked(document: _Place, around: Dialect | None) -> Iterator[_Place]:
    """Yield every schema of a document of our own. Raises SchemaError at the first that is malformed.

    around: the dialect of whoever refers to the document.
    """
    pending = [(document, around)]
    while pending:
        place, around = pending.pop()
        place.check()
        if isinstance(place.schema, dict):
            _settle(place, around)
            yield place
            pending += ((place.child(path), place.dialect) for path in _children(place.schema))
    for place in _components(document):
        yield from _checked(place, document.dialect)


def _components(document: _Place) -> Iterator[_Place]:
    """Yield the places of an OpenAPI document's schemas."""
    components = document.schema.get("components") if isinstance(document.schema, dict) else None
    schemas = components.get("schemas") if isinstance(components, dict) else None
    for name in schemas if isinstance(schemas, dict) else ():
        yield document.child(("components", "schemas", name))


def _settle(place: _Place, around: Dialect | None) -> None:
    """Spare the libraries that read the schema next what they would stumble over.

    A `$schema` that changes nothing would bring back jsonschema's own regular expressions, and it
    counts `items` wherever there are `additionalItems`; `referencing` takes the kind of all
    dependencies from the first.
    """
    if not isinstance(place.schema.get("items"), list):
        place.schema.pop("additionalItems", None)
    if around in (None, place.dialect):
        place.schema.pop("$schema", None)
    if isinstance(mixed := place.schema.get("dependencies"), dict):
        place.schema["dependencies"] = dict(sorted(mixed.items(), key=lambda each: isinstance(each[1], dict)))


def _children(schema: dict[str, JSON]) -> Iterator[tuple[str | int, ...]]:
    """Yield the path to each subschema."""
    for keyword, value in schema.items():
        if keyword in _ONE and _is_schema(value):
            yield (keyword,)
        elif keyword in _MANY and isinstance(value, list):
            yield from ((keyword, n) for n, each in enumerate(value) if _is_schema(each))
        elif keyword in _NAMED and isinstance(value, dict):
            yield from ((keyword, name) for name, each in value.items() if _is_schema(each))


def _is_schema(value: JSON) -> bool:
    return isinstance(value, (dict, bool))


def _declared(schema: JSON, pointer: str) -> Dialect | None:
    """Return the dialect that the schema names, if it names one that is known."""
    if not isinstance(schema, dict):
        return None
    if isinstance(version := schema.get("openapi"), str):
        return OPENAPI_30 if version.startswith("3.0") else DRAFT_2020
    if isinstance(schema.get("swagger"), str):
        return DRAFT_4
    uri = schema.get("$schema")
    if isinstance(uri, str) and _TOO_OLD.search(uri):
        raise SchemaError("drafts before draft 4 are not read; write it in a later one", f"{pointer}/$schema")
    return _DIALECTS.get(_bare(uri)) if isinstance(uri, str) else None


def _guessed(schema: JSON) -> Dialect:
    """Return the dialect whose words the schema and its subschemas use."""
    root = _Place(schema, "", DRAFT_2020)
    words: set[str] = set()
    pending = [root, *_components(root)]
    while pending:
        place = pending.pop()
        if isinstance(place.schema, dict):
            words |= {f"{name}:{type(value).__name__}" for name, value in place.schema.items()}
            pending += map(place.child, _children(place.schema))
    return replace(_earliest(words), nullable="nullable:bool" in words)


def _earliest(words: set[str]) -> Dialect:
    if words & {"exclusiveMinimum:bool", "exclusiveMaximum:bool"}:
        return DRAFT_4
    if not words & {"items:list", "additionalItems:dict", "additionalItems:bool", "dependencies:dict"}:
        return DRAFT_2020
    return DRAFT_2019 if words & {"$defs:dict", "$anchor:str", "dependentRequired:dict"} else DRAFT_7


def _without_subschemas(schema: dict[str, JSON]) -> str:
    """Return the schema's text with {} for each subschema: its own keywords are all that is left."""
    bare = {keyword: value for keyword, value in schema.items() if keyword != "components"}
    for keyword, value in schema.items():
        if keyword in _ONE and isinstance(value, dict):
            bare[keyword] = {}
        elif keyword in _MANY and isinstance(value, list):
            bare[keyword] = [{} if isinstance(each, dict) else each for each in value]
        elif keyword in _NAMED and isinstance(value, dict):
            bare[keyword] = {k: each for k, each in value.items() if not isinstance(each, dict)}
        elif keyword in _FREE_TEXT and isinstance(value, str):
            del bare[keyword]
    return json.dumps(bare, sort_keys=True)


@lru_cache(maxsize=4096)
def _fault(dialect: str, schema: str) -> tuple[str, str] | None:
    """Return where and why `schema`, a text, breaks its metaschema; None if it does not."""
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for

    kind = validator_for({"$schema": dialect})
    error = best_match(kind(kind.META_SCHEMA).iter_errors(json.loads(schema)))
    return error and (_pointer(error.absolute_path), error.message[:MAX_REASON])


@dataclass(slots=True)
class _Loading:
    """The walk from the root to whatever its references lead to; no deeper on the stack than one schema."""

    library: _Library
    names: dict[tuple[JSON, ...], str] = field(default_factory=dict)
    definitions: dict[str, JSON] = field(default_factory=dict)
    queue: deque[tuple[_Place, Resolver[Any], Any, str | int]] = field(default_factory=deque)
    dynamic: dict[str, bool] = field(default_factory=dict)

    def run(self) -> dict[str, JSON]:
        """Return the loaded schema."""
        if "openapi" in self.library.root.schema or "swagger" in self.library.root.schema:
            raise SchemaError(
                "an OpenAPI document is no schema: name one by {'$ref': 'api.json#/components/schemas/NAME'} "
                "and hand in the document, documents={'api.json': ...}"
            )
        resolver = self.library.registry.resolver(self.library.base)
        holder: dict[str, JSON] = {}
        self.queue.append((self.library.root, resolver, holder, "root"))
        while self.queue:
            place, resolver, into, key = self.queue.popleft()
            into[key] = self.shape(place, resolver)
        root = self.names.get((id(self.library.root.schema),))
        schema = {"$ref": f"#/$defs/{root}"} if root else holder["root"]
        _refuse_endless({"": schema, **self.definitions})
        return {**schema, "$defs": self.definitions} if self.definitions else schema

    def shape(self, place: _Place, resolver: Resolver[Any]) -> JSON:
        """Return the schema at `place` in its new form; its subschemas will be filled in by the queue."""
        if not isinstance(place.schema, dict):
            return place.schema
        schema = {keyword: _unshared(keyword, value) for keyword, value in place.modern().items()}
        references = [kind for kind in _REFERENCES if isinstance(schema.get(kind), str)]
        targets = [{"$ref": self.refer(kind, schema.pop(kind), place, resolver)} for kind in references]
        if targets:
            schema = targets[0] | schema
        for path in _children(schema):
            self.visit(_at(schema, path), path, place, resolver, schema)
        if targets[1:]:
            schema["allOf"] = [*schema.get("allOf", ()), *targets[1:]]
        return schema

    def visit(
        self, child: JSON, path: tuple[str | int, ...], parent: _Place, resolver: Resolver[Any], schema: Any
    ) -> None:
        """Queue a subschema, to be put into `schema` at `path`."""
        place = self.place(child, parent.pointer + _pointer(path), parent.dialect)
        if isinstance(child, dict) and ("$id" in child or "id" in child):
            resolver = resolver.in_subresource(_resource(place))
        self.queue.append((place, resolver, _at(schema, path[:-1]), path[-1]))

    def place(self, schema: JSON, pointer: str, dialect: Dialect) -> _Place:
        """Return where `schema` stands; by `pointer` if it is in none of the documents' usual places."""
        if isinstance(schema, bool):
            return _Place(schema, pointer, dialect)
        known = self.library.places.get(id(schema))
        if known is None:
            known = _Place(schema, pointer, _declared(schema, pointer) or dialect)
            known.check()
            self.library.places[id(schema)] = known
        return known

    def refer(self, kind: str, reference: str, place: _Place, resolver: Resolver[Any]) -> str:
        """Return the reference to the definition that `reference` leads to, and queue it if it is new."""
        found = _resolved(kind, reference, place, resolver)
        key = (id(found.contents), *self.scope(found.resolver))
        if key not in self.names:
            target = self.place(found.contents, reference, place.dialect)
            self.names[key] = name = self.name(reference, target)
            self.definitions[name] = {}
            self.queue.append((target, found.resolver, self.definitions, name))
        return f"#/$defs/{self.names[key]}"

    def name(self, reference: str, target: _Place) -> str:
        """Return a name of letters, digits and underscores that is not yet taken."""
        last = unquote(re.split(r"[/#]", reference.rstrip("/#"))[-1]).replace("~1", "/").replace("~0", "~")
        if not last and isinstance(target.schema, dict):
            last = str(target.schema.get("title", ""))
        name = re.sub(r"[^A-Za-z0-9_]+", "_", re.sub(r"\.json$", "", last)).strip("_")[:60] or "Schema"
        numbered = (f"{name}_{n}" for n in count(2))
        return (
            name if name not in self.definitions else next(n for n in numbered if n not in self.definitions)
        )

    def scope(self, resolver: Resolver[Any]) -> tuple[str, ...]:
        """Return the resources of the dynamic scope that have dynamic anchors, outermost first."""
        uris = reversed([uri for uri, _ in resolver.dynamic_scope()])
        return tuple(dict.fromkeys(uri for uri in uris if self.is_dynamic(uri, resolver)))

    def is_dynamic(self, uri: str, resolver: Resolver[Any]) -> bool:
        """Return whether the resource has dynamic anchors."""
        if uri not in self.dynamic:
            words = json.dumps(resolver.lookup(uri).contents)
            self.dynamic[uri] = '"$dynamicAnchor"' in words or '"$recursiveAnchor"' in words
        return self.dynamic[uri]


def _resolved(kind: str, reference: str, place: _Place, resolver: Resolver[Any]) -> Resolved[Any]:
    from referencing.exceptions import NoSuchAnchor, PointerToNowhere, Unresolvable
    from referencing.jsonschema import lookup_recursive_ref

    where = f"{place.pointer}/{kind}"
    try:
        return lookup_recursive_ref(resolver) if kind == "$recursiveRef" else resolver.lookup(reference)
    except (PointerToNowhere, NoSuchAnchor, ValueError, TypeError, KeyError) as error:
        raise SchemaError(f"{reference!r} leads nowhere", where) from error
    except Unresolvable as error:
        if error.__cause__ and isinstance(error.__cause__.__cause__, SchemaError):
            raise error.__cause__.__cause__ from error
        uri = getattr(error.__context__, "ref", reference)
        raise SchemaError(
            f"{reference!r} leads to another document, and nothing is fetched: "
            f"pass it in, documents={{{uri!r}: ...}}",
            where,
        ) from error


def _refuse_endless(schemas: dict[str, JSON]) -> None:
    """Raise SchemaError where a schema applies itself to the same value again and again."""
    graph = {name: set(_applied(schema)) for name, schema in schemas.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        names = " -> ".join(name or "the root" for name in error.args[1])
        raise SchemaError(f"a schema that refers to itself without end: {names}") from error


def _applied(schema: JSON) -> Iterator[str]:
    """Yield the definitions that judge the same value as `schema`."""
    pending = [schema]
    while pending:
        schema = pending.pop()
        if isinstance(schema, dict):
            if "$ref" in schema:
                yield schema["$ref"].rpartition("/")[2]
            pending += (_at(schema, path) for path in _children(schema) if path[0] in _IN_PLACE)


def _unshared(keyword: str, value: JSON) -> JSON:
    """Return `value` as a copy of its own if the queue will change it."""
    if keyword in _NAMED and isinstance(value, dict):
        return dict(value)
    return list(value) if keyword in _MANY and isinstance(value, list) else value


def _at(value: JSON, path: Iterable[str | int]) -> JSON:
    for step in path:
        value = value[step]
    return value


def _pointer(path: Iterable[str | int]) -> str:
    return "".join(map(_escape, path))


def _escape(step: str | int) -> str:
    return "/" + str(step).replace("~", "~0").replace("/", "~1")
