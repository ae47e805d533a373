"""What every record type has to stand for every target; an empty list of faults is an acquittal."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator

from tests.schema.checker import violations
from tests.schema.corpus import Case
from tests.schema.same import same


def faults(case: Case, target: str, compile_schema: Any) -> list[str]:
    """Return what goes wrong when `case` is compiled for `target` and its values go there and back."""
    try:
        compiled = compile_schema(case.record_type, target)
        text = json.dumps(compiled.schema, allow_nan=False)
    except Exception as error:
        return [f"compile: {type(error).__name__}: {error}"[:400]]
    found = [f"rule: {what}" for what in broken_rules(text, compiled.name, target)]
    values = [value for value in case.values if fits(value, getattr(compiled, "target", None))]
    return found + [what for value in values for what in lost(value, compiled, text)]


def fits(value: Any, target: Any) -> bool:
    """Return whether `value` stays below the bound that a target adds to strings."""
    longest = getattr(target, "max_string", None)
    return not (longest and isinstance(value, str) and len(value) >= longest)


@lru_cache(maxsize=64)
def broken_rules(schema: str, name: str, target: str) -> list[str]:
    """Return the checker's findings; schemas that several targets share are checked for each."""
    return violations(json.loads(schema), name, target)


def lost(value: Any, compiled: Any, schema: str) -> Iterator[str]:
    """Yield what goes wrong when `value` is encoded, validated and decoded."""
    shown = repr(value)[:120]
    try:
        wire = compiled.encode(value)
        yield from (f"wire: {shown}: {what}" for what in refused(schema, wire))
        back = compiled.decode(wire)
    except Exception as error:
        yield f"trip: {shown}: {type(error).__name__}: {error}"[:400]
        return
    if not same(back, value):
        yield f"trip: {shown} came back as {back!r:.120} from {wire:.200}"


@lru_cache(maxsize=64)
def refused(schema: str, wire: str) -> list[str]:
    """Return why `wire` does not match `schema`; formats are checked too."""
    try:
        error = next(validator(schema).iter_errors(json.loads(wire, parse_constant=no_json)), None)
    except (re.error, RecursionError) as unread:
        return [f"the schema cannot be read: {unread}"]
    return [f"{error.json_path}: {error.message:.200} ({wire:.100})"] if error else []


@lru_cache(maxsize=64)
def validator(schema: str) -> Draft202012Validator:
    """Return a validator of a schema's text."""
    return Draft202012Validator(json.loads(schema), format_checker=Draft202012Validator.FORMAT_CHECKER)


def no_json(constant: str) -> Any:
    """Refuse NaN and Infinity, which Python's parser takes."""
    raise ValueError(f"{constant} is no JSON")
