"""Plain JSON text against a record type: what is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from ..errors import Problem
from ..messages import JSON
from .documents import load, problems
from .drafts import DRAFT_2020
from .judge import JudgeRecord, format_checker
from .problems import explain
from .proof import Prove, proof_of


class Check(Protocol):
    """Says what is wrong with JSON text, () if it is a record. text: where marked values have to stand."""

    def __call__(self, data: bytes, text: str | None = None) -> Sequence[Problem]:
        """Return the problems."""
        ...


def checker_of(record_type: Any) -> Check:
    """Return the check of JSON text against a type: Pydantic's, or `jsonschema`'s for a document.

    The JSON is of the type's own shape, as Pydantic reads and `extractor run` writes it. Raises SchemaError.
    """
    if isinstance(record_type, Mapping):
        return _by_document(record_type)
    validate = TypeAdapter(record_type).validate_json

    def check(data: bytes, text: str | None = None) -> Sequence[Problem]:
        try:
            validate(data) if text is None else validate(data, context={"text": text})
        except ValidationError as error:
            return _explained(error, data)
        except Exception as error:  # what a validator of the user's own raises
            return explain(error, data)
        return ()

    return check


def _explained(error: ValidationError, data: bytes) -> Sequence[Problem]:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid" and not first["loc"]:
        return [_no_json(first["msg"])]
    return explain(error, data)


def _no_json(why: str) -> Problem:
    return Problem("", f"is no JSON: {why}", type="json_invalid")


def _by_document(document: Mapping[str, JSON]) -> Check:
    judge: JudgeRecord = problems(document)
    proves: Prove | None = proof_of(load(document), format_checker(DRAFT_2020.uri))

    def check(data: bytes, text: str | None = None) -> Sequence[Problem]:
        if text is None and proves is not None and proves(data):
            return ()
        try:
            record = from_json(data)
        except ValueError as error:
            return [_no_json(str(error))]
        return judge(record, text)

    return check
