"""`extractor journal`: inspect, export and prune the journal of paid answers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError
from ..tables.values import to_json
from .output import opened
from .screen import echo, say

if TYPE_CHECKING:
    from ..bulk.journal import JournalAddress, Store

app = typer.Typer(
    rich_markup_mode="markdown",
    help="The journal keeps the answers of bulk runs, so that none is paid for twice.",
    no_args_is_help=True,
)
PlaceOption = Annotated[
    str | None,
    typer.Option(
        "--journal",
        metavar="FILE|URL",
        help="A file, or redis://HOST:6379/0. Default: the one in the cache folder.",
    ),
]
DAY = 86_400


@app.command("stats", epilog="Example: `extractor journal stats`")
def stats(journal: PlaceOption = None) -> None:
    """Print how many answers the journal has, of which models, and from when."""
    with _store(journal) as (store, place):
        found = store.stats()
    echo(f"{place}  {found.size / 1e6:,.1f} MB")
    between = f" from {_day(found.oldest)} to {_day(found.newest)}" if found.answers else ""
    echo(f"{found.answers:,} answers{between}")
    for model, answers in found.models.items():
        echo(f"  {model}  {answers:,}")
    echo(f"{found.claimed:,} being requested now, {found.lost:,} lost with a process that died")


@app.command("export", epilog="Example: `extractor journal export -o answers.jsonl`")
def export(
    journal: PlaceOption = None,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="The file to write. Only you may read it.")
    ] = "-",
) -> None:
    """Write each answer as a line of JSON: key, model, time, status and the body as it was received."""
    with _store(journal) as (store, _), opened(output) as out:
        for key, kept in store.export():
            line = {
                "key": key.hex(),
                "model": kept.model,
                "at": datetime.fromtimestamp(kept.at, UTC).isoformat(),
                "status": kept.status,
                "request_id": kept.request_id,
                "latency": kept.latency,
                "body": _body(kept.body),
            }
            out.write(to_json(line) + "\n")


@app.command("prune", epilog="Example: `extractor journal prune --older-than 90`")
def prune(
    older_than: Annotated[
        float, typer.Option(min=0, metavar="DAYS", help="0 forgets all.", show_default=False)
    ],
    journal: PlaceOption = None,
) -> None:
    """Forget old answers. Rows that need them are paid for again."""
    with _store(journal) as (store, _):
        forgotten = store.prune(time.time() - older_than * DAY)
    say(f"{forgotten:,} answers forgotten")


@contextmanager
def _store(journal: str | None) -> Iterator[tuple[Store, Path | JournalAddress]]:
    from ..bulk.journal import find_store, place_of

    place = place_of(journal)
    store = find_store(place)
    if store is None:
        raise ConfigError(f"there is no journal {place}; a bulk run creates one")
    with closing(store):
        yield store, place


def _day(at: float | None) -> str:
    return datetime.fromtimestamp(at or 0, UTC).strftime("%Y-%m-%d")


def _body(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
