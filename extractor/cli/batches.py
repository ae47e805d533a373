"""`extractor batches`: batches at providers, of runs with `--mode batch`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..bulk.journal import Handle, Stage, requests_of, spool_of
from ..errors import ConfigError
from .journal import PlaceOption
from .screen import echo, say

if TYPE_CHECKING:
    from ..bulk.journal import SqliteStore

app = typer.Typer(
    rich_markup_mode="markdown",
    help="List and cancel batches that are still running at a provider.",
    no_args_is_help=True,
)
IdsArgument = Annotated[
    list[str], typer.Argument(metavar="ID...", help="The id that `list` prints, or its beginning.")
]


@app.command("list", epilog="Example: `extractor batches list`")
def show(journal: PlaceOption = None) -> None:
    """Print each batch with its last known state. Nothing is requested."""
    with _opened(journal) as store:
        handles = store.batches()
    for handle in handles:
        hours = (time.time() - handle.at) / 3600
        told = f"{handle.done:,} of {handle.requests:,} answered"
        if handle.failed:
            told += f", {handle.failed:,} failed"
        state, name = handle.state or handle.stage, handle.batch or "not created yet"
        echo(f"{handle.id[:12]}  {handle.model}  {state}, {told}, {hours:.1f} h old  {name}")
    if not handles:
        say("no batch is running")


@app.command("cancel", epilog="Example: `extractor batches cancel 4f1c22d0`")
def cancel(ids: IdsArgument, journal: PlaceOption = None) -> None:
    """Ask the provider to end batches early. Finished answers are paid for: run the same command again to
    collect them and to ask for the rest.
    """
    from ..bulk import cancel

    with _opened(journal) as store:
        handles = _chosen(store.batches(), ids)
        for handle in handles:
            if handle.stage is Stage.RUNNING:
                status = asyncio.run(cancel(handle))
                store.save(handle._replace(state=status.state))
                say(f"{handle.id[:12]} is {status.state}")
            elif handle.stage is Stage.CREATING:
                say(
                    f"{handle.id[:12]} may or may not be at the provider: run the same command again "
                    "first, which finds out"
                )
            else:
                _forget(store, handle, journal)
                say(f"{handle.id[:12]} had not been created, and is forgotten")


@app.command("forget", epilog="Example: `extractor batches forget 4f1c22d0`")
def forget(ids: IdsArgument, journal: PlaceOption = None) -> None:
    """Give up batches whose answers can no longer be collected. Their rows are asked for, and paid for,
    again.
    """
    with _opened(journal) as store:
        for handle in _chosen(store.batches(), ids):
            _forget(store, handle, journal)
            say(f"{handle.id[:12]} is forgotten")


def _opened(journal: str | None) -> closing[SqliteStore]:
    """Return the journal that keeps batches. Raises ConfigError if there is none."""
    from ..bulk.journal import SqliteStore

    return closing(SqliteStore.open(_file(journal)))


def _file(journal: str | None) -> Path:
    from ..bulk.journal import place_of

    place = place_of(journal)
    if not isinstance(place, Path) or not place.is_file():
        raise ConfigError(
            f"there is no journal {place} that keeps batches; `extractor run --mode batch` creates one"
        )
    return place


def _forget(store: SqliteStore, handle: Handle, journal: str | None) -> None:
    """Forget a batch, and remove its requests, which are source text."""
    store.forget(handle.id)
    requests_of(spool_of(_file(journal)), handle.id).unlink(missing_ok=True)


def _chosen(handles: Sequence[Handle], ids: Sequence[str]) -> list[Handle]:
    """Return the batches that are meant. Raises ConfigError for what means none, or several."""
    chosen = []
    for start in ids:
        found = [h for h in handles if start and (h.id.startswith(start) or h.batch == start)]
        if len(found) != 1:
            raise ConfigError(
                f"{len(found) or 'no'} batches have an id that begins with {start!r}: see `extractor "
                "batches list`"
            )
        chosen += found
    return chosen
