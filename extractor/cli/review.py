"""`extractor review`: records corrected beside their texts, on a page of this machine, and kept as gold."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import TypeAdapter

from ..errors import ConfigError, Problem
from ..messages import JSON
from ..report import Entry
from ..review.items import Check, ReviewItem, keyed
from ..review.log import StepLog, alone
from ..review.sampling import doubtful_needed, random_needed, sample_of
from ..review.server import ReviewServer
from ..review.session import ReviewSession
from ..schema import RecordType
from ..viewing import Names
from .extract import chosen_type
from .options import SchemaOption
from .screen import echo, say, tell
from .view import Texts, entries

EPILOG = """RESULTS is what `extractor extract` and `extractor run` write, or any lines with text and record.
What is done is safe on the disk in RESULTS.review.jsonl before the page says so; accepted
records are written to the file that --gold names, as `eval`, `calibrate` and --examples read them.

Examples:

    extractor review invoices.jsonl --type invoice.py:Invoice
    extractor review invoices.jsonl -t invoice.py:Invoice --sample 50 --by uncertainty --dry-run

The page is at 127.0.0.1, for who knows its address alone; nothing leaves this machine. Stop with Ctrl-C.
"""


def review(
    results: Annotated[str, typer.Argument(metavar="RESULTS.jsonl", help="Records, as JSON Lines.")],
    record_type: Annotated[
        str | None,
        typer.Option("--type", "-t", metavar="FILE.py:Name", help="The record type, to validate by."),
    ] = None,
    schema: SchemaOption = None,
    gold: Annotated[
        str | None,
        typer.Option(metavar="FILE.jsonl", help="Where accepted records go. Default: beside RESULTS."),
    ] = None,
    text: Annotated[str | None, typer.Option(metavar="FIELD", help="The field that holds the text.")] = None,
    record: Annotated[
        str | None, typer.Option(metavar="FIELD", help="The field that holds the record.")
    ] = None,
    texts: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the files that `source` names are, too.")
    ] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="So many of the records alone.")] = None,
    by: Annotated[
        Literal["uncertainty", "random"],
        typer.Option(help="Which ones, and in which order: the least sure first, or drawn at random."),
    ] = "uncertainty",
    precision: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="The share of right values that is wanted in the end.")
    ] = 0.95,
    assurance: Annotated[
        float, typer.Option(min=0.5, max=0.9999, help="With which probability it is to hold.")
    ] = 0.95,
    within: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="How closely random records are to tell a share.")
    ] = 0.05,
    name: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="Who reviews. Default: the user of this machine."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell how many records have to be looked at.")
    ] = False,
) -> None:
    """Correct records by keyboard beside their texts, the least sure values first; keep them as gold."""
    wanted = chosen_type(record_type, schema)
    files = Texts([Path(results).parent, *([texts] if texts else [])])
    adapter = None if isinstance(wanted, dict) else TypeAdapter(wanted)
    dump = RecordType.of(wanted).dump
    found = entries(results, Names(text, record), adapter, files)
    shown = [each for each in found if each.record is not None and each.text]
    if not shown:
        raise ConfigError(f"{results} has no record with its text; --text and --texts say where texts are")
    if len(shown) < len(found):
        say(f"Lines without a record or without their text, which are left out: {len(found) - len(shown)}.")
    items = keyed(_item(each, adapter, dump) for each in shown)
    say(needed(items, precision, assurance, within))
    if dry_run:
        return
    target, steps = gold or f"{Path(results).with_suffix('')}.gold.jsonl", f"{results}.review.jsonl"
    if Path(target).absolute() == Path(results).absolute():
        raise ConfigError(f"--gold {target} is RESULTS, and would be overwritten")
    with alone(steps), closing(StepLog(steps)) as log:
        if log.history.damaged:
            say(f"Lines of {steps} that a crash cut off: {log.history.damaged}.", "yellow")
        who, some = name or getpass.getuser(), sample_of(items, sample, by)
        session = ReviewSession(some, log, check_of(wanted), target, who, _now, items)
        with ReviewServer(session, port) as server, suppress(KeyboardInterrupt), server.saving():
            echo(server.url)
            tell("Open this address in a browser of this machine; it is for you alone. Ctrl-C ends it.")
            server.serve_forever(poll_interval=0.2)
        tell(f"{session.save():,} accepted records are in {target}.")


def needed(items: Sequence[ReviewItem], precision: float, assurance: float, within: float) -> str:
    """Return in words how many records have to be looked at: the least sure ones, for what is wanted
    to hold of all; and how many at random, to tell how many are right.
    """
    doubtful = doubtful_needed([[*item.sureness.values()] for item in items], precision, assurance)
    drawn = random_needed(len(items), within, assurance)
    told = all(item.confidence for item in items)
    trust = "if confidence is a probability" if told else "by a guess: confidence is not told for all"
    return (
        f"Of {len(items):,} records the {doubtful:,} least sure have to be looked at, so that "
        f"{precision:.1%} of all values are right with {assurance:.0%} assurance, {trust}. "
        f"To tell the share of right records within {within:.1%} either way: {drawn:,} drawn at random."
    )


def check_of(record_type: Any) -> Check:
    """Return what tells what is wrong with a record of a type."""
    check = RecordType.of(record_type).checker(written=True)

    def checked(record: JSON, text: str) -> Sequence[Problem]:
        return check(json.dumps(record).encode("utf-8", "replace"), text)

    return checked


def _item(entry: Entry, adapter: TypeAdapter[Any] | None, dump: Callable[[Any], JSON]) -> ReviewItem:
    record = entry.record
    if adapter is not None:
        with suppress(ValueError):  # what does not fit is shown as it is, with what is wrong
            record = dump(adapter.validate_json(json.dumps(record)))
    places = {where: [(span.start, span.end) for span in some] for where, some in entry.evidence.items()}
    return ReviewItem("", entry.title, entry.text, record, places, dict(entry.confidence))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
