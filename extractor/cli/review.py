"""`extractor review`: records corrected beside their texts, on a page of this machine, and kept as gold."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import TypeAdapter

from ..errors import ConfigError, Problem
from ..messages import JSON
from ..report import Entry
from ..review.documents import ReviewDocuments
from ..review.items import Check, ReviewItem, keyed, least_sure_first
from ..review.log import StepLog, alone
from ..review.sampling import doubtful_needed, random_needed, sample_of
from ..review.server import ReviewServer
from ..review.session import ReviewSession
from ..schema import RecordType
from ..viewing import Names
from .grouping import grouping
from .options import SchemaOption, TextReading, chosen_type
from .screen import echo, say, tell
from .view import ResultFields, Texts, entries

EPILOG = """RESULTS is a file of `extractor extract` or `extractor run`, or any JSON Lines with text
and record. Each step is on disk in RESULTS.review.jsonl before the page shows it as done. Accepted records
are written to the file of --gold, in the format that `eval`, `calibrate` and --examples read.

Examples:

    extractor review invoices.jsonl --type invoice.py:Invoice
    extractor review invoices.jsonl -t invoice.py:Invoice --sample 50 --by uncertainty --dry-run

The page is served at 127.0.0.1 under a secret address; nothing leaves this machine. Stop with Ctrl-C.
"""


@dataclass(frozen=True, kw_only=True)
class SamplingOptions:
    """Which records are reviewed, and what for."""

    sample: Annotated[int | None, typer.Option(min=1, help="Review only so many of the records.")] = None
    by: Annotated[
        Literal["uncertainty", "escalation", "random"],
        typer.Option(
            help="Which records come first: the least sure ones, those with values that --escalate left to "
            "review or took from a second model, or random ones."
        ),
    ] = "uncertainty"
    precision: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="The share of right values to reach.")
    ] = 0.95
    assurance: Annotated[
        float, typer.Option(min=0.5, max=0.9999, help="The probability with which that share holds.")
    ] = 0.95
    within: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="How precisely random records estimate a share.")
    ] = 0.05


@grouping
def review(
    results: Annotated[str, typer.Argument(metavar="RESULTS.jsonl", help="Records, as JSON Lines.")],
    record_type: Annotated[
        str | None,
        typer.Option(
            "--type", "-t", metavar="FILE.py:Name", help="The record type, which validates corrections."
        ),
    ] = None,
    schema: SchemaOption = None,
    gold: Annotated[
        str | None,
        typer.Option(metavar="FILE.jsonl", help="The file for accepted records. Default: beside RESULTS."),
    ] = None,
    *,
    held: ResultFields,
    sampling: SamplingOptions,
    name: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="NAME", help="The name of the reviewer. Default: the user of this machine."
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 0,
    documents: TextReading,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print how many records must be reviewed.")
    ] = False,
) -> None:
    """Correct records beside their texts by keyboard, the least sure values first, and save them as gold."""
    wanted = chosen_type(record_type, schema)
    files = held.files(results, documents.chosen())
    items = _items(results, wanted, held.names, files)
    say(needed(items, sampling.precision, sampling.assurance, sampling.within))
    if dry_run:
        return
    target, steps = gold or f"{Path(results).with_suffix('')}.gold.jsonl", f"{results}.review.jsonl"
    if Path(target).absolute() == Path(results).absolute():
        raise ConfigError(f"--gold {target} would overwrite RESULTS")
    with alone(steps), closing(StepLog(steps)) as log:
        if log.history.damaged:
            say(f"A crash cut off {log.history.damaged} lines of {steps}.", "yellow")
        who, some = name or getpass.getuser(), sample_of(items, sampling.sample, sampling.by)
        shown_documents = ReviewDocuments(files.read)
        session = ReviewSession(some, log, check_of(wanted), target, who, _now, items, shown_documents)
        _serve(session, port)
        tell(f"{session.save():,} accepted records are in {target}.")


def _items(results: str, record_type: Any, names: Names, files: Texts) -> list[ReviewItem]:
    """Return the records that have a text. Raises ConfigError if none has."""
    adapter = None if isinstance(record_type, dict) else TypeAdapter(record_type)
    found = entries(results, names, adapter, files, pictures=False)
    shown = [each for each in found if each.record is not None and each.text]
    if not shown:
        raise ConfigError(
            f"{results} has no record with its text; say where the texts are with --text or --texts"
        )
    if len(shown) < len(found):
        say(f"Left out {len(found) - len(shown)} lines without a record or without their text.")
    dump = RecordType.of(record_type).dump
    return keyed(_item(each, adapter, dump) for each in shown)


def _serve(session: ReviewSession, port: int) -> None:
    """Serve the page until Ctrl-C."""
    with ReviewServer(session, port) as server, suppress(KeyboardInterrupt), server.saving():
        echo(server.url)
        tell(
            "Open this address in a browser on this machine. It is secret; don't share it. Stop with Ctrl-C."
        )
        server.serve_forever(poll_interval=0.2)


def needed(items: Sequence[ReviewItem], precision: float, assurance: float, within: float) -> str:
    """Return in words how many of the least sure records have to be looked at to reach the wanted precision.
    Also how many at random, to estimate how many are right.
    """
    ordered = least_sure_first(items)
    doubtful = doubtful_needed([[*item.sureness.values()] for item in ordered], precision, assurance)
    drawn = random_needed(len(items), within, assurance)
    told = all(item.confidence for item in items)
    trust = "if confidence is a probability" if told else "as a guess, since some values have no confidence"
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
    return ReviewItem(
        "",
        entry.title,
        entry.text,
        record,
        places,
        dict(entry.confidence),
        entry.document,
        dict(entry.escalated),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
