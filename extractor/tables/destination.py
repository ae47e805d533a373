"""Where the rows of a run go, and how it continues an earlier output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, Final

from ..bulk.journal import masked
from ..errors import ConfigError
from ..schema import RecordType, types_in
from ..schema.outline import snake_case
from .databases.address import is_database
from .databases.sink import DatabaseSink
from .databases.source import DatabaseSource
from .files import table
from .spelling import PYTHON, Spelling
from .table import BadRow, Fields, Table

TYPE_PLACE: Final = "{type}"  # in the name of an output: the type whose records it takes


def is_drained(sources: Sequence[str], quarantine: str | None) -> bool:
    """Whether the rows that are fed come out of the quarantine that failures go to: it is emptied."""
    return quarantine is not None and len(sources) == 1 and same_file(sources[0], quarantine)


def same_file(path: str, other: str) -> bool:
    """Whether two paths are one place."""
    return Path(path).absolute() == Path(other).absolute()


@dataclass(frozen=True, slots=True)
class Destination:
    """Where rows go, and how the run goes on from what is there. drained: whether the input is the
    quarantine itself. sink: the table that is the output, where it is one. spelled: how the caller spells
    the options. files, sinks: those that `output` or `sink` stand for, one for each type of a union; ()
    where it is one.
    """

    output: str
    quarantine: str | None
    resume: bool
    append: bool
    drained: bool
    sink: DatabaseSink | None = None
    spelled: Spelling = PYTHON
    files: tuple[str, ...] = ()
    sinks: tuple[DatabaseSink, ...] = ()

    def of_types(self, record_type: Any) -> Destination:
        """Return the destination for a record type: "{type}" in its name stands for the type's own name, and
        of a union for each in turn. Raises ConfigError.
        """
        if TYPE_PLACE not in (self.output if self.sink is None else f"{self.output} {self.sink.table}"):
            return self
        types = types_in(record_type)
        names = [snake_case(RecordType.of(each).name) for each in types or (record_type,)]
        if doubled := next((name for name in names if names.count(name) > 1), None):
            raise ConfigError(f"two types of the union have the same name, {doubled!r}: their rows would mix")
        if self.sink is not None:
            return self._of_tables(self.sink, names)
        files = tuple(self.output.replace(TYPE_PLACE, name) for name in names)
        return replace(self, files=files) if types else replace(self, output=files[0])

    def _of_tables(self, sink: DatabaseSink, names: Sequence[str]) -> Destination:
        """Return the destination with a table for each name of a type. Raises ConfigError."""
        if TYPE_PLACE in self.output:
            raise ConfigError(
                f"{TYPE_PLACE} is for the table's name, not for the database's: the tables of a run are "
                "written in one transaction"
            )
        sinks = tuple(replace(sink, table=sink.table.replace(TYPE_PLACE, name)) for name in names)
        return replace(self, sinks=sinks) if len(sinks) > 1 else replace(self, sink=sinks[0])

    def parts(self) -> tuple[Destination, ...]:
        """Return the destination of each type of a union; itself where it is one for all types."""
        if self.sinks:
            return tuple(replace(self, sink=each, sinks=()) for each in self.sinks)
        return tuple(replace(self, output=each, files=()) for each in self.files) or (self,)

    def check(self, some: bool) -> None:
        """Raise ConfigError for what would lose rows, or can't be. some: whether rows are left out."""
        said = self.spelled
        for each in self.outputs if self.sink is None else ():
            _check_place(each, "records.parquet")
        if (self.files or self.sinks) and self.quarantine is None:
            raise ConfigError(
                f"rows without a record have no type: name a file for them with {said.quarantine}"
            )
        if self.quarantine is not None:
            if self.quarantine == "-" or PurePath(self.quarantine).suffix.lower() not in (
                ".jsonl",
                ".ndjson",
            ):
                raise ConfigError(f"{said.quarantine} takes a file of JSON Lines, such as bad.jsonl")
            if self.output != "-" and any(same_file(self.quarantine, each) for each in self.outputs):
                raise ConfigError("OUTPUT and the quarantine must be different files")
            _check_place(self.quarantine, "bad.jsonl")
        if self.append and (self.output == "-" or ("://" in self.output and self.sink is None)):
            raise ConfigError(
                f"{said.append} needs an OUTPUT on this machine to add to: name it with {said.output}"
            )
        if self.append and self.resume:
            raise ConfigError(
                f"{said.resume} continues with the same input, {said.append} adds another input: "
                "choose one of them"
            )
        if self.drained and (some or not self.append):
            raise ConfigError(
                f"rows are removed from {self.quarantine} once they have a record: add {said.append}, "
                f"which keeps the rows of OUTPUT, and leave {said.limit} and {said.sample} out; or name "
                f"another file with {said.quarantine}"
            )

    @property
    def outputs(self) -> tuple[str, ...]:
        """The files that are written, or the one that is."""
        return self.files or (self.output,)

    @property
    def place(self) -> str:
        """What the output is called."""
        if self.files:
            return ", ".join(map(masked, self.files))
        if self.sinks:
            return f"the tables {', '.join(str(each.name) for each in self.sinks)}"
        if self.sink is not None:
            return f"the table {self.sink.name}"
        return "standard output" if self.output == "-" else masked(self.output)

    @property
    def account(self) -> str | None:
        """What its costs are kept under; None for standard output, which no run goes on with."""
        if self.sink is not None:
            return f"{self.sink.address} {self.sink.name}"
        return None if self.output == "-" else str(Path(self.output).absolute())

    @property
    def anew(self) -> bool:
        """Whether the files are written anew, so that what there is of them is better than nothing."""
        return not (self.resume or self.append)

    @property
    def replaces(self) -> bool:
        """Whether files that are there would be written anew."""
        files = [each for each in (*self.outputs, self.quarantine) if each not in (None, "-")]
        return self.anew and any(Path(str(each)).is_file() for each in files)

    def earlier(self) -> Table | None:
        """Return the rows of the output that is gone on with; None if there is none."""
        there = not self.anew and Path(self.output).exists() and Path(self.output).stat().st_size
        return table(self.output) if there else None

    def earlier_held(self) -> Iterator[Fields | BadRow]:
        """Yield the lines of the quarantine that are kept."""
        kept = not self.anew and not self.drained
        if self.quarantine is not None and kept and Path(self.quarantine).exists():
            yield from table(self.quarantine).rows()


def _check_place(path: str, such_as: str) -> None:
    """Raise ConfigError for a folder in the place of a file, and for a file in a folder that is not there."""
    if path == "-" or "://" in path:
        return
    if Path(path).is_dir():
        raise ConfigError(f"{path} is a folder: name a file in it, such as {Path(path, such_as)}")
    if not Path(path).parent.exists():
        raise ConfigError(f"cannot write to {path}: there is no folder {Path(path).parent}")


def check_doubling(
    source: tuple[str, ...] | DatabaseSource, destination: Destination, retry_failed: bool
) -> None:
    """Raise ConfigError for what could put a row into a table twice."""
    sink, said = destination.sink, destination.spelled
    if sink is None or sink.keys:
        return
    if destination.drained:
        raise ConfigError(
            f"rows are removed from {destination.quarantine} once they have a record, so after a crash "
            f"some could be in the table twice: name its {said.key}, or another file with "
            f"{said.quarantine}"
        )
    if retry_failed and not destination.append:
        raise ConfigError(f"{said.retry_failed} replaces the rows that failed: name their {said.key}")
    read = (source.address, source.table) if isinstance(source, DatabaseSource) else None
    if any((each.address, each.table) == read for each in destination.sinks or (sink,)):
        table = source.table if isinstance(source, DatabaseSource) else sink.table
        raise ConfigError(
            f"the rows of {table} would be added to {table} itself: name a {said.key}, or another {said.into}"
        )


def check_call(
    source: tuple[str, ...] | DatabaseSource,
    destination: Destination,
    limit: int | None,
    sample: int | None,
    retry_failed: bool,
) -> None:
    """Raise ConfigError for options that contradict each other."""
    output, said = destination.output, destination.spelled
    to_file = output != "-" and not is_database(output)
    if to_file and isinstance(source, tuple):
        read = next((to for to in destination.outputs for each in source if same_file(each, to)), None)
        if read is not None:
            raise ConfigError(f"{said.output} {read} would overwrite the input")
    held = destination.quarantine
    if (
        held
        and not destination.drained
        and isinstance(source, tuple)
        and any(same_file(each, held) for each in source)
    ):
        raise ConfigError(f"{held} is the quarantine, and must be the only input")
    if limit is not None and sample is not None:
        raise ConfigError(f"{said.limit} takes the first rows, {said.sample} random ones: choose one of them")
    if destination.resume and output == "-":
        raise ConfigError(f"{said.resume} needs the OUTPUT to continue: name it with {said.output}")
    if destination.resume and retry_failed:
        raise ConfigError(
            f"{said.retry_failed} writes all rows again, with good answers from the journal; leave "
            f"{said.resume} out"
        )
