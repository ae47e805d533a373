"""A record on its way: growing JSON text -> what has come of the record, linear in the text.

The text is scanned as it comes; a part is decoded and validated when it is looked at, and once only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial as partial_call
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar, cast

from pydantic_core import SchemaSerializer, core_schema

from ...pointers import Step, pointer
from ..compiled import CompiledSchema
from ..nodes import ABSENT
from .parts import Child, Part, root_part
from .scan import Node, Scan

T = TypeVar("T")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])
DumpMode: TypeAlias = Literal["python", "json"]
_ANY = SchemaSerializer(core_schema.any_schema())


@dataclass(slots=True, eq=False)
class Moment:
    """The text as it was when it had `at` characters, of which `tip`, a string, had so many."""

    scan: Scan
    at: int
    tip: Node | None
    tip_length: int

    def shown(self, node: Node, part: Part) -> Any:
        """Return what there is of a part: its validated value if it is whole; else the beginning of a
        text, or a Partial; ABSENT if there is nothing, or nothing valid.
        """
        whole = 0 < node.whole <= self.at
        if whole and (value := part.read(self.scan, node)) is not ABSENT:
            return value
        found = part.settled(self.scan, node, self.at)
        if found is None:
            return ABSENT
        if found[1] is not part:
            return self.shown(*found)
        if node.kind in "{[" and part.kind != "leaf":
            return Partial(self, node, part)
        if node is self.tip and not whole and part.is_text:
            return self.scan.text(node, self.tip_length)
        return ABSENT

    def closed(self, node: Node, part: Part, steps: tuple[Step, ...]) -> Iterator[str]:
        """Yield the pointers of what is whole and valid, outermost only."""
        if 0 < node.whole <= self.at and part.read(self.scan, node) is not ABSENT:
            yield pointer(steps)
        elif found := part.settled(self.scan, node, self.at):
            for child in found[1].children(self.scan, found[0], self.at):
                yield from self.closed(child.node, child.part, (*steps, *child.steps))


class _Own:
    """A method of a Partial, or with `called` its value, unless the record has a member of that name."""

    def __init__(self, function: Callable[..., Any], called: bool = False) -> None:
        self._function, self._called = function, called
        self._name, self.__doc__ = function.__name__, function.__doc__

    def __get__(self, partial: Partial[Any] | None, owner: type) -> Any:
        if partial is None:
            return self._function
        if partial._shadows(self._name):
            return partial.__getattr__(self._name)
        return self._function(partial) if self._called else partial_call(self._function, partial)


if TYPE_CHECKING:
    _value = property

    def _method(function: F) -> F:
        """Return the function as it is."""
        return function
else:
    _method, _value = _Own, partial_call(_Own, called=True)


class Partial(Generic[T]):
    """What has come of a record of type T so far. Later text does not change it.

    Members are attributes; items of lists and mappings are items. Members of a record can be read as items
    too. A complete part is the validated value, as it will be in the record. An incomplete text is its
    beginning. An incomplete record, list or mapping is a Partial. Everything else, such as a complete but
    invalid part, is None, or absent from its list or mapping.

    If a member has the name of a method of this class, the attribute is the member. Call the method on the
    class: `Partial.closed(partial)`.
    """

    __slots__ = ("_moment", "_node", "_part", "_record", "_settled")

    def __init__(self, moment: Moment, node: Node | None, part: Part, record: T | None = None) -> None:
        self._moment, self._node, self._part, self._record = moment, node, part, record
        self._settled: tuple[Node, Part] | bool | None = False  # not looked for

    @_value
    def record(self) -> T | None:
        """The validated record, on the last one of a stream, whose parts are the record's own; else None."""
        return self._record

    @_value
    def closed(self) -> tuple[str, ...]:
        """The JSON pointers of the parts that are whole and valid, the outermost ones only."""
        if self._node is None:
            return ()
        return tuple(self._moment.closed(self._node, self._part, ()))

    @_method
    def get(self, path: Callable[[T], R]) -> R | None:
        """Return the value at `path`, None if it has not come: `partial.get(lambda r: r.lines[0].text)`. Type
        checkers know its type.
        """
        try:
            return path(cast(T, self))
        except (AttributeError, IndexError, KeyError, TypeError):
            return None

    @_method
    def model_dump(self, *, mode: DumpMode = "python") -> Any:
        """Return what has come as plain dicts and lists. mode: "json" for values that JSON has, as Pydantic
        writes them: a date as text.
        """
        return _plain(self, mode)

    @_method
    def model_dump_json(self) -> str:
        """Return what has come as JSON text."""
        return _ANY.to_json(_plain(self, "json")).decode()

    # -- the parts inside

    def _place(self) -> tuple[Node, Part] | None:
        if self._settled is False:
            at, node = self._moment, self._node
            self._settled = None if node is None else self._part.settled(at.scan, node, at.at)
        return cast("tuple[Node, Part] | None", self._settled)

    def _shown(self) -> Any:
        """The value if it is whole or a text; this itself where the parts inside are what there is."""
        shown = ABSENT if self._node is None else self._moment.shown(self._node, self._part)
        return self if isinstance(shown, Partial) else shown

    @property
    def _kind(self) -> str:
        place = self._place()
        return (self._part if place is None else place[1]).kind

    def _value(self, child: Child | None) -> Any:
        return ABSENT if child is None else self._moment.shown(child.node, child.part)

    def _pairs(self) -> Iterator[tuple[Any, Any]]:
        place = self._place()
        if place is not None:
            for child in place[1].children(self._moment.scan, place[0], self._moment.at):
                if (value := self._value(child)) is not ABSENT:
                    yield child.name, value

    def _at(self, name: Any) -> Any:
        place = self._place()
        if place is None:
            return ABSENT
        return self._value(place[1].child(self._moment.scan, place[0], self._moment.at, name))

    def _shadows(self, name: str) -> bool:
        """Whether the record has a member that is called as something of our own."""
        place = self._place()
        part = self._part if place is None else place[1]
        return part.kind == "record" and part.has(name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._record is not None:
            return getattr(self._record, name)
        place = self._place()
        part = self._part if place is None else place[1]
        if part.kind == "mapping" and name in ("keys", "values", "items"):
            return getattr(dict(self._pairs()), name)
        if part.kind != "leaf" and not part.has(name):
            raise AttributeError(f"{part.said_type} has no member {name!r}")
        value = self._at(name)
        return None if value is ABSENT else value

    def __getitem__(self, key: Any) -> Any:
        kind = self._kind
        if self._record is not None:
            return getattr(self._record, key) if kind == "record" else cast(Any, self._record)[key]
        if kind == "record":
            return self.__getattr__(key)
        if isinstance(key, slice):
            return [self[i] for i in range(*key.indices(len(self)))]
        if kind == "list":
            key = range(len(self))[key]
        value = self._at(key)
        if value is ABSENT and kind != "list":
            raise KeyError(key)
        return None if value is ABSENT else value

    def __len__(self) -> int:
        if self._record is not None and self._kind != "record":
            return len(cast(Any, self._record))
        place = self._place()
        if place is None or place[1].kind != "list":
            return sum(1 for _ in self._pairs())
        node, at = place[0], self._moment.at
        count = node.count(at)
        begun = count and not 0 < (node.children or [])[count - 1].whole <= at
        return count - (1 if begun and self._at(count - 1) is ABSENT else 0)

    def __iter__(self) -> Iterator[Any]:
        if self._record is not None:
            return iter(cast(Any, self._record))
        if self._kind == "list":
            return (self[i] for i in range(len(self)))
        return (pair if self._kind == "record" else pair[0] for pair in self._pairs())

    def __bool__(self) -> bool:
        return self._kind == "record" or len(self) > 0

    def __repr__(self) -> str:
        if self._record is not None:
            return f"Partial({self._record!r})"
        if (shown := self._shown()) is not self:
            return f"Partial({'' if shown is ABSENT else repr(shown)})"
        if self._kind == "record":
            return f"Partial({', '.join(f'{name}={value!r}' for name, value in self._pairs())})"
        return f"Partial({list(self) if self._kind == 'list' else dict(self._pairs())!r})"


def _plain(value: Any, mode: DumpMode) -> Any:
    """Return a part as plain dicts and lists."""
    if not isinstance(value, Partial):
        return _ANY.to_python(value, mode=mode)
    if value._record is not None or (shown := value._shown()) is ABSENT:
        return _ANY.to_python(value._record, mode=mode)
    if shown is not value:
        return _ANY.to_python(shown, mode=mode)
    if value._kind == "list":
        return [_plain(item, mode) for item in value]
    return _ANY.to_python({name: _plain(member, mode) for name, member in value._pairs()}, mode=mode)


class Roots:
    """Which of the objects in a reply is shown: the first that has something of the record. Another one after
    it may be something else; where it is another record, the whole reply is none.
    """

    def __init__(self, scan: Scan, part: Part) -> None:
        self._scan, self._part = scan, part
        self._place = 0
        self._cleared = 0

    def answer(self) -> Node | None:
        """Return the root that is shown now, None if there is none."""
        roots = self._scan.roots
        if self._cleared != self._scan.cleared:
            self._place, self._cleared = 0, self._scan.cleared
        self._place = min(self._place, max(len(roots) - 1, 0))
        while self._place < len(roots) - 1 and not self._part.knows(roots[self._place]):
            self._place += 1
        return roots[self._place] if roots else None


class Growing(Generic[T]):
    """Takes the text of a reply as it comes, gives a Partial where there is more of the record."""

    def __init__(self, compiled: CompiledSchema[T], context: Any = None) -> None:
        self._scan = Scan()
        self._part = root_part(compiled, context)
        self._roots = Roots(self._scan, self._part)

    def feed(self, text: str) -> tuple[Partial[T], ...]:
        """Return what has come; nothing if `text` adds nothing to it."""
        return (self.now(),) if self._scan.feed(text) else ()

    def now(self, record: T | None = None) -> Partial[T]:
        """Return what has come until now, with the record if there is one by now."""
        scan = self._scan
        root = self._roots.answer()
        return Partial(Moment(scan, scan.length, scan.tip, scan.tip_length), root, self._part, record)


class Items(Generic[T]):
    """Takes the text of a reply that is a list as it comes, gives each valid item once it is whole.

    document: the items' JSON Schema document, where they have one: it judges them.
    """

    def __init__(
        self,
        compiled: CompiledSchema[list[T]],
        context: Any = None,
        document: CompiledSchema[Any] | None = None,
    ) -> None:
        self._scan, self._document = Scan(), document
        self._part, self._reader = root_part(compiled, context), compiled.reader().of_items()
        self._roots = Roots(self._scan, self._part)
        self._list: Node | None = None
        self._seen = 0

    def feed(self, text: str) -> Iterator[T]:
        """Yield the valid items that end in `text`."""
        scan = self._scan
        if not scan.feed(text) or (root := self._roots.answer()) is None:
            return
        found = self._part.settled(scan, root, scan.length)
        if found is None or found[0].kind != "[":
            return
        if self._list is not found[0]:
            self._list, self._seen = found[0], 0
        while self._seen < found[0].count(scan.length):
            child = found[1].child(scan, found[0], scan.length, self._seen)
            if child is None or not child.node.whole:
                return
            self._seen += 1
            value = child.part.read(scan, child.node)
            if value is not ABSENT and self._is_sure(scan.raw(child.node), value):
                yield value

    def _is_sure(self, said: str, value: T) -> bool:
        """Whether an item will be one of the record's: what is not may come at the end, from a repair."""
        if self._reader is not None and self._reader.checked(said).problems:
            return False
        return self._document is None or self._document.judges(value)
