"""Random record types with random values: what was encoded matches the schema and comes back the same."""

# ruff: noqa: UP007, UP035, UP045  (made at run time)

import dataclasses
import datetime as dt
import enum
import itertools
import json
import typing as t
import uuid
from decimal import Decimal

import pydantic as p
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from typing_extensions import NotRequired, TypedDict

from extractor.errors import Invalid
from extractor.schema import compile_schema
from extractor.schema.types.python.rewrites import is_marked
from tests.schema.checker import violations
from tests.schema.same import same
from tests.schema.trial import lost, refused
from tests.schema.wire import wire_values
from tests.selecting import examples

Typed = tuple[t.Any, st.SearchStrategy[t.Any]]
NUMBERED = itertools.count()


class Size(enum.Enum):
    SMALL = "small"
    LARGE = 2


class Grade(enum.IntEnum):
    BAD = 1
    GOOD = 5


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
KEYS: tuple[Typed, ...] = (
    (str, TEXT),
    (int, st.integers()),
    (bool, st.booleans()),
    (Size, st.sampled_from(Size)),
    (dt.date, st.dates()),
    (uuid.UUID, st.uuids()),
    (t.Literal["a", 1, "key"], st.sampled_from(["a", 1, "key"])),
    (tuple[int, str], st.tuples(st.integers(), TEXT)),
)
LEAVES: tuple[Typed, ...] = (
    *KEYS,
    (None, st.none()),
    (float, st.floats(allow_nan=False)),
    (bytes, st.binary(max_size=4)),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    (dt.datetime, st.datetimes(timezones=st.none() | st.just(dt.UTC))),
    (dt.timedelta, st.timedeltas(dt.timedelta(days=-9999), dt.timedelta(days=9999))),
    (Grade, st.sampled_from(Grade)),
    (t.Literal["only"], st.just("only")),
    (
        p.JsonValue,
        st.recursive(st.none() | st.integers() | TEXT, lambda x: st.lists(x) | st.dictionaries(TEXT, x)),
    ),
    (t.Annotated[int, p.Field(ge=-5, lt=100)], st.integers(-5, 99)),
    (t.Annotated[str, p.Field(pattern="^[a-c]*$", max_length=4)], st.text("abc", max_size=4)),
)
NAMES = st.sampled_from(["a", "b", "key", "value", "items", "type", "tag", "größe", "other", "kind"])
ALIASES = st.sampled_from(["$ref", "", "a/b", "x y", "type", "value", "🪐"])


def lists(inner: Typed) -> Typed:
    return list[inner[0]], st.lists(inner[1], max_size=3)


def optionals(inner: Typed) -> Typed:
    return t.Optional[inner[0]], st.none() | inner[1]


def variadic_tuples(inner: Typed) -> Typed:
    return tuple[inner[0], ...], st.lists(inner[1], max_size=3).map(tuple)


def dicts(key: Typed, inner: Typed) -> Typed:
    return dict[key[0], inner[0]], st.dictionaries(key[1], inner[1], max_size=3)


def sets(key: Typed) -> Typed:
    return set[key[0]], st.sets(key[1], max_size=3)


def tuples(inner: list[Typed]) -> Typed:
    return tuple[tuple(kind for kind, _ in inner)], st.tuples(*(value for _, value in inner))


def unions(inner: list[Typed]) -> Typed:
    return t.Union[tuple(kind for kind, _ in inner)], st.one_of(*(value for _, value in inner))


class Plain(p.BaseModel):
    model_config = p.ConfigDict(validate_by_name=True, validate_by_alias=True)


class Constructed(Plain):
    """A model whose constructor is its own."""

    def __init__(self, **data: t.Any) -> None:
        super().__init__(**data)


def models(members: dict[str, tuple[Typed, bool, str | None]], base: type[p.BaseModel] = Plain) -> Typed:
    """Return a model; each member has a type, whether it may be left out, and an alias."""
    fields: dict[str, t.Any] = {}
    for name, ((kind, _), optional, alias) in members.items():
        fields[name] = (
            (t.Optional[kind], p.Field(default=None, alias=alias))
            if optional
            else (kind, p.Field(alias=alias))
        )
    made = p.create_model(
        f"Model{next(NUMBERED) % 7}",
        __base__=base,
        **fields,
    )
    values = {
        name: st.none() | value if optional else value for name, ((_, value), optional, _) in members.items()
    }
    left_out = {name: value for name, value in values.items() if members[name][1]}
    kept = {name: value for name, value in values.items() if not members[name][1]}
    return made, st.fixed_dictionaries(kept, optional=left_out).map(lambda data: made(**data))


def typed_dicts(members: dict[str, tuple[Typed, bool, str | None]]) -> Typed:
    """Return a TypedDict; optional members are NotRequired."""
    hints = {
        name: NotRequired[kind] if optional else kind for name, ((kind, _), optional, _) in members.items()
    }
    kept = {name: value for name, ((_, value), optional, _) in members.items() if not optional}
    left_out = {name: value for name, ((_, value), optional, _) in members.items() if optional}
    made = TypedDict(f"Dict{next(NUMBERED) % 7}", hints)
    return made, st.fixed_dictionaries(kept, optional=left_out)


def data_classes(members: dict[str, tuple[Typed, bool, str | None]]) -> Typed:
    """Return a dataclass of required members."""
    made = dataclasses.make_dataclass(
        f"Data{next(NUMBERED) % 7}", [(name, kind) for name, ((kind, _), _, _) in members.items()]
    )
    values = st.fixed_dictionaries({name: value for name, ((_, value), _, _) in members.items()})
    return made, values.map(lambda data: made(**data))


def named_tuples(members: dict[str, tuple[Typed, bool, str | None]]) -> Typed:
    """Return a NamedTuple."""
    hints = [(name, kind) for name, ((kind, _), _, _) in members.items()]
    made = t.NamedTuple(f"Tuple{next(NUMBERED) % 7}", hints)
    return made, st.tuples(*(value for (_, value), _, _ in members.values())).map(lambda v: made(*v))


def larger(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    """Return types made of `inner` ones."""
    members = st.dictionaries(
        NAMES, st.tuples(inner, st.booleans(), st.none() | ALIASES), min_size=1, max_size=4
    )
    several = st.lists(inner, min_size=1, max_size=3)
    unique = members.filter(
        lambda m: (
            len({*m, *(a for _, _, a in m.values() if a)})
            == len(m) + sum(a is not None for _, _, a in m.values())
        )
    )
    return st.one_of(
        *(inner.map(make) for make in (lists, optionals, variadic_tuples)),
        st.sampled_from(KEYS).map(sets),
        st.builds(dicts, st.sampled_from(KEYS), inner),
        several.map(tuples),
        several.map(unions),
        unique.map(models),
        unique.map(lambda members: models(members, Constructed)),
        *(members.map(make) for make in (typed_dicts, data_classes, named_tuples)),
    )


TYPES = st.recursive(st.sampled_from(LEAVES), larger, max_leaves=8)
TARGETS = st.sampled_from(
    ["openai", "anthropic", "gemini", "permissive", "local", "outlines", "vllm", "deepseek"]
)


@pytest.mark.slow
@settings(max_examples=examples(150), derandomize=True, suppress_health_check=list(HealthCheck))
@given(TYPES, TARGETS, st.data())
def test_a_random_value_of_a_random_type_comes_back(typed: Typed, target: str, data: st.DataObject) -> None:
    record_type, values = typed
    value = data.draw(values)
    assume(same(p.TypeAdapter(record_type).validate_python(value), value))
    compiled = compile_schema(record_type, target)
    assert violations(compiled.schema, compiled.name, target) == []
    assert list(lost(value, compiled, json.dumps(compiled.schema))) == []
    assert not is_marked(compiled.decode(compiled.encode(value)))


@pytest.mark.slow
@settings(max_examples=examples(150), derandomize=True, suppress_health_check=list(HealthCheck))
@given(TYPES, TARGETS, st.data())
def test_whatever_a_schema_allows_is_a_record_or_says_what_is_wrong(
    typed: Typed, target: str, data: st.DataObject
) -> None:
    compiled = compile_schema(typed[0], target)
    wire = json.dumps(data.draw(wire_values(compiled.schema)))
    assert refused(json.dumps(compiled.schema), wire) == []
    try:
        record = compiled.decode(wire)
    except Invalid as error:
        assert error.problems  # noqa: PT017  (a record is as good an end)
    else:
        assert list(lost(record, compiled, json.dumps(compiled.schema))) == []
