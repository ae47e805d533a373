"""JSON Schema documents of any draft in, one self-contained draft 2020-12 schema out.

Pure: references are followed only into documents that the caller hands in, and into the
metaschemas that `jsonschema-specifications` ships. Nothing is fetched, no file is read.
"""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote, urljoin

from ....errors import SchemaError
from ....messages import JSON
from ....pointers import pointer as as_pointer
from ....pointers import steps_of
from .drafts import (
    IN_PLACE,
    MANY,
    NAMED,
    REFERENCES,
    DocumentPlace,
    Draft,
    at,
    children,
    components,
    declared,
    guessed,
)
from .judge import JudgeRecord, judge_by
from .wrapped import refuse_empty, unwrapped

if TYPE_CHECKING:
    from referencing import Registry, Resource
    from referencing._core import Resolved, Resolver

MAX_DEPTH = 256  # levels of JSON; a level of schema takes one or two
MAX_NODES = 2_000_000


def load(document: Mapping[str, JSON], documents: Mapping[str, JSON] | None = None) -> dict[str, JSON]:
    """Return `document` as one draft 2020-12 schema whose references are all `#/$defs/NAME`.

    document: a schema of draft 2020-12, 2019-09, 7, 6 or 4 (as `$schema` says, else guessed), or
    an OpenAPI fragment; also in what APIs take schemas in (see `unwrapped`). documents: URI -> what
    references may lead to; relative URIs are taken relative to the document's own. What no reference
    leads to is left out; names consist of letters, digits and underscores. Raises SchemaError if
    a schema is malformed, too deep, says nothing, or refers to what is not there, or to itself
    without end.
    """
    return _Loading(_Library.of(document, documents or {})).run()


def problems(document: Mapping[str, JSON], documents: Mapping[str, JSON] | None = None) -> JudgeRecord:
    """Return the function that says what is wrong with a plain JSON value: () if nothing is.

    The judge is `jsonschema` with its format checker, by what `load` makes of the document. Raises
    SchemaError as `load` does.
    """
    return load_with_judge(document, documents)[1]


def load_with_judge(
    document: Mapping[str, JSON], documents: Mapping[str, JSON] | None = None
) -> tuple[dict[str, JSON], JudgeRecord]:
    """Return what `load` and `problems` do, of a document that is opened once."""
    loaded = load(document, documents)
    return loaded, judge_by(loaded)


@dataclass(frozen=True, slots=True)
class _Library:
    """A document with what its references may lead to, opened when the first one does.

    places: every schema that is open, by its identity.
    """

    root: DocumentPlace
    base: str
    registry: Registry[Any]
    shelf: _Shelf
    places: dict[int, DocumentPlace]

    @classmethod
    def of(cls, document: Mapping[str, JSON], documents: Mapping[str, JSON]) -> _Library:
        """Return the library, its root copied, checked and indexed. Raises SchemaError."""
        from jsonschema_specifications import REGISTRY
        from referencing import Registry

        if not isinstance(document, Mapping):
            raise SchemaError(f"a JSON Schema document must be an object, not {document!r:.60}")
        root = _opened(unwrapped(document), "")
        places = {id(place.schema): place for place in _checked(root, None)}
        resource = _resource(root)
        base = resource.id() or ""
        shelf = _Shelf(documents, {_uri(base, uri): uri for uri in documents}, root.dialect, places)
        lending: Any = Registry  # its arguments are attrs', which mypy cannot see
        registry = REGISTRY.combine(lending(retrieve=shelf.retrieve)).with_resource(base, resource)
        return cls(root, base, registry.crawl(), shelf, places)


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The documents that were handed in. `uris`: absolute URI -> the name it was given."""

    documents: Mapping[str, JSON]
    uris: Mapping[str, str]
    dialect: Draft
    places: dict[int, DocumentPlace]
    open: dict[str, Resource[Any]] = field(default_factory=dict)

    def retrieve(self, uri: str) -> Resource[Any]:
        """Return the document at `uri`, or the schema in any document that calls itself so."""
        from referencing import Registry

        if uri in self.uris:
            return self.fetch(uri)
        opened = []
        for each in self.uris:
            # what is wrong with another document is no concern of this reference
            with suppress(SchemaError, RecursionError, TypeError, ValueError):
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
    try:
        return urljoin(base, reference).rstrip("#")
    except ValueError as error:
        raise SchemaError(f"documents= must be keyed by URI, and {reference!r} is not a URI") from error


def _resource(place: DocumentPlace) -> Any:
    from referencing.jsonschema import specification_with

    return specification_with(place.dialect.uri).create_resource(place.schema)


def _opened(document: JSON, pointer: str, default: Draft | None = None) -> DocumentPlace:
    schema = _copied(document, pointer)
    return DocumentPlace(schema, pointer, declared(schema, pointer) or default or guessed(schema))


def _copied(document: JSON, pointer: str) -> JSON:
    """Return a copy as `json` gives it. Raises SchemaError if it is no JSON, too deep or too large."""
    pending: list[tuple[_Steps, JSON, int]] = [((), document, 0)]
    for seen in count():
        if not pending:
            break
        steps, value, depth = pending.pop()
        if depth > MAX_DEPTH or seen > MAX_NODES:
            where = pointer + _pointer_of(steps)
            raise SchemaError(f"more than {MAX_DEPTH} levels deep, or {MAX_NODES:,} values large", where)
        if fault := _fault_of(value):
            raise SchemaError(fault, pointer + _pointer_of(steps))
        pending += (((steps, name), each, depth + 1) for name, each in _members(value))
    try:
        return json.loads(json.dumps(document, default=dict))
    except (TypeError, ValueError) as error:
        raise SchemaError(f"no JSON: {error}", pointer) from error


_Steps: TypeAlias = (
    "tuple[()] | tuple[_Steps, str | int]"  # the way to a value: shared, its last step outside
)


def _pointer_of(steps: _Steps) -> str:
    path: list[str | int] = []
    while steps:
        steps, step = steps
        path.insert(0, step)
    return as_pointer(path)


def _members(value: JSON) -> Iterable[tuple[str | int, JSON]]:
    if isinstance(value, Mapping):
        return value.items()
    return enumerate(value) if isinstance(value, (list, tuple)) else ()


def _fault_of(value: JSON) -> str:
    """Return why a value is no JSON, what is inside it aside; "" if it is."""
    if isinstance(value, Mapping):
        named = all(isinstance(name, str) for name in value)
        return "" if named else "the names in a JSON object are strings"
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"no JSON value: {value!r}"
    known = isinstance(value, (str, int, list, tuple, type(None)))
    return "" if known else f"no JSON value: {value!r:.60}"


def _checked(document: DocumentPlace, around: Draft | None) -> Iterator[DocumentPlace]:
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
            pending += ((place.child(path), place.dialect) for path in children(place.schema))
    for place in components(document):
        yield from _checked(place, document.dialect)


def _settle(place: DocumentPlace, around: Draft | None) -> None:
    """Spare the libraries that read the schema next what they would stumble over.

    A `$schema` that changes nothing would bring back jsonschema's own regular expressions, and it
    counts `items` wherever there are `additionalItems`; `referencing` takes the kind of all
    dependencies from the first. What `allOf` says twice would be checked twice, at each level.
    """
    if not isinstance(place.schema.get("items"), list):
        place.schema.pop("additionalItems", None)
    if around in (None, place.dialect):
        place.schema.pop("$schema", None)
    if isinstance(mixed := place.schema.get("dependencies"), dict):
        place.schema["dependencies"] = dict(sorted(mixed.items(), key=lambda each: isinstance(each[1], dict)))
    if isinstance(parts := place.schema.get("allOf"), list):
        place.schema["allOf"] = list({json.dumps(part): part for part in parts}.values())


@dataclass(slots=True)
class _Loading:
    """The walk from the root to whatever its references lead to; no deeper on the stack than one schema."""

    library: _Library
    names: dict[tuple[JSON, ...], str] = field(default_factory=dict)
    definitions: dict[str, JSON] = field(default_factory=dict)
    queue: deque[tuple[DocumentPlace, Resolver[Any], Any, str | int]] = field(default_factory=deque)
    dynamic: dict[str, bool] = field(default_factory=dict)
    found: dict[tuple[str, str, int], tuple[Resolver[Any], Resolved[Any]]] = field(default_factory=dict)

    def run(self) -> dict[str, JSON]:
        """Return the loaded schema."""
        if "openapi" in self.library.root.schema or "swagger" in self.library.root.schema:
            raise SchemaError(
                "an OpenAPI document is not a schema: name one by {'$ref': "
                "'api.json#/components/schemas/NAME'}, and pass the document as documents={'api.json': "
                "...}"
            )
        refuse_empty(self.library.root.schema)
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

    def shape(self, place: DocumentPlace, resolver: Resolver[Any]) -> JSON:
        """Return the schema at `place` in its new form; its subschemas will be filled in by the queue."""
        if not isinstance(place.schema, dict):
            return place.schema
        schema = {keyword: _unshared(keyword, value) for keyword, value in place.modern().items()}
        references = [kind for kind in REFERENCES if isinstance(schema.get(kind), str)]
        targets = [{"$ref": self.refer(kind, schema.pop(kind), place, resolver)} for kind in references]
        if targets:
            schema = targets[0] | schema
        for path in children(schema):
            self.visit(at(schema, path), path, place, resolver, schema)
        if targets[1:]:
            schema["allOf"] = [*schema.get("allOf", ()), *targets[1:]]
        return schema

    def visit(
        self,
        child: JSON,
        path: tuple[str | int, ...],
        parent: DocumentPlace,
        resolver: Resolver[Any],
        schema: Any,
    ) -> None:
        """Queue a subschema, to be put into `schema` at `path`."""
        place = self.place(child, parent.pointer + as_pointer(path), parent.dialect)
        if isinstance(child, dict) and ("$id" in child or "id" in child):
            resolver = resolver.in_subresource(_resource(place))
        self.queue.append((place, resolver, at(schema, path[:-1]), path[-1]))

    def place(self, schema: JSON, pointer: str, dialect: Draft) -> DocumentPlace:
        """Return where `schema` stands; by `pointer` if it is in none of the documents' usual places."""
        if isinstance(schema, bool):
            return DocumentPlace(schema, pointer, dialect)
        known = self.library.places.get(id(schema))
        if known is None:
            known = DocumentPlace(schema, pointer, declared(schema, pointer) or dialect)
            known.check()
            self.library.places[id(schema)] = known
        return known

    def refer(self, kind: str, reference: str, place: DocumentPlace, resolver: Resolver[Any]) -> str:
        """Return the reference to the definition that `reference` leads to, and queue it if it is new."""
        known = (kind, reference, id(resolver))
        if known not in self.found:  # with the resolver, so that its id stays its own
            self.found[known] = resolver, _resolved(kind, reference, place, resolver)
        found = self.found[known][1]
        key = (id(found.contents), *self.scope(found.resolver))
        if key not in self.names:
            target = self.place(found.contents, reference, place.dialect)
            self.names[key] = name = self.name(reference, target)
            self.definitions[name] = {}
            self.queue.append((target, found.resolver, self.definitions, name))
        return f"#/$defs/{self.names[key]}"

    def name(self, reference: str, target: DocumentPlace) -> str:
        """Return a name of letters, digits and underscores that is not yet taken."""
        last = steps_of(f"/{unquote(re.split(r'[/#]', reference.rstrip('/#'))[-1])}")[0]
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


def _resolved(kind: str, reference: str, place: DocumentPlace, resolver: Resolver[Any]) -> Resolved[Any]:
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
            f"{reference!r} leads to another document, which is not fetched: pass it as "
            f"documents={{{uri!r}: ...}}",
            where,
        ) from error


def _refuse_endless(schemas: dict[str, JSON]) -> None:
    """Raise SchemaError if a schema applies itself to the same value again and again."""
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
            pending += (at(schema, path) for path in children(schema) if path[0] in IN_PLACE)


def _unshared(keyword: str, value: JSON) -> JSON:
    """Return `value` as a copy of its own if the queue will change it."""
    if keyword in NAMED and isinstance(value, dict):
        return dict(value)
    return list(value) if keyword in MANY and isinstance(value, list) else value
