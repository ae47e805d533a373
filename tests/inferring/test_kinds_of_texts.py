"""Types inferred from eight kinds of texts: code that loads, compiles everywhere, and reads the texts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from extractor import Extractor, Run
from extractor.inferring import InferredType, infer
from extractor.schema import TARGETS, compile_schema
from extractor.testing import ChatServer, reply
from tests.inferring.test_inferring import loaded


def proposed(name: str, kind: str = "text", **more: Any) -> dict[str, Any]:
    told = {"name": name, "kind": kind, "description": f"the {name}"}
    return {**told, "choices": [], "is_list": False, "members": [], **more}


def member(name: str, kind: str = "text") -> dict[str, Any]:
    return {"name": name, "kind": kind, "description": f"the {name}"}


def part(name: str, *members: dict[str, Any], is_list: bool = True) -> dict[str, Any]:
    return proposed(name, members=list(members), is_list=is_list)


@dataclass(frozen=True)
class KindOfText:
    """Texts of one kind, what a model proposes for them, and the records that it reads from them."""

    name: str
    fields: list[dict[str, Any]]
    read: list[tuple[str, dict[str, Any]]]
    left_out: tuple[str, ...] = ()
    says: str = ""


KINDS = [
    KindOfText(
        "ferry notice",
        [proposed("line"), proposed("departs", "date"), proposed("cancelled", "yes_no"), proposed("captain")],
        [
            (
                "Line A leaves on 2026-05-02 as planned. Captain: Moe.",
                {"line": "A", "departs": "2026-05-02", "cancelled": False, "captain": "Moe"},
            ),
            (
                "Line B of 2026-05-03 is cancelled.",
                {"line": "B", "departs": "2026-05-03", "cancelled": True, "captain": None},
            ),
            (
                "Line C leaves on 2026-06-11.",
                {"line": "C", "departs": "2026-06-11", "cancelled": False, "captain": None},
            ),
        ],
        ("captain",),
        "departs: Annotated[date, ",
    ),
    KindOfText(
        "seed order",
        [proposed("grower"), part("lines", member("plant"), member("grams", "integer"), member("gift"))],
        [
            (
                "Iva: 20 g kale, 5 g dill",
                {
                    "grower": "Iva",
                    "lines": [
                        {"plant": "kale", "grams": 20, "gift": None},
                        {"plant": "dill", "grams": 5, "gift": None},
                    ],
                },
            ),
            (
                "Udo: 8 g leek in gold paper",
                {"grower": "Udo", "lines": [{"plant": "leek", "grams": 8, "gift": "gold paper"}]},
            ),
            ("Pia: 3 g mint", {"grower": "Pia", "lines": [{"plant": "mint", "grams": 3, "gift": None}]}),
        ],
        ("lines/gift",),
        'plant: Annotated[str, Field(description="the plant", examples=["kale", "dill", "leek"])]',
    ),
    KindOfText(
        "tide table",
        [proposed("Hafen/Port"), proposed("high water", "number", is_list=True)],
        [
            (f"{port}: {' and '.join(map(str, some))} m", {"hafen_port": port, "high_water": some})
            for port, some in (("Husum", [3.2, 3.5]), ("Emden", [2.75]), ("Büsum", [3.1, 3.3]))
        ],
        (),
        "high_water: Annotated[list[float], ",
    ),
    KindOfText(
        "lost and found",
        [proposed("thing"), proposed("class"), proposed("finder", members=[member("name"), member("room")])],
        [
            (
                f"{thing}, {state}, found by {who} in {room}",
                {"thing": thing, "class_": state, "finder": {"name": who, "room": room}},
            )
            for thing, state, who, room in (
                ("hat", "worn", "Ann", "B2"),
                ("key", "new", "Bo", "C7"),
                ("bag", "worn", "Cy", "B4"),
                ("pen", "new", "Di", "A1"),
            )
        ],
        (),
        'class_: Annotated[Literal["new", "worn"], ',
    ),
    KindOfText(
        '"; import os #',
        [proposed("model_config"), proposed('x"""\\'), proposed("日付", "date"), proposed("2nd", "integer")],
        [
            (
                f"{word} {mark} 2026-01-0{n} {n}",
                {"model_config_": word, "x": mark, "field_": f"2026-01-0{n}", "field_2nd": n},
            )
            for n, (word, mark) in enumerate((("a1", "p"), ("b2", "q"), ("c3", "r")), 1)
        ],
        (),
        "model_config_: Annotated[str, ",
    ),
    KindOfText(
        "guess",
        [proposed("mood", choices=["glad", "sad"]), proposed("author"), proposed("rating", "integer")],
        [
            (f"So {mood}. {n} of 5.", {"mood": mood, "author": "Homer", "rating": n})
            for n, mood in enumerate(("glad", "sad", "glad"), 2)
        ],
        ("author",),  # it stands in no text: the model has invented it
        'mood: Annotated[Literal["glad", "sad"], ',
    ),
    KindOfText(
        "order",  # its parts would have the name of the record, and of each other
        [
            part("order", member("what"), is_list=False),
            part("order part", member("what"), member("n", "integer")),
        ],
        [
            (
                f"{what}, in parts: {n} {of}",
                {"order": {"what": what}, "order_part": [{"what": of, "n": n}]},
            )
            for what, n, of in (("desk", 2, "drawer"), ("lamp", 3, "bulb"), ("shelf", 4, "board"))
        ],
        (),
        "order_part: Annotated[list[OrderPartPart], ",
    ),
    KindOfText(
        "Schild",
        [
            proposed("signs", choices=['"Halt!"', "Vorfahrt\\n", "30 🚗"], is_list=True),
            proposed("lit", "yes_no", is_list=True),
            proposed("height", "number"),
        ],
        [
            (
                f"{sign}, {sign}, {height} m, {lit}",
                {"signs": [sign, sign], "lit": [lit == "an"], "height": height},
            )
            for sign, height, lit in (
                ('"Halt!"', 2.5, "an"),
                ("30 🚗", 1.25, "aus"),
                ("Vorfahrt\\n", 3.0, "an"),
            )
        ],
        (),
        "lit: Annotated[list[bool], ",
    ),
]


def inferred(kind: KindOfText) -> InferredType:
    told = {"name": kind.name, "description": f"One {kind.name}.", "fields": kind.fields}
    answers = [reply(told), *(reply(record) for _, record in kind.read)]
    with ChatServer(answers) as server, Extractor("m", base_url=server.base_url) as ex:
        texts = [text for text, _ in kind.read]
        return infer(ex, texts, kind.name, run=Run(journal=False, concurrency=1))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_code_loads_compiles_for_each_target_and_reads_the_texts_again(kind: KindOfText) -> None:
    found = inferred(kind)
    assert tuple(found.left_out) == kind.left_out
    assert "".join(kind.says.split()) in "".join(found.source.split())  # however it is wrapped
    made = loaded(found.source, found.draft.name)
    for target in TARGETS:
        assert (
            compile_schema(made, target).fingerprint == compile_schema(found.record_type, target).fingerprint
        )
    for (_, record), name in ((each, name) for each in kind.read for name in made.model_fields):
        kept = without(record, kind.left_out)
        assert made.model_validate(kept).model_dump(mode="json")[name] == kept[name]


def without(record: dict[str, Any], names: tuple[str, ...]) -> Any:
    """Return a record without some members, also of items: "lines/gift"."""
    kept = json.loads(json.dumps(record))
    for name in names:
        first, _, last = name.partition("/")
        for item in kept[first] if last else [kept]:
            del item[last or first]
    return kept


@pytest.mark.slow
def test_members_are_measured_as_fields_are() -> None:
    found = inferred(KINDS[1])
    assert found.left_out == {"lines/gift": "only one text of 3 has it"}
    assert (found.coverage["lines/plant"].values, found.coverage["lines/plant"].found) == (4, 4)
    assert found.coverage["lines/grams"].filled == 3
    assert "grams: Annotated[int, " in found.source  # each item has it
    assert "# left out: lines/gift: only one text of 3 has it" in found.source


@pytest.mark.slow
def test_what_is_proposed_twice_is_noted_and_the_first_one_counts() -> None:
    fields = [
        proposed("Grams", "integer"),
        proposed("grams", "text"),
        part("lines", member("plant"), member("Plant", "integer")),
    ]
    read = [(f"{n} g, kale", {"grams": n, "lines": [{"plant": "kale"}]}) for n in (20, 30, 40)]
    found = inferred(KindOfText("order", fields, read))
    assert found.notes == (
        "the model proposed grams twice: the first one counts",
        "the model proposed lines/plant twice: the first one counts",
    )
    assert "grams: Annotated[int, " in found.source
    assert "# the model proposed grams twice" in found.source
