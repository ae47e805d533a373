"""The walk over a record type for one target: references, recursion, names and words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from ...errors import SchemaError
from ...messages import JSON
from ..codec.containers import Reference, Wrapped
from ..codec.values import Codec, TextCodec
from ..grounding.verbatim import VERBATIM
from ..names import definition_name, fresh
from ..nodes import (
    CODED,
    PYTHON,
    SHOWN,
    TOLD,
    Note,
    Python,
    Schema,
    TypeSource,
    python_of,
    references_in,
    resolve,
)
from ..strict import as_text, circles, closed
from ..words import SENTENCES, joined
from .targets import PERMISSIVE, Target

Wired: TypeAlias = tuple[Schema, Codec]  # the strict schema of a node, and the codec of its values
Rule: TypeAlias = "Callable[[Walk, Schema, Any, str], Wired]"
FOREIGN = "foreign"  # the rule of nodes that say nothing of what they are in Python
MAX_LEVELS = 2  # how often recursion is unrolled for targets that don't take it; below is JSON text
MAX_TOLD = 2_000  # characters of a JSON Schema in a description
UNDERSTOOD = frozenset(
    {
        *(PYTHON, TOLD, VERBATIM, CODED, SHOWN, "$ref", "title", "description", "examples"),
        *("default", "deprecated"),
        *("type", "format"),
        *("enum", "const", "items", "prefixItems", "properties", "required", "additionalProperties"),
        *("anyOf", "oneOf", "pattern", "discriminator", "writeOnly", "readOnly", *SENTENCES),
    }
)
AS_WRITTEN = "As it stands in the text."
MAX_EXAMPLE = 200  # characters of an example in a description


@dataclass
class Walk:
    """One walk. rules: what compiles a node, by its kind; FOREIGN for those that have none. said_as_text:
    references to definitions that are said as JSON text. kept: how many members of the root are kept, the
    others in one JSON text. why: the limits that ask for both. level: how often recursion has been unrolled
    around the present node. circle: the circle of definitions that it is part of. depth: how many nodes are
    around it, itself included.
    """

    target: Target
    source: TypeSource
    rules: Mapping[str, Rule]
    notes: list[Note] = field(default_factory=list)
    definitions: dict[str, Schema] = field(default_factory=dict)
    names: dict[tuple[str, int], str] = field(default_factory=dict)
    references: dict[tuple[str, int], Reference] = field(default_factory=dict)
    said_as_text: frozenset[str] = frozenset()
    kept: int | None = None
    why: str = ""
    level: int = 0
    circle: int = 0
    json_name: str = ""
    depth: int = 0

    def root(self) -> Wired:
        """Return the strict schema, its definitions aside, and its codec."""
        wire, codec = self.node(self.source.schema, "")
        wire = self._inlined(wire)
        if not self._may_be_root(wire):
            wire, codec = closed({"value": wire}), Wrapped(codec)
            self.note("", "type", "re-encoded", 'the root is an object with the one member "value"')
        return wire, codec

    def bodies(self, wire: Schema) -> dict[str, Schema]:
        """Return the root, under the name "", and the definitions that it needs."""
        used: set[str] = set()
        pending = [wire]
        while pending:
            for name in _references_on_the_wire(pending.pop()):
                if name not in used:
                    used.add(name)
                    pending.append(self.definitions[name])
        return {"": wire, **{name: body for name, body in self.definitions.items() if name in used}}

    def _inlined(self, wire: Schema) -> Schema:
        """Return a copy of the definition that a root refers to: roots may not be references."""
        while "$ref" in wire or (len(wire.get("anyOf", ())) == 1 and "$ref" in wire["anyOf"][0]):
            ref = wire.get("$ref") or wire["anyOf"][0]["$ref"]
            body = self.definitions[ref.removeprefix("#/$defs/")]
            wire = {**body, **({"description": wire["description"]} if "description" in wire else {})}
        return wire

    def _may_be_root(self, wire: Schema) -> bool:
        if "anyOf" in wire or (wire.get("type") != "object" and wire.keys() & {"enum", "const"}):
            return self.target.root_anyof
        return wire.get("type") in self.target.roots

    def node(self, schema: Schema, at: str) -> Wired:
        """Return the strict schema and the codec of one node."""
        self.depth += 1
        try:
            return self._node(schema, at)
        finally:
            self.depth -= 1

    def _node(self, schema: Schema, at: str) -> Wired:
        if self.is_too_deep(schema):
            wire, codec = self.as_text(schema, at)
        elif "$ref" in schema:
            wire, codec = self.reference(schema["$ref"], at)
        else:
            python = python_of(schema)
            if python and not schema.keys() <= UNDERSTOOD:
                self._drop(schema, at)
            rule = self.rules[python.kind if python else FOREIGN]
            wire, codec = rule(self, schema, python, at)
        if TOLD in schema:
            wire = self.tell(wire, *schema[TOLD])
        if VERBATIM in schema or self.target.verbatim == "all":
            wire = self.bind(wire, schema, at)
        if "description" in schema or "title" in schema or "examples" in schema:
            wire = self.describe(wire, schema)
        return wire, codec

    def bind(self, wire: Schema, schema: Schema, at: str) -> Schema:
        """Return `wire` with the mark, or the words, of a value that has to stand in the text."""
        python = python_of(schema)
        plain = self.target.verbatim == "all" and is_plain(wire, python)
        if not schema.get(VERBATIM, plain) or wire.get("type") not in ("string", "number", "integer"):
            return wire
        if self.target.verbatim == "told":
            self.note(at, VERBATIM, "told", AS_WRITTEN)
            return self.tell(wire, AS_WRITTEN)
        return {**wire, VERBATIM: "number" if python and python.kind == "decimal" else True}

    def _drop(self, schema: Schema, at: str) -> None:
        for keyword in sorted(schema.keys() - UNDERSTOOD):
            self.note(at, keyword, "dropped", "neither sent nor checked: Pydantic does not know it")

    def note(self, at: str, keyword: str, action: str, detail: str) -> None:
        """Report one place."""
        self.notes.append(Note(at, keyword, action, detail))

    # Words

    def describe(self, wire: Schema, schema: Schema) -> Schema:
        """Return `wire` with the user's own words before the compiler's."""
        said = [str(schema["description"])] if schema.get("description") else []
        if not said and schema.get("title") and python_of(schema) is None and "$ref" not in schema:
            said = [str(schema["title"])]
        examples = schema.get("examples")
        if isinstance(examples, list):
            shown = [text for text in map(as_text, examples[:3]) if len(text) <= MAX_EXAMPLE]
            said += [f"For example: {', '.join(shown)}."] if shown else []
        return self.tell(wire, *said, first=True)

    def tell(self, wire: Schema, *sentences: str, first: bool = False) -> Schema:
        """Return `wire` with `sentences` in its description."""
        said = [s for s in sentences if s]
        if not said:
            return wire
        had = wire.get("description")
        text = joined(*said, had) if first else joined(had, *said)
        if "$ref" in wire and not self.target.ref_siblings:
            return {"description": text, "anyOf": [wire]}
        return {**wire, "description": text}

    # References

    def reference(self, ref: str, at: str) -> Wired:
        """Return a reference to a definition, which is compiled when it is first met."""
        if ref not in self.source.definitions:
            raise SchemaError(f"{ref!r} points nowhere", at)
        if self.is_text(ref):
            return self.as_text({"$ref": ref}, at)
        level, circle = self._level(ref)
        key = (ref, level)
        if key not in self.references:
            self._define(key, circle)
        reference = self.references[key]
        wire = {"$ref": f"#/$defs/{self.names[key]}"}
        return wire, reference.inner if reference.settled else reference

    def is_too_deep(self, schema: Schema, below: int = 0) -> bool:
        """Return whether a node, so many levels below the present one, is said as JSON text for its depth."""
        most = self.target.max_nesting
        return most is not None and self.depth + below > most and schema.get("type") in ("array", "object")

    def is_text(self, ref: str) -> bool:
        """Return whether a reference at this place is said as JSON text."""
        most = MAX_LEVELS if self.target.max_references is None else self.target.max_references
        return ref in self.said_as_text or self._level(ref)[0] > most

    def is_said_as_text(self, ref: str) -> bool:
        """Return whether a reference at this place leads to JSON text, for its own depth or its body's."""
        if self.is_text(ref) or self.target.max_nesting is None:
            return self.is_text(ref)
        reference = self.references.get((ref, self._level(ref)[0]))
        codec = None if reference is None else reference.inner
        return isinstance(codec, TextCodec) and codec.inside

    def _level(self, ref: str) -> tuple[int, int]:
        circle = self.circles.get(ref, 0)
        if self.target.max_references is not None:
            return self.level + 1, circle
        unrolled = circle != 0 and (self.target.recursion == "none" or circle in self.tight)
        return (self.level + 1 if unrolled and circle == self.circle else 0), circle

    def _define(self, key: tuple[str, int], circle: int) -> None:
        ref, level = key
        body = self.source.definitions[ref]
        name = self.names[key] = fresh(definition_name(ref, body), self.definitions.keys())
        reference = self.references[key] = Reference()
        self.definitions[name] = {}
        around = self.level, self.circle
        self.level, self.circle = level, circle
        at = "" if ref == self.source.schema.get("$ref") and level == 0 else f"/$defs/{name}"
        self.definitions[name], reference.inner = self.node(body, at)
        self.level, self.circle = around
        reference.settled = reference.inner.plain

    def as_text(self, schema: Schema, at: str) -> Wired:
        """Return JSON text in a string, for what the target cannot say in JSON."""
        wire, codec = self.inside.node(schema, at)
        whole = self.inside.bodies(wire)
        definitions = {name: body for name, body in whole.items() if name}
        text = as_text({**wire, **({"$defs": definitions} if definitions else {})})
        for_size = schema.get("$ref") in self.said_as_text or self.is_too_deep(schema)
        too_large = f": {self.why}" if self.why and for_size else ""
        keyword = "$ref" if "$ref" in schema else "type"
        self.note(at, keyword, "re-encoded", f"JSON text in a string{too_large}")
        words = f"JSON text, by this JSON Schema: {text}" if len(text) <= MAX_TOLD else "JSON text."
        return {"type": "string", "description": words}, TextCodec(codec, inside=True)

    @cached_property
    def inside(self) -> Walk:
        """The walk whose codecs say JSON text inside a string: plainly."""
        return Walk(PERMISSIVE, self.source, self.rules)

    # Recursion

    @cached_property
    def circles(self) -> dict[str, int]:
        """The number of the circle of references that each recursive definition is in."""
        if self.target.recursion == "all":
            return {}
        return circles({ref: set(references_in(body)) for ref, body in self.source.definitions.items()})

    @cached_property
    def tight(self) -> set[int]:
        """The circles that a target with "optional" recursion cannot take: not through a member."""
        if self.target.recursion != "optional":
            return set()
        bodies = self.source.definitions.items()
        edges = {ref: set(references_in(body, members=False)) for ref, body in bodies}
        return {self.circles[ref] for ref in circles(edges)}

    def must_be_optional(self, schema: Schema) -> bool:
        """Return whether a member closes a circle that may only pass through optional properties."""
        if self.target.recursion != "optional" or not self.circle or self.circle in self.tight:
            return False
        return any(self.circles.get(ref) == self.circle for ref in references_in(schema))

    # Questions

    def resolved(self, schema: Schema) -> Schema:
        """Return what `schema` refers to, if it refers."""
        return resolve(schema, self.source.definitions)

    def is_root(self, schema: Schema) -> bool:
        """Return whether a node is the record type itself."""
        return schema.get("properties") is self.resolved(self.source.schema).get("properties")


def is_plain(wire: Schema, python: Python | None) -> bool:
    """Return whether values are free text, with no form of their own."""
    free = wire.keys() <= {"type", "description", "minLength", "maxLength"} and wire.get("type") == "string"
    return free and python is not None and python.kind == "leaf" and python.type in (str, None)


def _references_on_the_wire(node: JSON) -> Iterator[str]:
    if isinstance(node, list):
        for part in node:
            yield from _references_on_the_wire(part)
    elif isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix("#/$defs/")
        for part in node.values():
            if isinstance(part, dict | list):
                yield from _references_on_the_wire(part)
