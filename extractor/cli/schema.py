"""`extractor schema`: what is sent for a record type, and golden files of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from difflib import unified_diff
from pathlib import Path
from typing import Annotated, Any

import typer

from ..demo import example_types
from ..errors import ConfigError
from ..files import make_folder, replacing
from ..loading import load_schema, load_type
from ..schema import TARGETS, CompiledSchema, RecordType, compile_schema
from ..tables.values import to_json
from .options import SchemaOption
from .screen import echo, say

EPILOG = """Examples:

    extractor schema invoice.py:Invoice --target anthropic
    extractor schema invoice.py:Invoice --report
    extractor schema invoice.py:Invoice mail.py:Mail --write schemas --target openai
    extractor schema invoice.py:Invoice mail.py:Mail --check schemas --target openai

Exit status: 1 if --check finds a difference or a missing file.
"""
GOLDEN_TARGETS = ("openai", "local")


def schema(
    context: typer.Context,
    types: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TYPE...]", help="FILE.py:Name, package.module:Name, or FILE.json.", show_default=False
        ),
    ] = None,
    schema_file: SchemaOption = None,
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            metavar="NAME",
            help=f"The target servers. May be repeated: {', '.join(TARGETS)}. Default: openai; for "
            f"golden files {' and '.join(GOLDEN_TARGETS)}.",
            show_default=False,
        ),
    ] = None,
    report: Annotated[
        bool,
        typer.Option(
            "--report",
            help="Print everything: name, version of the type, fingerprint, schema, and what was done "
            "with each keyword.",
        ),
    ] = False,
    list_targets: Annotated[
        bool, typer.Option("--list-targets", help="Print the targets, with the sources of their rules.")
    ] = False,
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write the schemas to FOLDER/NAME.TARGET.json. Without TYPE: of the examples.",
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Compare the schemas with the files that --write wrote."),
    ] = None,
) -> None:
    """Print the strict JSON Schema that is sent for a record type."""
    if list_targets:
        return _print_targets()
    record_types = [*map(load_type, types or ()), *([load_schema(schema_file)] if schema_file else ())]
    golden = write or check
    if golden:
        files = golden_files(record_types or example_types(), targets or GOLDEN_TARGETS)
        return _write(golden, files) if write else _check(golden, files, rewriting(context.obj or []))
    if len(record_types) != 1:
        raise typer.BadParameter("name one record type, such as FILE.py:Name")
    for target in targets or GOLDEN_TARGETS[:1]:
        _print(record_types[0], target, report)
    return None


def golden_files(record_types: Sequence[Any], targets: Sequence[str]) -> dict[str, str]:
    """Return the strict schemas as text, by file name. Raises ConfigError if two have one name."""
    compiled = [compile_schema(each, target) for each in record_types for target in targets]
    files = {f"{each.name}.{each.target.name}.json": _text(each) for each in compiled}
    if len(files) < len(compiled):
        raise ConfigError(
            "two of the record types have the same name, so their files would overwrite each other"
        )
    return files


def differences(folder: Path, files: dict[str, str]) -> Iterator[str]:
    """Yield a unified diff for each file in `folder` that does not hold its text."""
    for name, text in files.items():
        path = folder / name
        before = path.read_text("utf-8") if path.is_file() else ""
        if before != text:
            lines = before.splitlines(keepends=True), text.splitlines(keepends=True)
            yield "".join(unified_diff(*lines, str(path), f"{name} as compiled now"))


def _text(compiled: CompiledSchema[Any]) -> str:
    return to_json(compiled.schema, indent=2) + "\n"


def _print(record_type: Any, target: str, report: bool) -> None:
    compiled = compile_schema(record_type, target)
    if not report:
        return typer.echo(_text(compiled), nl=False)
    return typer.echo(to_json(_reported(compiled, RecordType.of(record_type).fingerprint), indent=2))


def _reported(compiled: CompiledSchema[Any], version: str) -> dict[str, Any]:
    return {
        "name": compiled.name,
        "target": compiled.target.name,
        "version": version,
        "fingerprint": compiled.fingerprint,
        "schema": compiled.schema,
        "report": [asdict(note) for note in compiled.report],
    }


def _print_targets() -> None:
    for target in TARGETS.values():
        typer.echo(f"{target.name}\t{target.source}")


def _write(folder: Path, files: dict[str, str]) -> None:
    make_folder(folder, 0o755)
    for name, text in files.items():
        with replacing(str(folder / name), mode=0o644) as file:
            file.write(text.encode())
    say(f"{len(files)} schemas written to {folder}")


def _check(folder: Path, files: dict[str, str], rewrite: Sequence[str]) -> None:
    found = list(differences(folder, files))
    for difference in found:
        echo(difference, nl=False)
    missing = sum(not (folder / name).is_file() for name in files)
    changed = len(found) - missing
    if found:
        say(f"Of {len(files)} schemas, {changed} changed and {missing} are missing. If this is intended:")
        say(f"  {shlex.join(rewrite)}")
        raise typer.Exit(1)


def rewriting(arguments: Sequence[str]) -> list[str]:
    """Return the command that writes what these arguments check."""
    return [
        "extractor",
        *("--write" + each.removeprefix("--check") if _checks(each) else each for each in arguments),
    ]


def _checks(argument: str) -> bool:
    return argument.partition("=")[0] == "--check"
