"""Workbooks of Excel: the rows of one sheet, read and written."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import ConfigError, ExtractorError
from ..files import DISK, Disk
from .csv_files import check_header
from .input import ReadOptions, byte_stream
from .output import binary_output
from .sheet import Sheet, Writer
from .table import Fields, Table
from .values import cell_text

MOST_ROWS, MOST_CHARACTERS, EXACT = 1_048_576, 32_767, 2**53  # source: Excel specifications and limits
MISSING = "an .xlsx file needs openpyxl: pip install 'typed-extractor[files]'"


def excel_table(path: str, read: ReadOptions) -> Table:
    """Return the rows of a sheet: the one that is named, else the first. Raises ConfigError."""
    with _workbook(path) as book:
        sheet = _sheet(path, book, read.sheet)
        name, others = sheet.title, len(book.sheetnames) - 1
        rows = _cells(sheet)
        names = _header(path, next(rows, ()))
        total = sum(1 for _ in rows)
    note = f"{path} has {others + 1} sheets: only {name!r} is read." if others and not read.sheet else None

    def records() -> Iterator[Fields]:
        with _workbook(path) as book:
            cells = _cells(book[name])
            next(cells, None)
            for row in cells:
                padded = [*row, *[None] * (len(names) - len(row))]
                yield dict(zip(names, padded, strict=False))

    return Table(tuple(names), total, records, note=note)


@contextmanager
def _workbook(path: str) -> Iterator[Any]:
    try:
        import openpyxl
    except ImportError as error:
        raise ConfigError(MISSING) from error
    with byte_stream(path) as stream:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of features of Excel that hold no values
                book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        except Exception as error:  # it lets through what its parts raise
            raise ConfigError(f"{path} is not an Excel workbook: {error}") from error
        try:
            yield book
        except ExtractorError:
            raise
        except Exception as error:
            raise ConfigError(f"{path} is damaged: {error}") from error
        finally:
            book.close()


def _sheet(path: str, book: Any, name: str | None) -> Any:
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if not sheets:
        raise ConfigError(f"{path} has no sheet with cells")
    if name is None:
        return next(iter(sheets.values()))
    if name not in sheets:
        raise ConfigError(f"{path} has no sheet {name!r}; there are {', '.join(sheets)}")
    return sheets[name]


def _cells(sheet: Any) -> Iterator[Sequence[Any]]:
    """Yield rows of values; empty ones are none."""
    for row in sheet.iter_rows(values_only=True):
        if any(value is not None for value in row):
            yield row


def _header(path: str, row: Sequence[Any]) -> list[str]:
    names = ["" if value is None else str(value) for value in row]
    while names and not names[-1]:
        names.pop()
    if "" in names:
        raise ConfigError(f"{path}: column {names.index('') + 1} of the first row has no name")
    check_header(path, names)
    return names


@contextmanager
def excel_writer(
    path: str, sheet: Sheet, names: Sequence[str], total: int | None, disk: Disk = DISK
) -> Iterator[Writer]:
    """Yield what writes rows below a header: texts as texts, whatever they begin with. Raises ConfigError
    if a sheet can't hold them.
    """
    try:
        import openpyxl
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    except ImportError as error:
        raise ConfigError(MISSING) from error
    if total is not None and total >= MOST_ROWS:
        raise ConfigError(f"a sheet of Excel holds {MOST_ROWS - 1:,} rows, not {total:,}: write .parquet")
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet("rows")

    def cell(value: Any) -> Any:
        plain = cell_text(value)
        if isinstance(plain, int) and abs(plain) > EXACT:
            plain = str(plain)
        if not isinstance(plain, str):
            return plain
        if len(plain) > MOST_CHARACTERS:
            sheet.cut()
        made = WriteOnlyCell(page, ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", plain))
        made.data_type = "s"  # a text that begins with = is no formula
        return made

    def again(fields: Fields) -> None:
        page.append([cell(fields.get(name)) for name in names])

    page.append([cell(name) for name in names])
    yield Writer(lambda outcome: again(sheet.fields(outcome)), again)
    with binary_output(path, disk) as stream:
        book.save(stream)
