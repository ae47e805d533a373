"""The parts of a record type: which of them stands where in a reply, and how one that is whole is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from pydantic_core import core_schema, from_json

from ...errors import ExtractorError
from ...pointers import Step
from ..codec.containers import Anything, Array, Branch, Tuple, Union, Wrapped
from ..codec.mappings import Mapped
from ..codec.objects import Object
from ..codec.values import Around, ChoiceCodec, Codec, LeafCodec, Null, Number, TextCodec
from ..compiled import CompiledSchema
from ..nodes import ABSENT, VALUE
from ..types.python.rewrites import built
from ..types.python.smart_mode import choices_of
from .scan import Node, Scan, children

Core = Any  # a pydantic-core schema; None in a JSON Schema document
UNKNOWN: Core = {"type": "unknown"}  # where it was lost sight of: such a part is not read by itself
ANY: Core = {"type": "any"}
INNER = {"lax-or-strict": "strict_schema", "json-or-python": "json_schema"}
CLOSED = ("json", "function-plain", "chain")  # what they take is not what stands inside
SCALARS = {"str": str, "int": int, "float": float, "bool": bool}
NEVER_OBJECTS = (LeafCodec, ChoiceCodec, Array)
Read = Callable[[str | bytes, Any], Any]


class Child(NamedTuple):
    """A part inside another. name: its attribute, key or index; steps: the way to it in plain JSON."""

    name: Any
    steps: tuple[Step, ...]
    node: Node
    part: Part


@dataclass(frozen=True, eq=False)
class Site:
    """The record type that parts are of, and what its validators find as context."""

    compiled: CompiledSchema[Any]
    context: Any = None
    definitions: Mapping[str, Core] = field(default_factory=dict)

    def reader(self, codec: Codec, core: Core, config: Any) -> CompiledSchema[Any]:
        """Return what reads a part by itself."""
        whole = self.compiled
        source = replace(whole.source, validate=self._validate(core, config))
        return replace(whole, codec=codec, source=source)

    def _validate(self, core: Core, config: Any) -> Read:
        if core is None:
            return lambda text, context: from_json(text)
        if self.definitions and core["type"] != "definitions":
            core = core_schema.definitions_schema(core, list(self.definitions.values()))
        validator = built(core, config)
        return lambda text, context: validator.validate_json(text, context=context)


def root_part(compiled: CompiledSchema[Any], context: Any = None) -> Part:
    """Return the part that is all of a record type."""
    core = compiled.source.core
    listed = core["definitions"] if core is not None and core["type"] == "definitions" else ()
    return Part(Site(compiled, context, {d["ref"]: d for d in listed}), compiled.codec, core)


class Part:
    """form: the codec, without what only wraps it. core: pydantic-core's schema, likewise. kind: "record",
    whose members are attributes, "mapping", "list", or "leaf".
    """

    def __init__(self, site: Site, codec: Codec, core: Core, config: Any = None) -> None:
        self.site, self.codec, self.form = site, codec, _form(codec)
        self.kind = _kind(self.form)
        self._around = core, config
        self.core, self.config = _inner(core, config, site.definitions)
        self._reader: CompiledSchema[Any] | None = None
        self._parts: dict[Any, Part] = {}
        self._fields = {f.name: f for f in self.form.fields} if isinstance(self.form, Object) else {}

    def has(self, name: str) -> bool:
        """Return whether a record of this type has a member of that name."""
        return name in self._fields

    def knows(self, node: Node) -> bool:
        """Return whether there is something of this part in a value."""
        if isinstance(self.form, Wrapped):
            return "value" in (node.members or {})
        if isinstance(self.form, Object):
            return any(member.wire in (node.members or {}) for member in self.form.fields)
        return True

    @property
    def said_type(self) -> str:
        """The name of the record's type, for an error."""
        return getattr(getattr(self.form, "type", None), "__name__", f"a {self.kind}")

    @property
    def is_text(self) -> bool:
        """Whether its beginning means something: that of a text does, that of a date does not."""
        any_text = isinstance(self.form, Anything) or (
            isinstance(self.form, LeafCodec) and self.form.type in (str, None)
        )
        return any_text and (self.core is None or self.core["type"] in ("str", "any"))

    def read(self, scan: Scan, node: Node) -> Any:
        """Return the validated value of a part that is whole, ABSENT if it is not valid."""
        if not isinstance(node.cache, tuple) or node.cache[0] is not self:
            node.cache = (self, self._read(scan, node))
        return node.cache[1]

    def _read(self, scan: Scan, node: Node) -> Any:
        if self._around[0] is UNKNOWN:
            return ABSENT
        if self._reader is None:
            self._reader = self.site.reader(self.codec, *self._around)
        try:
            return self._reader.decode(scan.raw(node), self.site.context)
        except ExtractorError:
            return ABSENT

    # -- what stands inside

    def settled(self, scan: Scan, node: Node, at: int) -> tuple[Node, Part] | None:
        """Return what the root's wrapping or the one member of a union that is left holds; None while
        that is open.
        """
        if not isinstance(self.form, Wrapped | Union):
            return node, self
        found: tuple[Node, Part] | None = node, self
        while found is not None and isinstance(found[1].form, Wrapped | Union):
            found = found[1]._held(scan, found[0], at)
        return found

    def _held(self, scan: Scan, node: Node, at: int) -> tuple[Node, Part] | None:
        if isinstance(self.form, Wrapped):
            held = node.member("value", at)
            return None if held is None else (held, self._part("value", self.form.inner, self._around[0]))
        assert isinstance(self.form, Union)  # noqa: S101  the only other form that holds something
        left = [b for b in self.form.branches if self._may_be(b, scan, node, at)]
        if len(left) != 1:
            return None
        (branch,) = left
        held = node if branch.tag is None else node.member(branch.tag, at)
        part = self._part(branch.label, branch.codec, _choice(self.core, branch, self.site.definitions))
        return None if held is None else (held, part)

    def _may_be(self, branch: Branch, scan: Scan, node: Node, at: int) -> bool:
        """Whether a value that has begun may still be of a union's member."""
        if branch.tag is not None:
            return node.member(branch.tag, at) is not None
        form = _form(branch.codec)
        if node.kind == '"' and _is_no_text(form):
            return False
        if node.kind == "[":
            return not isinstance(form, LeafCodec | ChoiceCodec | Object)
        if node.kind != "{" or not isinstance(form, Object):
            return node.kind != "{" or not isinstance(form, NEVER_OBJECTS)
        fields = {member.wire: member.codec for member in form.fields}
        return all(
            _fits(fields[child.key], scan, child, at) if child.key in fields else form.extras is not None
            for child in children(node, at)
        )

    def children(self, scan: Scan, node: Node, at: int) -> Iterator[Child]:
        """Yield the parts inside that have begun."""
        match self.form:
            case Object(filler=None) | Tuple(rest=None, filler=None, keys=list()):
                for name in self._names():
                    yield from filter(None, [self.child(scan, node, at, name)])
            case Array() | Tuple(rest=None, filler=None):
                for index, _ in enumerate(children(node, at) if node.kind == "[" else ()):
                    yield from filter(None, [self.child(scan, node, at, index)])
            case Mapped(as_entries=True):
                yield from self._entries(scan, node, at)
            case Mapped():
                for item in {child.key: child for child in children(node, at)}.values():
                    yield Child(item.key, (str(item.key),), item, self._value())

    def child(self, scan: Scan, node: Node, at: int, name: Any) -> Child | None:
        """Return one of the parts inside, None if it has not begun."""
        match self.form:
            case Object(filler=None):
                return self._member(node, at, name)
            case Tuple(rest=None, filler=None, keys=list() as keys, first=first):
                found = node.member(keys[name], at) if 0 <= name < len(keys) else None
                return self._place(found, name, first[name]) if found else None
            case Array(items=items) if node.kind == "[" and name < node.count(at):
                return self._place((node.children or [])[name], name, items)
            case Tuple(rest=None, filler=None, first=first) if name < min(len(first), node.count(at)):
                return self._place((node.children or [])[name], name, first[name])
            case Mapped():
                return next((c for c in self.children(scan, node, at) if c.name == name), None)
        return None

    def _names(self) -> list[Any]:
        return list(self._fields) if isinstance(self.form, Object) else list(range(len(self.form.keys)))  # type: ignore[attr-defined]

    def _member(self, node: Node, at: int, name: str) -> Child | None:
        member = self._fields.get(name)
        found = None if member is None else node.member(member.wire, at)
        if member is not None and found is not None and member.wrapped:
            found = found.member("value", at)
        if member is None or found is None:
            return None
        return Child(name, member.path, found, self._part(name, member.codec, _field(self.core, name)))

    def _place(self, node: Node, index: int, codec: Codec) -> Child:
        items = None if self.core is None else self.core.get("items_schema", ANY)
        if isinstance(items, list):
            items = items[index] if index < len(items) else UNKNOWN
        key = index if isinstance(self.form, Tuple) else "items"
        return Child(index, (index,), node, self._part(key, codec, items))

    def _entries(self, scan: Scan, node: Node, at: int) -> Iterator[Child]:
        form = self.form
        assert isinstance(form, Mapped)  # noqa: S101  only mappings have entries
        keys = self._part("keys", form.keys, None if self.core is None else self.core.get("keys_schema", ANY))
        for entry in children(node, at):
            said, value = entry.member("key", at), entry.member("value", at)
            if said is None or value is None or not 0 < said.whole <= at:
                continue
            key = keys.read(scan, said)
            if key is not ABSENT and key.__hash__ is not None:
                yield Child(key, (str(form.keys.decode(from_json(scan.raw(said)))),), value, self._value())

    def _value(self) -> Part:
        assert isinstance(self.form, Mapped)  # noqa: S101  only mappings have values
        core = None if self.core is None else self.core.get("values_schema", ANY)
        return self._part("values", self.form.values, core)

    def _part(self, key: Any, codec: Codec, core: Core) -> Part:
        if key not in self._parts:
            if self.core is not None and self.core["type"] in (*CLOSED, "unknown"):
                core = UNKNOWN
            self._parts[key] = Part(self.site, codec, core, self.config)
        return self._parts[key]


def _is_no_text(form: Codec) -> bool:
    """Whether a value of this form is never said as a string."""
    if isinstance(form, LeafCodec):
        return form.type in (int, float, bool)
    return isinstance(form, Null | Array | Object) or (isinstance(form, Number) and not form.names)


def _form(codec: Codec) -> Codec:
    while isinstance(codec, Around) and not isinstance(codec, Wrapped | TextCodec):
        codec = codec.inner
    return codec


def _kind(form: Codec) -> str:
    match form:
        case Object(filler=None, by_item=by_item):
            return "mapping" if by_item else "record"
        case Mapped():
            return "mapping"
        case Array() | Tuple(rest=None, filler=None):
            return "list"
    return "leaf"


def _inner(core: Core, config: Any, definitions: Mapping[str, Core]) -> tuple[Core, Any]:
    """Return what is inside of models, defaults and functions, and the configuration that holds there."""
    while core is not None and core["type"] not in CLOSED:
        config = core.get("config", config)
        if core["type"] == "definition-ref":
            core = definitions.get(core["schema_ref"], UNKNOWN)
        elif core["type"] in INNER:
            core = core[INNER[core["type"]]]
        elif isinstance(core.get("schema"), dict):
            core = core["schema"]
        else:
            break
    return core, config


def _field(core: Core, name: str) -> Core:
    """Return the schema of a member."""
    if core is None:
        return None
    fields = core.get("fields", {})
    if not isinstance(fields, dict):
        fields = {member["name"]: member for member in fields}
    return fields[name]["schema"] if name in fields else UNKNOWN


def _choice(core: Core, branch: Branch, definitions: Mapping[str, Core]) -> Core:
    """Return the schema of a union's member."""
    if core is None or core["type"] not in ("union", "tagged-union"):
        return core and UNKNOWN
    choices = core["choices"]
    if branch.mark is not None:
        return choices[branch.mark]["schema"]["fields"][VALUE]["schema"]
    if isinstance(choices, dict):
        return next((c for tag, c in choices.items() if str(tag) == branch.label), UNKNOWN)
    of_type = getattr(_form(branch.codec), "type", None)
    fitting = [c for c in choices_of(core) if of_type and _class(c, definitions) is of_type]
    return fitting[0] if len(fitting) == 1 else UNKNOWN


def _class(core: Core, definitions: Mapping[str, Core]) -> Any:
    if core["type"] == "definition-ref":
        core = definitions.get(core["schema_ref"], UNKNOWN)
    return SCALARS.get(core["type"], core.get("cls"))


def _fits(codec: Codec, scan: Scan, node: Node, at: int) -> bool:
    """Whether a member does not speak against an object's being the one meant: constants may."""
    form = _form(codec)
    if not isinstance(form, ChoiceCodec) or not 0 < node.whole <= at:
        return True
    return from_json(scan.raw(node)) in [*form.sent, None]
