"""The ten commonest tasks in extractor, instructor and langextract: lines and concepts, each really run.

    python -m tests.benchmarks.commonest_tasks --peers DIR

DIR has an environment for each of the others: DIR/instructor and DIR/langextract. A server of this machine
answers from the text. Lines: those of the task's function as `ruff format` sets them, without blank ones and
its `def`; the record type, the texts and a key are given. Concepts: different names out of libraries, that is
names imported, attributes and keywords.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from extractor.testing import ChatServer, ReceivedRequest, Scripted, calls, reply

FOLDER = Path(__file__).parent / "tasks"
TASKS = {  # what each has to give
    "one_record": ("one record from a text", r"Invoice\(number='A-17', total=1250.0\)"),
    "instructions_and_examples": (
        "with instructions and an example",
        r"Invoice\(number='A-17', total=1250.0\)",
    ),
    "list_of_items": ("a list of items", r"\[Line\(article='chairs', amount=100.0\), Line\(.*300.0\)\]"),
    "where_values_stand": (
        "where in the text each value stands",
        r".*number', 8, 12\), .*'/?total', 25, 32\)",
    ),
    "many_texts_resumed": (
        "many texts at once; failures kept, done ones not paid again",
        r"\[(Invoice\(.*?\)(, )?){8}\]",
    ),
    "data_frame": ("columns of a DataFrame, failures kept", r"(?s).*body +number +total.*A-8 +8.0"),
    "long_document": ("a text longer than the window", r"\[(Line\(.*?\)(, )?){1999}\]"),
    "picture": ("an image", r"Invoice\(number='A-17', total=1250.0\)"),
    "as_it_comes": ("the record as it comes", r"(?s).*A-17.*1250.0"),
    "score_on_labels": ("a score on labelled texts", r".*1\.0"),
}
INVOICE = re.compile(r"Invoice (\S+)\. Total due: ([\d.]+) EUR")
LINE = re.compile(r"\d+ (\w+) (\d+\.\d\d)")


class Size(NamedTuple):
    """What a task takes."""

    lines: int
    concepts: int


def text_of(request: ReceivedRequest) -> str:
    """Return the text that is asked about."""
    content = request.json["messages"][-1]["content"]
    if isinstance(content, list):
        content = "\n".join(part.get("text", "") for part in content)
    said: str = content
    return said.rpartition("Q: ")[2]


def filled(schema: dict[str, Any], text: str, whole: dict[str, Any]) -> Any:
    """Return what a schema asks for, out of a text."""
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
    lines = [{"article": article, "amount": float(amount)} for article, amount in LINE.findall(text)]
    number, total = next(iter(INVOICE.findall(text)), ("A-17", "1250.00"))
    members = schema.get("properties", {})
    if schema.get("type") == "array":
        return lines
    if "number" in members:
        return {"number": number, "total": float(total)}
    if not members:
        return {"number": number, "total": total}
    return {name: filled(member, text, whole) for name, member in members.items()}


def answer(request: ReceivedRequest) -> Scripted:
    """Return what a model would say."""
    body, text = request.json, text_of(request)
    if "tools" in body:
        function = body["tools"][0]["function"]
        told = filled(function["parameters"], text, function["parameters"])
        return calls((function["name"], told))
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
    if "extractions" in str(schema) or "extractions" in str(body["messages"]):
        return reply(json.dumps({"extractions": extractions(text)}))
    return reply(filled(schema, text, schema))


def extractions(text: str) -> list[dict[str, Any]]:
    """Return what langextract wants, out of a text."""
    if found := INVOICE.search(text):
        return [{"number": found[1]}, {"total": found[2]}]
    return [
        {"line": each[0], "line_attributes": {"article": each[1], "amount": each[2]}}
        for each in LINE.finditer(text)
    ]


def sizes(path: Path) -> dict[str, Size]:
    """Return what each task of a module takes."""
    source = path.read_text("utf-8")
    return {
        node.name: Size(len(_lines(node, source)), len(_names(node)))
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
    }


def _lines(task: ast.FunctionDef, source: str) -> list[str]:
    lines = source.splitlines()[task.body[0].lineno - 1 : task.end_lineno]
    return [line for line in lines if line.strip()]


def _names(task: ast.FunctionDef) -> set[str]:
    names = set[str]()
    for node in ast.walk(task):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.keyword) and node.arg:
            names.add(node.arg)
    return names


def carried_out(python: str, module: str) -> dict[str, str | None]:
    """Return by task why it failed, None where it gave what it has to."""
    with ChatServer(answer) as server, tempfile.TemporaryDirectory() as folder:
        own = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "any", "EXTRACTOR_CACHE": folder}
        command = [python, str(FOLDER / "carried_out.py"), module]
        path = {"PYTHONPATH": str(FOLDER.parents[2])} if python == sys.executable else {}
        ended = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **own, **path},
            capture_output=True,
            text=True,
            check=False,
        )
    found = json.loads(ended.stdout.splitlines()[-1]) if ended.stdout else {}
    return {name: _why(told, TASKS[name][1], ended.stderr) for name, told in found.items()}


def _why(told: dict[str, str], pattern: str, noise: str) -> str | None:
    if "failed" in told:
        return told["failed"]
    return None if re.match(pattern, told["gave"]) else f"gave {told['gave'][:400]} {noise[-200:]}"


def table(found: dict[str, dict[str, Size]]) -> str:
    """Return the table of the documentation. found: by library and task."""
    head = ["| task | " + " | ".join(found) + " |", "| --- " * (len(found) + 1) + "|"]
    rows = [
        f"| {said} | " + " | ".join(_cell(tasks.get(name)) for tasks in found.values()) + " |"
        for name, (said, _) in TASKS.items()
    ]
    return "\n".join([*head, *rows])


def _cell(size: Size | None) -> str:
    return "no way" if size is None else f"{size.lines} lines, {size.concepts} names"


def main() -> None:
    """Run all, and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--peers", type=Path, required=True)
    peers = options.parse_args().peers
    found = {}
    for library in ("extractor", "instructor", "langextract"):
        python = sys.executable if library == "extractor" else str(peers / library / "bin" / "python")
        module = f"with_{library}"
        ended = carried_out(python, module)
        for name, why in ended.items():
            if why is not None:
                print(f"{library}: {name}: {why}", file=sys.stderr)
        taken = sizes(FOLDER / f"{module}.py")
        found[library] = {name: size for name, size in taken.items() if ended.get(name, "not run") is None}
    print(table(found))


if __name__ == "__main__":
    main()
