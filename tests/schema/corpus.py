"""Record types over the whole type system, each with values that must survive the way to a model and back.

`CASES` is what tests and benchmarks read. Every value is one that the type's own validator gives back
unchanged, as test_corpus.py shows, so a value that is lost was lost by the compiler.
"""

# ruff: noqa: PIE796, RUF041, UP006, UP007, UP035, UP042, UP045  (how a type is spelt is the subject here)

import dataclasses
import datetime as dt
import enum
import ipaddress
import math
import re
import typing as t
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath

import annotated_types as at
import pydantic as p
import pydantic.dataclasses
import pydantic.json_schema
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import MultiHostUrl, Url, core_schema
from typing_extensions import NamedTuple, NotRequired, ReadOnly, Required, TypeAliasType, TypedDict


@dataclasses.dataclass(frozen=True)
class Case:
    """A record type and values of it."""

    name: str
    record_type: t.Any
    values: tuple[t.Any, ...]


CASES: dict[str, Case] = {}


def case(name: str, record_type: t.Any, *values: t.Any) -> None:
    """Add a record type to the corpus."""
    assert name not in CASES, name
    assert values, name
    CASES[name] = Case(name, record_type, values)


UTC = dt.UTC
INDIA = dt.timezone(dt.timedelta(hours=5, minutes=30))
A_UUID = uuid.UUID("12345678-1234-4678-9234-567812345678")
AWKWARD_TEXTS = ("", " ", "\u0000", 'q"\\/\b\f\n\r\t', "null", "é😀\u2028", "</script>", "a" * 5_000)

# --- scalars at the root ----------------------------------------------------------------------------------

case("str", str, *AWKWARD_TEXTS)
case("int", int, 0, -1, 2**53 + 1, -(2**63) - 1, 10**40)
case("float", float, 0.0, -0.0, 1.5, -1e300, 5e-324, 0.1 + 0.2, math.inf, -math.inf)
case("bool", bool, True, False)
case("none", None, None)
case("bytes", bytes, b"", b"plain", b"\x00\xff\xfe", "é".encode())
case(
    "decimal",
    Decimal,
    *map(Decimal, ("0", "-0", "1.0", "1.00", "0.1", "1E+5", "12345678901234567890.123456789")),
)
case("date", dt.date, dt.date(1, 1, 1), dt.date(2024, 2, 29), dt.date(9999, 12, 31))
case(
    "time",
    dt.time,
    dt.time(0),
    dt.time(23, 59, 59, 999_999),
    dt.time(1, 2, tzinfo=UTC),
    dt.time(1, tzinfo=INDIA),
)
case(
    "datetime",
    dt.datetime,
    dt.datetime(1, 1, 1),
    dt.datetime(2026, 11, 22, 12, 0, 0, 1),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    dt.datetime(2026, 1, 1, tzinfo=INDIA),
)
case(
    "aware datetime",
    p.AwareDatetime,
    dt.datetime(1, 1, 2, tzinfo=UTC),
    dt.datetime(2026, 5, 6, 7, tzinfo=INDIA),
)
case("naive datetime", p.NaiveDatetime, dt.datetime(1, 1, 1), dt.datetime(2026, 5, 6, 7, 8, 9, 10))
case("past date", p.PastDate, dt.date(1999, 1, 1))
case("future datetime", p.FutureDatetime, dt.datetime(9000, 1, 1))
case(
    "timedelta",
    dt.timedelta,
    dt.timedelta(0),
    dt.timedelta(days=-1, microseconds=1),
    dt.timedelta(days=400, seconds=1),
    dt.timedelta(microseconds=-1),
)
case("uuid", uuid.UUID, A_UUID, uuid.UUID(int=0))
case("uuid version 4", p.UUID4, A_UUID)
case("uuid version 7", p.UUID7, uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8057"))
case("fraction", Fraction, Fraction(1, 3), Fraction(-2), Fraction(10**20, 7))
case("complex", complex, 1 + 2j, 0j, -1.5j)
case("path", Path, Path("a/b"), Path("."), Path("/etc/name with space"))
case("pure posix path", PurePosixPath, PurePosixPath("/a"))
case("zone info", zoneinfo.ZoneInfo, zoneinfo.ZoneInfo("UTC"))
case("pattern", re.Pattern, re.compile("^a+$"), re.compile(""), re.compile(r"(?<=x)\d"))
case("pattern of bytes", re.Pattern[bytes], re.compile(b"a+"))
case(
    "ipv4 address",
    ipaddress.IPv4Address,
    ipaddress.IPv4Address("0.0.0.0"),
    ipaddress.IPv4Address("127.0.0.1"),
)
case("ipv6 address", ipaddress.IPv6Address, ipaddress.IPv6Address("::1"))
case("ipv4 network", ipaddress.IPv4Network, ipaddress.IPv4Network("10.0.0.0/8"))
case("ipv6 interface", ipaddress.IPv6Interface, ipaddress.IPv6Interface("fe80::1/64"))
case("any ip address", p.IPvAnyAddress, ipaddress.ip_address("::1"), ipaddress.ip_address("10.0.0.1"))
case("any url", p.AnyUrl, p.AnyUrl("http://x.y/%20?q=1#f"), p.AnyUrl("mailto:a@b.c"))
case("http url", p.HttpUrl, p.HttpUrl("https://example.org/a"))
case("core url", Url, Url("ftp://h/p"))
case("postgres dsn", p.PostgresDsn, p.PostgresDsn("postgres://u:p@a:1,b:2/db"))
case("multi host url", MultiHostUrl, MultiHostUrl("redis://a,b/0"))
case("secret text", p.SecretStr, p.SecretStr(""), p.SecretStr("hunter2"))
case("secret bytes", p.SecretBytes, p.SecretBytes(b"\x00\xff"), p.SecretBytes(b"x"))
case("secret int", p.Secret[int], p.Secret[int](3))
case("byte size", p.ByteSize, p.ByteSize(0), p.ByteSize(3_000_000_001))
case("json of list", p.Json[list[int]], [], [1, 2])
case("any json text", p.Json, {"a": [1, None]}, "text", None)
case("base64 bytes", p.Base64Bytes, b"", b"\x00\xff")
case("base64 text", p.Base64Str, "", "hé")
case("base64 url bytes", p.Base64UrlBytes, b"\xff\xfe\xfd")
case("new type", t.NewType("UserId", int), 7)

# --- constrained scalars ----------------------------------------------------------------------------------

case("bounded int", t.Annotated[int, Field(ge=-3, lt=10)], -3, 9)
case("exclusive int", t.Annotated[int, Field(gt=0, le=10**20)], 1, 10**20)
case("multiple of", t.Annotated[int, Field(multiple_of=7)], 0, 49)
case("float multiple of", t.Annotated[float, Field(multiple_of=0.5)], 0.5, -2.0)
case("bounded float", t.Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)], 0.0, 1.0, 0.25)
case("exclusive float", t.Annotated[float, Field(gt=0, lt=1e-3)], 1e-9)
case(
    "float that allows nan", t.Annotated[float, Field(allow_inf_nan=True)], math.nan, math.inf, -math.inf, 2.0
)
case("finite float", p.FiniteFloat, -1e308)
case("strict int", p.StrictInt, 5)
case("strict float", p.StrictFloat, 1.0, -0.5)
case("strict text", p.StrictStr, "x")
case("strict bool", p.StrictBool, False)
case("strict bytes", p.StrictBytes, b"x", b"\xff")
case("strict date", t.Annotated[dt.date, Field(strict=True)], dt.date(2020, 1, 2))
case("short text", t.Annotated[str, Field(min_length=1, max_length=3)], "a", "é😀x")
case("text of length zero", t.Annotated[str, Field(max_length=0)], "")
case("stripped upper text", p.constr(strip_whitespace=True, to_upper=True, min_length=2), "AB")
case("anchored pattern", t.Annotated[str, Field(pattern=r"^[A-Z]{2}-\d{3}$")], "AB-123")
case("unanchored pattern", t.Annotated[str, Field(pattern=r"\d{3}")], "x123y", "999")
case("half anchored pattern", t.Annotated[str, Field(pattern=r"^https?://")], "http://x", "https://é")
case("pattern of alternatives", t.Annotated[str, Field(pattern=r"^a|b$")], "ax", "xb")
case("pattern of classes", t.Annotated[str, Field(pattern=r"^\w+\s\d+\.$")], "ab 12.")
case(
    "pattern and lengths",
    t.Annotated[str, Field(pattern=r"^[a-z]*$", min_length=2, max_length=4)],
    "ab",
    "abcd",
)
case("pattern with quotes", t.Annotated[str, Field(pattern=r'^["\\/]+$')], '"\\/')
case("unicode pattern", t.Annotated[str, Field(pattern="^[à-ü€]+$")], "é€")
case(
    "decimal of money",
    t.Annotated[Decimal, Field(max_digits=10, decimal_places=2)],
    Decimal("12345678.90"),
    Decimal("-0.5"),
)
case(
    "positive decimal",
    t.Annotated[Decimal, Field(gt=0, le=Decimal("1e10"))],
    Decimal("0.01"),
    Decimal("1E+10"),
)
case(
    "decimal with nan",
    t.Annotated[Decimal, Field(allow_inf_nan=True)],
    Decimal("NaN"),
    Decimal("-Infinity"),
    Decimal("1"),
)
case("decimal multiple", t.Annotated[Decimal, Field(multiple_of=Decimal("0.05"))], Decimal("0.15"))
case("bounded date", t.Annotated[dt.date, Field(ge=dt.date(2000, 1, 1))], dt.date(2000, 1, 1))
case("bounded timedelta", t.Annotated[dt.timedelta, Field(ge=dt.timedelta(0))], dt.timedelta(minutes=90))
case("predicate", t.Annotated[str, at.Predicate(str.islower)], "low")
case("negated predicate", t.Annotated[str, at.Not(str.islower)], "UP")


class LookAroundModel(BaseModel):
    model_config = ConfigDict(regex_engine="python-re")
    password: str = Field(pattern=r"^(?=.*\d)(?!.*\s).{4,}$")
    doubled: str = Field(pattern=r"^(a|b)\1$")


case("look around and back reference", LookAroundModel, LookAroundModel(password="abc1", doubled="aa"))

# --- literals and enums -----------------------------------------------------------------------------------


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 10


class Mixed(enum.Enum):
    TEXT = "1"
    NUMBER = 1
    REAL = 2.5
    NOTHING = None


class Odd(enum.Enum):
    PAIR = (1, 2)
    PRICE = Decimal("1.50")
    DAY = dt.date(2020, 1, 1)
    RAW = b"raw"


class Only(str, enum.Enum):
    ONE = "one"


class Rights(enum.Flag):
    READ = 1
    WRITE = 2
    BOTH = 3


class IntRights(enum.IntFlag):
    READ = 1
    WRITE = 2


class Planet(str, enum.Enum):
    """Where it is."""

    EARTH = "Earth"
    VENUS = "Venüs 🪐"
    EMPTY = ""


Thousands = enum.Enum("Thousands", {f"V{i}": f"value {i}" for i in range(2_000)})
LongTexts = enum.Enum("LongTexts", {f"V{i}": f"{i:03}" + "x" * 120 for i in range(300)})
Numbers = enum.IntEnum("Numbers", {f"N{i}": i * i for i in range(1_500)})

case("enum of texts", Colour, *Colour)
case("int enum", Level, *Level)
case("enum of mixed values", Mixed, *Mixed)
case("enum of odd values", Odd, *Odd)
case("enum of one", Only, Only.ONE)
case("flag", Rights, Rights.READ, Rights.BOTH, Rights(0))
case("int flag", IntRights, IntRights.READ, IntRights.READ | IntRights.WRITE)
case("text enum", Planet, *Planet)
case("two thousand enum values", Thousands, Thousands.V0, Thousands.V1999)
case("long enum texts", LongTexts, LongTexts.V0, LongTexts.V299)
case("large int enum", Numbers, Numbers.N0, Numbers.N1499)
case("literal", t.Literal["a", "b"], "a", "b")
case("literal of one", t.Literal["only"], "only")
case("literal of mixed types", t.Literal[1, True, "1", None, 0, False, ""], 1, True, "1", None, 0, False, "")
case("literal none", t.Literal[None], None)
case("literal of enum member", t.Literal[Colour.RED], Colour.RED)
case(
    "literal of enum members and text",
    t.Literal[Colour.RED, Colour.GREEN, "blue"],
    Colour.RED,
    Colour.GREEN,
    "blue",
)
case("literal of int enum member", t.Literal[Level.LOW], Level.LOW)
case("literal bytes", t.Literal[b"x", b""], b"x", b"")
case(
    "literal awkward texts",
    t.Literal["", " ", '"', "\\", "\n", "\u0000", "é", "</s>"],
    "",
    '"',
    "\\",
    "\n",
    "\u0000",
    "é",
)
case("literal big ints", t.Literal[9007199254740993, -1], 9007199254740993, -1)
case("literal of literals", t.Literal[t.Literal["x"], t.Literal["y", 3]], "x", 3)


class UsesEnumValues(BaseModel):
    model_config = ConfigDict(use_enum_values=True)
    colour: Colour
    level: Level = Field(default=Level.LOW, validate_default=True)


case(
    "use enum values",
    UsesEnumValues,
    UsesEnumValues(colour=Colour.RED),
    UsesEnumValues(colour="green", level=10),
)


class LiteralKinds(BaseModel):
    version: t.Literal[2] = 2
    flag: t.Literal[True] = True
    nothing: None = None
    maybe: t.Literal["a", None] = "a"


case("literal members with defaults", LiteralKinds, LiteralKinds(), LiteralKinds(maybe=None))

# --- optional, default, missing ---------------------------------------------------------------------------


class Person(BaseModel):
    """A person, as the text has it."""

    name: str = Field(description="Full name.")
    age: int | None = None
    emails: list[str] = []


case("plain model", Person, Person(name=""), Person(name="Ada", age=36, emails=["a@b.c", ""]))


class Optionals(BaseModel):
    required_null: int | None
    optional_null: int | None = 3
    default_text: str = "x"
    default_list: list[int] = Field(default_factory=lambda: [1])
    default_from_data: int = Field(default_factory=lambda data: len(data["default_list"]))
    nested: Person | None = Field(default_factory=lambda: Person(name="default"))


case(
    "null against missing",
    Optionals,
    Optionals(required_null=None),
    Optionals(required_null=1, optional_null=None, default_text="", default_list=[], nested=None),
    Optionals(required_null=1, default_list=[1, 2], default_from_data=9),
)


class Patch(TypedDict, total=False):
    name: str
    age: int | None
    tags: list[str]
    id: Required[int]


case("not required", Patch, {"id": 1}, {"id": 1, "age": None}, {"id": 1, "name": "", "age": 3, "tags": []})


class Movie(TypedDict):
    title: str
    year: NotRequired[int | None]
    studio: str
    note: NotRequired[None]


case(
    "typed dict",
    Movie,
    {"title": "", "studio": "x"},
    {"title": "a", "studio": "", "year": None, "note": None},
)


class ReadOnlyDict(TypedDict):
    a: ReadOnly[int]


case("read-only typed dict", ReadOnlyDict, {"a": 1})


class AllOptional(TypedDict, total=False):
    a: None
    b: t.Any
    c: "AllOptional"


case(
    "absence is all it can say",
    AllOptional,
    {},
    {"a": None},
    {"b": None},
    {"b": {"a": 1}, "c": {"a": None, "c": {}}},
)


class ClosedDict(TypedDict, closed=True):
    a: int


class ExtraDict(TypedDict, extra_items=int):
    a: str


class BareExtraDict(TypedDict):
    __pydantic_config__ = ConfigDict(extra="allow")
    a: str


case("closed typed dict", ClosedDict, {"a": 1})
case("typed dict with extra items", ExtraDict, {"a": "x"}, {"a": "x", "b": 2, "key": 3, "": 4})
case("typed dict that allows extras", BareExtraDict, {"a": "x"}, {"a": "x", "b": [None], "value": {"a": 1}})


class SentinelDefault(BaseModel):
    a: int | None = Field(default=None, ge=0)
    b: t.Annotated[str, Field(min_length=1)] | None = None
    c: dict[str, int | None] | None = None
    d: list[int | None] | None = None
    e: t.Optional[t.Literal["x"]] = None
    f: t.Union[int, str, None] = None


case(
    "optional everywhere",
    SentinelDefault,
    SentinelDefault(),
    SentinelDefault(a=0, b="x", c={"": None}, d=[None], e="x", f="1"),
    SentinelDefault(c={}, d=[], f=1),
)


class Empty(BaseModel):
    pass


class EmptyForbid(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EmptyHolder(BaseModel):
    empty: Empty
    maybe: Empty | None = None
    many: list[EmptyForbid] = []


case("empty model", Empty, Empty())
case(
    "empty members",
    EmptyHolder,
    EmptyHolder(empty=Empty()),
    EmptyHolder(empty=Empty(), maybe=Empty(), many=[EmptyForbid()]),
)
case("empty typed dict", TypedDict("EmptyDict", {}), {})

# --- names, aliases ---------------------------------------------------------------------------------------


class Aliased(BaseModel):
    a: int = Field(alias="firstNumber")
    b: int = Field(validation_alias="in-b", serialization_alias="out-b")
    c: int = Field(default=0, validation_alias=p.AliasChoices("c1", "c2"))
    d: int = Field(serialization_alias="dee")


case("aliases", Aliased, Aliased.model_validate({"firstNumber": 1, "in-b": 2, "d": 4}))


class AliasPathModel(BaseModel):
    deep: int = Field(validation_alias=p.AliasPath("outer", "inner"))
    item: str = Field(validation_alias=p.AliasPath("list", 1))
    either: int = Field(default=5, validation_alias=p.AliasChoices(p.AliasPath("x", 0), "flat"))


case(
    "alias path",
    AliasPathModel,
    AliasPathModel.model_validate({"outer": {"inner": 1}, "list": ["a", "b"], "flat": 7}),
)


class Generated(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True)
    first_name: str
    inner_list: list["Generated"] = []


case("alias generator", Generated, Generated(first_name="x", inner_list=[Generated(first_name="")]))


class ByNameOnly(BaseModel):
    model_config = ConfigDict(validate_by_alias=False, validate_by_name=True)
    a: int = Field(alias="never")


case("by name only", ByNameOnly, ByNameOnly(a=1))


class Swapped(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: int = Field(alias="b")
    b: int = Field(alias="a")


case("swapped aliases", Swapped, Swapped(a=2, b=1))


class Reserved(BaseModel):
    defs: int = Field(alias="$defs")
    ref: str = Field(alias="$ref")
    proto: int = Field(alias="__proto__")
    nothing: int = Field(alias="")
    space: int = Field(alias="a b")
    slash: int = Field(alias="a/b~c%d")
    quote: int = Field(alias='q"\\')
    dotted: int = Field(alias="a.b")
    type_: str = Field(alias="type")
    properties: dict[str, int] = Field(alias="properties")
    required: list[str] = Field(alias="required")
    umlaut: int = Field(alias="Größe")
    emoji: int = Field(alias="🪐")
    line: int = Field(alias="new\nline")
    long: int = Field(alias="n" * 200)
    same_but_case: int = Field(alias="TYPE")


case(
    "reserved names",
    Reserved,
    Reserved.model_validate(
        {f.alias: 1 for f in Reserved.model_fields.values() if f.annotation is int}
        | {"$ref": "#", "type": "object", "properties": {"properties": 1, "": 2}, "required": ["$ref"]}
    ),
)


class EncodingKeys(BaseModel):
    key: str
    value: int
    items: dict[str, str]
    entries: list[dict[str, int]]
    type: str
    tag: int | str
    kind: t.Literal["key"]
    json_: str = Field(alias="json")
    extra: dict[str, t.Any]
    additional_properties: dict[str, int] = Field(alias="additionalProperties")
    result: int
    wrapped: tuple[int, str]


case(
    "names like encoding keys",
    EncodingKeys,
    EncodingKeys.model_validate(
        {
            "key": "value",
            "value": 1,
            "items": {"key": "value", "value": "key", "items": "", "$ref": "#/$defs/x"},
            "entries": [{"key": 1}, {"value": 2, "key": 3}, {}],
            "type": "tag",
            "tag": "1",
            "kind": "key",
            "json": "{}",
            "extra": {"key": "k", "value": "v", "type": None, "tag": {"key": 1}},
            "additionalProperties": {"": 0},
            "result": 1,
            "wrapped": (1, "2"),
        }
    ),
)

Überschrift = type(
    "Überschrift", (BaseModel,), {"__annotations__": {"größe": int, "名前": str}, "__module__": __name__}
)
LongName = type(
    "L" + "o" * 100 + "ngName", (BaseModel,), {"__annotations__": {"x" * 150: int}, "__module__": __name__}
)
case("non-ASCII class and members", Überschrift, Überschrift(größe=1, 名前="é"))
case("too long class name", LongName, LongName(**{"x" * 150: 1}))


class SameNameA(BaseModel):
    class Item(BaseModel):
        a: int

    item: Item


class SameNameB(BaseModel):
    class Item(BaseModel):
        b: str

    item: Item
    other: SameNameA


case("classes of the same name", SameNameB, SameNameB(item={"b": ""}, other={"item": {"a": 1}}))


class TwoLong(BaseModel):
    first: t.Any = None


LongOne = p.create_model("Very" * 30 + "One", a=(int, ...))
LongTwo = p.create_model("Very" * 30 + "Two", a=(str, ...))
case("long names that differ at the end", tuple[LongOne, LongTwo], (LongOne(a=1), LongTwo(a="x")))

# --- collections ------------------------------------------------------------------------------------------

case("list", list[int], [], [1, 1, 2**60])
case("list of optional", list[int | None], [], [None], [1, None])
case("list of lists", list[list[str]], [], [[]], [["a"], [], [""]])
case("bounded list", t.Annotated[list[int], Field(min_length=2, max_length=3)], [1, 2], [1, 2, 3])
case("list of length zero", t.Annotated[list[int], Field(max_length=0)], [])
case("conlist of constr", p.conlist(p.constr(max_length=2), min_length=1), ["ab"], ["", ""])
case("fail fast list", t.Annotated[list[int], p.FailFast()], [1])
case("bare list", list, [], [1, "a", None, [1.5, {"k": []}]])
case("list of any", list[t.Any], [], [None, True, {"a": {}}])
case("sequence", t.Sequence[int], [1, 2], [])
case("fixed tuple", tuple[int, str, bool], (1, "a", True))
case("tuple of one", tuple[int], (1,))
case("empty tuple", tuple[()], ())
case("variadic tuple", tuple[int, ...], (), (1, 2, 3))
case("bare tuple", tuple, (), (1, "a", None))
case("tuple of tuples", tuple[tuple[int, int], tuple[()], tuple[str, ...]], ((1, 2), (), ("", "a")))
case("tuple of optionals", tuple[int | None, str | None], (None, None), (1, ""))
case("set", set[int], set(), {1, 2})
case("bounded set", t.Annotated[set[str], Field(min_length=1, max_length=2)], {"a"}, {"", "b"})
case(
    "frozenset of frozensets",
    frozenset[frozenset[int]],
    frozenset(),
    frozenset([frozenset(), frozenset([1])]),
)
case("set of tuples", set[tuple[int, str]], set(), {(1, "a"), (1, "b")})
case("bare set", set, set(), {1, "a"})
case("deque", deque[int], deque(), deque([1, 2]))
case("bounded deque", t.Annotated[deque[int], Field(max_length=3)], deque([1, 2, 3]))
case("default dict", defaultdict[str, list[int]], defaultdict(list), defaultdict(list, {"": [1]}))
case("counter", Counter[str], Counter(), Counter("aab"))
case("ordered dict", OrderedDict[str, int], OrderedDict(), OrderedDict(b=1, a=2))
case("mapping", t.Mapping[str, int], {}, {"a": 1})
case("abstract set", t.AbstractSet[int], frozenset(), frozenset([1]))


class Point(NamedTuple):
    x: int
    y: int = 0
    label: str | None = None


Bare = namedtuple("Bare", "left right")
case("named tuple", Point, Point(1), Point(1, 2, ""), Point(1, 0, None))
case("untyped named tuple", Bare, Bare(1, "x"), Bare(None, [1]))
case("list of named tuples", list[Point], [], [Point(1), Point(2, 3, "p")])


class Track(NamedTuple):
    points: list[Point]
    parent: t.Optional["Track"] = None


case("recursive named tuple", Track, Track([]), Track([Point(1)], Track([Point(1, 2, "a")], None)))

# --- dicts by kind of key ---------------------------------------------------------------------------------

case("dict", dict[str, int], {}, {"": 0, "key": 1, "value": 2, "__proto__": 3, "$ref": 4, "a/b": 5})
case("dict of lists of dicts", dict[str, list[dict[str, str]]], {}, {"a": []}, {"a": [{"a": "b"}, {}]})
case("dict of optional", dict[str, int | None], {"a": None}, {"a": 1})
case("dict by int", dict[int, str], {}, {1: "a", -(10**20): ""})
case("dict by float", dict[float, int], {1.5: 1, -0.0: 2, 1e300: 3})
case("dict by bool", dict[bool, int], {}, {True: 1}, {True: 1, False: 0})
case("dict by uuid", dict[uuid.UUID, int], {A_UUID: 1})
case("dict by date", dict[dt.date, int], {dt.date(1, 1, 1): 1, dt.date(2020, 2, 2): 2})
case("dict by datetime", dict[dt.datetime, int], {dt.datetime(2020, 1, 1, tzinfo=UTC): 1})
case("dict by decimal", dict[Decimal, int], {Decimal("1.0"): 1, Decimal("1.25"): 2})
case("dict by bytes", dict[bytes, int], {b"": 1, b"\xff": 2})
case("dict by enum", dict[Colour, int], {}, {Colour.RED: 1}, {Colour.GREEN: 2, Colour.RED: 0})
case("dict by int enum", dict[Level, str], {Level.HIGH: ""})
case("dict by literal", dict[t.Literal["a", "b"], int | None], {}, {"a": None}, {"a": 1, "b": 2})
case("dict by int literal", dict[t.Literal[1, 2], str], {}, {1: "x"})
case("dict by tuple", dict[tuple[int, str], int], {}, {(1, "a,b"): 2, (1, ""): 3})
case("dict by optional", dict[int | None, str], {None: "n", 1: "o"})
case("dict by union", dict[int | str, int], {1: 1, "1": 2})
case("dict by frozenset", dict[frozenset[int], int], {frozenset([1, 2]): 1})
case("dict by named tuple", dict[Point, str], {Point(1, 2): "a"})
case(
    "dict by constrained text",
    dict[t.Annotated[str, Field(pattern="^[a-z]+$", max_length=3)], int],
    {"abc": 1},
)
case("dict by many enum values", dict[Thousands, int], {}, {Thousands.V7: 1})
case(
    "bounded dict", t.Annotated[dict[str, int], Field(min_length=1, max_length=2)], {"a": 1}, {"a": 1, "": 2}
)
case("bare dict", dict, {}, {"a": 1, "key": [None, {"value": {}}]})
case("dict of any", dict[str, t.Any], {}, {"a": None, "b": {"c": [1, 2.5, "x", True]}})
case("dict of models", dict[str, Person], {}, {"p": Person(name="x", age=None)})
case("dict by model", dict[str, dict[str, dict[str, int]]], {}, {"": {"": {"": 0}}})


class FrozenKey(BaseModel):
    model_config = ConfigDict(frozen=True)
    a: int


case("dict by frozen model", dict[FrozenKey, str], {FrozenKey(a=1): "x"})
case("set of frozen models", set[FrozenKey], {FrozenKey(a=1), FrozenKey(a=2)})

# --- anything ---------------------------------------------------------------------------------------------

ANYTHING = (
    None,
    True,
    0,
    -1.5,
    "",
    "\u0000",
    [],
    {},
    [[None]],
    {"type": "object", "key": {"value": []}, "": 0},
)
case("any", t.Any, *ANYTHING, 10**25, 1.0, {"$ref": "#/$defs/x", "kind": "null"})
case("json value", p.JsonValue, *ANYTHING)
case("hashable", t.Hashable, 1, "a", None)


class Free(BaseModel):
    anything: t.Any
    maybe: t.Any = None
    data: p.JsonValue = None
    thing: object = 1
    meta: dict[str, p.JsonValue] = {}
    rows: list[dict] = []


case(
    "untyped members",
    Free,
    Free(anything=None),
    Free(
        anything={"a": [1, {"b": None}]},
        maybe="x",
        data=[1.5],
        thing=None,
        meta={"m": {}},
        rows=[{"a": 1}, {}],
    ),
)


def nest(depth: int, innermost: t.Any) -> t.Any:
    """Return `innermost` under `depth` lists and dicts in turn."""
    for level in range(depth):
        innermost = [innermost] if level % 2 else {"k": innermost}
    return innermost


case("json forty levels deep", p.JsonValue, nest(40, "deep"))

# --- extras -----------------------------------------------------------------------------------------------


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int


class TypedOpen(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int] = Field(init=False)
    a: str = ""


class Forbids(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: int
    opens: list[Open] = []


case(
    "extras",
    Open,
    Open(a=1),
    Open.model_validate({"a": 1, "b": None, "extra": {"key": 1}, "": [1], "value": "x"}),
)
case("typed extras", TypedOpen, TypedOpen(), TypedOpen.model_validate({"a": "x", "n": 1, "key": 2}))
case("forbidden extras", Forbids, Forbids(a=1), Forbids(a=1, opens=[{"a": 1, "zzz": {"q": []}}]))

# --- unions -----------------------------------------------------------------------------------------------

case("union of scalars", int | str | bool | None, 1, "1", True, None, 0, False, "")
case("union int float", int | float, 1, 1.0, 0.5, -0.0)
case("union float int", float | int, 1, 1.0)
case("union of number kinds", int | float | Decimal, 1, 1.5, Decimal("1.10"))
case(
    "union of text kinds",
    str | dt.date | uuid.UUID,
    "x",
    "2020-01-01",
    dt.date(2020, 1, 1),
    A_UUID,
    str(A_UUID),
)
case("union of text and bytes", str | bytes, "x", b"x")
case("union of collections", list[int] | set[int] | tuple[int, ...], [1], {1}, (1,), [], set(), ())
case("union list or item", list[str] | str, "a", ["a"], [])
case("union of dict and model", dict[str, int] | Person, {"a": 1}, {}, Person(name="x"))
case("union of literals", t.Literal["a"] | t.Literal[1] | int, "a", 1, 2)
case("union of enum and text", Colour | str, Colour.RED, "red", "blue")
case("union of enums", Colour | Level | Only, Colour.RED, Level.LOW, Only.ONE)
case("union of datetime and date", dt.datetime | dt.date, dt.datetime(2020, 1, 1), dt.date(2020, 1, 1))
case("left to right union", t.Annotated[str | int, Field(union_mode="left_to_right")], "1")
case(
    "union in dict of unions",
    dict[str, list[int | str] | dict[str, int | None]],
    {"a": [1, "1"], "b": {"c": None}},
)
case("union of any", t.Union[int, list[t.Any], dict[str, t.Any]], 1, [1, {}], {"a": []})


class Left(BaseModel):
    x: int


class Right(BaseModel):
    x: int


class LeftOrRight(BaseModel):
    either: Left | Right
    many: list[Right | Left | None] = []
    by_name: dict[str, Left | Right] = {}


case(
    "same-shape union",
    LeftOrRight,
    LeftOrRight(either=Left(x=1)),
    LeftOrRight(
        either=Right(x=1), many=[Left(x=1), None, Right(x=2)], by_name={"tag": Right(x=0), "": Left(x=0)}
    ),
)
case("same-shape union at the root", Left | Right, Left(x=1), Right(x=1))


class Sub(Person):
    pass


class SubMore(Person):
    more: str = "m"


case(
    "union of base and subclasses", Person | Sub | SubMore, Person(name="a"), Sub(name="a"), SubMore(name="a")
)


class OptA(BaseModel):
    a: int = 0


class OptB(BaseModel):
    b: int = 0


case("union of all-optional models", OptA | OptB | Empty, OptA(), OptB(), Empty(), OptB(b=3))


class Cat(BaseModel):
    """A cat."""

    kind: t.Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: t.Literal["dog", "hound"]
    friend: t.Optional["Pet"] = None


class Fish(BaseModel):
    kind: t.Literal["fish"] = "fish"
    water: t.Literal["salt", "sweet"] = "sweet"


Pet = t.Annotated[Cat | Dog | Fish, Field(discriminator="kind", description="Which pet.")]
Dog.model_rebuild()


class Owner(BaseModel):
    pet: Pet
    others: list[Pet] = []
    named: dict[str, Pet] = {}
    last: Pet | None = None


case(
    "discriminated union",
    Owner,
    Owner(pet=Cat(kind="cat")),
    Owner(
        pet=Dog(kind="hound", friend=Fish()),
        others=[Fish(water="salt")],
        named={"": Cat(kind="cat")},
        last=Fish(),
    ),
)
case("discriminated union at the root", Pet, Cat(kind="cat"), Dog(kind="dog"), Fish())


class BlackCat(BaseModel):
    kind: t.Literal["cat"] = "cat"
    colour: t.Literal["black"] = "black"


class WhiteCat(BaseModel):
    kind: t.Literal["cat"] = "cat"
    colour: t.Literal["white"] = "white"
    spots: int = 0


AnyCat = t.Annotated[BlackCat | WhiteCat, Field(discriminator="colour")]
Beast = t.Annotated[AnyCat | Fish, Field(discriminator="kind")]
case("nested discriminators", list[Beast], [], [BlackCat(), WhiteCat(spots=2), Fish()])


class AliasTagA(BaseModel):
    kind: t.Literal["a"] = Field(alias="@type")


class AliasTagB(BaseModel):
    kind: t.Literal["b"] = Field(alias="@type")


AliasTagged = t.Annotated[AliasTagA | AliasTagB, Field(discriminator="kind")]
case("discriminator with an alias", list[AliasTagged], [AliasTagB.model_validate({"@type": "b"})])


class EnumTagA(BaseModel):
    kind: t.Literal[Colour.RED]


class EnumTagB(BaseModel):
    kind: t.Literal[Colour.GREEN]
    red: int


EnumTagged = t.Annotated[EnumTagA | EnumTagB, Field(discriminator="kind")]
case(
    "discriminator of enum members", EnumTagged, EnumTagA(kind=Colour.RED), EnumTagB(kind=Colour.GREEN, red=1)
)


class IntTagA(BaseModel):
    v: t.Literal[1]


class IntTagB(BaseModel):
    v: t.Literal[2, 3]


case(
    "discriminator of ints",
    t.Annotated[IntTagA | IntTagB, Field(discriminator="v")],
    IntTagA(v=1),
    IntTagB(v=3),
)


def which(value: t.Any) -> str | None:
    """Return the tag of a shape by the members that it has."""
    keys = value.keys() if isinstance(value, dict) else type(value).model_fields.keys()
    return "circle" if "radius" in keys else "square" if "side" in keys else None


class Circle(BaseModel):
    radius: float


class Square(BaseModel):
    side: float


Shape = t.Annotated[
    t.Annotated[Circle, p.Tag("circle")] | t.Annotated[Square, p.Tag("square")],
    p.Discriminator(which),
]


class Drawing(BaseModel):
    shapes: list[Shape]
    frame: Shape | None = None


case(
    "callable discriminator",
    Drawing,
    Drawing(shapes=[]),
    Drawing(shapes=[Circle(radius=1), Square(side=2)], frame=Square(side=0)),
)


def list_or_one(value: t.Any) -> str:
    """Return "many" for a list."""
    return "many" if isinstance(value, list) else "one"


case(
    "callable discriminator over kinds",
    t.Annotated[
        t.Annotated[int, p.Tag("one")] | t.Annotated[list[int], p.Tag("many")], p.Discriminator(list_or_one)
    ],
    1,
    [1, 2],
)


class UnionOfNested(BaseModel):
    value: list[Left] | list[Right] | dict[str, Left] | dict[str, Right]


case(
    "union of collections of same shapes",
    UnionOfNested,
    UnionOfNested(value=[Left(x=1)]),
    UnionOfNested(value=[Right(x=1)]),
    UnionOfNested(value={"a": Right(x=1)}),
    UnionOfNested(value={"x": Left(x=1)}),
)
ManyModels = [p.create_model(f"Member{i}", n=(int, ...)) for i in range(12)]
case("union of twelve same shapes", t.Union[tuple(ManyModels)], *(m(n=i) for i, m in enumerate(ManyModels)))

# --- recursion --------------------------------------------------------------------------------------------


class Node(BaseModel):
    name: str
    children: list["Node"] = []


class Linked(BaseModel):
    value: int
    next: t.Optional["Linked"] = Field(default=None, description="The rest of the list.")


class Expr(BaseModel):
    op: t.Literal["+", "*"]
    left: "Expr | int"
    right: "Expr | int"


class Folder(BaseModel):
    """A folder."""

    files: dict[str, "File"] = Field(default={}, description="By name.")


class File(BaseModel):
    owner: Folder | None = Field(default=None, description="Where it lies.")
    size: int = 0


def linked(depth: int) -> Linked:
    """Return a list of `depth` links."""
    rest = None
    for value in range(depth):
        rest = Linked(value=value, next=rest)
    assert rest is not None
    return rest


case(
    "tree",
    Node,
    Node(name=""),
    Node(name="a", children=[Node(name="b", children=[Node(name="c")]), Node(name="d")]),
)
case("forty links", Linked, linked(1), linked(40))
case("expression", Expr, Expr(op="+", left=1, right=Expr(op="*", left=2, right=3)))
case("mutual recursion", Folder, Folder(), Folder(files={"f": File(owner=Folder(files={"": File(size=1)}))}))
case("recursive list at the root", list[Node], [], [Node(name="a", children=[Node(name="b")])])

JsonLike = TypeAliasType("JsonLike", "dict[str, JsonLike] | list[JsonLike] | str | int | float | bool | None")
NestedInts = TypeAliasType("NestedInts", "int | list[NestedInts]")
TreeOf = TypeAliasType(
    "TreeOf", "tuple[NodeT, list[TreeOf[NodeT]]]", type_params=(NodeT := t.TypeVar("NodeT"),)
)
case("recursive alias", JsonLike, *ANYTHING)
case("recursive list alias", NestedInts, 1, [], [1, [2, [3, []]]])
case("generic recursive alias", TreeOf[str], ("a", []), ("a", [("b", []), ("c", [("d", [])])]))


class TypedTree(TypedDict):
    label: str
    kids: NotRequired[list["TypedTree"]]


case(
    "recursive typed dict",
    TypedTree,
    {"label": ""},
    {"label": "a", "kids": [{"label": "b"}, {"label": "c", "kids": []}]},
)


@dataclasses.dataclass
class TreeData:
    value: int
    left: t.Optional["TreeData"] = None
    right: t.Optional["TreeData"] = None


case("recursive dataclass", TreeData, TreeData(1), TreeData(1, None, TreeData(2, TreeData(3))))


class MutualA(BaseModel):
    b: t.Optional["MutualB"] = None


class MutualB(BaseModel):
    c: list["MutualC"] = []


class MutualC(BaseModel):
    a: MutualA | None = None
    d: dict[str, MutualB] = {}


case("three in a ring", MutualA, MutualA(), MutualA(b={"c": [{"a": {"b": {}}, "d": {"k": {}}}, {}]}))

# --- size and depth ---------------------------------------------------------------------------------------


def chain(depth: int, described: bool) -> type[BaseModel]:
    """Return a model with `depth` models nested in it."""
    model: type[BaseModel] = p.create_model("Level0", leaf=(int, ...))
    for i in range(1, depth + 1):
        field = Field(description=f"Level {i}.") if described else Field()
        model = p.create_model(f"Level{i}", __doc__=f"The level {i}.", below=(model, field))
    return model


def chain_value(depth: int) -> dict[str, t.Any]:
    """Return the JSON of a record of `chain(depth, ...)`."""
    value: dict[str, t.Any] = {"leaf": 1}
    for _ in range(depth):
        value = {"below": value}
    return value


def doubled(depth: int) -> type[BaseModel]:
    """Return a model in which every level refers twice to the next, with descriptions."""
    model: type[BaseModel] = p.create_model("Twice0", leaf=(int, 0))
    for i in range(1, depth + 1):
        pair = (model | None, Field(default=None, description=f"Of {i}."))
        model = p.create_model(f"Twice{i}", a=pair, b=pair)
    return model


def anonymous(depth: int, innermost: t.Any) -> t.Any:
    """Return the type of `depth` dicts and lists around another type: nesting without definitions."""
    for level in range(depth):
        innermost = list[innermost] if level % 2 else dict[str, innermost]
    return innermost


Described12, Plain40, Doubled15 = chain(12, True), chain(40, False), doubled(15)
Wide300 = p.create_model("Wide300", **{f"field_{i}": (int | None, None) for i in range(300)})
Wide6000 = p.create_model("Wide6000", **{f"field_{i}": (int, ...) for i in range(6_000)})
LongNames = p.create_model("LongNames", **{f"{i:04}_" + "n" * 60: (str, "") for i in range(2_000)})
WideOfWide = p.create_model(
    "WideOfWide",
    **{
        f"part_{i}": (p.create_model(f"Part{i}", **{f"f{j}": (int, 0) for j in range(30)}), ...)
        for i in range(10)
    },
)
case("twelve described levels", Described12, Described12.model_validate(chain_value(12)))
case("forty levels", Plain40, Plain40.model_validate(chain_value(40)))
case(
    "fifteen doubled described levels",
    Doubled15,
    Doubled15.model_validate({"a": {"b": {"a": {}}}}),
    Doubled15(),
)
case("ten anonymous levels", anonymous(10, int), [], nest(10, 7), [{"k": []}, {}])
case("thirty anonymous levels", anonymous(30, Left), nest(30, Left(x=1)))
case("three hundred optional members", Wide300, Wide300(), Wide300(field_0=1, field_299=0))
case("six thousand members", Wide6000, Wide6000(**{f"field_{i}": i for i in range(6_000)}))
case("names past the total length", LongNames, LongNames(), LongNames(**{"0000_" + "n" * 60: "x"}))
case("ten parts of thirty members", WideOfWide, WideOfWide(**{f"part_{i}": {"f3": i} for i in range(10)}))


class ManyEnums(BaseModel):
    a: Thousands | None = None
    b: list[LongTexts] = []
    c: t.Literal[tuple(f"word{i}" for i in range(600))] = "word0"


case("several large enums", ManyEnums, ManyEnums(), ManyEnums(a=Thousands.V3, b=[LongTexts.V7], c="word599"))


class LongDescription(BaseModel):
    a: int = Field(description="word " * 5_000)


case("long description", LongDescription, LongDescription(a=1))
ManyUnions = p.create_model("ManyUnions", **{f"u{i}": (int | str | None, None) for i in range(40)})
ManyRequiredUnions = p.create_model("ManyRequiredUnions", **{f"u{i}": (int | str, ...) for i in range(40)})
case("forty optional unions", ManyUnions, ManyUnions(), ManyUnions(u0="1", u39=1))
case(
    "forty required unions",
    ManyRequiredUnions,
    ManyRequiredUnions(**{f"u{i}": i if i % 2 else str(i) for i in range(40)}),
)

# --- models, dataclasses, generics, root models -----------------------------------------------------------


class Address(BaseModel):
    """A postal address."""

    street: str
    country: t.Annotated[str, Field(pattern="^[A-Z]{2}$", examples=["DE"])] = "DE"


class Described(BaseModel):
    """Two of them."""

    home: Address = Field(description="Where they live.", title="Home!", examples=[{"street": "x"}])
    work: Address | None = Field(default=None, description="Where they work.", deprecated=True)
    old: list[Address] = Field(default=[], description="Former ones.", max_length=5)


case(
    "described references",
    Described,
    Described(home={"street": ""}),
    Described(home={"street": "a"}, work={"street": "b"}, old=[{"street": "c", "country": "FR"}]),
)


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, str_strip_whitespace=True, title="A frozen one")
    a: str
    _private: int = p.PrivateAttr(default=3)
    constant: t.ClassVar[int] = 3
    fixed: int = Field(default=1, frozen=True)


case("frozen model with private attributes", Frozen, Frozen(a="x"), Frozen(a="", fixed=2))


class Computed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    width: int
    height: int = 2

    @p.computed_field
    @property
    def area(self) -> int:
        """Return the area."""
        return self.width * self.height


case("computed field", Computed, Computed(width=3), Computed(width=0, height=0))


class Serialized(BaseModel):
    price: t.Annotated[Decimal, p.PlainSerializer(lambda v: f"${v}", return_type=str)]
    day: dt.date
    tags: t.Annotated[list[str], p.PlainSerializer(",".join, return_type=str)] = []
    hidden: int = Field(default=1, exclude=True)
    secret: p.SecretStr = p.SecretStr("none")

    @p.field_serializer("day")
    def european(self, day: dt.date) -> str:
        """Return the day as nobody parses it."""
        return day.strftime("%d.%m.%Y")


case(
    "serializers without inverse",
    Serialized,
    Serialized(
        price=Decimal("1.50"), day=dt.date(2020, 3, 4), tags=["a", "b,c"], hidden=7, secret=p.SecretStr("s")
    ),
)


class ModelSerialized(BaseModel):
    a: int

    @p.model_serializer
    def as_text(self) -> str:
        """Return something else than was validated."""
        return f"a is {self.a}"


case("model serializer", ModelSerialized, ModelSerialized(a=1))


class Validated(BaseModel):
    words: t.Annotated[list[str], BeforeValidator(lambda v: v.split(",") if isinstance(v, str) else v)]
    even: t.Annotated[int, AfterValidator(lambda v: v + v % 2)]
    loud: str

    @p.field_validator("loud", mode="wrap")
    @classmethod
    def upper(cls, value: t.Any, handler: t.Any) -> str:
        """Return it in capitals."""
        return str(handler(value)).upper()

    @p.model_validator(mode="before")
    @classmethod
    def old_name(cls, data: t.Any) -> t.Any:
        """Take the old name of a member."""
        if isinstance(data, dict) and "quiet" in data:
            data = {**data, "loud": data["quiet"]}
        return data

    @p.model_validator(mode="after")
    def checked(self) -> t.Self:
        """Accept it."""
        assert self.even % 2 == 0
        return self


case("validators", Validated, Validated(words=["a"], even=2, loud="X"), Validated(words=[], even=0, loud=""))


class PlainValidated(BaseModel):
    number: t.Annotated[int, p.PlainValidator(int, json_schema_input_type=str | int)]
    half: t.Annotated[float, BeforeValidator(float, json_schema_input_type=str | float)] = 0.5


case(
    "validators with an input type",
    PlainValidated,
    PlainValidated(number="3", half="0.25"),
    PlainValidated(number=0),
)


class SchemaExtra(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"a": 1}], "x-internal": True, "$comment": "no"}
    )
    a: int = Field(json_schema_extra={"not": {"const": 5}, "examples": [1, 2]})
    b: str = Field(
        default="x", json_schema_extra={"if": {"const": "x"}, "then": {"minLength": 1}, "readOnly": True}
    )
    c: list[int] = Field(
        default=[], json_schema_extra={"contains": {"const": 1}, "uniqueItems": True, "minContains": 0}
    )
    d: dict[str, int] = Field(
        default={}, json_schema_extra={"propertyNames": {"pattern": "^x"}, "patternProperties": {"^y": {}}}
    )


case("json schema extras", SchemaExtra, SchemaExtra(a=1), SchemaExtra(a=2, b="y", c=[1], d={"x": 1}))


class Hooked(BaseModel):
    a: int
    b: str

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: t.Any, handler: t.Any) -> t.Any:
        """Return the schema with a description and an `allOf`."""
        result = handler(schema)
        handler.resolve_ref_schema(result).update(description="Hooked.", allOf=[{"required": ["a"]}])
        return result


case("json schema hook", Hooked, Hooked(a=1, b=""))


class Celsius:
    """A temperature with its own core schema."""

    def __init__(self, degrees: float) -> None:
        self.degrees = degrees

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Celsius) and other.degrees == self.degrees

    def __hash__(self) -> int:
        return hash(self.degrees)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: t.Any, handler: t.Any) -> core_schema.CoreSchema:
        """Return a schema that takes a number and gives a Celsius."""
        from_number = core_schema.no_info_after_validator_function(cls, core_schema.float_schema(ge=-273.15))
        return core_schema.json_or_python_schema(
            json_schema=from_number,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), from_number]),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda v: v.degrees),
        )


case("custom type", Celsius, Celsius(0.0), Celsius(-273.15))
case("dict of custom type", dict[str, Celsius | None], {"a": Celsius(1.5), "b": None})


class WithArbitrary(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    stamp: t.Annotated[Celsius, p.WithJsonSchema({"type": "number", "description": "Degrees."})]
    code: t.Annotated[int, p.WithJsonSchema({"enum": [1, 2]})] = 1


case("with json schema", WithArbitrary, WithArbitrary(stamp=Celsius(3.0)))


@dataclasses.dataclass(slots=True, kw_only=True)
class SlotData:
    a: int
    b: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class FrozenData:
    a: int
    scale: dataclasses.InitVar[int] = 1
    made: int = dataclasses.field(init=False, default=3)


@pydantic.dataclasses.dataclass(config=ConfigDict(extra="forbid"))
class CheckedData:
    a: t.Annotated[int, Field(ge=0)]
    b: dict[int, str] = dataclasses.field(default_factory=dict)
    c: "SlotData | None" = Field(default=None, description="A nested one.")


@pydantic.dataclasses.dataclass
class InitOnly:
    a: int
    twice: dataclasses.InitVar[bool] = False
    total: int = Field(default=0, init=False)

    def __post_init__(self, twice: bool) -> None:
        self.total = self.a * (2 if twice else 1)


class HoldsData(BaseModel):
    one: SlotData
    other: CheckedData | FrozenData | None = None


case("dataclass with slots", SlotData, SlotData(a=1), SlotData(a=1, b=[""]))
case("dataclass with init variables", FrozenData, FrozenData(1))
case("pydantic dataclass", CheckedData, CheckedData(0), CheckedData(1, {2: "x"}, SlotData(a=3)))
case("pydantic dataclass with post init", InitOnly, InitOnly(3))
case(
    "dataclasses in a model",
    HoldsData,
    HoldsData(one=SlotData(a=1)),
    HoldsData(one=SlotData(a=1, b=["x"]), other=FrozenData(2)),
)

Item = t.TypeVar("Item")
Other = t.TypeVar("Other")


class Page(BaseModel, t.Generic[Item]):
    items: list[Item]
    next: int | None = None


class Pair(BaseModel, t.Generic[Item, Other]):
    first: Item
    second: dict[str, Other] = {}


@dataclasses.dataclass
class GenericData(t.Generic[Item]):
    value: Item
    more: list[Item] = dataclasses.field(default_factory=list)


class GenericDict(TypedDict, t.Generic[Item]):
    value: Item


class GenericTree(BaseModel, t.Generic[Item]):
    value: Item
    children: list["GenericTree[Item]"] = []


case("generic model", Page[int], Page[int](items=[]), Page[int](items=[1], next=2))
case(
    "generic of generic",
    Page[Pair[int, Page[str]]],
    Page[Pair[int, Page[str]]](items=[{"first": 1, "second": {"a": {"items": ["x"]}}}]),
)
case("generic dataclass", GenericData[dt.date], GenericData(dt.date(2020, 1, 1), [dt.date(1, 1, 1)]))
case("generic typed dict", GenericDict[list[int]], {"value": [1]})
case("generic recursive model", GenericTree[int], GenericTree[int](value=1, children=[{"value": 2}]))
case(
    "two generics of one origin", tuple[Page[int], Page[str]], (Page[int](items=[1]), Page[str](items=["1"]))
)


class RootInt(p.RootModel[int]):
    pass


class RootList(p.RootModel[list[Person]]):
    """People."""


class RootDict(p.RootModel[dict[str, "RootDict | int"]]):
    pass


class RootUnion(p.RootModel[Left | Right | None]):
    root: Left | Right | None = None


class RootOfRoot(p.RootModel[RootList]):
    pass


class HoldsRoots(BaseModel):
    a: RootInt = Field(description="A described root.")
    b: RootList = RootList([])
    c: RootDict | None = None
    d: RootUnion = RootUnion(None)


case("root model of int", RootInt, RootInt(3))
case("root model of list", RootList, RootList([]), RootList([Person(name="x")]))
case("recursive root model", RootDict, RootDict({}), RootDict({"a": RootDict({"b": 1}), "key": 2}))
case("root model of union", RootUnion, RootUnion(None), RootUnion(Left(x=1)), RootUnion(Right(x=1)))
case("root model of root model", RootOfRoot, RootOfRoot(RootList([Person(name="")])))
case(
    "root models as members",
    HoldsRoots,
    HoldsRoots(a=RootInt(1)),
    HoldsRoots(a=RootInt(1), b=RootList([]), c=RootDict({"x": 1}), d=RootUnion(Right(x=2))),
)


class Base(BaseModel):
    a: int = Field(description="From the base.")


class Mixin(BaseModel):
    b: str = "x"


class Derived(Base, Mixin):
    a: int = Field(ge=0)
    c: "list[Derived]" = []


case("inheritance", Derived, Derived(a=1), Derived(a=0, b="", c=[Derived(a=2)]))


class StrictModel(BaseModel):
    model_config = ConfigDict(strict=True)
    a: int
    when: dt.datetime
    ids: set[uuid.UUID]
    pair: tuple[int, str]
    price: Decimal
    colour: Colour
    raw: bytes = b""


case(
    "strict model",
    StrictModel,
    StrictModel(
        a=1,
        when=dt.datetime(2020, 1, 1),
        ids={A_UUID},
        pair=(1, "x"),
        price=Decimal("1.5"),
        colour=Colour.RED,
        raw=b"\xff",
    ),
)


class IsoModel(BaseModel):
    model_config = ConfigDict(
        ser_json_timedelta="float",
        ser_json_bytes="base64",
        val_json_bytes="base64",
        ser_json_inf_nan="constants",
    )
    wait: dt.timedelta
    raw: bytes
    real: float


case(
    "serialization settings",
    IsoModel,
    IsoModel(wait=dt.timedelta(days=-2, seconds=0.5), raw=b"\x00\xff", real=math.inf),
)


class HexModel(BaseModel):
    model_config = ConfigDict(ser_json_bytes="hex", val_json_bytes="hex")
    raw: bytes = Field(max_length=4)


case("hex bytes", HexModel, HexModel(raw=b""), HexModel(raw=b"\x00\xff"))


class Event(BaseModel):
    at_time: p.AwareDatetime = Field(description="With an offset.")
    local: p.NaiveDatetime
    day: dt.date | None = None
    clock: dt.time = dt.time(0)
    lasts: dt.timedelta = dt.timedelta(hours=1)
    where: Path | None = None
    link: p.HttpUrl | None = None
    host: p.IPvAnyAddress | None = None
    ids: set[uuid.UUID] = set()
    match: re.Pattern[str] | None = None
    amounts: tuple[Decimal, ...] = ()


case(
    "model of formats",
    Event,
    Event(at_time=dt.datetime(1, 1, 2, tzinfo=UTC), local=dt.datetime(1, 1, 1)),
    Event(
        at_time=dt.datetime(2020, 1, 1, tzinfo=INDIA),
        local=dt.datetime(2020, 1, 1, 0, 0, 0, 1),
        day=dt.date(1, 1, 1),
        clock=dt.time(1, 2, 3, 4),
        lasts=dt.timedelta(days=-1),
        where=Path("a b"),
        link=p.HttpUrl("http://a/"),
        host=ipaddress.ip_address("::1"),
        ids={A_UUID},
        match=re.compile("a"),
        amounts=(Decimal("0.10"), Decimal("1E+2")),
    ),
)


class LineItem(BaseModel):
    """One line of an invoice."""

    description: str = Field(min_length=1, description="What was sold.")
    quantity: Decimal = Field(gt=0, decimal_places=3)
    unit_price: Decimal = Field(description="Net price of one.")
    tax: t.Literal["full", "reduced", "none"] = "full"


class Invoice(BaseModel):
    """An invoice."""

    model_config = ConfigDict(extra="forbid")
    number: str = Field(pattern=r"^[A-Z0-9-]{1,20}$")
    issued: dt.date
    due: dt.date | None = None
    items: list[LineItem] = Field(min_length=1)
    totals: dict[t.Literal["net", "tax", "gross"], Decimal] = {}
    notes: dict[str, str] = Field(default={}, max_length=10)
    paid: bool = False


case(
    "invoice",
    Invoice,
    Invoice(
        number="A-1",
        issued=dt.date(2026, 1, 1),
        items=[LineItem(description="x", quantity=Decimal("1.000"), unit_price=Decimal("9.90"))],
    ),
    Invoice(
        number="X",
        issued=dt.date(2026, 1, 1),
        due=dt.date(2026, 2, 1),
        items=[LineItem(description="é", quantity=Decimal("0.5"), unit_price=Decimal("-1"), tax="none")] * 3,
        totals={"net": Decimal("1.00"), "gross": Decimal("1.19")},
        notes={"key": "value", "": ""},
        paid=True,
    ),
)

# --- patterns --------------------------------------------------------------------------------------------

PATTERNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"(?i)^yes$", ("yes", "YES")),
    (r"^(?P<year>\d{4})-(?P<month>\d\d)$", ("2026-11",)),
    (r"\A\d+\z", ("1", "42")),
    (r"\bfoo\b", ("a foo b", "foo")),
    (r"^.{3}$", ("abc", '"\\é', "a b")),
    (r"^[^,]+$", ("a b", 'q"', "\n")),
    (r"^ab*?c+$", ("ac", "abbcc")),
    (r"^\x41\u0042\t?$", ("AB", "AB\t")),
    (r"^$", ("",)),
    (r"^(a|b|)$", ("", "b")),
    (r"^/.*$", ("/", "/a/b")),
    (r"^[\w.+-]+@[\w-]+\.[\w.]+$", ("a.b+c@d-e.org", "é@é.é")),
    (r"^\p{Lu}\p{L}*$", ("Éa", "A")),
    (r"^[[:alpha:]]+$", ("abc",)),
    (r"^[\s\S]*$", ("", "a\nb")),
    (r"^\S+( \S+){0,3}$", ("a b c d", "x")),
    (r"^(?:\+49|0)[1-9][0-9]{1,14}$", ("+4930123", "030")),
    (r"^\D*$", ("abc", "")),
    (r"^a\.b\-c\/d$", ("a.b-c/d",)),
    (r"^(0|[1-9]\d*)(\.\d+)?$", ("0", "10.25")),
    (r"^[a-z]{2,}$|^[0-9]$", ("ab", "7")),
    (r"", ("anything",)),
)
for _pattern, _texts in PATTERNS:
    case(f"pattern {_pattern}", t.Annotated[str, Field(pattern=_pattern)], *_texts)

# --- more of everything: what is rare on its own, and mixtures ---------------------------------------------

case("optional none", t.Optional[None], None)
case("list of none", list[None], [], [None, None])
case("dict of none", dict[str, None], {}, {"a": None})
case("literal false or text", t.Literal[False, "auto"], False, "auto")
case(
    "tiny and huge decimals",
    Decimal,
    Decimal("1E-30"),
    Decimal("-1.5E+300"),
    Decimal("0E-10"),
    Decimal("00.10"),
)
case("decimal digits alone", t.Annotated[Decimal, Field(max_digits=3)], Decimal("1.23"), Decimal("999"))
case("negative bounds", t.Annotated[int, Field(ge=-1000, le=-10)], -1000, -10)
case("bounded multiple", t.Annotated[int, Field(ge=0, le=255, multiple_of=5)], 0, 255)
case("annotated types", t.Annotated[list[int], at.Len(1, 2), at.Predicate(lambda v: v[0] > 0)], [1], [1, 2])
case("interval", t.Annotated[float, at.Interval(gt=-1, lt=1)], 0.5, -0.25)
case("bounded time", t.Annotated[dt.time, Field(lt=dt.time(12))], dt.time(11, 59, 59))
case("bounded bytes", t.Annotated[bytes, Field(min_length=1, max_length=2)], b"\xff", b"ab")
case("zone aware", t.Annotated[dt.datetime, at.Timezone(...)], dt.datetime(2020, 1, 1, tzinfo=UTC))
case("dict by path", dict[Path, ipaddress.IPv4Address], {Path("a/b"): ipaddress.IPv4Address("1.2.3.4")})
case(
    "dict by time and timedelta",
    dict[dt.time, dict[dt.timedelta, int]],
    {dt.time(1): {dt.timedelta(days=1): 1}},
)
case("set of bytes", set[bytes], {b"\xff", b""})
case("set of enum members", set[Colour], {Colour.RED}, set(Colour))
case(
    "collections in collections",
    dict[int, dict[tuple[int, int], set[frozenset[int]]]],
    {},
    {1: {(1, 2): {frozenset(), frozenset([3])}}, 2: {}},
)
case(
    "old spellings",
    t.Dict[str, t.List[t.Tuple[t.Optional[int], t.FrozenSet[str]]]],
    {"a": [(None, frozenset("x"))]},
)
case("omitted on error", list[p.OnErrorOmit[int]], [], [1, 2])
case("import string", p.ImportString, math.cos)
case("skipped validation", p.SkipValidation[int], 3)
case("bool or int", bool | int, True, 1, 0, False)
case("int or bool", int | bool, True, 1)
case("text or path", str | Path, "a", Path("a"))
case("text or secret", str | p.SecretStr, "a", p.SecretStr("a"))
case("float or decimal", float | Decimal, 1.5, Decimal("1.5"))
case("list of ints or of texts", list[int] | list[str], [], [1], ["1"], [2, 3])
case("dict of ints or of texts", dict[str, int] | dict[str, str], {}, {"a": 1}, {"a": "1"})
case("dict by int or by text", dict[int, int] | dict[str, int], {1: 1}, {"1": 1})
case("tuples of several lengths", tuple[int] | tuple[int, int] | tuple[int, ...], (1,), (1, 2), (1, 2, 3), ())
case(
    "model or list of it",
    Person | list[Person] | dict[str, Person] | str,
    Person(name="x"),
    [],
    [Person(name="")],
    "x",
)
case("generics of one origin in a union", Page[int] | Page[str], Page[int](items=[]), Page[str](items=[]))
case(
    "union of classes of the same name",
    SameNameA.Item | SameNameB.Item,
    SameNameA.Item(a=1),
    SameNameB.Item(b="1"),
)
case("bare generic", Page, Page(items=[]), Page(items=[1, "a", None]))
case("generic of discriminated union", Page[Pet], Page[Pet](items=[Fish(), Cat(kind="cat")]))


class SameShapeDict(TypedDict):
    a: int


@dataclasses.dataclass
class LeftData:
    x: int


@dataclasses.dataclass
class RightData:
    x: int


class LeftTuple(NamedTuple):
    x: int


class RightTuple(NamedTuple):
    x: int


case("same-shape dataclasses", list[LeftData | RightData], [LeftData(1), RightData(1)])
case("same-shape named tuples", list[LeftTuple | RightTuple], [LeftTuple(1), RightTuple(1)])
case(
    "same shape of four kinds",
    list[Left | LeftData | LeftTuple | SameShapeDict],
    [Left(x=1), LeftData(1), LeftTuple(1), {"a": 1}],
)


class TaggedDictA(TypedDict):
    kind: t.Literal["a"]
    n: NotRequired[int]


class TaggedDictB(TypedDict):
    kind: t.Literal["b", "c"]
    n: str


@dataclasses.dataclass
class TaggedData:
    kind: t.Literal["d"] = "d"


TaggedAny = t.Annotated[TaggedDictA | TaggedDictB | TaggedData, Field(discriminator="kind")]
case(
    "discriminated dicts and dataclasses",
    list[TaggedAny],
    [{"kind": "a"}, {"kind": "c", "n": ""}, TaggedData()],
)

KeywordNames = TypedDict("KeywordNames", {"class": int, "a-b": NotRequired[str], "": None})
case("typed dict of odd names", KeywordNames, {"class": 1, "": None}, {"class": 1, "a-b": "x", "": None})


class BaseDict(TypedDict):
    a: int


class MoreDict(BaseDict, total=False):
    b: t.Annotated[int, Field(alias="bee", ge=0)]
    c: Required[list["MoreDict"]]


case(
    "inherited typed dict with an alias",
    MoreDict,
    {"a": 1, "c": []},
    {"a": 1, "b": 2, "c": [{"a": 2, "c": []}]},
)


class AliasedOpen(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int = Field(alias="b")


case(
    "extra named like a field",
    AliasedOpen,
    AliasedOpen(b=1),
    AliasedOpen.model_validate({"b": 1, "a": 5, "c": None}),
)


class BadDefault(BaseModel):
    count: int = None
    mode: t.Literal["a"] = "unset"
    items: list[int] = ()


case("defaults that do not validate", BadDefault, BadDefault(), BadDefault(count=1, mode="a", items=[]))


class HiddenNull(BaseModel):
    a: int | p.json_schema.SkipJsonSchema[None] = None
    b: t.Annotated[str | None, Field(json_schema_extra=lambda s: s.pop("default", None))] = None


case("null hidden from the schema", HiddenNull, HiddenNull(), HiddenNull(a=1, b="x"))


class OddExtras(BaseModel):
    phone: str = Field(json_schema_extra={"format": "phone"})
    bad: str = Field(default="x", json_schema_extra={"pattern": "("})
    either: t.Annotated[int | str, p.WithJsonSchema({"oneOf": [{"type": "integer"}, {"type": "string"}]})] = 1
    pair: t.Annotated[
        list[int], p.WithJsonSchema({"type": "array", "prefixItems": [{"type": "integer"}], "items": False})
    ] = [1]
    listed: t.Annotated[str, p.WithJsonSchema({"type": "string", "enum": ["a", "b"], "minLength": 1})] = "a"
    types: t.Annotated[int | None, p.WithJsonSchema({"type": ["integer", "null"]})] = None


case(
    "odd schemas by hand",
    OddExtras,
    OddExtras(phone="1"),
    OddExtras(phone="", bad="(", either="s", listed="b", types=3),
)


class Configured(BaseModel):
    model_config = ConfigDict(
        str_to_lower=True,
        str_min_length=1,
        str_max_length=5,
        protected_namespaces=(),
        use_attribute_docstrings=True,
        defer_build=True,
        validate_assignment=True,
        coerce_numbers_to_str=True,
    )
    model_name: str
    """The name of the model, said by a docstring."""
    model_type: str = "x"


case(
    "configured model", Configured, Configured(model_name="abc"), Configured(model_name="12", model_type="y")
)


class Temporal(BaseModel):
    model_config = ConfigDict(ser_json_temporal="milliseconds")
    at: dt.datetime
    day: dt.date = dt.date(2020, 1, 1)
    span: dt.timedelta = dt.timedelta(seconds=1)


case(
    "temporal settings", Temporal, Temporal(at=dt.datetime(2020, 1, 1, tzinfo=UTC), span=dt.timedelta(days=3))
)


class PostInit(BaseModel):
    a: int
    doubled: int = 0
    _seen: list[int] = p.PrivateAttr(default_factory=list)

    def model_post_init(self, context: t.Any) -> None:
        """Fill in what follows from the rest."""
        self.doubled = 2 * self.a
        self._seen.append(self.a)


case("post init", PostInit, PostInit(a=2))


class SelfTyped(BaseModel):
    name: str
    kids: dict[int, t.Self] = {}
    pair: tuple[t.Self, t.Self] | None = None


def family(depth: int) -> SelfTyped:
    """Return a family of `depth` generations."""
    return SelfTyped(name=str(depth), kids={depth: family(depth - 1)} if depth else {})


case(
    "self typed",
    SelfTyped,
    SelfTyped(name="a", pair=(SelfTyped(name="b"), SelfTyped(name="c"))),
    family(40),
)


class Missing(enum.Enum):
    A = "a"

    @classmethod
    def _missing_(cls, value: object) -> "Missing | None":
        return cls.A if str(value).lower() == "a" else None


class Doubled(enum.Enum):
    ONE = 1
    UNO = 1
    TWO = 2


case("enum with a fallback", Missing, Missing.A)
case("enum with an alias", Doubled, Doubled.ONE, Doubled.TWO)


class NoneToDefault(BaseModel):
    a: list[int] = Field(default_factory=list)
    b: str = "b"

    @p.field_validator("*", mode="before")
    @classmethod
    def nothing(cls, value: t.Any, info: p.ValidationInfo) -> t.Any:
        """Return the default for null."""
        return ([] if info.field_name == "a" else "was null") if value is None else value


case("validator that takes null", NoneToDefault, NoneToDefault(), NoneToDefault(a=[1], b="x"))


@pydantic.dataclasses.dataclass(kw_only=True, slots=True, frozen=True)
class AliasedData:
    a: int = Field(alias="ay")
    b: "list[AliasedData]" = Field(default_factory=list, validation_alias=p.AliasChoices("bees", "b"))


case("dataclass with aliases", AliasedData, AliasedData(ay=1), AliasedData(ay=1, bees=[AliasedData(ay=2)]))

Constrained = t.TypeVar("Constrained", int, str)


class Constraints(BaseModel, t.Generic[Constrained]):
    value: Constrained
    more: dict[str, Constrained] = {}


case("generic with constraints", Constraints[str], Constraints[str](value="1", more={"": "x"}))
case("bare generic with constraints", Constraints, Constraints(value=1), Constraints(value="1"))


class Nulls(BaseModel):
    a: None
    b: list[None] = []
    c: dict[str, int | None] | None = {}
    d: tuple[int | None, ...] | None = ()
    e: t.Any = None
    f: t.Annotated[int | None, Field(ge=1)] = 1
    g: "Nulls | None" = None


case(
    "nulls everywhere",
    Nulls,
    Nulls(a=None),
    Nulls(a=None, b=[None], c=None, d=None, f=None, g=Nulls(a=None, c={"": None}, d=(None,))),
)


class Awkward(BaseModel):
    """Says "this" */ <b>\\n

    and 'that'.
    """

    a: t.Literal["<|end|>", "a\u2028b", "🪐", "'", "`", "${x}", "{{y}}"] = Field(
        description='A "quote" \\ and\nlines\t\u0000.'
    )
    b: dict[t.Literal["key", "value"], dict[t.Literal["items"], list[t.Literal["$ref"]]]] = {}


case(
    "awkward literals and descriptions",
    Awkward,
    Awkward(a="'"),
    Awkward(a="a\u2028b", b={"key": {"items": ["$ref"]}, "value": {}}),
)
