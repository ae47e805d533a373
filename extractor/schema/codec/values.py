"""Strict JSON <-> what Pydantic reads: scalars, and what all codecs share.

`encode` takes a Python value and gives strict JSON; `decode` takes strict JSON and gives plain JSON
in the user's own shape. `plain` codecs decode to what they are given, so a type made of them alone is
validated straight from the text.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache, singledispatch
from pathlib import PurePath
from typing import Any

from pydantic import Secret, SecretBytes, SecretStr, TypeAdapter
from pydantic_core import PydanticSerializationError, from_json, to_json, to_jsonable_python

from ...errors import Problem
from ...messages import JSON
from ...pointers import Step, pointer

# Numbers that json would write otherwise stand as text with a lone surrogate, which no valid text can
# hold, until the whole is written. Infinities and NaN are numbers that no float can hold.
MARK = "\udcff"
NUMBERS = {"inf": "1e+999", "-inf": "-1e+999", "nan": "1e+9999"}
NAN = NUMBERS["nan"]
_BASE64 = re.compile(r"[A-Za-z0-9+/_=\s-]*")
NAMES = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


class Misfit(Exception):
    """Values have no place in the schema. Each of `faults`: reason, value, type, and the steps that
    lead there, innermost first.
    """

    def __init__(self, reason: str = "", value: Any = None, type: str = "value_error") -> None:  # noqa: A002
        super().__init__(reason)
        self.faults: list[tuple[str, Any, str, list[Step]]] = [(reason, value, type, [])]

    @classmethod
    def of(cls, misfits: Iterable[Misfit]) -> Misfit:
        """Return one misfit with the faults of all."""
        whole = cls()
        whole.faults = [fault for misfit in misfits for fault in misfit.faults]
        return whole

    def at(self, *steps: Step) -> Misfit:
        """Return this misfit, further out by `steps`, which are given outermost first."""
        for fault in self.faults:
            fault[3].extend(reversed(steps))
        return self

    def problems(self) -> list[Problem]:
        """Return the faults as problems at their pointers."""
        return [
            Problem(pointer(steps[::-1]), reason, value, kind) for reason, value, kind, steps in self.faults
        ]


@singledispatch
def text_of(value: Any) -> JSON:
    """Return a leaf's plain JSON, as Pydantic reads it. Raises Misfit."""
    if value is None or isinstance(value, bool | int | float):
        return value
    try:
        return to_jsonable_python(value)
    except PydanticSerializationError:
        return _by_its_own_serializer(value)


def _by_its_own_serializer(value: Any) -> JSON:
    try:
        cls: Any = type(value)
        return _adapter(cls).dump_python(value, mode="json")
    except Exception as error:
        if isinstance(qualified := getattr(value, "__qualname__", None), str):
            return f"{value.__module__}.{qualified}"
        raise Misfit(f"{type(value).__name__} is no JSON: {error}", repr(value)) from error


@lru_cache(maxsize=256)
def _adapter(cls: Any) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


text_of.register(str, lambda value: value if type(value) is str else str.__str__(value))
text_of.register(Enum, lambda value: text_of(value.value))
text_of.register(Decimal, str)
text_of.register(PurePath, str)
text_of.register(Secret, lambda value: text_of(value.get_secret_value()))
text_of.register(SecretStr, lambda value: value.get_secret_value())
text_of.register(re.Pattern, lambda value: text_of(value.pattern))
text_of.register(bytes, lambda value: value.decode("latin-1"))
text_of.register(complex, lambda value: str(value).strip("()"))


@text_of.register(date)
@text_of.register(time)
def _(value: date | time) -> str:
    return value.isoformat()


@text_of.register(timedelta)
def duration(value: timedelta) -> str:
    """Return a span of time as ISO 8601 has it, days as the largest unit."""
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    fraction = f".{value.microseconds:06}".rstrip("0") if value.microseconds else ""
    days = f"{value.days}D" if value.days else ""
    seconds = f"T{value.seconds}{fraction}S" if value.seconds or fraction or not days else ""
    return f"{sign}P{days}{seconds}"


def json_of(value: Any) -> JSON:
    """Return a value's own JSON, containers too. Raises Misfit."""
    if isinstance(value, dict):
        return {key: json_of(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_of(item) for item in value]
    return text_of(value)


class Codec:
    """What all codecs share: this one leaves JSON as it is."""

    plain = True

    def encode(self, value: Any) -> JSON:
        """Return strict JSON for a Python value. Raises Misfit."""
        return text_of(value)

    def decode(self, data: JSON) -> JSON:
        """Return plain JSON for strict JSON. Raises Misfit."""
        return data

    def accepts(self, value: Any) -> bool:
        """Return whether a Python value belongs here."""
        return True

    def exact(self, value: Any) -> bool:
        """Return whether it is of this very class, not of a subclass."""
        return getattr(self, "type", None) is type(value)


@dataclass(slots=True)
class Around(Codec):
    """A codec around another, which does what it does not say otherwise."""

    inner: Codec
    plain: bool = True

    def encode(self, value: Any) -> JSON:
        """As the inner codec does."""
        return self.inner.encode(value)

    def decode(self, data: JSON) -> JSON:
        """As the inner codec does."""
        return self.inner.decode(data)

    def accepts(self, value: Any) -> bool:
        """As the inner codec does."""
        return self.inner.accepts(value)

    def exact(self, value: Any) -> bool:
        """As the inner codec does."""
        return self.inner.exact(value)


@dataclass(slots=True)
class LeafCodec(Codec):
    """A scalar. type: the class of its values, None if any will do. test: says more. strict: values
    of other classes have no place here, since nothing will make them fit.
    """

    type: Any = None
    test: Callable[[Any], bool] | None = None
    strict: bool = False
    plain = True

    def encode(self, value: Any) -> JSON:
        """Return the value's own JSON."""
        if self.strict and not self._is_of_type(value):
            raise Misfit(f"is no value of its type, but {value!r:.100}", value, "type")
        return text_of(value)

    def _is_of_type(self, value: Any) -> bool:
        return isinstance(value, self.type) and (self.type is bool or not isinstance(value, bool))

    def accepts(self, value: Any) -> bool:
        """By class, then by the leaf's own constraints."""
        if self.type is None:
            return not isinstance(value, dict | list | tuple | set | frozenset) and value is not None
        if not self._is_of_type(value):
            return False
        if self.type is date and isinstance(value, datetime):
            return False
        return self.test is None or self.test(value)


class Null(Codec):
    """Null."""

    def encode(self, value: Any) -> JSON:
        """Only None."""
        if value is not None:
            raise Misfit("must be None", value, "none_required")
        return None

    def accepts(self, value: Any) -> bool:
        """Only None."""
        return value is None


@dataclass(slots=True)
class Number(Codec):
    """A float. names: infinities and NaN are said by name, since the type says that it takes them.
    bounded: it is written without exponent, which engines do not take beside bounds.
    """

    names: bool = False
    bounded: bool = False
    type: Any = float
    plain: bool = True

    def encode(self, value: Any) -> JSON:
        """Infinity is a number too large for a float, unless it has a name."""
        if not isinstance(value, float):
            said = text_of(value)
            if isinstance(said, bool) or not isinstance(said, int | float):
                raise Misfit(f"is no number, but {value!r:.100}", value, "float_type")
            return said
        value = float(value)
        if math.isfinite(value):
            return f"{MARK}{Decimal(repr(value)):f}" if self.bounded and "e" in repr(value) else value
        if self.names:
            return next(name for name, number in NAMES.items() if repr(number) == repr(value))
        return f"{MARK}{NUMBERS[repr(value)]}"

    def decode(self, data: JSON) -> JSON:
        """Names become numbers."""
        return NAMES.get(data, data) if isinstance(data, str) else data

    def accepts(self, value: Any) -> bool:
        """Floats; in plain JSON integers too."""
        return isinstance(value, self.type) and not isinstance(value, bool)


@dataclass(slots=True)
class Decimals(Codec):
    """A decimal. plain_digits: without an exponent. bare: it is a number, else text; it is read as either."""

    plain_digits: bool
    bare: bool = False
    plain: bool = False

    def encode(self, value: Any) -> JSON:
        """Return its digits."""
        value = value if isinstance(value, Decimal) else Decimal(str(value))
        digits = f"{value:f}" if self.plain_digits and value.is_finite() else str(value)
        if self.bare and digits == "-0" and not self.plain_digits:
            digits = "-0e0"  # JSON's -0 is read as the integer 0
        return f"{MARK}{digits}" if self.bare and value.is_finite() else digits

    def decode(self, data: JSON) -> JSON:
        """A number gives its digits, as they were written."""
        if isinstance(data, int) and not isinstance(data, bool):
            return str(data)
        return data.digits if isinstance(data, WrittenNumber) else data

    def accepts(self, value: Any) -> bool:
        """Only decimals."""
        return isinstance(value, Decimal)


class Bytes(Codec):
    """Bytes in base64."""

    def encode(self, value: Any) -> JSON:
        """Return base64."""
        return base64.b64encode(
            value.get_secret_value() if isinstance(value, SecretBytes) else value
        ).decode()

    def accepts(self, value: Any) -> bool:
        """Only bytes."""
        return isinstance(value, bytes | bytearray | SecretBytes)


@dataclass(slots=True)
class Encoded(Codec):
    """Text that Pydantic decodes by an encoder of its own, such as Base64Str."""

    encoder: Callable[[Any], str]
    type: Any
    plain: bool = False

    def encode(self, value: Any) -> JSON:
        """Return what the type's own encoder makes of it."""
        return self.encoder(value)

    def decode(self, data: JSON) -> JSON:
        """Return it as it is. Raises Misfit for other characters, which Python's decoder drops."""
        if isinstance(data, str) and not _BASE64.fullmatch(data):
            raise Misfit(f"is no base64, but {data!r:.100}", data, "base64_decode")
        return data

    def accepts(self, value: Any) -> bool:
        """By class."""
        return isinstance(value, self.type)


@dataclass(slots=True)
class ChoiceCodec(Codec):
    """One of a few values; `said` and `sent` are parallel to `meant`: plain JSON and strict JSON."""

    meant: list[Any]
    said: list[JSON]
    sent: list[JSON]
    plain: bool = True

    def encode(self, value: Any) -> JSON:
        """Return what stands for `value`."""
        for known in (self.meant, self.said):
            for candidate, sent in zip(known, self.sent, strict=True):
                if candidate is value or same(candidate, value):
                    return sent
        raise self._misfit(value)

    def decode(self, data: JSON) -> JSON:
        """Return the plain JSON that `data` stands for."""
        if self.plain:
            return data
        for said, sent in zip(self.said, self.sent, strict=True):
            if same(sent, data):
                return said
        raise self._misfit(data)

    def _misfit(self, value: Any) -> Misfit:
        shown = ", ".join(map(repr, self.said[:10])) + (", ..." if len(self.said) > 10 else "")
        return Misfit(f"must be one of {shown}", value, "literal_error")

    def accepts(self, value: Any) -> bool:
        """Whether there is a choice for it."""
        return any(meant is value or same(meant, value) for meant in self.meant)

    def exact(self, value: Any) -> bool:
        """Whether it is one of the choices."""
        return self.accepts(value)


def same(a: Any, b: Any) -> bool:
    """Return whether two values are equal and of one type, all inside them too: 1 is not True, but 1.0."""
    if type(a) is type(b) is list:
        return len(a) == len(b) and all(map(same, a, b))
    if type(a) is type(b) is dict:
        return a.keys() == b.keys() and all(same(value, b[key]) for key, value in a.items())
    numbers = {type(a), type(b)} <= {int, float, WrittenNumber}
    return (type(a) is type(b) or numbers) and bool(a == b)


@dataclass(slots=True)
class BoundedCodec(Around):
    """A string or an array with a length that the compiler has added: one that fills it was cut off."""

    limit: int = 0
    plain: bool = False

    def decode(self, data: JSON) -> JSON:
        """As the inner codec does, unless the bound is filled."""
        return self.inner.decode(check_length(data, self.limit))


def check_length(data: JSON, limit: int | None) -> JSON:
    """Return `data`; raise Misfit where it fills a bound that the compiler has added: it was cut off."""
    if limit is not None and isinstance(data, str | list) and len(data) >= limit:
        unit = "items" if isinstance(data, list) else "characters"
        raise Misfit(f"was cut off at {limit} {unit}", data, "bound_reached")
    return data


@dataclass(slots=True)
class Foreign(Around):
    """Values of a type with a JSON Schema of the user's own: its JSON first, then the schema's codec."""

    type: Any = None

    def encode(self, value: Any) -> JSON:
        """Encode the value's own JSON."""
        return self.inner.encode(json_of(value))

    def accepts(self, value: Any) -> bool:
        """By class, where the schema's format tells it; else by the value's JSON."""
        if self.type is not None:
            return isinstance(value, self.type)
        try:
            return self.inner.accepts(json_of(value))
        except Misfit:
            return False


@dataclass(slots=True)
class TextCodec(Around):
    """JSON text in a string where `inside`; else a plain value for which Pydantic wants JSON text."""

    inside: bool = True
    plain: bool = False

    def encode(self, value: Any) -> JSON:
        """Return JSON, or its text."""
        encoded = self.inner.encode(value)
        return dumps(encoded) if self.inside else encoded

    def decode(self, data: JSON) -> JSON:
        """Return the text's JSON, or JSON's text."""
        if not self.inside:
            return to_json(self.inner.decode(data), inf_nan_mode="constants").decode()
        if not isinstance(data, str):
            raise Misfit("must be JSON in a string", data, "string_type")
        try:
            inner = loads(data)
        except (ValueError, TypeError) as error:
            raise Misfit(f"must be JSON: {error}", data, "json_invalid") from None
        return self.inner.decode(inner)


# JSON text


class WrittenNumber(float):
    """A number as it was written."""

    digits: str

    @classmethod
    def of(cls, digits: str) -> WrittenNumber:
        """Return the number that `digits` say; NaN for the number that stands for it."""
        number = cls(math.nan if digits == NAN else digits)
        number.digits = digits
        return number


def dumps(data: JSON) -> str:
    """Return strict JSON text."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return re.sub(f'"{MARK}([^"]*)"', r"\1", text) if MARK in text else text


def loads(text: str | bytes, *, as_written: bool = False) -> JSON:
    """Return the value of JSON text. Raises ValueError, on nesting past 200 levels too.

    as_written: numbers remember their digits.
    """
    data = from_json(text, allow_inf_nan=False)
    return json.loads(text, parse_float=WrittenNumber.of) if as_written or says_nan(text) else data


def as_said(data: JSON) -> JSON:
    """Return a value of `loads` as codecs encode it, so that `dumps` writes its numbers as they were."""
    if isinstance(data, list):
        return [as_said(item) for item in data]
    if isinstance(data, dict):
        return {key: as_said(item) for key, item in data.items()}
    return f"{MARK}{data.digits}" if isinstance(data, WrittenNumber) else data


def has_too_many_digits(error: Exception) -> bool:
    """Return whether an error is about an integer with more digits than Python converts
    (`sys.set_int_max_str_digits`), and not about the JSON around it.
    """
    said = str(error)
    return isinstance(error, ValueError) and (
        "integer string conversion" in said or "number out of range" in said
    )


def says_nan(text: str | bytes) -> bool:
    """Return whether the number that stands for NaN may be in `text`."""
    return NAN in text if isinstance(text, str) else NAN.encode() in text


def each(convert: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """Return the converted items. Raises Misfit with the faults of all."""
    result: list[Any] = []
    misfits: list[Misfit] = []
    for i, item in enumerate(items):
        try:
            result.append(convert(item))
        except Misfit as misfit:
            misfits.append(misfit.at(i))
    if misfits:
        raise Misfit.of(misfits)
    return result
