"""A record type as a value, in the form in which it is asked for, and all that it can be asked. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import takewhile
from os import PathLike
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Literal,
    Protocol,
    TypeAlias,
    TypeVar,
    overload,
)

from pydantic import BaseModel

from ..errors import ConfigError, Invalid, SchemaError, Unjudged
from ..keywords import names_wrong_keywords
from ..messages import JSON
from .coded import Coded, coded_in
from .compiled import CompiledSchema, compiled
from .compiler.fitting import UnfitType
from .compiler.targets import Target, find_target
from .dividing import divide
from .forms.chunked import Chunked, with_gaps
from .forms.listed import Shortlisted
from .forms.narrowed import MOST_FORKS, Fork, Kept, Narrowed, forks_in
from .forms.quotes import Quoted, with_quotes
from .forms.shares import Share, united
from .nodes import TypeSource
from .problems import invalid, judged

if TYPE_CHECKING:
    from .outline import Check, Meaning, Records

CACHED = 4096
TRIES = 400  # shares of a type that are compiled to see whether they fit
READ = 32  # types that are kept as they were read
FORMS: Final[Mapping[str, Callable[[TypeSource], TypeSource]]] = {"quoted": with_quotes, "chunked": with_gaps}


@dataclass(frozen=True)
class WithExtras:
    """A JSON Schema document whose objects take members that it does not name, unless it says otherwise."""

    record_type: Any


Form: TypeAlias = str | Share | Shortlisted | Narrowed
MARKS = (Quoted, Chunked, WithExtras)  # what a record type is given in


class TypeKind(Protocol):
    """What all record types of one kind answer, by what they are written in."""

    def name(self, written: Any, /) -> str:
        """Return a readable name, not yet legal for any target."""

    def described(self, written: Any, /) -> dict[str, JSON]:
        """Return one JSON Schema whose references are all `#/$defs/NAME`."""

    def hidden(self, written: Any, /) -> list[str]:
        """Return the members that are written as asterisks."""

    def dumper(self, written: Any, /) -> Callable[[Any], JSON]:
        """Return the function from a record to JSON."""

    def reader(self, written: Any, /) -> Callable[[JSON], Any]:
        """Return the function from JSON to a record."""

    def records(self, written: Any, keeps_extras: bool, /) -> Records:
        """Return how records become Arrow."""

    def meaning(self, written: Any, /) -> Meaning:
        """Return what the type reads and writes, apart from how it is worded."""

    def checker(self, written: Any, as_written: bool, /) -> Check:
        """Return the check of JSON text."""


@dataclass(frozen=True)
class RecordType:
    """A record type, and the form in which it is asked for.

    written: a Pydantic model, anything that a TypeAdapter takes, or a JSON Schema document. keeps_extras:
    objects of a document have members that it does not name. forms: of FORMS, a Narrowed, a Share or
    a Shortlisted, the innermost first. identity: what tells it from others. Types that compare equal may
    differ in order, so a document counts as its text, and anything but a class as itself.
    """

    written: Any = field(compare=False)
    is_document: bool
    identity: Any = field(repr=False)
    keeps_extras: bool = False
    forms: tuple[Form, ...] = ()

    @classmethod
    def of(cls, record_type: Any) -> RecordType:
        """Return the value for what was given as a record type; nothing is checked yet."""
        forms, keeps_extras = tuple[Form, ...](), False
        while isinstance(record_type, MARKS):
            if isinstance(record_type, WithExtras):
                keeps_extras = True
            else:
                forms = ("quoted" if isinstance(record_type, Quoted) else "chunked", *forms)
            record_type = record_type.record_type
        if isinstance(record_type, RecordType):
            return record_type._with(forms, keeps_extras) if forms or keeps_extras else record_type
        is_document = isinstance(record_type, Mapping)
        return cls(record_type, is_document, _identity(record_type, is_document), keeps_extras, forms)

    def _with(self, forms: tuple[Form, ...], keeps_extras: bool = False) -> RecordType:
        return replace(self, forms=self.forms + forms, keeps_extras=self.keeps_extras or keeps_extras)

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (self.written, self.keeps_extras, self.forms)

    def quoted(self) -> RecordType:
        """Return the type whose records come with quotes of the text."""
        return self._with(("quoted",))

    def chunked(self) -> RecordType:
        """Return the type of which each chunk of a text gives a part."""
        return self._with(("chunked",))

    def shared(self, share: Share) -> RecordType:
        """Return the type of whose records one request gives a share."""
        return self._within(share)

    def narrowed(self, kept: Kept) -> RecordType:
        """Return the type of whose unions only some members are left."""
        return self._within(Narrowed(kept))

    def _within(self, form: Share | Narrowed) -> RecordType:
        """Return the type with a form inside of all but those that narrow it."""
        inner = len(self._narrowings)
        return replace(self, forms=(*self.forms[:inner], form, *self.forms[inner:]))

    @property
    def _narrowings(self) -> tuple[Narrowed, ...]:
        return tuple(takewhile(lambda form: isinstance(form, Narrowed), self.forms))  # type: ignore[arg-type]

    def forks(self, targets: Sequence[str | Target], shares: Sequence[Share]) -> tuple[Fork, ...]:
        """Return the unions that make shares exceed a target's limits, the largest first; those that are
        decided already are none of them.
        """
        decided = {each for form in self._narrowings for each in form.kept}
        large = [s.places for s in shares if any(map(self.shared(s).exceeds, targets))]
        places = [place for each in large for place in each]
        found = [
            fork
            for fork in (forks_in(self._undivided()) if places else ())
            if (fork.place, fork.labels) not in decided
            and any(fork.place[: len(place)] == place for place in places)
        ]
        if "chunked" in self.forms:
            found = [replace(fork, optional=True) for fork in found]
        return tuple(sorted(found, key=lambda fork: -sum(fork.sizes))[:MOST_FORKS])

    def listed(self, shown: Shortlisted) -> RecordType:
        """Return the type as it is asked for about one text, whose codes are those of shortlists."""
        return self._with((shown,))

    @property
    def coded(self) -> tuple[tuple[str, Coded], ...]:
        """Where records have codes of a vocabulary: JSON pointers, with * for an index or a key."""
        if self.is_document:
            return ()
        if (found := _coded.get(self)) is None:
            if len(_coded) >= CACHED:
                _coded.clear()
            found = _coded[self] = coded_in(self.source())
        return found

    def unquoted(self) -> RecordType:
        """Return the type whose records come without quotes, as they are once these were checked."""
        return replace(self, forms=tuple(form for form in self.forms if form != "quoted"))

    # What is sent

    def source(self, documents: Mapping[str, JSON] | None = None) -> TypeSource:
        """Return the type in its form as the compiler reads it. Raises SchemaError."""
        source = self._read_once() if documents is None else self._read(documents)
        for form in self.forms:
            source = FORMS[form](source) if isinstance(form, str) else form(source)
        return source

    def _read(self, documents: Mapping[str, JSON] | None) -> TypeSource:
        check_type(self.written)
        if self.is_document:
            from .types.documents.source import read as read_document

            return read_document(self.written, documents, self.keeps_extras)
        from .types.python.source import read

        return read(self.written)

    def _read_once(self) -> TypeSource:
        """Return the type as it was read for another of its shares or targets."""
        bare = replace(self, forms=())
        found = _sources.get(bare)
        if found is None:
            if len(_sources) >= READ:
                _sources.clear()
            found = _sources[bare] = self._read(None)
        return found

    def _undivided(self) -> TypeSource:
        """Return the type as it is read, without other forms than those that narrow it."""
        source = self._read_once()
        for form in self._narrowings:
            source = form(source)
        return source

    def united(self, shares: Sequence[Share], found: Sequence[JSON], context: Any = None) -> Any:
        """Return the record that what shares gave is together, as plain JSON each. context: what Pydantic's
        validators find as `info.context`. Raises Invalid; Unjudged where the type's own code raises something
        else.
        """
        whole = united(shares, found)
        if whole.problems:
            raise invalid(whole.problems)
        try:
            return judged(self.unquoted().source(), whole.data, context)
        except (Invalid, MemoryError):
            raise
        except Exception as error:
            raise Unjudged.of(error) from error

    def divided(
        self, targets: Sequence[str | Target], most: int | None = None, count: int | None = None
    ) -> tuple[Share, ...]:
        """Return the shares of the type that each target takes without saying anything as JSON text for its
        limits; one with the place () where the whole is. most: fields of each. count: how many shares.
        Raises SchemaError.
        """
        key = self._kept_as, tuple(targets), most, count
        if (known := _divisions.get(key)) is None:
            known = self._divided(targets, most, count)
            if not isinstance(self.identity, _Unlike):
                if len(_divisions) >= CACHED:
                    _divisions.clear()
                _divisions[key] = known
        if isinstance(known, str):
            raise SchemaError(known)
        return known

    def _divided(
        self, targets: Sequence[str | Target], most: int | None, count: int | None
    ) -> tuple[Share, ...] | str:
        """Return the shares, or why there are none."""
        source, tried = self._undivided(), 0

        def fits(share: Share) -> bool:
            nonlocal tried
            tried += 1
            if tried > TRIES:
                raise SchemaError(f"the type is too large to be divided: {TRIES} parts of it were tried")
            source = self.shared(share).source()
            return not any(_exceeds(source, find_target(each)) for each in targets)

        try:
            return tuple(divide(source, fits, most, count))
        except SchemaError as error:
            return str(error)
        except RecursionError:
            return "the type is nested too deep"

    def exceeds(self, target: str | Target) -> bool:
        """Whether some of the type would be JSON text for a target's limits, or even that would not fit."""
        try:
            return bool(self.compiled(target).past)
        except UnfitType:
            return True

    def compiled(
        self, target: str | Target = "openai", documents: Mapping[str, JSON] | None = None
    ) -> CompiledSchema[Any]:
        """Return the type compiled for a target, see `compile_schema`."""
        chosen, key = find_target(target), (self._kept_as, target)
        is_kept = documents is None and not isinstance(self.identity, _Unlike)
        is_kept = is_kept and not any(
            isinstance(form, Shortlisted) for form in self.forms
        )  # of one text alone
        if is_kept and (found := _cache.get(key)) is not None:
            return found
        try:
            made = compiled(self.source(documents), chosen, (compile_schema, (self, target, documents)))
        except RecursionError:
            raise SchemaError("the type is nested too deep") from None
        if is_kept:
            if len(_cache) >= CACHED:
                _cache.clear()
            _cache[key] = made
        return made

    @property
    def _kept_as(self) -> Any:
        """A class is found in the cache as it is given."""
        return self if self.forms or self.identity is not self.written else self.written

    # What is known of its records

    @property
    def name(self) -> str:
        """A readable name, not yet legal for any target."""
        return self._kind.name(self.written)

    def described(self) -> dict[str, JSON]:
        """Return the type as one JSON Schema whose references are all `#/$defs/NAME`. Raises SchemaError."""
        return self._kind.described(self.written)

    @property
    def hidden(self) -> list[str]:
        """The members that Pydantic writes as asterisks, by their names."""
        return self._kind.hidden(self.written)

    @cached_property
    def dump(self) -> Callable[[Any], JSON]:
        """The function from a record to JSON, with the names that the type's JSON Schema has."""
        return self._kind.dumper(self.written)

    @cached_property
    def read(self) -> Callable[[JSON], Any]:
        """The function from JSON to a record. Raises ValidationError; a document takes any JSON."""
        return self._kind.reader(self.written)

    def checker(self, written: bool = False) -> Check:
        """Return the check of JSON text against the type: Pydantic's, or `jsonschema`'s for a document.

        The JSON is of the type's own shape, as Pydantic reads it. written: it may also be as Pydantic writes
        it, with aliases for serialization and with computed fields. Raises SchemaError.
        """
        return self._kind.checker(self.written, written)

    def records(self) -> Records:
        """Return how records become Arrow, and their Arrow type. Raises ConfigError without pyarrow."""
        return self._kind.records(self.written, self.keeps_extras)

    def meaning(self) -> Meaning:
        """Return the JSON Schemas of what the type reads and writes. They are the same for types that differ
        only in titles, descriptions, examples, the order of members and the names of inner types.

        What Python code checks or changes is not in it. Raises SchemaError for a malformed document.
        """
        return self._kind.meaning(self.written)

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that tell record types apart by what they mean, see `meaning`."""
        from .outline import fingerprint

        return fingerprint(self.meaning())

    @property
    def _kind(self) -> TypeKind:
        if self.is_document:
            from .outline import documents

            return documents
        from .outline import python

        return python


class _Unlike:
    """The identity of a document whose text is not known: it is like no other."""


def _identity(written: Any, is_document: bool) -> Any:
    if is_document:
        try:
            return json.dumps(written)
        except (TypeError, ValueError, RecursionError):  # loading it says what is wrong
            return _Unlike()
    is_class = isinstance(written, type) and not hasattr(written, "__origin__")
    return written if is_class else (repr(written), id(written))


def _exceeds(source: TypeSource, target: Target) -> bool:
    try:
        return bool(compiled(source, target, ()).past)
    except UnfitType:
        return True


def _remade(written: Any, keeps_extras: bool, forms: tuple[Form, ...]) -> RecordType:
    return RecordType.of(written)._with(forms, keeps_extras)


_SPEC = re.compile(r"([\w./-]+?)(?:\.py)?:(\w+)")  # FILE.py:Name, package.module:Name


def check_type(record_type: Any) -> None:
    """Raise SchemaError for what is a value, such as a text, and no type; for what says nothing, too."""
    if isinstance(record_type, BaseModel):
        name = type(record_type).__name__
        raise SchemaError(f"the record type is the class {name} itself, not an instance of it")
    if record_type is object or record_type == {}:
        raise SchemaError(
            f"{'object' if record_type is object else '{}'} takes any value: name the members that a record "
            "has, as a Pydantic model, another type that a TypeAdapter takes, or a JSON Schema as a dict"
        )
    if isinstance(record_type, str | bytes | PathLike | list | tuple | set | int | float):
        named = ", and as the name of one it is not fully defined" if isinstance(record_type, str) else ""
        if isinstance(record_type, str) and (spec := _SPEC.fullmatch(record_type)):
            raise SchemaError(
                f"{record_type!r} is how a command names a type; in Python it is the class itself, as after "
                f"`from {spec[1].replace('/', '.').strip('.')} import {spec[2]}`"
            )
        listed = isinstance(record_type, list | tuple)
        order = "parse(messages, Model) and rows(texts, Model)" if listed else "extract(Model, text)"
        raise SchemaError(
            f"{record_type!r:.60} is not a type{named}: a record type is a Pydantic model, any type that "
            "a TypeAdapter takes, or a JSON Schema as a dict. Were the arguments swapped? The order is "
            f"{order}"
        )


T = TypeVar("T")
_cache: dict[Any, CompiledSchema[Any]] = {}
_divisions: dict[Any, tuple[Share, ...] | str] = {}
_sources: dict[RecordType, TypeSource] = {}
_coded: dict[RecordType, tuple[tuple[str, Coded], ...]] = {}


@overload
def compile_schema(
    record_type: type[T],
    target: str | Target = ...,
    documents: Mapping[str, JSON] | None = ...,
    extras: Literal["keep"] | None = ...,
) -> CompiledSchema[T]: ...
@overload
def compile_schema(
    record_type: Any,
    target: str | Target = ...,
    documents: Mapping[str, JSON] | None = ...,
    extras: Literal["keep"] | None = ...,
) -> CompiledSchema[Any]: ...
@names_wrong_keywords({"schema": "record_type", "strict": "target", "provider": "target"})
def compile_schema(
    record_type: Any,
    target: str | Target = "openai",
    documents: Mapping[str, JSON] | None = None,
    extras: Literal["keep"] | None = None,
) -> CompiledSchema[Any]:
    """Return `record_type` compiled for `target`. Each type is compiled once.

    - record_type: a Pydantic model, any type that a TypeAdapter takes, or a JSON Schema document.
    - documents: JSON Schemas by URI, to which references may point. Nothing is fetched.
    - extras: see `with_extras`.

    Raises SchemaError with pointer and reason, and ConfigError for an unknown target.
    """
    try:
        found = _cache.get((record_type, target)) if documents is None and extras is None else None
    except TypeError:  # no hash
        found = None
    return found or RecordType.of(with_extras(record_type, extras)).compiled(target, documents)


def with_extras(record_type: Any, extras: Literal["keep"] | None) -> Any:
    """Return the record type with what becomes of members that a JSON Schema document does not name.

    extras: "keep" to let objects have them where the document does not forbid them. None, the default, closes
    such objects, since an open one invites models to invent members. Raises ConfigError for other words, and
    for record types that are no documents: a Pydantic model has `extra="allow"` for that.
    """
    if extras is None:
        return record_type
    if extras != "keep":
        raise ConfigError(f'extras must be "keep" or None, not {extras!r}')
    if not RecordType.of(record_type).is_document:
        raise ConfigError('extras="keep" is for JSON Schema documents: write extra="allow" into the model')
    return WithExtras(record_type)
