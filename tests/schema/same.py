"""Equality without Python's kindness: 1 is not True, 1 is not 1.0, Decimal("1.0") is not Decimal("1.00")."""

import dataclasses
import datetime
import math
import re
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

from pydantic import BaseModel


def same(a: Any, b: Any) -> bool:
    """Return whether `a` and `b` have the same type and the same content, all the way down."""
    if type(a) is not type(b):
        return False
    return next(rule for kind, rule in RULES if isinstance(a, kind))(a, b)


def _same_model(a: BaseModel, b: BaseModel) -> bool:
    return all(
        same(getattr(a, part), getattr(b, part))
        for part in ("__dict__", "__pydantic_extra__", "__pydantic_private__")
    )


def _same_dataclass(a: Any, b: Any) -> bool:
    return all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))


def _same_mapping(a: Mapping[Any, Any], b: Mapping[Any, Any]) -> bool:
    return _same_unordered(a.items(), b.items())


def _same_default_dict(a: Any, b: Any) -> bool:
    return a.default_factory is b.default_factory and _same_mapping(a, b)


def _same_sequence(a: Any, b: Any) -> bool:
    return len(a) == len(b) and all(map(same, a, b))


def _same_deque(a: Any, b: Any) -> bool:
    return a.maxlen == b.maxlen and _same_sequence(a, b)


def _same_unordered(a: Iterable[Any], b: Iterable[Any]) -> bool:
    return _same_sequence(sorted(a, key=_rank), sorted(b, key=_rank))


def _same_float(a: float, b: float) -> bool:
    return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))


def _same_moment(a: Any, b: Any) -> bool:
    return a.replace(tzinfo=None) == b.replace(tzinfo=None) and a.utcoffset() == b.utcoffset()


def _rank(value: Any) -> tuple[str, str]:
    return type(value).__name__, repr(value)


RULES: tuple[tuple[type | tuple[type, ...], Callable[[Any, Any], bool]], ...] = (
    (Enum, lambda a, b: a == b),
    (BaseModel, _same_model),
    (float, _same_float),
    (Decimal, lambda a, b: str(a) == str(b)),
    (datetime.datetime, _same_moment),
    (datetime.time, _same_moment),
    (re.Pattern, lambda a, b: (a.pattern, a.flags) == (b.pattern, b.flags)),
    (OrderedDict, lambda a, b: _same_sequence(list(a.items()), list(b.items()))),
    (defaultdict, _same_default_dict),
    (Mapping, _same_mapping),
    (deque, _same_deque),
    ((list, tuple), _same_sequence),
    ((set, frozenset), _same_unordered),
    (object, lambda a, b: _same_dataclass(a, b) if dataclasses.is_dataclass(a) else a == b),
)
