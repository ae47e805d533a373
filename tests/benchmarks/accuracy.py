"""Right values with one model at one server: this library beside plain `openai`, `instructor` and `outlines`.

    python -m tests.benchmarks.accuracy run MODEL ROWS SET... [--systems ours openai] [--texts 12] [--skip 0]
    python -m tests.benchmarks.accuracy table ROWS

MODEL is one that `local:` knows, such as qwen2.5-coder-0.5b. A SET is a folder with `data.jsonl` (id, text,
gold, perhaps meta.schema) and the JSON Schemas of its records, or "examples" for the project's own texts.
Texts are drawn in an order of their own that is always the same; of the longest set take the shortest with
--shortest. ROWS is a file of JSON lines, numbers only, one for each text and system; what stands there is
not run again. The peers go in an environment of their own:

    python3 -m venv peers && peers/bin/pip install -e '.[local]' 'openai>=2' 'instructor>=1.10' outlines

All get the same schema, greedy decoding and up to 1,024 tokens; the peers a prompt of one line, as their
documentation shows. Ours runs with its defaults, repairs included. `--factor NAME` names a variant of ours
in the rows, and `--option KEY=JSON` says what is different in it. figures/accuracy.jsonl has the default of
2026-11-30, accuracy-nested.jsonl nested texts before and after they were laid out, accuracy-nulls.jsonl the
same replies without and with likelier nulls, accuracy-factors.jsonl what was tried beside. Their seconds are
those of two cores that others used too.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, TypeAdapter, create_model

from extractor import Extractor
from extractor.demo import examples_folder, load_kinds
from extractor.evaluation.metrics import MISSING, FieldCounts, LeafCounts, Score, flatten, score
from extractor.evaluation.rates import Scored, differences, estimates
from extractor.evidence import find_verbatim
from extractor.transport import local

PROMPT = "Extract the record from the text."
MAX_TOKENS = 1024
SEED = 7
RECORDS = ("ok", "repaired")  # outcomes with a record


@dataclass(frozen=True)
class Text:
    """One labelled text. record_type: a Pydantic model or a JSON Schema."""

    set: str
    id: str
    text: str
    gold: Any
    record_type: Any


@dataclass(frozen=True)
class Row:
    """What came of one text: counts of leaves, normalised; strings that do not stand in the text."""

    set: str
    id: str
    model: str
    system: str
    factor: str
    outcome: str
    gold: int = 0
    predicted: int = 0
    correct: int = 0
    nulls: int = 0
    correct_nulls: int = 0
    strings: int = 0
    invented: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Answer:
    """A system's record as JSON values, MISSING where it gave none, and what it took."""

    record: Any
    outcome: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


System: TypeAlias = Callable[[Text], Answer]


def texts_of(name: str, shortest: bool = False) -> list[Text]:
    """Return the labelled texts of a set, in the order in which they are taken."""
    found = list(_examples()) if name == "examples" else list(_folder(Path(name)))
    random.Random(SEED).shuffle(found)
    return sorted(found, key=lambda each: len(each.text)) if shortest else found


def _examples() -> Iterator[Text]:
    for kind in load_kinds(examples_folder()):
        for each in kind.examples:
            yield Text("examples", f"{kind.name}/{each.file}", each.text, each.gold, kind.record_type)


def _folder(folder: Path) -> Iterator[Text]:
    for line in (folder / "data.jsonl").read_text("utf-8").splitlines():
        item = json.loads(line)
        named = item.get("meta", {}).get("schema") or "schema"
        schema = json.loads((folder / f"{named}.json").read_text("utf-8"))
        yield Text(folder.name, item["id"], item["text"], item["gold"], schema)


# -- the systems


def ours(model: str, options: Mapping[str, Any]) -> System:
    ex = Extractor(f"local:{model}", **options)

    def run(text: Text) -> Answer:
        done = ex.run(text.record_type, text.text)
        found = dumped(text.record_type, done.record) if done.outcome.has_record else MISSING
        return Answer(found, str(done.outcome), done.usage.prompt_tokens, done.usage.completion_tokens)

    return run


def openai(model: str, options: Mapping[str, Any]) -> System:
    client = _client(model)

    def run(text: Text) -> Answer:
        shape = {"name": "record", "strict": True, "schema": _schema(text.record_type)}
        reply = client.chat.completions.create(
            **_asked(model, text), response_format={"type": "json_schema", "json_schema": shape}
        )
        said = reply.choices[0].message.content or ""
        return Answer(*_read(text, said), reply.usage.prompt_tokens, reply.usage.completion_tokens)

    return run


def instructor(model: str, options: Mapping[str, Any]) -> System:
    import instructor as peer

    client = peer.from_openai(_client(model), mode=peer.Mode.JSON_SCHEMA)

    def run(text: Text) -> Answer:
        try:
            record, reply = client.chat.completions.create_with_completion(
                **_asked(model, text), response_model=_model(text.record_type)
            )
        except Exception as error:
            return Answer(MISSING, type(error).__name__)
        found = record.model_dump(mode="python" if _is_model(text.record_type) else "json", by_alias=True)
        return Answer(found, "ok", reply.usage.prompt_tokens, reply.usage.completion_tokens)

    return run


def outlines(model: str, options: Mapping[str, Any]) -> System:
    import outlines as peer

    asked = peer.from_openai(_client(model), model)

    def run(text: Text) -> Answer:
        said = asked(
            peer.inputs.Chat(_asked(model, text)["messages"]),
            peer.types.JsonSchema(json.dumps(_schema(text.record_type))),
            temperature=0,
            max_tokens=MAX_TOKENS,
        )
        return Answer(*_read(text, said))

    return run


SYSTEMS: Mapping[str, Callable[[str, Mapping[str, Any]], System]] = {
    "ours": ours,
    "openai": openai,
    "instructor": instructor,
    "outlines": outlines,
}


def _client(model: str) -> Any:
    from openai import OpenAI

    server = local.shared(model)
    return OpenAI(base_url=server.base_url, api_key=server.api_key, max_retries=0, timeout=600)


def _asked(model: str, text: Text) -> dict[str, Any]:
    messages = [{"role": "system", "content": PROMPT}, {"role": "user", "content": text.text}]
    return {"model": model, "messages": messages, "temperature": 0, "max_tokens": MAX_TOKENS}


def _read(text: Text, said: str) -> tuple[Any, str]:
    try:
        if not _is_model(text.record_type):
            return json.loads(said), "ok"
        return dumped(text.record_type, TypeAdapter(text.record_type).validate_json(said)), "ok"
    except ValueError as error:
        return MISSING, type(error).__name__


def dumped(record_type: Any, record: Any) -> Any:
    return TypeAdapter(record_type).dump_python(record) if _is_model(record_type) else record


def _is_model(record_type: Any) -> bool:
    return not isinstance(record_type, Mapping)


def _schema(record_type: Any) -> Any:
    if not _is_model(record_type):
        return record_type
    from openai.lib._pydantic import to_strict_json_schema

    return to_strict_json_schema(record_type)


def _model(record_type: Any) -> type[BaseModel]:
    """Return a Pydantic model, made from a JSON Schema where that is what is given."""
    if _is_model(record_type):
        return record_type
    return _type(record_type, "Record")


def _type(node: Mapping[str, Any], name: str) -> Any:
    if "anyOf" in node:
        branches = [_type(branch, name) for branch in node["anyOf"]]
        return _union(branches)
    kinds = node.get("type")
    if "enum" in node:
        return Literal[tuple(node["enum"])]
    if isinstance(kinds, list):
        return _union([_type({**node, "type": kind}, name) for kind in kinds])
    if kinds == "array":
        return list[_type(node["items"], name)]
    if kinds == "object":
        members = {
            key: (_type(value, f"{name}_{key}"), ...) for key, value in node.get("properties", {}).items()
        }
        return create_model(name, **members)
    return {"string": str, "integer": int, "number": float, "boolean": bool, "null": type(None)}[str(kinds)]


def _union(branches: Sequence[Any]) -> Any:
    whole = branches[0]
    for branch in branches[1:]:
        whole = whole | branch
    return whole


# -- running, and the table


def row(text: Text, model: str, system: str, factor: str, answer: Answer, seconds: float) -> Row:
    tally = score(text.gold, answer.record).normalised.overall
    leaves = {} if answer.record is MISSING else flatten(answer.record)
    strings = [value for value in leaves.values() if isinstance(value, str) and value]
    return Row(
        text.set,
        text.id,
        model,
        system,
        factor,
        answer.outcome,
        tally.gold,
        tally.predicted,
        tally.correct,
        tally.nulls,
        tally.correct_nulls,
        len(strings),
        sum(not find_verbatim(value, text.text) for value in strings),
        answer.prompt_tokens,
        answer.completion_tokens,
        round(seconds, 2),
    )


def run(arguments: argparse.Namespace) -> None:
    """Append a row for each text and system that has none."""
    done = {(r.set, r.id, r.model, r.system, r.factor) for r in load(arguments.rows)}
    options = {key: json.loads(value) for key, _, value in (o.partition("=") for o in arguments.option)}
    for system in arguments.systems:
        factor = arguments.factor if system == "ours" else ""
        ask = SYSTEMS[system](arguments.model, options)
        for name in arguments.sets:
            for text in texts_of(name, arguments.shortest)[arguments.skip :][: arguments.texts]:
                if (text.set, text.id, arguments.model, system, factor) in done:
                    continue
                began = time.perf_counter()
                answer = ask(text)
                made = row(text, arguments.model, system, factor, answer, time.perf_counter() - began)
                with arguments.rows.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(made)) + "\n")
    table(arguments)


def load(rows: Path) -> list[Row]:
    return [Row(**json.loads(line)) for line in rows.read_text("utf-8").splitlines()] if rows.exists() else []


def scored(made: Row) -> Scored:
    tally = LeafCounts(made.gold, made.predicted, made.correct, made.nulls, made.correct_nulls)
    whole = Score(1, int(made.outcome in RECORDS), normalised=FieldCounts({"": tally}))
    return Scored(made.id, made.outcome, whole, tokens=tokens(made), seconds=made.seconds)


def table(arguments: argparse.Namespace) -> None:
    """Print a line for each model, set and system; the difference is to plain `openai`, on the same texts."""
    rows = load(arguments.rows)
    by_model = defaultdict[str, list[Row]](list)
    for each in rows:
        by_model[each.model].append(each)
    print(
        "| model | set | system | texts | F1 | to openai | invented | nulls kept | no record | tokens | s |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for model, of_model in by_model.items():
        for name in [*dict.fromkeys(each.set for each in of_model), None]:
            chosen = [each for each in of_model if name in (each.set, None)]
            for line in lines(model, name or "all", chosen):
                print(line)


def lines(model: str, name: str, rows: Sequence[Row]) -> Iterator[str]:
    """Yield a line for each system, over the texts that all of them have read."""
    by_system = defaultdict[tuple[str, str], dict[tuple[str, str], Row]](dict)
    for each in rows:
        by_system[each.system, each.factor][each.set, each.id] = each
    both = set.intersection(*(set(found) for found in by_system.values()))
    if not both:
        return
    plain = (
        [scored(by_system["openai", ""][key]) for key in sorted(both)] if ("openai", "") in by_system else []
    )
    for (system, factor), found in by_system.items():
        chosen = [found[key] for key in sorted(both)]
        own = [scored(each) for each in chosen]
        f1 = estimates(own)["value F1"].value
        change = differences(plain, own)["value F1"] if plain and system != "openai" else None
        told = f"{change.value:+.3f} ({change.low:+.3f} to {change.high:+.3f})" if change else ""
        cells = (
            model,
            name,
            f"{system} {factor}".strip(),
            len(chosen),
            f"{f1 or 0:.3f}",
            told,
            f"{sum(each.invented for each in chosen)} of {sum(each.strings for each in chosen)}",
            f"{sum(each.correct_nulls for each in chosen)} of {sum(each.nulls for each in chosen)}",
            sum(each.outcome not in RECORDS for each in chosen),
            round(sum(tokens(each) for each in chosen) / len(chosen)),
            f"{sum(each.seconds for each in chosen) / len(chosen):.1f}",
        )
        yield f"| {' | '.join(map(str, cells))} |"


def tokens(each: Row) -> int:
    return (each.prompt_tokens or 0) + (each.completion_tokens or 0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    runs = commands.add_parser("run")
    runs.add_argument("model")
    runs.add_argument("rows", type=Path)
    runs.add_argument("sets", nargs="+")
    runs.add_argument("--systems", nargs="+", choices=SYSTEMS, default=["ours", "openai"])
    runs.add_argument("--texts", type=int, default=12)
    runs.add_argument("--skip", type=int, default=0)
    runs.add_argument("--shortest", action="store_true")
    runs.add_argument("--factor", default="")
    runs.add_argument("--option", action="append", default=[], metavar="KEY=JSON")
    runs.set_defaults(do=run)
    tables = commands.add_parser("table")
    tables.add_argument("rows", type=Path)
    tables.set_defaults(do=table)
    arguments = parser.parse_args()
    arguments.do(arguments)


if __name__ == "__main__":
    main()
