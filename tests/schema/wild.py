"""JSON Schemas that people use, out of installed packages: nothing is copied, not fetched."""

from __future__ import annotations

import io
import json
import pickle
import re
import sqlite3
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin

JSON = Any
# cfn-lint holds two thousand more: taken by the command where it is installed, too heavy for the tests.
PACKAGES = ("check_jsonschema", "jsonschema_specifications", "nbformat", "validate_pyproject_schema_store")
MORE_PACKAGES = ("altair", "cfnlint")
KEYWORDS = {"$defs", "$ref", "allOf", "anyOf", "definitions", "enum", "items", "oneOf", "properties", "type"}
OLD = re.compile(r"json-schema\.org/draft-0[0-4]/")


class Wild(NamedTuple):
    """One schema, with whatever its references lead to."""

    name: str
    document: dict[str, JSON]
    documents: dict[str, JSON]


class Plain(pickle.Unpickler):
    """Reads numbers, texts, lists and dicts: no pickle can make it run anything."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name}")


def folder(package: str) -> Path | None:
    """Where an installed package is; the package itself is not imported."""
    spec = find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


@cache
def schemastore() -> dict[str, JSON]:
    """SchemaStore's catalogue, URI -> document, as the package `schemastore` caches it."""
    where = folder("schemastore")
    assert where, "the package `schemastore` is a test dependency"
    with sqlite3.connect(f"file:{where / 'cache.sqlite'}?mode=ro&immutable=1", uri=True) as store:
        replies = [
            Plain(io.BytesIO(value)).load() for (value,) in store.execute("SELECT value FROM responses")
        ]
    store.close()
    return {uri: document for reply in replies for uri, document in _reply(reply)}


def _reply(reply: Mapping[str, Any]) -> Iterator[tuple[str, JSON]]:
    try:
        document = json.loads(reply["_content"])
    except ValueError:
        return
    if is_schema(document):
        yield reply["url"], document


def packaged(package: str) -> dict[str, JSON]:
    """The JSON Schemas among a package's files, by path."""
    where = folder(package)
    paths = sorted(where.rglob("*.json")) if where else []
    found = {
        f"{package}/{path.relative_to(where)}": json.loads(path.read_text("utf-8")) for path in paths if where
    }
    return {name: document for name, document in found.items() if is_schema(document)}


def is_schema(document: JSON) -> bool:
    """Whether a document is meant as one: beside `$schema` it has a keyword of weight."""
    return isinstance(document, dict) and not KEYWORDS.isdisjoint(document)


def everything(*more: str) -> list[Wild]:
    """Every schema found, in the same order each time."""
    store = schemastore()
    files = {name: document for package in (*PACKAGES, *more) for name, document in packaged(package).items()}
    named = {_identity(document): document for document in files.values() if _identity(document)} | store
    return [
        Wild(uri, document, needed(document, named))
        for uri, document in sorted({**{u: _with_id(u, d) for u, d in store.items()}, **files}.items())
    ]


def _identity(document: dict[str, JSON]) -> str:
    identity = document.get("$id", document.get("id"))
    return identity.rstrip("#") if isinstance(identity, str) else ""


def _with_id(uri: str, document: dict[str, JSON]) -> dict[str, JSON]:
    """The document with the URI it was got from, unless it has one of its own."""
    keyword = "id" if OLD.search(str(document.get("$schema"))) else "$id"
    return document if keyword in document or "$ref" in document else {keyword: uri.split("#")[0], **document}


def needed(document: dict[str, JSON], named: Mapping[str, JSON]) -> dict[str, JSON]:
    """The documents that references lead to from here, directly and on."""
    found: dict[str, JSON] = {}
    pending = [document]
    while pending:
        each = pending.pop()
        for reference in set(re.findall(r'"\$ref": "([^"#]+)', json.dumps(each))):
            uri = urljoin(_identity(each), reference)
            at_hand = named.get(uri, named.get(f"{uri}.json"))
            if at_hand is not None and uri not in found:
                found[uri] = at_hand
                pending.append(at_hand)
    return found
