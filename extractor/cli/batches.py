"""`extractor batches`: what waits at providers for runs with `--mode batch`."""

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
    help="Batches at providers that have not ended: see them, or end them early.",
    no_args_is_help=True,
)
IdsArgument = Annotated[
    list[str], typer.Argument(metavar="ID...", help="As `list` prints it; its beginning is enough.")
]


@app.command("list", epilog="Example: `extractor batches list`")
def show(journal: PlaceOption = None) -> None:
    """Print each batch as the provider told of it last. Nothing is asked."""
    with _opened(journal) as store:
        handles = store.batches()
    for handle in handles:
        hours = (time.time() - handle.at) / 3600
        told = f"{handle.done:,} of {handle.requests:,} answered"
        if handle.failed:
            told += f", {handle.failed:,} failed"
        state, name = handle.state or handle.stage, handle.batch or "not made yet"
        echo(f"{handle.id[:12]}  {handle.model}  {state}, {told}, {hours:.1f} h old  {name}")
    if not handles:
        say("no batch is under way")


@app.command("cancel", epilog="Example: `extractor batches cancel 4f1c22d0`")
def cancel(ids: IdsArgument, journal: PlaceOption = None) -> None:
    """Have the provider end batches early. What is answered by then is paid for; run the same again to
    collect it, and to have the rest asked for.
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
                say(f"{handle.id[:12]} may be at the provider or not: run the same again first, it finds out")
            else:
                _forget(store, handle, journal)
                say(f"{handle.id[:12]} was not made yet, and is forgotten")


@app.command("forget", epilog="Example: `extractor batches forget 4f1c22d0`")
def forget(ids: IdsArgument, journal: PlaceOption = None) -> None:
    """Give batches up whose answers can't be had any more. Their rows are asked, and paid for, again."""
    with _opened(journal) as store:
        for handle in _chosen(store.batches(), ids):
            _forget(store, handle, journal)
            say(f"{handle.id[:12]} is forgotten")


def _opened(journal: str | None) -> closing[SqliteStore]:
    """Return the journal that keeps batches. Raises ConfigError where there is none."""
    from ..bulk.journal import SqliteStore

    return closing(SqliteStore.open(_file(journal)))


def _file(journal: str | None) -> Path:
    from ..bulk.journal import place_of

    place = place_of(journal)
    if not isinstance(place, Path) or not place.is_file():
        raise ConfigError(
            f"there is no journal {place} that keeps batches; `extractor run --mode batch` makes one"
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
                f"{len(found) or 'no'} batches begin with {start!r}: see `extractor batches list`"
            )
        chosen += found
    return chosen
