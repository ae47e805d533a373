"""Record type -> Arrow type, and records -> Arrow arrays, in chunks. Pure.

Only types that Parquet, DuckDB, Polars and Spark all take are used: no unsigned integers, no
dictionaries, no views, no extension types. What no such type can say is JSON text in a string column.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote

from pydantic import TypeAdapter
from pydantic_core import SchemaSerializer, core_schema, to_json

from ...errors import ConfigError
from ...messages import JSON
from ...pointers import steps_of
from .lenient import Lenient

if TYPE_CHECKING:
    import pyarrow as pa

Schema: TypeAlias = Mapping[str, JSON]
Prepare: TypeAlias = Callable[[Any], Any]
LEAF = "x-arrow"  # what JSON Schema does not say of a leaf
LEAVES = {"date": "date", "time": "time", "timedelta": "duration", "bytes": "binary"}
DEEPEST = 24  # levels of structs; what lies deeper is JSON text
WIDEST = 2_000  # structs, lists and maps in one type
MOST_DIGITS = 38  # of decimal128
TIME_SETTINGS = ("ser_json_temporal", "ser_json_timedelta")


@dataclass(frozen=True, slots=True)
class Column:
    """An Arrow type, and what makes of a record's JSON what pyarrow takes for it; None for nothing."""

    type: pa.DataType
    prepare: Prepare | None = None


@dataclass(frozen=True, slots=True)
class Records:
    """How the records of one type become Arrow. type: a struct for types with named members."""

    column: Column
    dump: Prepare = field(repr=False)

    @property
    def type(self) -> pa.DataType:
        """The Arrow type of one record."""
        return self.column.type

    def array(self, records: Sequence[Any]) -> tuple[pa.Array, dict[int, str]]:
        """Return the records as one array, and why those that have no place in it are null, by position.

        records: validated records; None for no record.
        """
        faults: dict[int, str] = {}
        values = [self._value(i, record, faults) for i, record in enumerate(records)]
        return _array(values, self.type, faults), faults

    def _value(self, i: int, record: Any, faults: dict[int, str]) -> Any:
        if record is None:
            return None
        try:
            value = self.dump(record)
            return value if self.column.prepare is None else self.column.prepare(value)
        except Exception as error:  # a serializer of the user's own may raise anything
            faults[i] = f"{type(error).__name__}: {error}"
            return None


def _array(values: list[Any], kind: pa.DataType, faults: dict[int, str]) -> pa.Array:
    """Return the values as an array; those that do not fit become null, and faults."""
    import pyarrow as pa

    try:
        return pa.array(values, kind)
    except (pa.ArrowException, OverflowError, ValueError, TypeError):
        pass
    for i, value in enumerate(values):
        try:
            pa.array([value], kind)
        except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
            faults[i], values[i] = str(error), None
    return pa.array(values, kind)


def records_of_document(document: Schema, keeps_extras: bool = False) -> Records:
    """Return how records of a JSON Schema become Arrow. keeps_extras: objects may have members that it does
    not name. Raises ConfigError if pyarrow is not installed.
    """
    _need_pyarrow()
    return Records(_Types(document, keeps_extras).column(document), lambda record: record)


def records_of_type(record_type: Any) -> Records:
    """Return how records of any type that a TypeAdapter takes become Arrow. Members have the names that they
    have in JSON: aliases for serialization if there are some. Raises ConfigError if pyarrow is not
    installed.
    """
    _need_pyarrow()
    adapter: TypeAdapter[Any] = TypeAdapter(record_type)
    schema = _Generator(by_alias=True).generate(adapter.core_schema, mode="serialization")
    return Records(_Types(schema).column(schema), _dump(adapter))


def _need_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ConfigError("frames need pyarrow: pip install 'typed-extractor[frames]'") from error


def _dump(adapter: TypeAdapter[Any]) -> Prepare:
    """Return what dumps a record to JSON: bytes in base64 whatever they are, times as ISO 8601."""
    core = _readable(adapter.core_schema)
    serializer: Any = SchemaSerializer(core, _use_prebuilt=False)
    return lambda record: serializer.to_python(record, mode="json", by_alias=True, warnings=False)


def _readable(core: Any) -> Any:
    """Return pydantic-core's schema with serializers that `prepare` can read, whatever its settings."""
    if isinstance(core, list | tuple):
        return type(core)([_readable(each) for each in core])
    if not isinstance(core, dict):
        return core
    new = {k: v if k == "metadata" else _readable(v) for k, v in core.items() if k not in TIME_SETTINGS}
    if core.get("type") == "bytes":
        new["serialization"] = core_schema.plain_serializer_function_ser_schema(_base64, when_used="json")
    return new


def _base64(value: bytes) -> str:
    return b64encode(value).decode()


def snake_case(name: str) -> str:
    """Return a type's name as a column's: "JobAd" is "job_ad"."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"\W+|_+", "_", words).strip("_").lower() or "record"


# -- from Pydantic's own description of a type to JSON Schema with marks on its leaves


class _Generator(Lenient):
    """Pydantic's generator, for records as they are dumped. It refuses nothing: `{}` is any JSON."""

    def datetime_schema(self, schema: Any) -> dict[str, Any]:
        """An instant, or a local time where the type says that it has no zone."""
        return {LEAF: "local" if schema.get("tz_constraint") == "naive" else "instant"}

    def date_schema(self, schema: Any) -> dict[str, Any]:
        """A date, a time of day, a span of time, or bytes."""
        return {LEAF: LEAVES[schema["type"]]}

    time_schema = timedelta_schema = bytes_schema = date_schema

    def decimal_schema(self, schema: Any) -> dict[str, Any]:
        """A decimal; one that says how many places it has need not be text."""
        digits, places = schema.get("max_digits", MOST_DIGITS), schema.get("decimal_places")
        if places is None or digits > MOST_DIGITS or places > digits:
            return {"type": "string"}
        return {LEAF: "decimal", "digits": digits, "places": places}

    def ser_schema(self, schema: Any) -> dict[str, Any] | None:
        """What a serializer gives: any JSON where a user's function does not say."""
        function = schema.get("function")
        if function is None or schema.get("return_schema") is not None:
            return super().ser_schema(schema)
        module = getattr(function, "__module__", None) or ""
        if not module.startswith("pydantic"):
            return {}
        return {"type": "string"} if "secret" in function.__qualname__ else None


# -- from JSON Schema to Arrow


class _Types:
    """The walk over one JSON Schema document."""

    def __init__(self, document: Schema, keeps_extras: bool = False) -> None:
        import pyarrow as pa

        self._pa, self._document, self._keeps_extras = pa, document, keeps_extras
        self._open = ["#"]  # references that are being followed
        self._depth = self._wide = 0

    def column(self, schema: JSON) -> Column:
        """Return the column for values of a schema. It is total: what is not understood is JSON text."""
        if not isinstance(schema, Mapping):
            return self._json()
        if "$ref" in schema:
            return self._referred(schema["$ref"])
        if schema.get("writeOnly"):
            return Column(self._pa.string())  # a secret, which says only that it is one
        if LEAF in schema:
            return self._leaf(schema)
        if "enum" in schema or "const" in schema:
            return self._choice(schema.get("enum", [schema.get("const")]))
        if choices := schema.get("anyOf") or schema.get("oneOf"):
            return self._union([each for each in choices if not _is_null(each)])
        if len(parts := schema.get("allOf", ())) == 1 and "type" not in schema:
            return self.column(parts[0])
        return self._typed(schema)

    def _typed(self, schema: Schema) -> Column:
        kinds = schema.get("type")
        named = {kinds} if isinstance(kinds, str) else {*(kinds or ())}
        match sorted(named - {"null"}):
            case ["string"]:
                return self._text(schema)
            case ["integer"]:
                return Column(self._pa.int64())
            case ["number"] | ["integer", "number"]:
                return self._float()
            case ["boolean"]:
                return Column(self._pa.bool_())
            case ["array"]:
                return self._within(self._sequence, schema)
            case ["object"]:
                return self._within(self._object, schema)
        return self._json()

    def _json(self) -> Column:
        return Column(self._pa.string(), json_text)

    def _float(self) -> Column:
        return Column(self._pa.float64(), _number)

    def _text(self, schema: Schema) -> Column:
        """A string. In documents, dates and date-times are said by `format`; marks say them in types."""
        as_leaf = {"date": "date", "date-time": "instant"}.get(str(schema.get("format")))
        return self._leaf({LEAF: as_leaf}) if as_leaf else Column(self._pa.string())

    def _leaf(self, schema: Schema) -> Column:
        pa = self._pa
        match schema[LEAF]:
            case "instant":
                return Column(pa.timestamp("us", "UTC"), _instant)
            case "local":
                return Column(pa.timestamp("us"), _local)
            case "date":
                return Column(pa.date32(), _date)
            case "time":
                return Column(pa.time64("us"), _time)
            case "duration":
                return Column(pa.duration("us"), _duration)
            case "binary" if schema.get("format") in (None, "base64", "base64url"):
                return Column(pa.binary(), _binary)
            case "binary":
                return Column(pa.string())  # encoded in a way of the user's own
        return Column(pa.decimal128(schema["digits"], schema["places"]), _decimal)

    def _choice(self, values: Sequence[JSON]) -> Column:
        kinds = {type(value) for value in values if value is not None}
        plain = {str: self._pa.string(), int: self._pa.int64(), bool: self._pa.bool_()}
        if len(kinds) == 1 and (kind := plain.get(kinds.pop())) is not None:
            return Column(kind)
        return self._json()

    def _union(self, choices: Sequence[Schema]) -> Column:
        """One choice is itself; several are one column if all are of one kind of leaf, or numbers."""
        if len(choices) == 1:
            return self.column(choices[0])
        if any(_is_container(each) for each in choices):
            return self._json()
        columns = {*(self.column(each) for each in choices)}
        if len(columns) == 1:
            return columns.pop()
        if columns == {Column(self._pa.int64()), self._float()}:
            return self._float()
        return self._json()

    def _referred(self, reference: str) -> Column:
        schema = self._found(reference)
        if reference in self._open or schema is None:
            return self._json()  # recursion; or what stands in no document here
        self._open.append(reference)
        try:
            return self.column(schema)
        finally:
            self._open.pop()

    def _found(self, reference: str) -> JSON:
        """Return what a reference within the document points to, None if nothing."""
        place: JSON = self._document
        if not reference.startswith("#"):
            return None
        for key in steps_of(unquote(reference)):
            place = place.get(key) if isinstance(place, Mapping) else None
        return place

    def _within(self, build: Callable[[Schema], Column], schema: Schema) -> Column:
        self._depth, self._wide = self._depth + 1, self._wide + 1
        try:
            return self._json() if self._depth > DEEPEST or self._wide > WIDEST else build(schema)
        finally:
            self._depth -= 1

    def _sequence(self, schema: Schema) -> Column:
        first, rest = schema.get("prefixItems"), schema.get("items")
        if first and rest in (None, False):
            return self._tuple([self.column(each) for each in first], schema)
        if first or not isinstance(rest, Mapping) or not rest:
            return self._json()
        item = self.column(rest)
        return Column(self._pa.list_(item.type), _each(item.prepare))

    def _tuple(self, items: Sequence[Column], schema: Schema) -> Column:
        """Equal items are a list, others a struct with the members f0, f1, ..., if their number is fixed."""
        if len({*items}) == 1:
            return Column(self._pa.list_(items[0].type), _each(items[0].prepare))
        if schema.get("minItems") != len(items):
            return self._json()
        names = [f"f{i}" for i in range(len(items))]
        struct = self._pa.struct([(n, item.type) for n, item in zip(names, items, strict=True)])
        prepare = _struct({name: item.prepare for name, item in zip(names, items, strict=True)})
        return Column(struct, lambda value: value and prepare(dict(zip(names, value, strict=True))))

    def _object(self, schema: Schema) -> Column:
        members: Mapping[str, Schema] = schema.get("properties") or {}
        unsaid = self._keeps_extras and schema.get("unevaluatedProperties") is not False
        others = schema.get("additionalProperties", unsaid)
        if not members:
            return self._map(others)
        if "" in members or len({name.casefold() for name in members}) < len(members):
            return self._json()  # DuckDB and Spark can neither name nor distinguish such members
        columns = {name: self.column(each) for name, each in members.items()}
        prepare = _struct({name: column.prepare for name, column in columns.items()})
        fields = [(name, column.type) for name, column in columns.items()]
        if others or schema.get("patternProperties"):
            extra = _free_name("extra", members)
            fields.append((extra, self._pa.string()))
            prepare = _with_extra(prepare, frozenset(members), extra)
        elif not any(column.prepare for column in columns.values()):
            return Column(self._pa.struct(fields))
        return Column(self._pa.struct(fields), prepare)

    def _map(self, values: JSON) -> Column:
        if not isinstance(values, Mapping) or not values:
            return self._json()
        value = self.column(values)
        return Column(self._pa.map_(self._pa.string(), value.type), _items(value.prepare))


def _is_null(schema: JSON) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == "null"


def _is_container(schema: JSON) -> bool:
    return not isinstance(schema, Mapping) or schema.get("type") in ("array", "object") or "$ref" in schema


def _free_name(name: str, taken: Iterable[str]) -> str:
    return _free_name(f"_{name}", taken) if name in {each.casefold() for each in taken} else name


# -- from JSON to what pyarrow takes


def json_text(value: JSON) -> str | None:
    """Return a value as compact JSON text; None for None."""
    return None if value is None else to_json(value, inf_nan_mode="strings").decode()


@cache
def _reader(kind: Any) -> Prepare:
    return TypeAdapter(kind).validate_python


def _instant(value: JSON) -> datetime | None:
    """An instant in UTC; a time without a zone is taken to be in UTC."""
    if value is None:
        return None
    found: datetime = _reader(datetime)(value)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _local(value: JSON) -> datetime | None:
    return None if value is None else _reader(datetime)(value)


def _date(value: JSON) -> date | None:
    return None if value is None else _reader(date)(value)


def _time(value: JSON) -> time | None:
    """A time of day, in UTC where it says its offset."""
    if value is None:
        return None
    found: time = _reader(time)(value)
    offset = found.utcoffset()
    if not offset:
        return found.replace(tzinfo=None)
    return (datetime.combine(date(2000, 1, 2), found.replace(tzinfo=None)) - offset).time()


def _duration(value: JSON) -> timedelta | None:
    return None if value is None else _reader(timedelta)(value)


def _binary(value: JSON) -> bytes | None:
    return None if value is None else b64decode(value, b"-_" if {"-", "_"} & {*value} else None)


def _decimal(value: JSON) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _number(value: JSON) -> float | None:
    """A float; an integer that no float is equal to raises ValueError."""
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, int) and int(float(value)) != value:
        raise ValueError(f"{value} is an integer that no 64-bit float is equal to")
    return float(value)


def _each(prepare: Prepare | None) -> Prepare | None:
    if prepare is None:
        return None
    return lambda values: None if values is None else [prepare(value) for value in values]


def _items(prepare: Prepare | None) -> Prepare:
    if prepare is None:
        return lambda mapping: None if mapping is None else list(mapping.items())
    return lambda mapping: (
        None if mapping is None else [(name, prepare(value)) for name, value in mapping.items()]
    )


def _struct(members: Mapping[str, Prepare | None]) -> Prepare:
    changed = {name: prepare for name, prepare in members.items() if prepare is not None}

    def prepare(value: JSON) -> JSON:
        if value is None:
            return None
        return {**value, **{name: change(value.get(name)) for name, change in changed.items()}}

    return prepare


def _with_extra(prepare: Prepare, members: frozenset[str], extra: str) -> Prepare:
    def with_extra(value: JSON) -> JSON:
        if value is None:
            return None
        others = {name: each for name, each in value.items() if name not in members}
        known = {name: each for name, each in value.items() if name in members}
        return {**prepare(known), extra: json_text(others or None)}

    return with_extra
