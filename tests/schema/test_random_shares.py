"""Random record types of many members with random values: their shares together are the record again."""

# ruff: noqa: UP007, UP045  (made at run time)

from __future__ import annotations

import itertools
import typing as t
from dataclasses import replace

import pydantic as p
import pytest
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st

from extractor import Coded, Vocabulary
from extractor.errors import SchemaError
from extractor.schema import TARGETS, RecordType, Share
from tests.schema.same import same
from tests.schema.test_dividing import trips
from tests.schema.test_random_types import ALIASES, LEAVES, NAMES, TEXT, Typed
from tests.selecting import examples

WHOLE = (Share(((),)),)
NUMBERED = itertools.count()
CODES = Vocabulary({"I10": "hypertension", "L20": "dermatitis", "a/b": "other"}, "icd")


class Knot(p.BaseModel):
    """A type that holds itself."""

    name: str
    size: int = 3
    knots: list[Knot] = []
    by_name: dict[str, Knot] = {}


KNOTS = st.recursive(
    st.builds(Knot, name=TEXT, size=st.integers(0, 9)),
    lambda inner: st.builds(
        Knot, name=TEXT, knots=st.lists(inner, max_size=2), by_name=st.dictionaries(TEXT, inner, max_size=2)
    ),
    max_leaves=4,
)
MORE_LEAVES: tuple[Typed, ...] = (
    *LEAVES,
    (t.Annotated[str, Coded(CODES)], st.sampled_from(list(CODES.labels))),
    (t.Annotated[t.Optional[str], Coded(CODES)], st.none() | st.sampled_from(list(CODES.labels))),
    (Knot, KNOTS),
)
BASES = {
    "plain": p.ConfigDict(validate_by_name=True, validate_by_alias=True),
    "open": p.ConfigDict(validate_by_name=True, validate_by_alias=True, extra="allow"),
    "closed": p.ConfigDict(validate_by_name=True, validate_by_alias=True, extra="forbid"),
}


class Judged(p.BaseModel):
    """A type that is judged as a whole."""

    @p.model_validator(mode="after")
    def is_there(self) -> t.Self:
        for name in type(self).model_fields:
            getattr(self, name)
        return self


def models(
    members: dict[str, tuple[Typed, str, str | None]], config: str, is_judged: bool, defaults: st.DataObject
) -> Typed:
    """Return a model. members: for each its type, whether it is "required", "optional" or has a "default",
    and an alias. defaults: draws these.
    """
    fields: dict[str, t.Any] = {}
    values: dict[str, st.SearchStrategy[t.Any]] = {}
    for name, ((kind, value), how, alias) in members.items():
        if how == "optional":
            fields[name] = t.Optional[kind], p.Field(default=None, alias=alias)
            values[name] = st.none() | value
        else:
            default = ... if how == "required" else defaults.draw(value)
            fields[name] = kind, p.Field(default, alias=alias)
            values[name] = value
    base = type("Base", (Judged if is_judged else p.BaseModel,), {"model_config": BASES[config]})
    made = p.create_model(f"Wide{next(NUMBERED) % 5}", __base__=base, **fields)
    kept = {name: value for name, value in values.items() if members[name][1] == "required"}
    left_out = {name: value for name, value in values.items() if members[name][1] != "required"}
    return made, st.fixed_dictionaries(kept, optional=left_out).map(lambda data: made(**data))


def rooted(inner: Typed) -> Typed:
    """Return a RootModel."""
    made = p.RootModel[inner[0]]  # type: ignore[name-defined]
    return made, inner[1].map(made)


@st.composite
def wide_types(draw: st.DrawFn, depth: int = 2) -> Typed:
    """Return a model of several members, of which some are models, or lists and mappings of them."""
    leaf = st.sampled_from(MORE_LEAVES)
    inner = leaf if depth == 0 else leaf | leaf | held(depth - 1)
    members = draw(
        st.dictionaries(
            NAMES,
            st.tuples(inner, st.sampled_from(["required", "optional", "default"]), st.none() | ALIASES),
            min_size=2,
            max_size=7,
        )
    )
    names = [*members, *(alias for _, _, alias in members.values() if alias is not None)]
    assume(len(set(names)) == len(names))
    config = draw(st.sampled_from(sorted(BASES)))
    return models(members, config, draw(st.booleans()), draw(st.data()))


@st.composite
def held(draw: st.DrawFn, depth: int) -> Typed:
    """Return what a wide type may be held in."""
    inner = draw(wide_types(depth))
    how = draw(st.sampled_from(["itself", "optional", "list", "dict", "root", "root of list", "union"]))
    if how == "optional":
        return t.Optional[inner[0]], st.none() | inner[1]
    if how == "list":
        return list[inner[0]], st.lists(inner[1], max_size=3)  # type: ignore[name-defined]
    if how == "dict":
        return dict[str, inner[0]], st.dictionaries(TEXT, inner[1], max_size=3)  # type: ignore[name-defined]
    if how == "union":
        other = draw(wide_types(0))
        return t.Union[inner[0], other[0]], inner[1] | other[1]
    if how == "root of list":
        return rooted((list[inner[0]], st.lists(inner[1], max_size=3)))  # type: ignore[name-defined]
    return rooted(inner) if how == "root" else inner


ROOTS = wide_types() | held(1)


@pytest.mark.slow
@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    ROOTS,
    st.integers(1, 9),
    st.sampled_from(["openai", "anthropic", "gemini", "azure", "permissive"]),
    st.data(),
)
def test_the_shares_of_a_wide_record_are_the_record(
    typed: Typed, most: int, target: str, data: st.DataObject
) -> None:
    record_type, values = typed
    asked = RecordType.of(record_type)
    shares = asked.divided([target], most)
    assume(shares != WHOLE)
    value = data.draw(values)
    assume(same(p.TypeAdapter(record_type).validate_python(value), value))
    assert same(trips(asked, shares, value, target), value)


BUDGETS = st.fixed_dictionaries(
    {},
    optional={
        "max_properties": st.integers(6, 12),
        "max_optional": st.integers(1, 6),
        "max_unions": st.integers(1, 6),
        "max_text": st.integers(200, 600),
        "max_depth": st.integers(3, 6),
    },
)


@pytest.mark.slow
@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    ROOTS,
    st.sampled_from(["openai", "anthropic", "azure"]),
    BUDGETS,
    st.none() | st.integers(2, 9),
    st.data(),
)
def test_no_share_of_several_places_passes_the_budgets_of_its_target_and_together_they_are_the_record(
    typed: Typed, target: str, budgets: dict[str, int], most: int | None, data: st.DataObject
) -> None:
    tight = replace(TARGETS[target], **budgets)  # type: ignore[arg-type]
    asked = RecordType.of(typed[0])
    try:
        shares = asked.divided([tight], most)
        parts = [asked.shared(share).compiled(tight) for share in shares]
    except SchemaError as error:
        assert "even as JSON text" in str(error)  # noqa: PT017  (some budgets are too small for any share)
        reject()
    for share, part in zip(shares, parts, strict=True):
        assert len(share.places) == 1 or not part.past
    assume(shares != WHOLE)
    value = data.draw(typed[1])
    assume(same(p.TypeAdapter(typed[0]).validate_python(value), value))
    assert same(asked.united(shares, [part.decode(part.encode(value)) for part in parts]), value)
