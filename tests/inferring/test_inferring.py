"""A record type out of texts: names made safe, code made of data, fields measured on the texts."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from extractor import ConfigError, Extractor, Run
from extractor.inferring import DraftField, TypeDraft, infer, source_of
from extractor.inferring.drafts import (
    ProposedField,
    ProposedMember,
    ProposedType,
    class_name,
    draft_of,
    field_name,
    record_type_of,
)
from extractor.testing import ChatServer, reply
from extractor.tuning.candidates import ProposedMeanings, ProposedWording

KINDS = st.sampled_from(["text", "number", "integer", "yes_no", "date"])
WORDS = st.text(max_size=20) | st.sampled_from(
    ["class", "model_config", "json", "Größe", '"""', "\\", "date", "x\n\nimport os", "self", "__init__", "9"]
)
MEMBERS = st.builds(ProposedMember, name=WORDS, kind=KINDS, description=WORDS)
FIELDS = st.builds(
    ProposedField,
    name=WORDS,
    kind=KINDS,
    description=WORDS,
    choices=st.lists(WORDS, max_size=4),
    is_list=st.booleans(),
    members=st.lists(MEMBERS, max_size=3),
)
TYPES = st.builds(ProposedType, name=WORDS, description=WORDS, fields=st.lists(FIELDS, max_size=5))


def loaded(source: str, name: str) -> type[BaseModel]:
    """The record type in code, as it would be imported."""
    module = ModuleType("inferred_types")
    sys.modules[module.__name__] = module  # where Pydantic looks names up
    exec(compile(source, "inferred_types.py", "exec"), module.__dict__)
    made: type[BaseModel] = getattr(module, name)
    return made


@pytest.mark.slow
@given(TYPES)
def test_whatever_is_proposed_the_code_means_the_type_and_holds_nothing_else(proposed: ProposedType) -> None:
    draft = draft_of(proposed)
    source = source_of(draft, [proposed.description])
    kinds = {type(node) for node in ast.parse(source).body}
    assert kinds <= {ast.ImportFrom, ast.ClassDef}
    assert loaded(source, draft.name).model_json_schema() == record_type_of(draft).model_json_schema()


@pytest.mark.parametrize("asked", [ProposedType, ProposedWording, ProposedMeanings])
def test_what_a_model_proposes_is_not_held_to_pieces_of_the_texts(asked: type[BaseModel]) -> None:
    with Extractor("vllm:m", base_url="http://127.0.0.1:9/v1", grounded=True) as ex:
        sent = [str(ex.preview(each, "A kettle leaks.").json) for each in (asked, dict[str, str])]
    assert ["substring_chunks" in each for each in sent] == [False, True]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Order No.", "order_no"),
        ("orderDate", "order_date"),
        ("class", "class_"),
        ("model_config", "model_config_"),
        ("copy", "copy_"),
        ("2nd", "field_2nd"),
        ("Größe", "grosse"),
        ("Łódź", "lodz"),
        ("日付", "field_"),
        ("__import__('os')", "import_os"),
    ],
)
def test_a_name_is_made_safe(said: str, name: str) -> None:
    assert field_name(said) == name


def test_a_class_is_called_as_a_class() -> None:
    assert [class_name(each) for each in ("order line", "BaseModel", "", "1st")] == [
        "OrderLine",
        "BaseModelRecord",
        "Record",
        "Record1st",
    ]


def test_the_code_reads_as_one_would_write_it() -> None:
    line = DraftField(
        "lines",
        description="what was ordered",
        is_list=True,
        members=(DraftField("what", description="the goods", required=True), DraftField("count", "integer")),
        item="Lines",
    )
    state = DraftField("state", description="how far it is", choices=("open", "paid"), required=True)
    draft = TypeDraft("Order", "One order.", (state, DraftField("due", "date", "the last day"), line))
    assert source_of(draft, ["left out: phone: only one text of 3 has it"]) == EXPECTED


EXPECTED = '''from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

# left out: phone: only one text of 3 has it


class Lines(BaseModel):
    """what was ordered"""

    what: Annotated[str, Field(description="the goods")]
    count: Annotated[int | None, Field()] = None


class Order(BaseModel):
    """One order."""

    state: Annotated[Literal["open", "paid"], Field(description="how far it is")]
    due: Annotated[date | None, Field(description="the last day")] = None
    lines: Annotated[list[Lines], Field(description="what was ordered")] = []
'''

TEXTS = [
    "Ada ordered 2 pens, state open.",
    "Bob ordered 5 cups, state paid. Phone 0311.",
    "Eve ordered 1 book, state open.",
    "Max ordered 7 hats, state paid.",
]


def proposed_field(name: str, kind: str = "text", **more: Any) -> dict[str, Any]:
    told = {"name": name, "kind": kind, "description": f"the {name}"}
    return {**told, "choices": [], "is_list": False, "members": [], **more}


PROPOSAL = {
    "name": "order",
    "description": "One order.",
    "fields": [
        proposed_field("Who"),
        proposed_field("count", "integer"),
        proposed_field("state"),
        proposed_field("phone"),
        proposed_field("carrier"),
    ],
}
RECORDS = [
    {"who": "Ada", "count": 2, "state": "open", "phone": None, "carrier": None},
    {"who": "Bob", "count": 5, "state": "paid", "phone": "0311", "carrier": None},
    {"who": "Eve", "count": 1, "state": "open", "phone": None, "carrier": None},
    {"who": "Max", "count": 7, "state": "paid", "phone": None, "carrier": None},
]


@pytest.mark.slow
def test_fields_are_measured_on_the_texts_and_those_of_one_text_alone_are_told_apart(tmp_path: Path) -> None:
    answers, run = [reply(PROPOSAL), *map(reply, RECORDS)], Run(journal=tmp_path / "j.db", concurrency=1)
    with ChatServer(answers) as server, Extractor("m", base_url=server.base_url) as ex:
        found = infer(ex, TEXTS, "orders", run=run)
        assert infer(ex, TEXTS, "orders", run=run).source == found.source
        assert len(server.requests) == 5  # the journal has the proposal, too
        asked = server.requests[0].body.decode()
    assert "Ada ordered 2 pens" in asked
    assert len(repr(found)) < 400
    assert "orders" in asked
    assert found.left_out == {"phone": "only one text of 4 has it", "carrier": "no text has it"}
    assert [each.name for each in found.draft.fields] == ["who", "count", "state"]
    assert 'state: Annotated[Literal["open", "paid"], Field(description="the state")]' in found.source
    assert 'examples=["Ada", "Bob", "Eve"]' in found.source
    assert "# left out: phone: only one text of 4 has it" in found.source
    coverage = found.coverage["who"]
    assert (coverage.filled, coverage.values, coverage.found) == (4, 4, 4)
    assert (found.valid, found.texts, len(found.attempts)) == (4, 4, 5)
    assert loaded(found.source, "Order").model_json_schema() == found.record_type.model_json_schema()
    assert found.record_type.model_validate(RECORDS[0]).model_dump()["who"] == "Ada"


def test_sentences_of_the_texts_are_no_choices() -> None:
    """So did the 1.5B model propose for two mails."""
    said = ["Whoever reads this", "Not that I expect an answer, and for me there is no hurry."]
    fields = [
        proposed_field("receiver") | {"choices": said},
        proposed_field("state") | {"choices": ["a", "b"]},
    ]
    draft = draft_of(ProposedType.model_validate({"name": "text", "description": "", "fields": fields}))
    assert [each.choices for each in draft.fields] == [(), ("a", "b")]


def test_nothing_is_asked_without_texts_or_words() -> None:
    with ChatServer() as server, Extractor("m", base_url=server.base_url) as ex:
        for texts, about, says in (
            ([" "], "orders", "there is no text"),
            (["a"], " ", "say what you want to know"),
        ):
            with pytest.raises(ConfigError, match=says):
                infer(ex, texts, about)
        assert server.requests == ()
