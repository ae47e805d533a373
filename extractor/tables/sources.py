"""What a run reads: one table, several of them, or files that are one text each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from itertools import accumulate, chain
from pathlib import Path

from ..errors import ConfigError
from .documents import documents_table, files_in
from .files import table
from .input import ReadOptions
from .names import format_of, is_table
from .table import Table


def opened_sources(sources: Sequence[str], options: ReadOptions, written: Sequence[str | None]) -> Table:
    """Return the rows of what is named: of a file that is a table, or one row for each file.

    sources: files, folders, patterns such as "mail/**/*.txt", a URL, or "-". written: files that the run
    writes, which are not read. Raises ConfigError.
    """
    _check_there(sources)
    if len(sources) == 1 and not _is_many(sources[0]) and not _is_document(sources[0]):
        return table(sources[0], read=options)
    leave_out = frozenset(str(Path(each).absolute()) for each in written if each not in (None, "-"))
    paths = list(dict.fromkeys(chain.from_iterable(_paths(each, leave_out) for each in sources)))
    return _joined(paths, options) if options.rows else documents_table(paths, options.encoding)


def _check_there(sources: Sequence[str]) -> None:
    """Raise ConfigError for a file or folder that is not there, and name those of similar names that are."""
    for source in sources:
        path = Path(source)
        if source == "-" or "://" in source or _is_many(source) or path.exists():
            continue
        beside = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
        near = [str(path.with_name(name)) for name in get_close_matches(path.name, beside, 3)]
        hint = f": did you mean {' or '.join(near)}?" if near else ""
        raise ConfigError(f"there is no file or folder {source}{hint}")


def _is_document(source: str) -> bool:
    return Path(source).is_file() and not is_table(source)


def _is_many(source: str) -> bool:
    """Whether it is a folder, or a pattern that is no file's name."""
    path = Path(source)
    return path.is_dir() or (
        "://" not in source and any(map(source.__contains__, "*?[")) and not path.is_file()
    )


def _paths(source: str, leave_out: frozenset[str]) -> Sequence[str]:
    if source == "-" or "://" in source:
        raise ConfigError(f"{source} must be the only input")
    if _is_many(source):
        return files_in(source, leave_out)
    return [source]


def _joined(paths: Sequence[str], options: ReadOptions) -> Table:
    """Return the rows of several tables, one after the other. Raises ConfigError unless they have the same
    columns.
    """
    tables = [table(path, read=options) for path in paths]
    for path, each in zip(paths, tables, strict=True):
        if each.names != tables[0].names:
            raise ConfigError(
                f"{path} and {paths[0]} have different columns: run them one by one"
                if each.names is not None and tables[0].names is not None
                else f"{path} is {format_of(path)}, and {paths[0]} {format_of(paths[0])}: run them one by one"
            )
    totals = [each.total for each in tables]
    total = None if None in totals else sum(filter(None, totals))
    notes = [f"{path}: {each.note}" for path, each in zip(paths, tables, strict=True) if each.note]
    schemas = [each.schema for each in tables]
    schema = schemas[0] if all(each == schemas[0] for each in schemas) else None
    if schema is None and any(each is not None for each in schemas):
        raise ConfigError(f"the columns of {paths[0]} and others have different types: run them one by one")
    return Table(
        tables[0].names,
        total,
        lambda: chain.from_iterable(each.rows() for each in tables),
        schema,
        note="\n".join(notes) or None,
        place=_place_in(tables),
    )


def _place_in(tables: Sequence[Table]) -> Callable[[int], str] | None:
    """Return what tells where a row of several tables stands; None if their lengths are not known."""
    ends = [*accumulate(each.total or 0 for each in tables)]
    if any(each.total is None or each.place is None for each in tables):
        return None

    def place(index: int) -> str:
        number = bisect_right(ends, index)
        of_table = tables[number].place
        assert of_table is not None  # noqa: S101  it was looked at
        return of_table(index - (ends[number - 1] if number else 0))

    return place
