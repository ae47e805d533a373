"""Unions that are too wide for one request: first their kinds are asked for, then only what was chosen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import pytest
from pydantic import BaseModel, Field, create_model

from extractor import Extractor, Outcome, Run
from extractor.schema import RecordType
from extractor.testing import ChatServer, refusal, reply
from tests.parts.wide import schema_of

pytestmark = pytest.mark.slow
TEXT = "A note with one value, v1."


def kinds(count: int, fields: int, tagged: bool = True) -> Any:
    """Return a union of so many models of so many fields."""
    models: list[Any] = []
    for i in range(count):
        members: dict[str, Any] = {f"f{i}_{j}": (str | None, None) for j in range(fields)}
        tag: dict[str, Any] = {"kind": (Literal[f"k{i}"], ...)} if tagged else {}
        models.append(create_model(f"Kind{i}", __doc__=f"Kind number {i}.", **tag, **members))
    union = Union[tuple(models)]  # noqa: UP007  (made at run time)
    return Annotated[union, Field(discriminator="kind")] if tagged else union


MANY, LARGE, PLAIN = kinds(40, 3), kinds(3, 150), kinds(3, 150, tagged=False)


def record_type(**members: Any) -> type[BaseModel]:
    return create_model("Note", **{name: (kind, ...) for name, kind in members.items()})


def answered(schema: Any, record: Any) -> Any:
    """Return what a strict schema asks for, of a record whose objects say their kind."""
    defs = schema.get("$defs", {})

    def of(node: Any, value: Any) -> Any:
        if "$ref" in node:
            return of(defs[node["$ref"].removeprefix("#/$defs/")], value)
        if "anyOf" in node:
            return None if value is None else next(m for m in (of(b, value) for b in node["anyOf"]) if m)
        if node["type"] == "object" and isinstance(value, dict):
            kind = str(node["properties"].get("kind", ""))
            is_of = not kind or f"'{value.get('kind')}'" in kind
            return {k: of(part, value.get(k)) for k, part in node["properties"].items()} if is_of else None
        return [of(node["items"], item) for item in value] if node["type"] == "array" else value

    return of(schema, record)


def telling(record: Any) -> Any:
    return lambda request: reply(answered(schema_of(request), record))


def client(server: ChatServer, **options: Any) -> Extractor:
    return Extractor("azure:m", base_url=server.base_url, api_key="k", max_retries=0, **options)


def test_the_kind_is_asked_first_and_then_only_the_chosen_model() -> None:
    kind = record_type(title=str, item=MANY)
    record = {"title": "t", "item": {"kind": "k7", "f7_1": "v1"}}
    with ChatServer(telling({**record, "kind_item": "k7"})) as server, client(server) as ex:
        result = ex.run(kind, TEXT)
    assert result.unwrap() == kind.model_validate(record)
    first, second = map(schema_of, server.requests)
    assert first["properties"]["kind_item"]["enum"] == [f"k{i}" for i in range(40)]
    assert "k7: Kind number 7." in first["properties"]["kind_item"]["description"]
    assert "f7_2" in str(second)
    assert "f8_0" not in str(second)
    assert (result.parts[0].fields, result.parts[0].found) == (("/item",), {"kind_item": "k7"})
    assert len(result.attempts) == 2


@pytest.mark.parametrize("union", [LARGE, PLAIN], ids=["discriminated", "plain"])
def test_a_chosen_model_that_is_too_large_is_asked_for_in_parts_without_json_text(union: Any) -> None:
    kind = record_type(item=union)
    tag, label = ({"kind": "k1"}, "k1") if union is LARGE else ({}, "Kind1")
    record = {"item": {**tag, "f1_0": "a", "f1_149": "b"}}
    with ChatServer(telling({**record, "kind_item": label})) as server, client(server) as ex:
        planned = len(ex.preview(kind, TEXT).parts)
        result = ex.run(kind, TEXT)
    assert result.unwrap() == kind.model_validate(record)
    assert type(result.record.item).__name__ == "Kind1"
    assert len(server.requests) == len(result.parts) == planned == 3
    assert not any("JSON text" in str(schema_of(request)) for request in server.requests)


def test_items_of_several_kinds_are_asked_for_with_the_kinds_that_occur() -> None:
    kind = record_type(items=list[MANY])
    items = [{"kind": "k3", "f3_0": "a"}, {"kind": "k9", "f9_0": "b"}, {"kind": "k3", "f3_0": "c"}]
    script = telling({"items": items, "kind_items": ["k3", "k9"]})
    with ChatServer(script) as server, client(server) as ex:
        assert ex.extract(kind, TEXT) == kind.model_validate({"items": items})
    assert "k4" not in str(schema_of(server.requests[1]))


def test_a_union_that_may_be_absent_may_have_no_kind() -> None:
    kind = record_type(title=str, item=MANY | None)
    with (
        ChatServer(telling({"title": "t", "item": None, "kind_item": None})) as server,
        client(server) as ex,
    ):
        assert ex.extract(kind, TEXT) == kind.model_validate({"title": "t", "item": None})


def test_a_union_of_json_schemas_at_the_root_is_decided_first_too() -> None:
    objects = [
        {
            "title": f"T{i}",
            "type": "object",
            "properties": {f"p{i}_{j}": {"type": "string"} for j in range(60)},
        }
        for i in range(3)
    ]
    with ChatServer(telling({"kind": "T2", "p2_5": "v1"})) as server, client(server) as ex:
        assert ex.extract({"anyOf": objects}, TEXT)["p2_5"] == "v1"
    assert schema_of(server.requests[0])["properties"]["kind"]["enum"] == ["T0", "T1", "T2"]


def test_a_union_inside_of_a_union_is_decided_after_it() -> None:
    asked = RecordType.of(record_type(items=list[Union[str, LARGE]]))  # noqa: UP007
    forks = list[Any]()
    while found := asked.forks(["azure"], asked.divided(["azure"])):
        forks += [(fork.pointer, len(fork.labels)) for fork in found]
        asked = asked.narrowed(tuple((fork.place, (fork.largest,)) for fork in found))
    assert forks == [("/items/*", 2), ("/items/*", 3)]
    assert len(asked.divided(["azure"])) == 2


def test_a_chunk_of_a_long_text_may_have_no_kind() -> None:
    asked = RecordType.of(record_type(title=str, item=MANY))
    for each, optional in ((asked, False), (asked.chunked(), True)):
        assert [fork.optional for fork in each.forks(["azure"], each.divided(["azure"]))] == [optional]


def test_if_no_kind_is_found_the_error_names_the_union() -> None:
    with ChatServer(refusal("no")) as server, client(server) as ex:
        result = ex.run(record_type(item=MANY), TEXT)
    assert result.outcome is Outcome.REFUSED
    assert "which kinds it has (/item) was not found" in str(result.error)
    assert len(result.attempts) == len(server.requests) == 1


def test_examples_are_not_shown_where_kinds_are_asked_first() -> None:
    kind = record_type(item=MANY)
    record = {"item": {"kind": "k7"}}
    with ChatServer(telling({**record, "kind_item": "k7"})) as server, client(server) as ex:
        ex.extract(kind, TEXT, examples=[("Another note.", {"item": {"kind": "k8"}})])
    assert not any("Another note." in json.dumps(request.json) for request in server.requests)


@pytest.mark.parametrize("mode", ["live", "batch"])
def test_rows_are_asked_for_their_kinds_too_and_nothing_twice(tmp_path: Path, mode: Any) -> None:
    kind = record_type(title=str, item=MANY)
    record = {"title": "t", "item": {"kind": "k7", "f7_1": "v1"}}
    run = Run(mode=mode, journal=tmp_path / "j.sqlite")
    with (
        ChatServer(telling({**record, "kind_item": "k7"})) as server,
        Extractor("azure:m", base_url=server.base_url, api_key="k") as ex,
    ):
        for _ in range(2):
            rows = list(ex.rows([TEXT, "Again."], kind, run=run))
            assert [row.record for row in rows] == [kind.model_validate(record)] * 2
            asked = len(server.requests)
        assert asked == len(server.requests)
